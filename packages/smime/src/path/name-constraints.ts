/** Name constraints (RFC 5280 4.2.1.10, 6.1.4 g; RFC 9598 6): each CA certificate of a path may narrow the names below it. */
import { oids } from '../asn1/oids.ts';
import { SmimeError } from '../errors.ts';
import type { Certificate } from '../x509/certificate.ts';
import type { GeneralNames } from '../x509/general-names.ts';
import { isWithin, type Name, nameValues } from '../x509/name.ts';
import { type NameConstraints, readNameConstraints } from '../x509/read-extensions.ts';
import { readOnce } from '../x509/read-once.ts';
import {
  type Constraint,
  dnsForm,
  emailForm,
  identifierForm,
  ipForm,
  type NameForm,
  principalForm,
  uriForm,
} from './match-names.ts';

/** A name that is not allowed, as text for a person; undefined where all are. Throws `SmimeError` once the budget is spent. */
export function violation(
  certificate: Certificate,
  constraints: readonly CompiledConstraints[],
  budget: { nameChecks: number },
): string | undefined {
  if (constraints.length === 0) return undefined;
  const names = constrainedNames(certificate);
  for (const { kinds, others } of constraints) {
    for (const judge of kinds) {
      const found = judge(names, budget);
      if (found) return found;
    }
    if (names.others.some((kind) => others.has(kind))) return 'a name of a kind that is not implemented is constrained';
  }
  return undefined;
}

/** Constraints made ready to compare many names with. */
export interface CompiledConstraints {
  /** One for each kind that is constrained. */
  readonly kinds: readonly ((names: GeneralNames, budget: { nameChecks: number }) => string | undefined)[];
  /** Kinds that are constrained and not implemented. */
  readonly others: ReadonlySet<string>;
}

/** The constraints in a certificate, read once however many paths lead through it. Throws `SmimeError`. */
export const constraintsOf = readOnce(oids.nameConstraints, (value) => compile(readNameConstraints(value)));

function compile(constraints: NameConstraints): CompiledConstraints {
  const { permitted, excluded, bounded } = constraints;
  return {
    kinds: [
      textKind('emails', 'the address', emailForm, constraints),
      textKind('dns', 'the DNS name', dnsForm, constraints),
      textKind('uris', 'the URI', uriForm, constraints),
      textKind('ipAddresses', 'the IP address', ipForm, constraints),
      textKind('registeredIds', 'the registered identifier', identifierForm, constraints),
      textKind('userPrincipalNames', 'the user principal name', principalForm, constraints),
      directoryKind(constraints),
    ].filter((kind) => kind !== undefined),
    others: new Set([...permitted.others, ...excluded.others, ...bounded.others]),
  };
}

type TextKind = 'emails' | 'dns' | 'uris' | 'ipAddresses' | 'registeredIds' | 'userPrincipalNames';

function textKind<T>(
  kind: TextKind,
  label: string,
  { readName, readConstraint }: NameForm<T>,
  { permitted, excluded, bounded }: NameConstraints,
): CompiledConstraints['kinds'][number] | undefined {
  const judge = kindJudge(
    permitted[kind].map(readConstraint),
    excluded[kind].map(readConstraint),
    bounded[kind].length,
  );
  return (
    judge &&
    ((names, budget) => {
      for (const text of names[kind]) {
        const found = judge(readName(text), budget);
        if (found) return `${label} "${text}" ${found}`;
      }
      return undefined;
    })
  );
}

function directoryKind({
  permitted,
  excluded,
  bounded,
}: NameConstraints): CompiledConstraints['kinds'][number] | undefined {
  const within =
    (subtree: Name): Constraint<Name> =>
    (name) =>
      isWithin(name, subtree);
  const { directoryNames: bounds } = bounded;
  const judge = kindJudge(permitted.directoryNames.map(within), excluded.directoryNames.map(within), bounds.length);
  return (
    judge &&
    ((names, budget) => {
      for (const name of names.directoryNames) {
        const found = judge(name, budget);
        if (found) return `the directory name ${found}`;
      }
      return undefined;
    })
  );
}

/**
 * What is wrong with a name of one kind. A constraint or a name that cannot be understood is never passed over: 4.2.1.10 rejects
 * every certificate with a name of a kind whose constraints are not processed.
 */
function kindJudge<T>(
  permitted: readonly (Constraint<T> | undefined)[],
  excluded: readonly (Constraint<T> | undefined)[],
  bounded: number,
): ((name: T | undefined, budget: { nameChecks: number }) => string | undefined) | undefined {
  if (permitted.length + excluded.length + bounded === 0) return undefined;
  if (bounded > 0) return () => 'is constrained with a minimum or a maximum';
  if (permitted.includes(undefined) || excluded.includes(undefined))
    return () => 'is constrained in no way that is known';
  return (name, budget) => {
    if (name === undefined) return 'is none of its kind, and the kind is constrained';
    budget.nameChecks -= permitted.length + excluded.length;
    if (budget.nameChecks < 0)
      throw new SmimeError('limit-exceeded', 'too many names against too many name constraints');
    if (excluded.some((matches) => matches?.(name, true))) return 'is excluded';
    if (permitted.length > 0 && !permitted.some((matches) => matches?.(name, false))) return 'is not permitted';
    return undefined;
  };
}

/** The subject counts as a directory name where it is not empty, and its e-mail addresses as rfc822Names. */
function constrainedNames({ subject, subjectAltNames }: Certificate): GeneralNames {
  return {
    ...subjectAltNames,
    emails: [...subjectAltNames.emails, ...nameValues(subject, oids.emailAddress)],
    directoryNames: [...subjectAltNames.directoryNames, ...(subject.attributes.length > 0 ? [subject] : [])],
  };
}
