/** Name constraints (RFC 5280 4.2.1.10, 6.1.4 g; RFC 9598 6): each CA certificate of a path may narrow the names below it. */
import { oids } from '../asn1/oids.ts';
import { SmimeError } from '../errors.ts';
import type { Certificate } from '../x509/certificate.ts';
import type { GeneralNames } from '../x509/general-names.ts';
import { isWithin, type Name, nameValues } from '../x509/name.ts';
import { type NameConstraints, readNameConstraints } from '../x509/read-extensions.ts';
import { readOnce } from '../x509/read-once.ts';
import { type Constraint, dnsConstraint, emailConstraint, ipConstraint, uriConstraint } from './match-names.ts';

/** A name that is not allowed, as text for a person; undefined where all are. Throws `SmimeError` once the budget is spent. */
export function violation(
  certificate: Certificate,
  constraints: readonly CompiledConstraints[],
  budget: { nameChecks: number },
): string | undefined {
  if (constraints.length === 0) return undefined;
  const names = constrainedNames(certificate);
  for (const compiled of constraints) {
    for (const kind of textKinds) {
      const found = judgeKind(names[kind], compiled[kind], budget);
      if (found) return `${labels[kind]} ${found}`;
    }
    const found = judgeKind(names.directoryNames, compiled.directoryNames, budget);
    if (found) return `the directory name ${found}`;
    if (names.others.some((kind) => compiled.others.has(kind)))
      return 'a name of a kind that is not implemented is constrained';
  }
  return undefined;
}

/** Constraints made ready to compare many names with. */
export type CompiledConstraints = Readonly<Record<TextKind, KindConstraints<string>>> & {
  readonly directoryNames: KindConstraints<Name>;
  readonly others: ReadonlySet<string>;
};

/** The constraints in a certificate, read once however many paths lead through it. Throws `SmimeError`. */
export const constraintsOf = readOnce(oids.nameConstraints, (value) => compile(readNameConstraints(value)));

function compile({ permitted, excluded, bounded }: NameConstraints): CompiledConstraints {
  const texts = (kind: TextKind): KindConstraints<string> => ({
    permitted: permitted[kind].map(readers[kind]),
    excluded: excluded[kind].map(readers[kind]),
    bounded: bounded[kind].length > 0,
  });
  const within = (subtree: Name): Constraint<Name> => ({ matches: (name) => isWithin(name, subtree) });
  return {
    emails: texts('emails'),
    dns: texts('dns'),
    uris: texts('uris'),
    ipAddresses: texts('ipAddresses'),
    registeredIds: texts('registeredIds'),
    userPrincipalNames: texts('userPrincipalNames'),
    directoryNames: {
      permitted: permitted.directoryNames.map(within),
      excluded: excluded.directoryNames.map(within),
      bounded: bounded.directoryNames.length > 0,
    },
    others: new Set([...permitted.others, ...excluded.others, ...bounded.others]),
  };
}

const textKinds = ['emails', 'dns', 'uris', 'ipAddresses', 'registeredIds', 'userPrincipalNames'] as const;
type TextKind = (typeof textKinds)[number];

interface KindConstraints<T> {
  readonly permitted: readonly Constraint<T>[];
  readonly excluded: readonly Constraint<T>[];
  /** A minimum or maximum is stated, which RFC 5280 forbids and nobody processes. */
  readonly bounded: boolean;
}

const labels: Readonly<Record<TextKind, string>> = {
  emails: 'the address',
  dns: 'the DNS name',
  uris: 'the URI',
  ipAddresses: 'the IP address',
  registeredIds: 'the registered identifier',
  userPrincipalNames: 'the user principal name',
};

const readers: Readonly<Record<TextKind, (text: string) => Constraint<string>>> = {
  emails: emailConstraint,
  dns: dnsConstraint,
  uris: uriConstraint,
  ipAddresses: ipConstraint,
  // No document says what these two mean. An identifier is taken with all below it; a user principal name like an address, as
  // Windows does, where neither side has a case.
  registeredIds: (text) => ({ matches: (name) => name === text || name.startsWith(`${text}.`) }),
  userPrincipalNames: (text) => {
    const constraint = emailConstraint(text.toLowerCase());
    return { ...constraint, matches: (name, excluded) => constraint.matches(name.toLowerCase(), excluded) };
  },
};

/** The subject counts as a directory name where it is not empty, and its e-mail addresses as rfc822Names. */
function constrainedNames({ subject, subjectAltNames }: Certificate): GeneralNames {
  return {
    ...subjectAltNames,
    emails: [...subjectAltNames.emails, ...nameValues(subject, oids.emailAddress)],
    directoryNames: [...subjectAltNames.directoryNames, ...(subject.attributes.length > 0 ? [subject] : [])],
  };
}

/**
 * What is wrong with one of the names. A constraint or a name that cannot be understood is never passed over: 4.2.1.10 rejects
 * every certificate with a name of a kind whose constraints are not processed.
 */
function judgeKind<T extends string | Name>(
  names: readonly T[],
  { permitted, excluded, bounded }: KindConstraints<T>,
  budget: { nameChecks: number },
): string | undefined {
  if (!bounded && permitted.length === 0 && excluded.length === 0) return undefined;
  for (const name of names) {
    const shown = typeof name === 'string' ? `"${name}" ` : '';
    if (bounded) return `${shown}is constrained with a minimum or a maximum`;
    for (const constraint of [...excluded, ...permitted])
      if (constraint.refuses?.(name)) return `${shown}or its constraint cannot be understood`;
    if (some(excluded, name, true, budget)) return `${shown}is excluded`;
    if (permitted.length > 0 && !some(permitted, name, false, budget)) return `${shown}is not permitted`;
  }
  return undefined;
}

function some<T>(
  constraints: readonly Constraint<T>[],
  name: T,
  excluded: boolean,
  budget: { nameChecks: number },
): boolean {
  return constraints.some((constraint) => {
    if (budget.nameChecks <= 0)
      throw new SmimeError('limit-exceeded', 'too many names against too many name constraints');
    budget.nameChecks -= 1;
    return constraint.matches(name, excluded);
  });
}
