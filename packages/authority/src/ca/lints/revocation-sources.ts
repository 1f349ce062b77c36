/** Where CRLs, OCSP and the authority's certificate are found (RFC 5280 4.2.1.13, 4.2.2.1, S/MIME BR 7.1.2.3 (b), (c)). */
import { oids } from '@chancery/smime';
import { rfc5280, smimeBr } from './editions.ts';
import { labelOf } from './labels.ts';
import {
  everyCertificate,
  isBrAuthority,
  isBrSubscriber,
  isForUse,
  isOfficeSubscriber,
  isOfGeneration,
  type Lint,
  type LintSubject,
} from './lint.ts';
import type { AccessField, DistributionPointField } from './specimen-extensions.ts';

const br = { binds: 'smime-br', since: smimeBr } as const;

const isHttp = (uri: string): boolean => /^http:\/\//i.test(uri);
const pointsOf = ({ certificate }: LintSubject): readonly DistributionPointField[] =>
  certificate.content(oids.crlDistributionPoints) ?? [];
const crlUrisOf = (subject: LintSubject): string[] =>
  pointsOf(subject).flatMap(({ fullName = [] }) =>
    fullName.flatMap(({ kind, text }) => (kind === 'uniformResourceIdentifier' && text !== undefined ? [text] : [])),
  );
const accessOf = ({ certificate }: LintSubject, method?: string): AccessField[] =>
  (certificate.content(oids.authorityInfoAccess) ?? []).filter((one) => method === undefined || one.method === method);
const uriOf = ({ location }: AccessField): string => location.text ?? `a ${location.kind}`;
const methods = [
  ['OCSP', oids.accessOcsp],
  ['caIssuers', oids.accessCaIssuers],
] as const;

