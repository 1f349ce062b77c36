/**
 * Mail programs as they were: each reads a message in the plainest way that works for honest mail, and forgets one thing. The
 * attacks are shown to fool them before they are shown not to fool the engine.
 */
import { constants, createDecipheriv, createHash, privateDecrypt, verify } from 'node:crypto';
import { type EncryptedContent, readEncryptedContent } from '../../src/cms/content-encryption.ts';
import { readContentInfo } from '../../src/cms/content-info.ts';
import { names } from '../../src/cms/identifier.ts';
import { type Recipient, readRecipients } from '../../src/cms/recipients/recipient.ts';
import { readSignedData, type SignedData, type SignerInfo } from '../../src/cms/signed-data.ts';
import {
  type Certificate,
  decodeBody,
  decryptContent,
  type MimeEntity,
  namesEqual,
  oids,
  parseCertificate,
  scanMessage,
  verifyContent,
} from '../../src/index.ts';
import { type Holder, now } from '../office.ts';

/** What a program without a MIME parser takes for the signed part and for the signature. */
interface Taken {
  readonly content: string;
  readonly cms: Buffer;
}

/**
 * The signed part and the signature by text search: the lines that begin with the first boundary there is, the part that
 * calls itself a signature, and the first other one. Undefined where no signature is found.
 */
export function takeSigned(message: Uint8Array): Taken | undefined {
  const text = Buffer.from(message).toString('latin1');
  const delimiter = /^--[^\r\n]*?(?=--$|[ \t]*\r?$)/m.exec(text)?.[0];
  if (delimiter === undefined) {
    const body = text.slice(text.indexOf('\r\n\r\n') + 4);
    const cms = Buffer.from(body, 'base64');
    return { content: '', cms };
  }
  const parts = text
    .split(new RegExp(`\\r?\\n?^${delimiter.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')}(?:--)?[ \\t]*\\r?$\\n?`, 'm'))
    .slice(1)
    .filter((part) => part.trim() !== '');
  const isSignature = (part: string): boolean => /^content-type\s*:\s*application\/(x-)?pkcs7-signature/im.test(part);
  const signature = parts.find(isSignature);
  const content = parts.find((part) => !isSignature(part)) ?? '';
  if (signature === undefined) return undefined;
  return { content, cms: Buffer.from(signature.slice(signature.search(/\r?\n\r?\n/)), 'base64') };
}

export const readSigned = (cms: Uint8Array): SignedData => readSignedData(readContentInfo(cms).content);

/** One signer as it stands in the object, with the certificate that it names. */
interface NaiveSigner {
  readonly info: SignerInfo;
  readonly certificate: Certificate | undefined;
}

export function signersOf(data: SignedData): NaiveSigner[] {
  const certificates = data.certificates.map((der) => parseCertificate(der));
  return data.signers.map((info) => ({ info, certificate: certificates.find((one) => names(info.identifier, one)) }));
}

/** The mathematics alone: the signature over the attributes as they stand, or over the content where there are none. */
export function signatureHolds({ info, certificate }: NaiveSigner, content: string | Uint8Array): boolean {
  if (certificate === undefined) return false;
  const octets = typeof content === 'string' ? Buffer.from(content, 'latin1') : content;
  const signed = info.signedAttributes?.octets ?? octets;
  return verify('sha256', signed, { key: Buffer.from(certificate.spki), format: 'der', type: 'spki' }, info.signature);
}

/** Whether any of the message-digest attributes, signed or not, is that of the content. */
export function digestMatches({ info }: NaiveSigner, content: string | Uint8Array): boolean {
  const octets = typeof content === 'string' ? Buffer.from(content, 'latin1') : content;
  const digest = createHash('sha256').update(octets).digest();
  const all = [...(info.signedAttributes?.list ?? []), ...info.unsignedAttributes];
  return all.some(
    ({ type, values }) => type === oids.messageDigest && values.some((value) => value.subarray(2).equals(digest)),
  );
}

/** Names lead to the name of a root: no signature, no time, no purpose is looked at. */
export function chainsByName(certificate: Certificate, others: readonly Certificate[], root: Certificate): boolean {
  let at: Certificate | undefined = certificate;
  for (let steps = 0; at !== undefined && steps < 10; steps++) {
    const { issuer }: Certificate = at;
    if (namesEqual(issuer, root.subject)) return true;
    at = others.find((one) => namesEqual(one.subject, issuer));
  }
  return false;
}

