/** What is to change of a person, in words: for the record, a dry run, a report. */
import type { PersonAttributes } from '@chancery/api';
import type { PersonRow } from '../store/people.ts';
import type { WantedPerson } from './end-entity.ts';

/** One phrase a change, `name: Ada → Ada King`; empty where everything is as wanted. */
export function describeChanges(before: PersonRow, wanted: WantedPerson): string[] {
  const changes: string[] = [];
  const compare = (what: string, was: string, is: string) => {
    if (was !== is) changes.push(`${what}: ${was === '' ? 'none' : was} → ${is === '' ? 'none' : is}`);
  };
  compare('address', before.address, wanted.address);
  compare('name', before.name, wanted.name);
  compare('aliases', before.aliases.join('; '), wanted.aliases.join('; '));
  compare('external id', before.external_id ?? '', wanted.externalId ?? '');
  compare('signing key', before.signing_key, wanted.signingKey);
  compare('gateway decrypts', String(before.gateway_decrypts), String(wanted.gatewayDecrypts));
  for (const [attribute, label] of Object.entries(ATTRIBUTES) as [keyof PersonAttributes, string][])
    compare(label, before.attributes[attribute] ?? '', wanted.attributes[attribute] ?? '');
  for (const use of ['signing', 'encryption'] as const)
    compare(`profile for ${use}`, before.profiles[use] ?? '', wanted.profiles[use] ?? '');
  if (before.state === 'left') changes.push('comes back');
  return changes;
}

const ATTRIBUTES: Readonly<Record<keyof PersonAttributes, string>> = {
  givenName: 'given name',
  surname: 'surname',
  title: 'title',
  department: 'department',
  employeeId: 'employee id',
  country: 'country',
  language: 'language',
  manager: 'manager',
};
