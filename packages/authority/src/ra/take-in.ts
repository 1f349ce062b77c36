/** The whole of an import of what another office issued: looked at first, people made where that is wanted, then done in one group. */
import { type ImportedItem, NewPerson } from '@chancery/api';
import { nameValues } from '@chancery/smime';
import { AuthorityError } from '../errors.ts';
import { consult, perform, performAll } from '../operation.ts';
import type { Principal } from '../principal.ts';
import type { World } from '../world.ts';
import { describeVerdict, importCertificate, importKey, rehearse } from './import-outside.ts';
import type { Candidate, Verdict } from './judge-imports.ts';
import { addPerson } from './onboarding.ts';
import type { OutsideCertificate } from './outside-certificate.ts';

/** A certificate, or one with its key, sealed to the transport key. */
export type Incoming = Candidate & { readonly sealed?: Uint8Array };

/**
 * What became of each, or in a dry run would become, in their order. What is here already leaves no record: an import may be
 * repeated as often as it takes.
 * @throws AuthorityError `forbidden`, `unauthenticated`
 */
export async function takeIn(
  world: World,
  by: Principal,
  what: 'certificates' | 'keys',
  items: readonly Incoming[],
  { dryRun, createPeople }: { dryRun: boolean; createPeople: boolean },
): Promise<ImportedItem[]> {
  const permission = what === 'keys' ? 'escrow:import' : 'certificate:import';
  const look = () => consult(world, permission, by, (snapshot) => rehearse(snapshot, items, what));
  let verdicts = await look();
  const joining = createPeople ? newcomers(verdicts) : new Map<number, Newcomer>();
  if (dryRun)
    return verdicts.map((verdict, index) => {
      const described = describeVerdict(verdict);
      const named = joining.get(index);
      if (named === undefined) return { ...described, created: false };
      return { ...described, outcome: 'imported', code: null, reason: null, created: named.first };
    });
  const refusals = await join(world, by, joining);
  if (joining.size > 0) verdicts = await look();
  const done = await act(world, by, what, items, verdicts);
  return verdicts.map((verdict, index) => {
    const described = describeVerdict(verdict);
    const outcome = done.get(index);
    const reason = outcome instanceof AuthorityError ? outcome.message : refusals.get(index);
    const created = joining.get(index)?.first === true && 'personId' in verdict;
    if (outcome instanceof AuthorityError)
      return { ...described, outcome: 'refused', code: outcome.code, reason: outcome.message, created };
    return { ...described, reason: reason ?? described.reason, created };
  });
}

async function act(
  world: World,
  by: Principal,
  what: 'certificates' | 'keys',
  items: readonly Incoming[],
  verdicts: readonly Verdict[],
): Promise<Map<number, string | AuthorityError>> {
  const wanted = verdicts.flatMap((verdict, index) => {
    const item = items[index];
    return item !== undefined && (verdict.outcome === 'imported' || verdict.outcome === 'updated')
      ? [{ index, personId: verdict.personId, item }]
      : [];
  });
  const inputs = wanted.map(({ personId, item: { certificate, source, revoked } }) => ({
    personId,
    certificate,
    source,
    revoked: revoked && { ...revoked },
  }));
  const results =
    what === 'certificates'
      ? await performAll(world, importCertificate, by, inputs)
      : await performAll(
          world,
          importKey,
          by,
          inputs.map((input, at) => ({ ...input, sealed: wanted[at]?.item.sealed ?? new Uint8Array() })),
        );
  return new Map(wanted.map(({ index }, at) => [index, results[at] as string | AuthorityError]));
}

interface Newcomer {
  readonly name: string;
  readonly addresses: readonly string[];
  /** The first certificate of several that name the same new person. */
  readonly first: boolean;
}

/** Who would join: by the place of the certificate that names them. */
function newcomers(verdicts: readonly Verdict[]): Map<number, Newcomer> {
  const seen = new Set<string>();
  return new Map(
    verdicts.flatMap((verdict, index) => {
      if (verdict.outcome !== 'nobody' || verdict.outside === undefined) return [];
      const addresses = verdict.outside.addresses.filter((one) => NewPerson.shape.address.safeParse(one).success);
      const [primary] = addresses;
      if (primary === undefined) return [];
      const first = !addresses.some((one) => seen.has(one.toLowerCase()));
      for (const one of addresses) seen.add(one.toLowerCase());
      return [[index, { name: nameOf(verdict.outside, primary), addresses, first }] as const];
    }),
  );
}

/** Why somebody could not join, by the place of their certificate. */
async function join(world: World, by: Principal, joining: ReadonlyMap<number, Newcomer>): Promise<Map<number, string>> {
  const refusals = new Map<number, string>();
  for (const [index, { name, addresses, first }] of joining) {
    const [address, ...aliases] = addresses;
    if (!first || address === undefined) continue;
    try {
      await perform(world, addPerson, by, {
        address,
        name,
        aliases,
        externalId: null,
        signingKey: 'device',
        gatewayDecrypts: false,
      });
    } catch (error) {
      if (!(error instanceof AuthorityError) || !['conflict', 'invalid-request'].includes(error.code)) throw error;
      refusals.set(index, error.message);
    }
  }
  return refusals;
}

/** The common name, or what stands before the @. */
function nameOf({ certificate }: OutsideCertificate, address: string): string {
  const [commonName] = nameValues(certificate.subject, '2.5.4.3');
  const name = commonName?.trim().slice(0, 200) ?? '';
  return name === '' ? address.slice(0, address.lastIndexOf('@')) : name;
}