/**
 * Everything about the signature is right, as the engine itself says: the frame of the message is what this program does not look at.
 * Gives the addresses of all signers; undefined where a signature or a path does not hold.
 */
export async function soundSigners(message: Uint8Array, root: Certificate): Promise<string[] | undefined> {
  const taken = takeSigned(message);
  if (taken === undefined) return undefined;
  const data = readSigned(taken.cms);
  const content = data.content ? undefined : Buffer.from(taken.content, 'latin1');
  const { valid, signers } = await verifyContent({
    der: taken.cms,
    ...(content && { content }),
    anchors: [root],
    at: now,
  });
  return valid ? signers.flatMap(({ emails }) => emails) : undefined;
}

/** The value of the first or the last field of that name, at the beginning of a line that ends at CRLF. */
export function fieldOf(message: Uint8Array, name: string, which: 'first' | 'last' = 'first'): string {
  const header = Buffer.from(message).toString('latin1').split('\r\n\r\n')[0] ?? '';
  const fields = header
    .split('\r\n')
    .filter((line) => line.toLowerCase().startsWith(`${name}:`))
    .map((line) => line.slice(name.length + 1).trim());
  return (which === 'first' ? fields[0] : fields.at(-1)) ?? '';
}

/** Opens every ciphertext that stands anywhere in a message, and shows the texts of all parts one after another. */
export async function openEverything(message: Uint8Array, keys: Parameters<typeof decryptContent>[0]['keys']) {
  const bytes = Buffer.from(message);
  const shown: string[] = [];
  const walk = async (entity: MimeEntity): Promise<void> => {
    if (entity.contentType.type === 'application/pkcs7-mime') {
      const opened = await decryptContent({ der: decodeBody(bytes, entity), keys });
      shown.push(Buffer.from(opened.content).toString());
    } else if (entity.parts.length === 0) shown.push(Buffer.from(decodeBody(bytes, entity)).toString());
    for (const part of entity.parts) await walk(part);
  };
  await walk(scanMessage(bytes));
  return shown.join('\n');
}

/** An encrypted object, whichever cipher stands in whichever kind of object. */
function envelopeOf(object: Uint8Array): { recipients: readonly Recipient[]; content: EncryptedContent; mac: Buffer } {
  const read = (isGcm: boolean) => {
    const data = readContentInfo(object).content.enter();
    data.skip();
    const recipients = readRecipients(data);
    const content = readEncryptedContent(data, isGcm);
    return { recipients, content, mac: data.atEnd ? Buffer.alloc(0) : data.octetString() };
  };
  try {
    return read(true);
  } catch {
    return read(false);
  }
}

/**
 * Decrypts for an RSA key as the object says that it should be done, step by step, and says what is wrong at the step where it is:
 * `unknown recipient`, `bad padding`, `bad key`, `bad tag` or `bad block`.
 */
export function openStepByStep(object: Uint8Array, holder: Holder): Buffer {
  const { recipients, content, mac } = envelopeOf(object);
  const entry = recipients.find((one) => one.kind === 'key-transport' && names(one.identifier, holder.certificate));
  if (entry?.kind !== 'key-transport') throw new Error('unknown recipient');
  const { privateKey } = holder;
  const block = privateDecrypt({ key: privateKey, padding: constants.RSA_NO_PADDING }, entry.encryptedKey);
  const separator = block.indexOf(0, 2);
  if (block[0] !== 0 || block[1] !== 2 || separator < 10) throw new Error('bad padding');
  const key = block.subarray(separator + 1);
  if (key.length !== content.keyLength) throw new Error('bad key');
  if (content.tagLength === 0) {
    const decipher = createDecipheriv(`aes-${key.length * 8}-cbc`, key, content.iv);
    return finished('bad block', () => Buffer.concat([decipher.update(content.octets), decipher.final()]));
  }
  const decipher = createDecipheriv(`aes-${key.length * 8}-gcm` as 'aes-256-gcm', key, content.iv);
  decipher.setAuthTag(mac);
  return finished('bad tag', () => Buffer.concat([decipher.update(content.octets), decipher.final()]));
}

function finished(otherwise: string, open: () => Buffer): Buffer {
  try {
    return open();
  } catch {
    throw new Error(otherwise);
  }
}
