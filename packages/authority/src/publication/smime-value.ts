/**
 * Values of `userSMIMECertificate`. Readers prefer them to `userCertificate`, since they hold the chain as well. RFC 2798 has them
 * signed by the person, whose signing key is not ours to use: these hold the same without a signature, and the ciphers that
 * the person can read stand in the certificate itself (RFC 4262).
 */
import { certsOnly, DerReader, oids, parseCertificate, SmimeError, tag } from '@chancery/smime';
import type { OwnCertificate } from './target.ts';

/**
 * `certs-only`: a SignedData that nobody signed, of the certificate and its chain (RFC 2798 section 2.8; readers ignore what is
 * signed). `microsoft`: the security settings of MS-OXOABK 2.2.4.36, which have no signature: Outlook takes a SignedData only
 * with one.
 */
export type SmimeForm = 'certs-only' | 'microsoft';

export function smimeValue(form: SmimeForm, { der, issuers }: OwnCertificate): Buffer {
  return form === 'certs-only'
    ? Buffer.from(certsOnly([der, ...issuers].map(parseCertificate)))
    : microsoftValue(der, issuers);
}

/**
 * Which of a person's own certificates a value publishes, if it is one that we made: a person's own, which they signed, is theirs
 * although the certificate in it is ours.
 */
export function ownInValue<T extends Pick<OwnCertificate, 'der'>>(value: Buffer, own: readonly T[]): T | undefined {
  const certificates = value[0] === tag.sequence ? unsignedCertificates(value) : ourSettings(value);
  return own.find(({ der }) => certificates.some((one) => one.equals(der)));
}

/** The certificates of a SignedData without any signature; none of anything else. */
function unsignedCertificates(value: Buffer): Buffer[] {
  try {
    const info = new DerReader(value).enter();
    if (info.oid() !== oids.signedData) return [];
    const signed = info.enter(CONTEXT_0).enter();
    signed.smallInteger();
    signed.skip(tag.set);
    signed.skip(tag.sequence);
    const found: Buffer[] = [];
    for (const set = signed.enterIf(CONTEXT_0); set !== undefined && !set.atEnd; ) found.push(set.element());
    return signed.enter(tag.set).atEnd ? found : [];
  } catch (error) {
    if (error instanceof SmimeError) return [];
    throw error;
  }
}

const CONTEXT_0 = 0xa0;

/** MS-OXOABK 2.2.4.36.1 to .12. */
const setting = {
  version: 1,
  keyExchange: 3,
  chain: 4,
  encoding: 6,
  name: 0x0b,
  defaults: 0x20,
  capabilities: 2,
} as const;
/** It is shown beside the certificate, and tells which values are ours. */
const NAME = Buffer.from('Chancery\0', 'latin1');

function microsoftValue(der: Buffer, issuers: readonly Uint8Array[]): Buffer {
  const capabilities = parseCertificate(der).extensions.find(({ id }) => id === oids.smimeCapabilities);
  return Buffer.concat([
    encode(setting.version, uint32(1)),
    encode(setting.encoding, uint32(1)),
    encode(setting.defaults, uint32(3)),
    encode(setting.name, NAME),
    ...(capabilities === undefined ? [] : [encode(setting.capabilities, capabilities.value)]),
    encode(setting.keyExchange, der),
    ...issuers.map((one) => encode(setting.chain, one)),
  ]);
}

function encode(tagValue: number, data: Uint8Array): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt16LE(tagValue, 0);
  // With the four octets of the head.
  head.writeUInt16LE(data.length + 4, 2);
  return Buffer.concat([head, data]);
}

function uint32(value: number): Buffer {
  const octets = Buffer.alloc(4);
  octets.writeUInt32LE(value);
  return octets;
}

/** The certificate of settings that bear our name. */
function ourSettings(value: Buffer): Buffer[] {
  let named = false;
  const found: Buffer[] = [];
  for (let at = 0; at + 4 <= value.length; ) {
    const length = value.readUInt16LE(at + 2);
    if (length < 4 || at + length > value.length) return [];
    const data = value.subarray(at + 4, at + length);
    const type = value.readUInt16LE(at);
    if (type === setting.name) named = data.equals(NAME);
    if (type === setting.keyExchange) found.push(data);
    at += length;
  }
  return named ? found : [];
}
