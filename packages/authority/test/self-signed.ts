/** Certificates that nobody issued, for recipients of recovered keys. */
import type { KeyObject } from 'node:crypto';
import {
  assembleSigned,
  buildName,
  buildTbsCertificate,
  defaultHash,
  keyUsage,
  localSigner,
  signatureAlgorithmFor,
} from '@chancery/smime';

/** DER; good from the beginning of 2026. */
export async function selfSigned(
  key: KeyObject,
  usage: Parameters<typeof keyUsage>[0],
  notAfter = new Date('2027-01-01'),
  called = 'Legal department',
): Promise<Uint8Array> {
  const signer = localSigner(key);
  const hash = defaultHash(signer.kind);
  const algorithm = signatureAlgorithmFor(signer.kind, hash);
  const name = buildName([{ type: 'commonName', value: called }]).der;
  const tbs = buildTbsCertificate({
    serialNumber: '4a',
    signatureAlgorithm: algorithm,
    issuer: name,
    subject: name,
    notBefore: new Date('2026-01-01'),
    notAfter,
    spki: signer.spki,
    extensions: [keyUsage(usage)],
  });
  return assembleSigned(tbs, algorithm, await signer.sign(tbs, hash));
}
