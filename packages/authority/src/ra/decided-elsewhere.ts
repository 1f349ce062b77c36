/** What a living source decides of people: it is changed there, for here it would be changed back. */
import type { AuthorityConfig } from '../config.ts';
import type { Snapshot } from '../store/database.ts';
import type { PersonRow } from '../store/people.ts';
import { listSources, recordsOfPeople } from '../store/sources.ts';
import type { WantedPerson } from './end-entity.ts';

/** Of each person, the fields that a source decides before `as`, and which source: `name`, `attributes.department`. */
export async function decidedElsewhere(
  snapshot: Snapshot,
  { identity: { precedence } }: Pick<AuthorityConfig, 'identity'>,
  personIds: readonly string[],
  as: 'hand' | 'csv',
): Promise<Map<string, Map<string, string>>> {
  const kinds = new Map((await listSources(snapshot)).map(({ name, kind }) => [name, kind]));
  const own = precedence.indexOf(as);
  const decided = new Map<string, Map<string, string>>();
  for (const { person_id, source, gone_at, presented } of await recordsOfPeople(snapshot, personIds)) {
    const kind = kinds.get(source);
    if (person_id === null || gone_at !== null || (kind !== 'scim' && kind !== 'ldap')) continue;
    const at = precedence.indexOf(source);
    if (own >= 0 && (at < 0 || own < at)) continue;
    const fields = decided.get(person_id) ?? new Map<string, string>();
    decided.set(person_id, fields);
    const { attributes = {}, manager: _, ...said } = presented;
    for (const [what, value] of Object.entries(said)) if (value !== undefined) fields.set(what, source);
    for (const [what, value] of Object.entries(attributes))
      if (value !== undefined) fields.set(`attributes.${what}`, source);
  }
  return decided;
}

/** By the names that `decidedElsewhere` uses. */
export function changedFields(before: PersonRow, wanted: WantedPerson): string[] {
  const attributes = new Set([...Object.keys(before.attributes), ...Object.keys(wanted.attributes)]);
  const pairs: [string, unknown, unknown][] = [
    ['name', before.name, wanted.name],
    ['address', before.address, wanted.address],
    ['aliases', before.aliases.join(), wanted.aliases.join()],
    ['externalId', before.external_id, wanted.externalId],
    ...[...attributes].map((name): [string, unknown, unknown] => [
      `attributes.${name}`,
      before.attributes[name as keyof typeof before.attributes],
      wanted.attributes[name as keyof typeof wanted.attributes],
    ]),
  ];
  return pairs.filter(([, was, is]) => was !== is).map(([what]) => what);
}
