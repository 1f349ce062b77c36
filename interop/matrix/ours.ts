/** Our side of the matrix: what the library writes for a row, and whether it reads what a peer wrote for it. */
import {
  type CertificateRecipient,
  compressMessage,
  decodeBody,
  decryptContent,
  decryptMessage,
  encryptMessage,
  oids,
  type RecipientInput,
  type SmimeError,
  scanMessage,
  signMessage,
  verifyContent,
  verifyMessage,
  verifyObject,
} from '@chancery/smime';
import { mailPassword, openingKeyOf, type People, sharedKey, signerOf } from './people.ts';
import { type EncryptRow, isLegacy, type RecipientOf, type Row, type SignRow } from './rows.ts';

/** What is signed or encrypted in every row: a MIME entity, lines ended by CRLF. */
export const entity = Buffer.from(
  'Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\nThe Chancery sends gr=C3=BC=C3=9Fe.\r\n',
);

/** One message or object, ours or a peer's. */
export interface Sample {
  /** A whole message, where there is one. */
  readonly message?: Buffer;
  /** The CMS object in it, BER or DER. */
  readonly object: Buffer;
  /** The octets that a detached signature covers. */
  readonly content?: Buffer;
}

/** Undefined where we write no such thing. */
export async function write(row: Row, people: People): Promise<Sample | undefined> {
  switch (row.kind) {
    case 'sign':
      return isLegacy(row) ? undefined : sampleOf(await signed(row, people));
    case 'encrypt':
      return row.to.every(isWritten) && !isLegacy(row)
        ? sampleOf(await encrypted(row, mail(people, row), people))
        : undefined;
    case 'both':
      return sampleOf(await encrypted(row.encrypt, await signed(row.sign, people), people));
    case 'compress':
      return sampleOf(compressMessage({ message: mail(people, row) }));
  }
}

/** SHA-1 is read, and not written. */
const isWritten = (one: RecipientOf): boolean => !('hash' in one && one.hash === 'sha1');

const signed = (row: SignRow, people: People): Promise<Uint8Array> =>
  signMessage({
    message: mail(people, row),
    signers: row.signers.map(({ who, hash, padding }) => ({
      ...signerOf(people, who),
      ...(hash !== 'sha1' && { hash }),
      ...(padding && { padding }),
    })),
    form: row.form,
  });

function encrypted(row: EncryptRow, message: Uint8Array, people: People): Promise<Uint8Array> {
  if (row.cipher === 'des-ede3-cbc') throw new Error('not written');
  return encryptMessage({ message, cipher: row.cipher, recipients: row.to.map((one) => recipient(one, people)) });
}

function recipient(one: RecipientOf, people: People): RecipientInput {
  if (one.by === 'kek') return sharedKey;
  if (one.by === 'password') return { password: mailPassword, iterations: 2048 };
  const { certificate } = people.person(one.who);
  if (one.by === 'pkcs1') return { certificate, keyTransport: 'pkcs1', ...(one.named && { identifiedBy: one.named }) };
  if (one.hash === 'sha1') throw new Error('not written');
  const options: CertificateRecipient =
    one.by === 'oaep' ? { certificate, keyTransport: { hash: one.hash } } : { certificate, derivationHash: one.hash };
  return options;
}

/** Of the first signer, to everybody: `Date` is now, since Thunderbird compares it with the signing time. */
function mail(people: People, row: Row): Buffer {
  const from = people.person(row.kind === 'sign' ? (row.signers[0]?.who ?? 'rsa') : 'rsa').email;
  const header = `From: <${from}>\r\nTo: <rsa@example.com>\r\nSubject: ${row.id}\r\nDate: ${new Date().toUTCString().replace('GMT', '+0000')}\r\nMessage-ID: <${encodeURIComponent(row.id)}@example.com>\r\nMIME-Version: 1.0\r\n`;
  return Buffer.concat([Buffer.from(header), entity]);
}

/** Takes the object, and what it signs, out of a message. */
export function sampleOf(bytes: Uint8Array): Sample {
  const message = Buffer.from(bytes);
  const root = scanMessage(message);
  const [content, signature] = root.parts;
  if (root.contentType.type !== 'multipart/signed' || !content || !signature)
    return { message, object: Buffer.from(decodeBody(message, root)) };
  return {
    message,
    object: Buffer.from(decodeBody(message, signature)),
    content: message.subarray(content.start, content.end),
  };
}

/** Undefined where all is right, else what is wrong with what a peer wrote. */
export async function read(row: Row, sample: Sample, people: People): Promise<string | undefined> {
  const missing = identifiersOf(row).filter((name) => !holds(sample.object, oids[name]));
  if (missing.length > 0) return `it is of another kind: no ${missing.join(', ')} in it`;
  try {
    return await readAs(row, sample, people);
  } catch (error) {
    return `${(error as SmimeError).code ?? 'error'}: ${(error as Error).message}`;
  }
}

