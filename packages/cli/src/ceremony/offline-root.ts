/** A root whose key is in a folder of its own, on a machine that no network reaches: the certificates that it signs. */
import { randomBytes } from 'node:crypto';
import { lintCertificate } from '@chancery/authority/lints';
import { type KeyStore, openSoftwareKeyStore } from '@chancery/keystore';
import {
  assembleSigned,
  authorityInfoAccess,
  authorityKeyIdentifier,
  basicConstraints,
  buildName,
  buildTbsCertificate,
  type Certificate,
  type CertificateRequest,
  certificatePolicies,
  crlDistributionPoints,
  defaultHash,
  type Extension,
  extendedKeyUsage,
  keyIdentifier,
  keyUsage,
  oids,
  parseCertificate,
  type Signer,
  signatureAlgorithmFor,
  subjectKeyIdentifier,
  verifyCertificateSignature,
} from '@chancery/smime';
import { CommandError } from '../exit-codes.ts';

export function openCeremonyStore(directory: string, secret: string): Promise<KeyStore> {
  return openSoftwareKeyStore({ directory, secret });
}

/** The signer of that certificate's key. @throws CommandError where the store has no such key */
export async function signerOf(store: KeyStore, certificate: Pick<Certificate, 'spki'>): Promise<Signer> {
  for (const { reference, type } of await store.list()) {
    if (type === 'aes-256') continue;
    const signer = await store.signer(reference);
    if (Buffer.compare(signer.spki, certificate.spki) === 0) return signer;
  }
  throw new CommandError('The key of this root is not in that folder. Nothing was signed.');
}

/** Signed by itself. */
export function makeRoot(signer: Signer, organisation: string, years: number): Promise<Certificate> {
  const subject = buildName([
    { type: 'organizationName', value: organisation },
    { type: 'commonName', value: `${organisation} Root CA` },
  ]);
  return certify(signer, {
    issuer: subject,
    subject,
    spki: signer.spki,
    years,
    extensions: [
      basicConstraints({ ca: true }),
      keyUsage(['keyCertSign', 'cRLSign']),
      subjectKeyIdentifier(keyIdentifier(signer.spki)),
    ],
  });
}

export interface Placement {
  /** For another root: it may stand above authorities. */
  readonly cross?: boolean | undefined;
  readonly years: number;
  /** Where relying parties find the root's CRL and its certificate. */
  readonly crlUrl?: string | undefined;
  readonly rootUrl?: string | undefined;
}

/** For an issuing authority, which signs certificates of people and no further authority; or for another root. */
export async function signBelow(
  signer: Signer,
  root: Certificate,
  request: CertificateRequest,
  { cross, years, crlUrl, rootUrl }: Placement,
): Promise<Certificate> {
  return certify(signer, {
    issuer: root.subject,
    subject: request.subject,
    spki: request.spki,
    years,
    notAfter: root.notAfter,
    extensions: [
      basicConstraints(cross === true ? { ca: true } : { ca: true, pathLength: 0 }),
      keyUsage(['keyCertSign', 'cRLSign']),
      ...(cross === true
        ? []
        : [
            extendedKeyUsage([oids.emailProtection, oids.clientAuth, oids.ocspSigning]),
            certificatePolicies([oids.anyPolicy]),
          ]),
      subjectKeyIdentifier(keyIdentifier(request.spki)),
      authorityKeyIdentifier(root.subjectKeyIdentifier ?? keyIdentifier(root.spki)),
      ...(crlUrl === undefined ? [] : [crlDistributionPoints([crlUrl])]),
      ...(rootUrl === undefined ? [] : [authorityInfoAccess({ caIssuers: [rootUrl] })]),
    ],
    issuedBy: root,
  });
}

async function certify(
  signer: Signer,
  input: {
    readonly issuer: Certificate['subject'];
    readonly subject: Certificate['subject'];
    readonly spki: Uint8Array;
    readonly years: number;
    readonly notAfter?: Date;
    readonly extensions: readonly Extension[];
    readonly issuedBy?: Certificate;
  },
): Promise<Certificate> {
  const hash = defaultHash(signer.kind);
  const signatureAlgorithm = signatureAlgorithmFor(signer.kind, hash);
  const notBefore = new Date(Math.floor(Date.now() / 1000) * 1000 - 300_000);
  const end = new Date(notBefore);
  end.setUTCFullYear(end.getUTCFullYear() + input.years);
  end.setTime(end.getTime() - 1000);
  const serial = randomBytes(16);
  serial[0] = ((serial[0] ?? 0) & 0x3f) | 0x40;
  const tbs = buildTbsCertificate({
    serialNumber: serial.toString('hex'),
    signatureAlgorithm,
    issuer: input.issuer,
    subject: input.subject,
    notBefore,
    notAfter: input.notAfter !== undefined && input.notAfter < end ? input.notAfter : end,
    spki: input.spki,
    extensions: input.extensions,
  });
  const certificate = parseCertificate(assembleSigned(tbs, signatureAlgorithm, await signer.sign(tbs, hash)));
  const issuer = input.issuedBy ?? certificate;
  if (!verifyCertificateSignature(certificate, issuer)) throw new CommandError('The signature does not verify.');
  const errors = lintCertificate(certificate.der, { issuer: issuer.der, profile: 'rfc' }).filter(
    ({ severity }) => severity === 'error',
  );
  if (errors.length > 0)
    throw new CommandError(
      'The certificate would break its rules. It was thrown away.',
      undefined,
      errors.map(({ message, clause }) => `${message} (${clause})`),
    );
  return certificate;
}
