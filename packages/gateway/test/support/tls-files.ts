/** Certificates for sockets, as PEM files: a root, a server's and clients' from it, and one that nobody vouches for. */
import { createHash, randomBytes, X509Certificate } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import {
  assembleSigned,
  basicConstraints,
  buildName,
  buildTbsCertificate,
  type Extension,
  extendedKeyUsage,
  keyUsage,
  oids,
  signatureAlgorithmFor,
  subjectAltName,
} from '@chancery/smime';
import { type Keys, makeKeys } from './test-ca.ts';

export interface TlsFiles {
  readonly certificate: string;
  readonly key: string;
  /** SHA-256 of the DER, hex. */
  readonly fingerprint: string;
}

export interface TlsCa {
  /** The root's PEM file. */
  readonly ca: string;
  issue(name: string): Promise<TlsFiles>;
}

/** For a socket: PEM, as the files have it. */
export function readTls({ certificate, key }: Pick<TlsFiles, 'certificate' | 'key'>): { cert: Buffer; key: Buffer } {
  return { cert: readFileSync(certificate), key: readFileSync(key) };
}

/** SHA-256 of a certificate's key, in hex, as a TLSA record has it (`3 1 1`). @param pem the certificate */
export function keyDigest(pem: Buffer): string {
  const key = new X509Certificate(pem).publicKey.export({ type: 'spki', format: 'der' });
  return createHash('sha256').update(key).digest('hex');
}

export async function makeTlsCa(folder: string, name: string): Promise<TlsCa> {
  const keys = makeKeys();
  const root = buildName([{ type: 'commonName', value: name }]);
  const ca = path.join(folder, `${name.replaceAll(' ', '-')}.pem`);
  const der = await certify(keys, root, root, keys.spki, [basicConstraints({ ca: true }), keyUsage(['keyCertSign'])]);
  writeFileSync(ca, pem(der));
  return {
    ca,
    async issue(dns) {
      const own = makeKeys();
      const subject = buildName([{ type: 'commonName', value: dns }]);
      const leaf = await certify(keys, root, subject, own.spki, [
        basicConstraints({ ca: false }),
        keyUsage(['digitalSignature']),
        extendedKeyUsage([oids.serverAuth, '1.3.6.1.5.5.7.3.2']),
        subjectAltName({ dns: [dns] }),
      ]);
      const base = path.join(folder, `${dns}-${randomBytes(4).toString('hex')}`);
      writeFileSync(`${base}.pem`, pem(leaf));
      writeFileSync(`${base}.key`, own.privateKey.export({ type: 'pkcs8', format: 'pem' }), { mode: 0o600 });
      const fingerprint = createHash('sha256').update(leaf).digest('hex');
      return { certificate: `${base}.pem`, key: `${base}.key`, fingerprint };
    },
  };
}

type Name = ReturnType<typeof buildName>;

async function certify(
  { signer }: Keys,
  issuer: Name,
  subject: Name,
  spki: Uint8Array,
  extensions: readonly Extension[],
): Promise<Uint8Array> {
  const signatureAlgorithm = signatureAlgorithmFor('p256', 'sha256');
  const tbs = buildTbsCertificate({
    serialNumber: `5a${randomBytes(15).toString('hex')}`,
    signatureAlgorithm,
    issuer,
    subject,
    notBefore: new Date(Date.now() - 86_400_000),
    notAfter: new Date(Date.now() + 86_400_000 * 30),
    spki,
    extensions,
  });
  return assembleSigned(tbs, signatureAlgorithm, await signer.sign(tbs, 'sha256'));
}

function pem(der: Uint8Array): string {
  const lines =
    Buffer.from(der)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}
