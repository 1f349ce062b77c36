/** Another office, with keys of its own in this process: what it issues is imported by tests. */
import { generateKeyPairSync, type KeyObject, randomBytes } from 'node:crypto';
import {
  assembleSigned,
  authorityKeyIdentifier,
  basicConstraints,
  buildName,
  buildTbsCertificate,
  defaultHash,
  type Extension,
  encryptContent,
  extendedKeyUsage,
  type KeyUsage,
  keyIdentifier,
  keyKindOf,
  keyUsage,
  localSigner,
  type Name,
  parseCertificate,
  signatureAlgorithmFor,
  subjectAltName,
  subjectKeyIdentifier,
} from '@chancery/smime';

const DAY = 86_400_000;

export interface OutsideKey {
  readonly privateKey: KeyObject;
  /** DER. */
  readonly certificate: Uint8Array;
}

export interface OutsideOffice {
  readonly authority: OutsideKey;
  /** A certificate for these addresses, of a fresh P-256 key unless one is given. */
  issue(
    emails: readonly string[],
    options?: {
      usage?: readonly KeyUsage[];
      purposes?: readonly string[];
      key?: KeyObject;
      name?: string;
      serialNumber?: string;
      /** Days from now. */
      from?: number;
      until?: number;
    },
  ): Promise<OutsideKey>;
}

export async function outsideOffice(title = 'Old Office CA'): Promise<OutsideOffice> {
  const name = buildName([{ type: 'commonName', value: title }]);
  const authorityKey = generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  const keyId = keyIdentifier(localSigner(authorityKey).spki);
  const sign = async (of: {
    key: KeyObject;
    subject: Uint8Array | Name;
    extensions: Extension[];
    serialNumber: string;
    from: number;
    until: number;
  }): Promise<OutsideKey> => {
    const signer = localSigner(authorityKey);
    const signatureAlgorithm = signatureAlgorithmFor(signer.kind, defaultHash(signer.kind));
    const tbs = buildTbsCertificate({
      serialNumber: of.serialNumber,
      signatureAlgorithm,
      issuer: name,
      subject: of.subject,
      notBefore: new Date(Math.floor(Date.now() / 1000) * 1000 + of.from * DAY),
      notAfter: new Date(Math.floor(Date.now() / 1000) * 1000 + of.until * DAY),
      spki: localSigner(of.key).spki,
      extensions: of.extensions,
    });
    const signature = await signer.sign(tbs, defaultHash(signer.kind));
    return { privateKey: of.key, certificate: assembleSigned(tbs, signatureAlgorithm, signature) };
  };
  const authority = await sign({
    key: authorityKey,
    subject: name,
    extensions: [basicConstraints({ ca: true }), keyUsage(['keyCertSign', 'cRLSign']), subjectKeyIdentifier(keyId)],
    serialNumber: '01',
    from: -3650,
    until: 3650,
  });
  return {
    authority,
    async issue(emails, options = {}) {
      const key = options.key ?? generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
      const encrypts = keyKindOf(localSigner(key).spki) === 'rsa' ? 'keyEncipherment' : 'keyAgreement';
      return sign({
        key,
        subject: buildName([{ type: 'commonName', value: options.name ?? emails[0] ?? 'Nobody' }]),
        extensions: [
          keyUsage(options.usage ?? [encrypts]),
          authorityKeyIdentifier(keyId),
          extendedKeyUsage(options.purposes ?? ['1.3.6.1.5.5.7.3.4']),
          ...(emails.length === 0 ? [] : [subjectAltName({ emails })]),
        ],
        serialNumber: options.serialNumber ?? `40${randomBytes(8).toString('hex')}`,
        from: options.from ?? -365,
        until: options.until ?? 365,
      });
    },
  };
}

/** As the command line seals a key. @param transport certificate of the transport key, DER */
export async function sealKey(
  transport: Uint8Array,
  { privateKey, certificate }: OutsideKey,
  beside = certificate,
): Promise<Uint8Array> {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(beside.length);
  return encryptContent({
    content: Buffer.concat([length, beside, privateKey.export({ format: 'der', type: 'pkcs8' })]),
    recipients: [parseCertificate(transport)],
    cipher: 'aes-256-gcm',
    keyTransport: 'oaep',
  });
}
