/** A small certification authority for tests: real keys, real signatures, nothing stored. */
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { defaultHash, signatureAlgorithmFor } from '../src/keys/algorithms.ts';
import { localSigner } from '../src/keys/local.ts';
import type { Signer } from '../src/keys/ports.ts';
import { buildTbsCrl, type RevokedCertificate, type RevokedList } from '../src/x509/build-crl.ts';
import { assembleSigned, buildTbsCertificate, type Certificate, parseCertificate } from '../src/x509/certificate.ts';
import { type Crl, parseCrl } from '../src/x509/crl.ts';
import {
  authorityKeyIdentifier,
  basicConstraints,
  crlNumber,
  type Extension,
  extendedKeyUsage,
  type KeyUsage,
  keyIdentifier,
  keyUsage,
  subjectAltName,
  subjectKeyIdentifier,
} from '../src/x509/extensions.ts';
import { buildName, type Name } from '../src/x509/name.ts';

export const now = new Date('2026-06-01T12:00:00Z');
const day = 86_400_000;

export interface Party {
  readonly certificate: Certificate;
  readonly key: KeyObject;
  readonly signer: Signer;
}

export interface Wish {
  readonly name?: string;
  /** In place of a common name. */
  readonly subject?: Name;
  readonly email?: string;
  readonly ca?: boolean;
  readonly pathLength?: number;
  /** None at all where undefined stands here. */
  readonly usage?: readonly KeyUsage[] | undefined;
  readonly purposes?: readonly string[];
  readonly notBefore?: Date;
  readonly notAfter?: Date;
  readonly serialNumber?: string;
  readonly extensions?: readonly Extension[];
  /** A key of any kind in place of the holder's own. */
  readonly spki?: Uint8Array;
  /** Re-use a key: cross-certificates, key rollover. */
  readonly of?: Party;
}

let serial = 0x4000;

/** Issues a certificate; without an issuer a self-signed CA. */
export async function issue(wish: Wish, issuer?: Party): Promise<Party> {
  const key = wish.of?.key ?? generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
  const signer = localSigner(key);
  const by = issuer?.signer ?? signer;
  const subject = wish.subject ?? buildName([{ type: 'commonName', value: wish.name ?? wish.email ?? 'Someone' }]);
  const ca = wish.ca ?? issuer === undefined;
  const usual: readonly KeyUsage[] = ca ? ['keyCertSign', 'cRLSign'] : ['digitalSignature'];
  const usage = 'usage' in wish ? wish.usage : usual;
  const hash = defaultHash(by.kind);
  const algorithm = signatureAlgorithmFor(by.kind, hash);
  const tbs = buildTbsCertificate({
    serialNumber: wish.serialNumber ?? (serial++).toString(16),
    signatureAlgorithm: algorithm,
    issuer: issuer?.certificate.subject ?? subject,
    subject,
    notBefore: wish.notBefore ?? new Date(now.getTime() - 30 * day),
    notAfter: wish.notAfter ?? new Date(now.getTime() + 300 * day),
    spki: wish.spki ?? signer.spki,
    extensions: [
      ...(ca ? [basicConstraints({ ca, ...(wish.pathLength !== undefined && { pathLength: wish.pathLength }) })] : []),
      ...(usage ? [keyUsage(usage)] : []),
      subjectKeyIdentifier(keyIdentifier(signer.spki)),
      authorityKeyIdentifier(keyIdentifier(by.spki)),
      ...(wish.email === undefined ? [] : [subjectAltName({ emails: [wish.email] })]),
      ...(wish.purposes === undefined ? [] : [extendedKeyUsage(wish.purposes)]),
      ...(wish.extensions ?? []),
    ],
  });
  return { certificate: parseCertificate(assembleSigned(tbs, algorithm, await by.sign(tbs, hash))), key, signer };
}

export async function issueCrl(
  issuer: Party,
  entries: readonly RevokedCertificate[] | RevokedList,
  options: { number?: number; extensions?: readonly Extension[]; thisUpdate?: Date; nextUpdate?: Date } = {},
): Promise<Crl> {
  const hash = defaultHash(issuer.signer.kind);
  const algorithm = signatureAlgorithmFor(issuer.signer.kind, hash);
  const tbs = buildTbsCrl({
    signatureAlgorithm: algorithm,
    issuer: issuer.certificate.subject,
    thisUpdate: options.thisUpdate ?? new Date(now.getTime() - day),
    nextUpdate: options.nextUpdate ?? new Date(now.getTime() + 7 * day),
    entries,
    extensions: [
      authorityKeyIdentifier(keyIdentifier(issuer.signer.spki)),
      crlNumber(options.number ?? 1),
      ...(options.extensions ?? []),
    ],
  });
  return parseCrl(assembleSigned(tbs, algorithm, await issuer.signer.sign(tbs, hash)));
}