export const revocationSourceLints: readonly Lint[] = [
  {
    id: 'distribution-point-form',
    clause: 'RFC 5280 4.2.1.13',
    severity: 'error',
    binds: 'any',
    since: rfc5280,
    demand: 'there is at least one distribution point, and each has a name or a CRL issuer',
    applies: everyCertificate,
    check({ certificate }) {
      return ([oids.crlDistributionPoints, oids.freshestCrl] as const).flatMap((id) => {
        const points = certificate.content(id);
        if (points === undefined) return [];
        if (points.length === 0) return [`the extension ${labelOf(id)} has no distribution point`];
        return points
          .filter(({ named, hasCrlIssuer }) => !named && !hasCrlIssuer)
          .map(() => `a distribution point of the extension ${labelOf(id)} has neither a name nor a CRL issuer`);
      });
    },
  },
  {
    id: 'access-form',
    clause: 'RFC 5280 4.2.2.1, 4.2.2.2',
    severity: 'error',
    binds: 'any',
    since: rfc5280,
    demand: 'authorityInfoAccess and subjectInfoAccess have at least one entry',
    applies: everyCertificate,
    check: ({ certificate }) =>
      ([oids.authorityInfoAccess, oids.subjectInfoAccess] as const)
        .filter((id) => certificate.content(id)?.length === 0)
        .map((id) => `the extension ${labelOf(id)} is empty`),
  },
  {
    ...br,
    id: 'distribution-points-present',
    clause: 'S/MIME BR 7.1.2.2 (b), 7.1.2.3 (b)',
    severity: 'error',
    demand: 'cRLDistributionPoints is present, but for a root',
    zlint: ['e_subscribers_shall_have_crl_distribution_points'],
    applies: (subject) => subject.isUnderBr && !(subject.certificate.isAuthority && subject.certificate.isSelfIssued),
    check: ({ certificate }) =>
      certificate.extension(oids.crlDistributionPoints) === undefined ? ['cRLDistributionPoints is missing'] : [],
  },
  {
    ...br,
    id: 'distribution-points-http',
    clause: 'S/MIME BR 7.1.2.3 (b)',
    severity: 'error',
    demand: 'every URI of a distribution point is http; in the legacy generation, one of them',
    zlint: ['e_subscribers_crl_distribution_points_are_http'],
    applies: (subject) => isBrSubscriber(subject) && pointsOf(subject).length > 0,
    check(subject) {
      const uris = crlUrisOf(subject);
      if (!uris.some(isHttp)) return ['no distribution point has an http URI'];
      const isLegacy = subject.claims.length > 0 && subject.claims.every(({ generation }) => generation === 'legacy');
      return isLegacy
        ? []
        : uris.filter((uri) => !isHttp(uri)).map((uri) => `the distribution point ${uri} is not http`);
    },
  },
  {
    ...br,
    id: 'distribution-points-criticality',
    clause: 'S/MIME BR 7.1.2.3 (b)',
    severity: 'warning',
    demand: 'cRLDistributionPoints is not critical',
    applies: ({ isUnderBr }) => isUnderBr,
    check: ({ certificate }) =>
      certificate.extension(oids.crlDistributionPoints)?.critical === true ? ['cRLDistributionPoints is critical'] : [],
  },
  {
    ...br,
    id: 'distribution-points-authority',
    clause: 'S/MIME BR 7.1.2.2 (b)',
    severity: 'error',
    demand: 'the certificate of a subordinate authority has an http URI of its CRL',
    applies: (subject) => isBrAuthority(subject) && pointsOf(subject).length > 0,
    check: (subject) => (crlUrisOf(subject).some(isHttp) ? [] : ['no distribution point has an http URI']),
  },
  {
    ...br,
    id: 'access-http',
    clause: 'S/MIME BR 7.1.2.3 (c)',
    severity: 'error',
    demand: 'outside the legacy generation, every address of OCSP and of the authority is http',
    zlint: ['e_smime_strict_aia_shall_have_http_only'],
    applies: (subject) => isOfGeneration('multipurpose', 'strict')(subject) && accessOf(subject).length > 0,
    check: (subject) =>
      methods.flatMap(([name, method]) =>
        accessOf(subject, method)
          .map(uriOf)
          .filter((uri) => !isHttp(uri))
          .map((uri) => `the ${name} address ${uri} is not http`),
      ),
  },
  {
    ...br,
    id: 'access-http-legacy',
    clause: 'S/MIME BR 7.1.2.3 (c)',
    severity: 'error',
    demand: 'in the legacy generation, one address of OCSP and one of the authority is http where there are any',
    zlint: ['e_smime_legacy_aia_shall_have_one_http'],
    applies: (subject) => isOfGeneration('legacy')(subject) && accessOf(subject).length > 0,
    check: (subject) =>
      methods.flatMap(([name, method]) => {
        const uris = accessOf(subject, method).map(uriOf);
        return uris.length > 0 && !uris.some(isHttp) ? [`no ${name} address is http`] : [];
      }),
  },
  {
    ...br,
    id: 'access-issuer',
    clause: 'S/MIME BR 7.1.2.2 (c), 7.1.2.3 (c)',
    severity: 'warning',
    demand: "authorityInfoAccess has the address of the authority's certificate",
    applies: (subject) => subject.isUnderBr && !(subject.certificate.isAuthority && subject.certificate.isSelfIssued),
    check: (subject) =>
      accessOf(subject, oids.accessCaIssuers).length === 0
        ? ["authorityInfoAccess has no address of the authority's certificate"]
        : [],
  },
  {
    ...br,
    id: 'access-internal-name',
    clause: 'S/MIME BR 7.1.2.3 (c), 7.1.2.4',
    severity: 'warning',
    demand: 'addresses of OCSP and of the authority can be reached from the Internet',
    zlint: ['w_smime_aia_contains_internal_names'],
    applies: (subject) => isBrSubscriber(subject) && accessOf(subject).length > 0,
    check: (subject) =>
      accessOf(subject)
        .map(uriOf)
        .filter((uri) => isInternal(hostOf(uri)))
        .map((uri) => `${uri} is an address of an internal network`),
  },
  {
    id: 'crl-distribution-points',
    clause: 'S/MIME BR 7.1.2.3 (b)',
    severity: 'error',
    binds: 'office',
    demand: 'the CRL distribution point is present and an http address',
    // RFC 6960 4.2.2.2.1: a responder certificate with ocsp-nocheck is checked against no CRL.
    applies: isForUse('issuing', 'signing', 'encryption', 'gateway', 'scep-ra', 'admin', 'seal', 'partner'),
    check(subject) {
      const uris = crlUrisOf(subject);
      if (uris.length === 0) return ['the CRL distribution point is missing'];
      return uris
        .filter((uri) => !isHttp(uri))
        .map((uri) => `the CRL distribution point ${uri} is not an http address`);
    },
  },
  {
    id: 'authority-information-access',
    clause: 'S/MIME BR 7.1.2.3 (c)',
    severity: 'warning',
    binds: 'office',
    demand: "the address of the authority's certificate is present, and every address is http",
    applies: isOfficeSubscriber,
    check(subject) {
      const wrong: string[] = [];
      if (accessOf(subject, oids.accessCaIssuers).length === 0)
        wrong.push("the address of the authority's certificate is missing");
      for (const uri of accessOf(subject).map(uriOf)) if (!isHttp(uri)) wrong.push(`${uri} is not an http address`);
      return wrong;
    },
  },
];

/** Undefined where there is none, and for an IP address. */
function hostOf(uri: string): string | undefined {
  const host = /^[a-z][a-z0-9+.-]*:\/\/(?:[^/?#@]*@)?([^/?#:[\]]+)/i.exec(uri)?.[1]?.toLowerCase();
  return host === undefined || /^[\d.]+$/.test(host) ? undefined : host;
}

/** No dot, or below a domain that RFC 2606, 6761, 6762 or 8375 keeps out of the public DNS, or ICANN for private use. */
function isInternal(host: string | undefined): boolean {
  if (host === undefined) return false;
  const labels = host.replace(/\.$/, '').split('.');
  return labels.length < 2 || INTERNAL.has(labels.at(-1) ?? '') || host.endsWith('.home.arpa');
}

const INTERNAL = new Set([
  'internal',
  'invalid',
  'local',
  'localhost',
  'localdomain',
  'test',
  'corp',
  'home',
  'lan',
  'mail',
]);
