/** Builds messages and signed objects piece by piece, so that a test can make each piece wrong. */
import { createHash } from 'node:crypto';
import { encodeElement, encodeOctetString, encodeOid, encodeSetOf } from '../src/asn1/der.ts';
import { oids } from '../src/asn1/oids.ts';
import { encodeAttribute } from '../src/cms/attributes.ts';
import { joined } from '../src/cms/chunks.ts';
import { encodeIssuerAndSerial } from '../src/cms/identifier.ts';
import { encodeSignedData, encodeSignerInfo } from '../src/cms/signed-data.ts';
import { defaultHash, digestAlgorithm, signatureAlgorithmFor } from '../src/keys/algorithms.ts';
import { encodeBase64Lines } from '../src/mime/transfer-encoding.ts';
import type { Holder } from './office.ts';
import { now } from './office.ts';

export const text = 'Content-Type: text/plain\r\n\r\nPay 10 euros to Bob.\r\n';

export const digestOf = (content: string | Uint8Array): Buffer => createHash('sha256').update(content).digest();

/** The two attributes that must be there. */
export function attributes(content: string | Uint8Array): Buffer[] {
  return [
    encodeAttribute(oids.contentType, encodeOid(oids.data)),
    encodeAttribute(oids.messageDigest, encodeOctetString(digestOf(content))),
  ];
}

/** A SignerInfo by a P-256 holder over these attributes, whatever they are. */
export async function signerInfo(
  holder: Holder,
  signedAttributes: readonly Uint8Array[],
  change: { unsigned?: Uint8Array; shown?: Holder; order?: 'as-given' } = {},
): Promise<Buffer> {
  const set = change.order === 'as-given' ? encodeElement(0x31, ...signedAttributes) : encodeSetOf(signedAttributes);
  const hash = defaultHash(holder.signer.kind);
  const info = encodeSignerInfo({
    issuerAndSerial: encodeIssuerAndSerial((change.shown ?? holder).certificate),
    digestAlgorithm: digestAlgorithm(hash),
    signedAttributes: set,
    signatureAlgorithm: signatureAlgorithmFor(holder.signer.kind, hash),
    signature: await holder.signer.sign(set, hash),
  });
  if (change.unsigned === undefined) return info;
  const body = info.subarray(info[1] === 0x81 ? 3 : info[1] === 0x82 ? 4 : 2);
  return encodeElement(0x30, body, change.unsigned);
}

export function signedData(
  signerInfos: readonly Uint8Array[],
  holders: readonly Holder[],
  content?: string | Uint8Array,
): Buffer {
  const carried = typeof content === 'string' ? Buffer.from(content, 'latin1') : content;
  return joined(
    encodeSignedData({
      content: carried,
      digestAlgorithms: [digestAlgorithm('sha256')],
      certificates: holders.map(({ certificate }) => certificate.der),
      signerInfos,
    }),
  );
}

/** The same with its signers in the order given, as BER writers have them, where DER sorts the SET. */
export function inOrder(signerInfos: readonly Uint8Array[], holders: readonly Holder[]): Buffer {
  const sorted = encodeSetOf(signerInfos);
  const der = signedData(signerInfos, holders);
  const at = der.lastIndexOf(sorted);
  if (at < 0) throw new Error('the signers do not stand in the object');
  return Buffer.concat([der.subarray(0, at), encodeElement(0x31, ...signerInfos), der.subarray(at + sorted.length)]);
}

const outer = (from: string): string =>
  `From: ${from}\r\nTo: bob@example.org\r\nSubject: Payment\r\nDate: ${now.toUTCString()}\r\nMIME-Version: 1.0\r\n`;

/** multipart/signed around a content part and a signature. */
export function clear(
  content: string,
  cms: Uint8Array,
  change: { from?: string; header?: string; after?: string } = {},
): Buffer {
  const header =
    change.header ??
    'Content-Type: multipart/signed; protocol="application/pkcs7-signature"; micalg=sha-256; boundary="b"';
  const parts = `\r\n--b\r\n${content}\r\n--b\r\nContent-Type: application/pkcs7-signature\r\nContent-Transfer-Encoding: base64\r\n\r\n${encodeBase64Lines(Buffer.from(cms)).toString('latin1')}${change.after ?? ''}\r\n--b--\r\n`;
  return Buffer.from(`${outer(change.from ?? 'alice@example.org')}${header}\r\n${parts}`, 'latin1');
}

export function opaque(cms: Uint8Array, change: { from?: string; header?: string } = {}): Buffer {
  const header = change.header ?? 'Content-Type: application/pkcs7-mime; smime-type=signed-data; name=smime.p7m';
  return Buffer.from(
    `${outer(change.from ?? 'alice@example.org')}${header}\r\nContent-Transfer-Encoding: base64\r\n\r\n${encodeBase64Lines(Buffer.from(cms)).toString('latin1')}`,
    'latin1',
  );
}