async function readAs(row: Row, { message, object, content }: Sample, people: People): Promise<string | undefined> {
  const anchors = [people.root.certificate];
  const legacy = isLegacy(row);
  // Not everybody sends it along.
  const intermediates = [people.issuing.certificate];
  if (row.kind === 'encrypt') {
    const keys = row.to.map((one) => openingKey(one, people));
    for (const key of keys) {
      const opened = await decryptContent({ der: object, keys: [key], legacy });
      if (opened.cipher !== row.cipher) return `encrypted with ${opened.cipher}`;
      if (!sameText(opened.content)) return `another text: ${Buffer.from(opened.content).toString('latin1')}`;
      if (message) await decryptMessage({ message, keys: [key], legacy });
    }
    return undefined;
  }
  if (row.kind === 'sign' && row.form === 'clear' && !message) {
    const report = await verifyContent({ der: object, content: content ?? entity, anchors, intermediates, legacy });
    return report.valid && report.signers.length === row.signers.length ? undefined : faults(report);
  }
  const expectFrom =
    row.kind === 'compress' ? undefined : people.person(signRowOf(row)?.signers[0]?.who ?? 'rsa').email;
  const keys = row.kind === 'both' ? row.encrypt.to.map((one) => openingKey(one, people)) : [];
  const trust = { anchors, intermediates, keys, legacy, ...(expectFrom !== undefined && { expectFrom }) };
  const report = await (message ? verifyMessage({ message, ...trust }) : verifyObject({ der: object, ...trust }));
  if (row.kind === 'compress') {
    const [layer] = report.layers;
    return layer?.kind === 'compressed-data' && report.problems.every(({ severity }) => severity !== 'error')
      ? undefined
      : faults(report);
  }
  if (report.verdict !== 'valid') return `${report.verdict}: ${faults(report)}`;
  if (!report.content || !sameText(report.content)) return 'another text';
  return undefined;
}

const signRowOf = (row: Row): SignRow | undefined =>
  row.kind === 'sign' ? row : row.kind === 'both' ? row.sign : undefined;

function openingKey(one: RecipientOf, people: People) {
  if (one.by === 'kek') return sharedKey;
  if (one.by === 'password') return { password: mailPassword };
  return openingKeyOf(people, one.who);
}

/** The text of every row, however the peer has encoded it. */
function sameText(content: Uint8Array): boolean {
  const root = scanMessage(content);
  return Buffer.from(decodeBody(content, root)).toString('utf8').includes('The Chancery sends grüße.');
}

function faults(report: {
  problems: readonly { code: string }[];
  signers: readonly { problems: readonly { code: string }[] }[];
}): string {
  return [...report.problems, ...report.signers.flatMap(({ problems }) => problems)].map(({ code }) => code).join(', ');
}

// ---- what must stand in an object for the row to have been tried

const hashOids = { sha1: 'sha1', sha256: 'sha256', sha384: 'sha384', sha512: 'sha512' } as const;
const agreementOids = {
  sha1: 'dhSinglePassStdDhSha1Kdf',
  sha256: 'dhSinglePassStdDhSha256Kdf',
  sha384: 'dhSinglePassStdDhSha384Kdf',
  sha512: 'dhSinglePassStdDhSha512Kdf',
} as const;
const hkdfOids = {
  sha256: 'dhSinglePassStdDhHkdfSha256',
  sha384: 'dhSinglePassStdDhHkdfSha384',
  sha512: 'dhSinglePassStdDhHkdfSha512',
} as const;

function identifiersOf(row: Row): (keyof typeof oids)[] {
  switch (row.kind) {
    case 'compress':
      return ['compressedData'];
    case 'both':
      return identifiersOf(row.encrypt);
    case 'sign':
      return [
        'signedData',
        ...row.signers.flatMap(({ who, hash, padding }): (keyof typeof oids)[] =>
          who === 'ed25519' || who === 'ed448'
            ? [who]
            : [hashOids[hash], ...(padding === 'pss' || who === 'pss' ? (['rsaPss'] as const) : [])],
        ),
      ];
    case 'encrypt': {
      const [, length, mode] = row.cipher.split('-');
      const aes = `aes${length}${mode === 'gcm' ? 'Gcm' : 'Cbc'}` as 'aes256Gcm';
      const cipher = row.cipher === 'des-ede3-cbc' ? 'desEde3Cbc' : aes;
      return [
        mode === 'gcm' ? 'authEnvelopedData' : 'envelopedData',
        cipher,
        ...row.to.flatMap((one): (keyof typeof oids)[] => {
          if (one.by === 'pkcs1') return ['rsaEncryption'];
          if (one.by === 'oaep') return ['rsaOaep', ...(one.hash === 'sha1' ? [] : [hashOids[one.hash]])];
          if (one.by !== 'ecdh') return [];
          return one.who.startsWith('x') && one.hash !== 'sha1' ? [hkdfOids[one.hash]] : [agreementOids[one.hash]];
        }),
      ];
    }
  }
}

/** Whether an object identifier stands anywhere in it. */
function holds(object: Buffer, oid: string): boolean {
  const [first = 0, second = 0, ...rest] = oid.split('.').map(Number);
  const octets = [first * 40 + second, ...rest].flatMap((arc) => {
    const digits = [arc & 0x7f];
    for (let left = arc >>> 7; left > 0; left >>>= 7) digits.unshift((left & 0x7f) | 0x80);
    return digits;
  });
  return object.includes(Buffer.from([0x06, octets.length, ...octets]));
}
