/** Name constraints (RFC 5280 4.2.1.10, 6.1.4 g): each CA certificate of a path may narrow the names below it. */
import { oids } from '../asn1/oids.ts';
import { SmimeError } from '../errors.ts';
import type { Certificate } from '../x509/certificate.ts';
import type { GeneralNames } from '../x509/general-names.ts';
import { isWithin, type Name, nameValues } from '../x509/name.ts';
import type { NameConstraints } from '../x509/read-extensions.ts';

/** A name that is not allowed, as text for a person; undefined where all are. Throws `SmimeError` once the budget is spent. */
export function violation(
  certificate: Certificate,
  constraints: readonly NameConstraints[],
  budget: { nameChecks: number },
): string | undefined {
  const names = constrainedNames(certificate);
  for (const { permitted, excluded } of constraints) {
    for (const kind of kinds) {
      for (const name of names[kind.key]) {
        if (some(excluded[kind.key], name, kind.matches, budget)) return `${kind.label} ${kind.show(name)} is excluded`;
        if (permitted[kind.key].length > 0 && !some(permitted[kind.key], name, kind.matches, budget))
          return `${kind.label} ${kind.show(name)} is not permitted`;
      }
    }
    const unknown = notUnderstood(names, permitted) ?? notUnderstood(names, excluded);
    if (unknown) return unknown;
  }
  return undefined;
}

type Kind = 'emails' | 'dns' | 'uris' | 'directoryNames' | 'ipAddresses';
interface KindRule {
  readonly key: Kind;
  readonly label: string;
  readonly show: (name: string | Name) => string;
  readonly matches: (constraint: string | Name, name: string | Name) => boolean;
}

const textual =
  (matches: (constraint: string, name: string) => boolean) => (constraint: string | Name, name: string | Name) =>
    typeof constraint === 'string' && typeof name === 'string' && matches(constraint, name);

const show = (name: string | Name): string => (typeof name === 'string' ? `"${name}"` : '');

const kinds: readonly KindRule[] = [
  { key: 'emails', label: 'the address', show, matches: textual(matchesEmail) },
  { key: 'dns', label: 'the DNS name', show, matches: textual(matchesDns) },
  { key: 'uris', label: 'the URI', show, matches: textual(matchesUri) },
  { key: 'ipAddresses', label: 'the IP address', show, matches: textual(matchesIp) },
  {
    key: 'directoryNames',
    label: 'the subject',
    show,
    matches: (constraint, name) =>
      typeof constraint !== 'string' && typeof name !== 'string' && isWithin(name, constraint),
  },
];

type ConstrainedNames = { readonly [K in Kind]: readonly (K extends 'directoryNames' ? Name : string)[] } & Pick<
  GeneralNames,
  'registeredIds' | 'userPrincipalNames' | 'others'
>;

/** The subject counts as a directory name where it is not empty, and its e-mail addresses as rfc822Names. */
function constrainedNames({ subject, subjectAltNames }: Certificate): ConstrainedNames {
  return {
    ...subjectAltNames,
    emails: [...subjectAltNames.emails, ...nameValues(subject, oids.emailAddress)],
    directoryNames: [...subjectAltNames.directoryNames, ...(subject.attributes.length > 0 ? [subject] : [])],
  };
}

function some(
  constraints: readonly (string | Name)[],
  name: string | Name,
  matches: KindRule['matches'],
  budget: { nameChecks: number },
): boolean {
  return constraints.some((constraint) => {
    if (budget.nameChecks <= 0)
      throw new SmimeError('limit-exceeded', 'too many names against too many name constraints');
    budget.nameChecks -= 1;
    return matches(constraint, name);
  });
}

/** 4.2.1.10: a kind of constraint that is not understood rejects every certificate with a name of that kind. */
function notUnderstood(names: ConstrainedNames, constraints: GeneralNames): string | undefined {
  if (constraints.registeredIds.length > 0 && names.registeredIds.length > 0)
    return 'a registered identifier is constrained, which is not implemented';
  if (constraints.userPrincipalNames.length > 0 && names.userPrincipalNames.length > 0)
    return 'a user principal name is constrained, which is not implemented';
  if (constraints.others.some((kind) => names.others.includes(kind)))
    return 'a name of a kind that is not implemented is constrained';
  return undefined;
}

/** An address; a host for all mailboxes on it; `.domain` for all mailboxes on hosts below it. */
function matchesEmail(constraint: string, email: string): boolean {
  const at = email.lastIndexOf('@');
  const host = email.slice(at + 1).toLowerCase();
  const wanted = constraint.lastIndexOf('@');
  if (wanted > 0)
    return (
      at > 0 &&
      email.slice(0, at) === constraint.slice(0, wanted) &&
      host === constraint.slice(wanted + 1).toLowerCase()
    );
  const domain = constraint.toLowerCase();
  return domain.startsWith('.') ? host.endsWith(domain) && host.length > domain.length : host === domain;
}

/** The name itself or anything below it. */
function matchesDns(constraint: string, name: string): boolean {
  const wanted = constraint.toLowerCase();
  const found = name.toLowerCase();
  if (wanted === '' || found === wanted) return true;
  return found.endsWith(wanted.startsWith('.') ? wanted : `.${wanted}`);
}

/** The host: exactly, or with a leading dot anything below. A URI without a host name matches nothing. */
function matchesUri(constraint: string, uri: string): boolean {
  const authority = /^[a-z][a-z0-9+.-]*:\/\/([^/?#]*)/i.exec(uri)?.[1];
  const host = authority
    ?.slice(authority.lastIndexOf('@') + 1)
    .replace(/:[0-9]*$/, '')
    .toLowerCase();
  if (!host || /^[0-9.]+$/.test(host) || host.startsWith('[')) return false;
  const wanted = constraint.toLowerCase();
  return wanted.startsWith('.') ? host.endsWith(wanted) && host.length > wanted.length : host === wanted;
}

/** Hex of address and mask against hex of the address. */
function matchesIp(constraint: string, address: string): boolean {
  if (constraint.length !== address.length * 2) return false;
  for (let p = 0; p < address.length; p++) {
    const mask = Number.parseInt(constraint[address.length + p] ?? '', 16);
    if ((Number.parseInt(constraint[p] ?? '', 16) & mask) !== (Number.parseInt(address[p] ?? '', 16) & mask))
      return false;
  }
  return true;
}
