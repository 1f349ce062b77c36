/** What sources say of a person, for the console. */
import type { PersonDetail } from '@chancery/api';
import type { Snapshot } from '../../store/database.ts';
import { type PersonRow, personByAddress } from '../../store/people.ts';
import { groupsOfRecords, listSources, managerOf, recordsOfPeople } from '../../store/sources.ts';
import type { World } from '../../world.ts';
import { inOrder } from './decide.ts';

/** Who their manager is, or was when they left: by what sources say, else by the address among their attributes. */
export async function managerIn(
  { config }: Pick<World, 'config'>,
  snapshot: Snapshot,
  person: Pick<PersonRow, 'id' | 'state' | 'attributes'>,
): Promise<{ id: string; name: string; address: string } | null> {
  const even = person.state === 'left' ? 'gone' : undefined;
  const named = await managerOf(snapshot, person.id, config.identity.precedence, even);
  const { manager: address } = person.attributes;
  if (named !== null || address === undefined) return named;
  const found = await personByAddress(snapshot, address);
  return found?.state === 'active' && found.id !== person.id
    ? { id: found.id, name: found.name, address: found.address }
    : null;
}

export async function describeSourcesOf(
  world: Pick<World, 'config'>,
  snapshot: Snapshot,
  person: Pick<PersonRow, 'id' | 'state' | 'attributes'>,
): Promise<Pick<PersonDetail, 'sources' | 'groups' | 'manager'>> {
  const sources = new Map((await listSources(snapshot)).map((row, made) => [row.name, { kind: row.kind, made }]));
  const rows = await recordsOfPeople(snapshot, [person.id]);
  const records = rows.map((row) => ({
    ...row,
    kind: 'hand' as const,
    made: 0,
    ...sources.get(row.source),
    groups: [],
  }));
  const groups = await groupsOfRecords(
    snapshot,
    rows.filter(({ gone_at }) => gone_at === null).map(({ id }) => id),
  );
  return {
    sources: inOrder(world.config.identity, records).map((one) => ({
      source: one.source,
      kind: one.kind,
      key: one.key,
      active: one.active,
      goneAt: one.gone_at?.toISOString() ?? null,
      changedAt: one.changed_at.toISOString(),
      conflict: one.conflict?.message ?? null,
    })),
    groups: [...groups.values()].flat().map(({ source, name, direct }) => ({ source, name, direct })),
    manager: await managerIn(world, snapshot, person),
  };
}
