/** The certificates in a file of any kind: DER, PKCS#7, PEM, and text that has them somewhere in it. */
import type { FileHandle } from 'node:fs/promises';
import { CertificateText } from '@chancery/api';
import { DerReader, SmimeError } from '@chancery/smime';

/** Octets of a binary file: PKCS#7 of ten thousand certificates. Text of any length is read as it comes. */
const LARGEST_BINARY = 33_554_432;

/** DER of each. Throws an Error that says, for a person, what the file is instead. */
export async function* certificatesIn(handle: FileHandle): AsyncGenerator<Uint8Array> {
  const { size } = await handle.stat();
  const head = Buffer.alloc(Math.min(size, 64));
  await handle.read(head, 0, head.length, 0);
  if (head[0] === 0x30 && head.length > 4 && !/^0[\t\n\r -~]+$/.test(head.toString('latin1'))) {
    if (size > LARGEST_BINARY) throw new Error(`larger than ${LARGEST_BINARY / 1_048_576} MB, and no text`);
    yield* binary(await handle.readFile());
    return;
  }
  const reader = new CertificateText();
  const decoder = new TextDecoder(head[0] === 0xff && head[1] === 0xfe ? 'utf-16le' : 'latin1');
  for await (const piece of handle.createReadStream({
    start: 0,
    autoClose: false,
    highWaterMark: Math.min(Math.max(size, 1), 1_048_576),
  }))
    for (const one of reader.push(decoder.decode(piece as Buffer, { stream: true }))) yield* expanded(one);
  for (const one of reader.end()) yield* expanded(one);
  if (reader.broken > 0) throw new Error(`${reader.broken} PEM blocks in it are cut off or damaged`);
}

function* expanded({ kind, base64 }: { kind: 'certificate' | 'pkcs7'; base64: string }): Generator<Uint8Array> {
  const der = Buffer.from(base64, 'base64');
  if (kind === 'pkcs7') yield* binary(der);
  else yield der;
}

function* binary(der: Buffer): Generator<Uint8Array> {
  const kind = kindOf(der);
  if (kind === 'pkcs12')
    throw new Error('PKCS#12, which holds keys: use "chancery import keys", which takes its certificates too');
  if (kind === 'signed') yield* certificatesOfSigned(der);
  else yield der;
}

/** `signed`: CMS or PKCS#7 SignedData; `enveloped`: encrypted CMS. By the first octets alone. */
export function kindOf(der: Uint8Array): 'signed' | 'enveloped' | 'pkcs12' | 'other' {
  const text = Buffer.from(der.buffer, der.byteOffset, Math.min(der.length, 32)).toString('hex');
  // SEQUENCE { OID 1.2.840.113549.1.7.2 or .3; PFX: SEQUENCE { INTEGER 3, SEQUENCE.
  const match =
    /^30(?:8[1-4]|[0-7])[0-9a-f]*?06092a864886f70d01070([23])/.exec(text) ??
    /^3080(?:06092a864886f70d01070([23]))/.exec(text);
  if (match !== null) return match[1] === '2' ? 'signed' : 'enveloped';
  return /^30(?:80|[0-7].|81..|82.{4}|83.{6}|84.{8})02010330/.test(text) ? 'pkcs12' : 'other';
}

/** RFC 5652 5.1: SignedData { version, digestAlgorithms, encapContentInfo, certificates [0] … }. */
function* certificatesOfSigned(der: Buffer): Generator<Uint8Array> {
  const found: Uint8Array[] = [];
  try {
    const info = new DerReader(der).enter();
    info.oid();
    const signed = info.enter(0xa0).enter();
    signed.smallInteger();
    signed.element();
    signed.element();
    const certificates = signed.enterIf(0xa0);
    while (certificates !== undefined && !certificates.atEnd) {
      const one = certificates.element();
      // Attribute certificates and what else the choice allows have other tags.
      if (one[0] === 0x30) found.push(one);
    }
  } catch (error) {
    if (!(error instanceof SmimeError)) throw error;
    throw new Error(`PKCS#7 that cannot be read: ${error.message}`);
  }
  yield* found;
}
