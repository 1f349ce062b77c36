/** Who gets which address, of many people who change at once: an address may pass from one to another, and is never two people's. */
import { addressKey, type PersonRow } from '../../store/people.ts';
import type { SourceConflict } from '../../store/schema.ts';

export interface Claim {
  readonly personId: string;
  readonly name: string;
  readonly address: string;
  readonly aliases: readonly string[];
  /** As they stand; undefined for somebody new. */
  readonly before: PersonRow | undefined;
}

export interface Allotment {
  /** Undefined for somebody new whose address is another's: they cannot join. */
  readonly got: { readonly address: string; readonly aliases: readonly string[] } | undefined;
  readonly conflict: SourceConflict | null;
}

/**
 * Whoever has an address keeps it before anybody gets it; of two who both want a free one, the first.
 * @param outsiders people who do not change, by their addresses' keys
 */
export function allotAddresses(
  claims: readonly Claim[],
  outsiders: ReadonlyMap<string, Pick<PersonRow, 'id' | 'name' | 'address'>>,
): Map<string, Allotment> {
  const standing = new Map<string, { claim: Claim; address: string | undefined; conflict: SourceConflict | null }>(
    claims.map((claim) => [claim.personId, { claim, address: claim.address, conflict: null }]),
  );
  // Each round somebody falls back to the address they had, which may be the one that another was to get: so it is run anew.
  for (let changed = true; changed; ) {
    changed = false;
    const owners = primaryOwners([...standing.values()]);
    for (const one of standing.values()) {
      if (one.address === undefined) continue;
      const key = addressKey(one.address);
      const holder = outsiders.get(key) ?? owners.get(key);
      if (holder === undefined || holder.id === one.claim.personId) continue;
      const { before, name } = one.claim;
      const fallback = before?.address;
      // That one is never given to another: whoever has an address is its owner while they want it.
      one.address = fallback !== undefined && addressKey(fallback) !== key ? fallback : undefined;
      one.conflict = {
        code: 'address-taken',
        personId: holder.id,
        message: `${key} is an address of ${holder.name} <${holder.address}>. ${one.address === undefined ? `${name} cannot join` : `${name} keeps ${one.address}`} until one of them has another address at its source.`,
      };
      changed = true;
    }
  }
  return withAliases([...standing.values()], outsiders);
}

interface Standing {
  readonly claim: Claim;
  readonly address: string | undefined;
  readonly conflict: SourceConflict | null;
}

type Owner = Pick<PersonRow, 'id' | 'name' | 'address'>;

/** Of those who want it: whoever has it as their primary address, else as a further one, else the first who wants it as the primary. */
function primaryOwners(standing: readonly Standing[]): Map<string, Owner> {
  const owners = new Map<string, Owner & { had: number }>();
  const claimed = (key: string, owner: Owner, had: number) => {
    const other = owners.get(key);
    if (other === undefined || had > other.had) owners.set(key, { ...owner, had });
  };
  for (const { claim, address } of standing) {
    if (address === undefined) continue;
    const { before, personId: id, name } = claim;
    const primary = before === undefined ? undefined : addressKey(before.address);
    const further = new Set(before?.aliases.map(addressKey));
    const hadOf = (key: string): number => (key === primary ? 2 : further.has(key) ? 1 : 0);
    const key = addressKey(address);
    claimed(key, { id, name, address }, hadOf(key));
    for (const alias of claim.aliases.map(addressKey))
      if (hadOf(alias) > 0) claimed(alias, { id, name, address }, hadOf(alias));
  }
  return owners;
}

function withAliases(standing: readonly Standing[], outsiders: ReadonlyMap<string, Owner>): Map<string, Allotment> {
  const owners = primaryOwners(standing);
  for (const { claim, address } of standing) {
    if (address === undefined) continue;
    for (const key of claim.aliases.map(addressKey)) {
      if (!owners.has(key) && !outsiders.has(key)) owners.set(key, { id: claim.personId, name: claim.name, address });
    }
  }
  return new Map(
    standing.map(({ claim, address, conflict }): [string, Allotment] => {
      if (address === undefined) return [claim.personId, { got: undefined, conflict }];
      const wanted = claim.aliases.filter((alias) => addressKey(alias) !== addressKey(address));
      const aliases = wanted.filter((alias) => owners.get(addressKey(alias))?.id === claim.personId);
      const taken = wanted.find((alias) => !aliases.includes(alias));
      const holder =
        taken === undefined ? undefined : (outsiders.get(addressKey(taken)) ?? owners.get(addressKey(taken)));
      return [
        claim.personId,
        {
          got: { address, aliases },
          conflict:
            conflict ??
            (holder === undefined
              ? null
              : {
                  code: 'alias-taken',
                  personId: holder.id,
                  message: `${taken} is an address of ${holder.name} <${holder.address}>. ${claim.name} does not have it until it is taken from there at its source.`,
                }),
        },
      ];
    }),
  );
}
