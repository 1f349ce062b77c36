/** The body of an end-entity certificate, from its profile and its authority. */
import {
  authorityInfoAccess,
  authorityKeyIdentifier,
  buildTbsCertificate,
  type Certificate,
  certificatePolicies,
  crlDistributionPoints,
  type Extension,
  extendedKeyUsage,
  keyIdentifier,
  keyKindOf,
  keyUsage,
  type Name,
  ocspNoCheck,
  oids,
  smimeCapabilities,
  subjectAltName,
  subjectKeyIdentifier,
} from '@chancery/smime';
import type { AuthorityConfig } from '../config.ts';
import type { AuthorityRow } from '../store/authorities.ts';
import type { CertificateProfile } from '../store/profiles.ts';
import { addressesOf } from './addresses.ts';
import { algorithmOf, draftCertificate } from './authority-key.ts';

export interface EndEntityInput {
  readonly profile: CertificateProfile;
  readonly authority: AuthorityRow;
  readonly config: AuthorityConfig;
  readonly serialNumber: string;
  readonly subject: Name;
  readonly emails: readonly string[];
  /** DER SubjectPublicKeyInfo. */
  readonly spki: Uint8Array;
  readonly now: Date;
}

/** DER TBSCertificate, and the same read back with no signature yet. */
export function buildEndEntity(input: EndEntityInput): { tbs: Uint8Array; draft: Certificate } {
  const { profile, authority, spki } = input;
  const issuer = authority.certificate;
  const signatureAlgorithm = algorithmOf(issuer.spki);
  const begin = wholeSeconds(input.now.getTime() - profile.backdateMinutes * 60_000);
  // RFC 5280 4.1.2.5: the last second belongs to the period.
  const end = begin + profile.validityDays * 86_400_000 - 1000;
  const tbs = buildTbsCertificate({
    serialNumber: input.serialNumber,
    signatureAlgorithm,
    issuer: issuer.subject,
    subject: input.subject,
    notBefore: new Date(Math.max(begin, issuer.notBefore.getTime())),
    notAfter: new Date(Math.min(end, issuer.notAfter.getTime())),
    spki,
    extensions: extensionsOf(input, issuer),
  });
  return { tbs, draft: draftCertificate(tbs, signatureAlgorithm) };
}

function extensionsOf(input: EndEntityInput, issuer: Certificate): Extension[] {
  const { profile, authority, emails, spki } = input;
  const addresses = addressesOf(input.config, authority.slug);
  const responder = profile.use === 'ocsp';
  return [
    authorityKeyIdentifier(issuer.subjectKeyIdentifier ?? keyIdentifier(issuer.spki)),
    subjectKeyIdentifier(keyIdentifier(spki)),
    keyUsage(profile.keyUsage[keyKindOf(spki) === 'rsa' ? 'rsa' : 'ec']),
    certificatePolicies(profile.policies),
    ...(emails.length > 0 ? [subjectAltName({ emails })] : []),
    extendedKeyUsage(profile.extendedKeyUsage.map((purpose) => oids[purpose])),
    // RFC 6960 4.2.2.2.1: nobody is asked about the one who answers.
    ...(responder ? [ocspNoCheck()] : [crlDistributionPoints([addresses.crl])]),
    authorityInfoAccess({ caIssuers: [addresses.certificate], ...(responder ? {} : { ocsp: [addresses.ocsp] }) }),
    ...(profile.smimeCapabilities.length > 0
      ? [smimeCapabilities(profile.smimeCapabilities.map((cipher) => oids[cipher]))]
      : []),
  ];
}

/** Certificates know no milliseconds. */
const wholeSeconds = (ms: number): number => Math.floor(ms / 1000) * 1000;
