/** The body of an end-entity certificate, from its profile and its authority. */
import { namedPurposes, type ProfileDocument } from '@chancery/api';
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
  ocspNoCheck,
  oids,
  smimeCapabilities,
  subjectAltName,
  subjectKeyIdentifier,
} from '@chancery/smime';
import type { AuthorityConfig } from '../config.ts';
import type { AuthorityRow } from '../store/authorities.ts';
import { addressesOf } from './addresses.ts';
import { algorithmOf, draftCertificate } from './authority-key.ts';
import type { HolderNames } from './name-holder.ts';

export interface EndEntityInput {
  readonly profile: ProfileDocument;
  readonly authority: AuthorityRow;
  readonly config: AuthorityConfig;
  readonly serialNumber: string;
  /** Where its revocation list is; the authority's complete one unless told. */
  readonly crl?: string | undefined;
  /** Whether its issuer has cross-certificates: then it says where they all are. */
  readonly crossed?: boolean;
  readonly names: HolderNames;
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
    subject: input.names.subject,
    notBefore: new Date(Math.max(begin, issuer.notBefore.getTime())),
    notAfter: new Date(Math.min(end, issuer.notAfter.getTime())),
    spki,
    extensions: extensionsOf(input, issuer),
  });
  return { tbs, draft: draftCertificate(tbs, signatureAlgorithm) };
}

function extensionsOf(input: EndEntityInput, issuer: Certificate): Extension[] {
  const { profile, authority, names, spki } = input;
  const { emails, userPrincipalNames } = names;
  const addresses = addressesOf(input.config, authority.slug);
  const { ocsp, issuer: caIssuers } = profile.authorityInfoAccess;
  const policies = profile.policies.map(({ id, cps }) => (cps === null ? id : { policy: id, cps }));
  const hasNames = emails.length + userPrincipalNames.length > 0;
  return [
    authorityKeyIdentifier(issuer.subjectKeyIdentifier ?? keyIdentifier(issuer.spki)),
    subjectKeyIdentifier(keyIdentifier(spki)),
    keyUsage(profile.keyUsage[keyKindOf(spki) === 'rsa' ? 'rsa' : 'ec']),
    ...(policies.length > 0 ? [certificatePolicies(policies)] : []),
    ...(hasNames ? [subjectAltName({ emails, userPrincipalNames })] : []),
    ...(profile.extendedKeyUsage.length > 0 ? [extendedKeyUsage(profile.extendedKeyUsage.map(purposeId))] : []),
    // RFC 6960 4.2.2.2.1: nobody is asked about the one who answers.
    ...(profile.use === 'ocsp' ? [ocspNoCheck()] : []),
    ...(profile.crlDistributionPoint ? [crlDistributionPoints([input.crl ?? addresses.crl])] : []),
    ...(ocsp || caIssuers
      ? [
          authorityInfoAccess({
            ...(caIssuers && {
              caIssuers: input.crossed === true ? [addresses.certificate, addresses.chain] : [addresses.certificate],
            }),
            ...(ocsp && { ocsp: [addresses.ocsp] }),
          }),
        ]
      : []),
    ...(profile.smimeCapabilities.length > 0
      ? [smimeCapabilities(profile.smimeCapabilities.map((cipher) => oids[cipher]))]
      : []),
  ];
}

/** A purpose by its name, or by its object identifier. */
function purposeId(purpose: string): string {
  return isNamed(purpose) ? oids[purpose] : purpose;
}

const isNamed = (purpose: string): purpose is (typeof namedPurposes)[number] =>
  (namedPurposes as readonly string[]).includes(purpose);

/** Certificates know no milliseconds. */
const wholeSeconds = (ms: number): number => Math.floor(ms / 1000) * 1000;
