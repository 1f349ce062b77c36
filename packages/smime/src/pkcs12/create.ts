/** Writes PKCS#12 files (RFC 7292): what a person's mail program imports. */
import { createHash, createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import {
  encodeElement,
  encodeExplicit,
  encodeImplicit,
  encodeInteger,
  encodeOctetString,
  encodeOid,
  encodeSequence,
  encodeSetOf,
  tag,
} from '../asn1/der.ts';
import { oids } from '../asn1/oids.ts';
import { SmimeError } from '../errors.ts';
import { parseCertificate } from '../x509/certificate.ts';
import { encryptWithPassword, type Pkcs12Profile } from './encryption.ts';
import { encodeMac } from './mac.ts';

/** One private key with its certificate. */
export interface Pkcs12Entry {
  /** DER PKCS#8 PrivateKeyInfo. */
  readonly privateKey: Uint8Array;
  /** DER certificate of that key. */
  readonly certificate: Uint8Array;
  readonly friendlyName?: string;
}

/** What goes into a PKCS#12 file, and how it is protected. */
export type Pkcs12Input = {
  /** Further certificates, DER: the issuers, without the ones above. */
  readonly chain?: readonly Uint8Array[];
  /** ASCII, not empty: programs disagree about the encoding of anything else. */
  readonly password: string;
  /** Who shall read it: `modern` unless the reader is old (`compat`), or known to be new enough for `pbmac1`. */
  readonly profile: Pkcs12Profile;
} & (Pkcs12Entry | { readonly entries: readonly Pkcs12Entry[] });

/** The DER of a PKCS#12 file. Throws `invalid-argument` for a key that does not belong to its certificate. */
export async function createPkcs12(input: Pkcs12Input): Promise<Uint8Array> {
  const { password, profile } = input;
  const entries = 'entries' in input ? input.entries : [input];
  if (entries.length === 0) throw new SmimeError('invalid-argument', 'a PKCS#12 file needs at least one key');
  if (!/^[\x20-\x7e]+$/.test(password))
    throw new SmimeError('invalid-argument', 'the password of a PKCS#12 file must be ASCII and not empty');
  const keyBags: Buffer[] = [];
  const certificateBags: Buffer[] = [];
  const written = new Set<string>();
  for (const entry of entries) {
    checkPair(entry);
    const attributes = encodeAttributes(entry);
    const { algorithm, ciphertext } = await encryptWithPassword(entry.privateKey, password, profile);
    keyBags.push(encodeBag(oids.shroudedKeyBag, encodeSequence(algorithm, encodeOctetString(ciphertext)), attributes));
    certificateBags.push(encodeCertificateBag(entry.certificate, attributes));
    written.add(Buffer.from(entry.certificate).toString('latin1'));
  }
  for (const certificate of input.chain ?? []) {
    const identity = Buffer.from(certificate).toString('latin1');
    if (!written.has(identity)) certificateBags.push(encodeCertificateBag(certificate, []));
    written.add(identity);
  }
  // Certificates first and encrypted, keys after and shrouded: the order and form of every implementation since Netscape's.
  const { algorithm, ciphertext } = await encryptWithPassword(encodeSequence(...certificateBags), password, profile);
  const encryptedData = encodeSequence(
    encodeInteger(0),
    encodeSequence(encodeOid(oids.data), algorithm, encodeImplicit(0, ciphertext)),
  );
  const authenticatedSafe = encodeSequence(
    encodeSequence(encodeOid(oids.encryptedData), encodeExplicit(0, encryptedData)),
    encodeSequence(encodeOid(oids.data), encodeExplicit(0, encodeOctetString(encodeSequence(...keyBags)))),
  );
  return encodeSequence(
    encodeInteger(3),
    encodeSequence(encodeOid(oids.data), encodeExplicit(0, encodeOctetString(authenticatedSafe))),
    await encodeMac(authenticatedSafe, password, profile),
  );
}

function checkPair({ privateKey, certificate }: Pkcs12Entry): void {
  let own: KeyObject;
  try {
    own = createPublicKey(createPrivateKey({ key: Buffer.from(privateKey), format: 'der', type: 'pkcs8' }));
  } catch (cause) {
    throw new SmimeError('invalid-argument', 'the private key is no PKCS#8 that can be loaded', { cause });
  }
  if (!own.equals(parseCertificate(certificate).publicKey))
    throw new SmimeError('invalid-argument', 'the private key does not belong to the certificate');
}

/** localKeyId ties key and certificate together; by custom it is the certificate's SHA-1. */
function encodeAttributes({ certificate, friendlyName }: Pkcs12Entry): Buffer[] {
  const localKeyId = createHash('sha1').update(certificate).digest();
  return [
    ...(friendlyName === undefined
      ? []
      : [encodeSequence(encodeOid(oids.friendlyName), encodeSetOf([encodeBmpString(friendlyName)]))]),
    encodeSequence(encodeOid(oids.localKeyId), encodeSetOf([encodeOctetString(localKeyId)])),
  ];
}

const encodeBmpString = (text: string): Buffer => encodeElement(tag.bmpString, Buffer.from(text, 'utf16le').swap16());

function encodeBag(type: string, value: Uint8Array, attributes: readonly Uint8Array[]): Buffer {
  return encodeSequence(
    encodeOid(type),
    encodeExplicit(0, value),
    ...(attributes.length > 0 ? [encodeSetOf(attributes)] : []),
  );
}

function encodeCertificateBag(certificate: Uint8Array, attributes: readonly Uint8Array[]): Buffer {
  return encodeBag(
    oids.certBag,
    encodeSequence(encodeOid(oids.x509CertificateBag), encodeExplicit(0, encodeOctetString(certificate))),
    attributes,
  );
}
