/** Whose is a record that a source presents for the first time: somebody's who is here, a new person's, or nobody can say. */
import { addressKey, type PersonRow } from '../../store/people.ts';
import type { SourceConflict } from '../../store/schema.ts';
import type { RecordRow } from '../../store/sources.ts';

export interface MatchContext {
  /** By their primary addresses' keys. */
  readonly byPrimary: ReadonlyMap<string, PersonRow>;
  /** By all their addresses' keys. */
  readonly byAddress: ReadonlyMap<string, PersonRow>;
  /** Of these people, every record. */
  recordsOf(personId: string): readonly Pick<RecordRow, 'id' | 'source' | 'key' | 'gone_at'>[];
}

export type Match =
  | { readonly is: 'known'; readonly person: PersonRow }
  | { readonly is: 'new' }
  | { readonly is: 'doubtful'; readonly conflict: SourceConflict };

/** Two living people are never taken for one: where the address alone speaks for it and something against it, an administrator decides. */
export function matchRecord(
  record: Pick<RecordRow, 'id' | 'source' | 'presented'> & { readonly address: string },
  { byPrimary, byAddress, recordsOf }: MatchContext,
): Match {
  const key = addressKey(record.address);
  const person = byPrimary.get(key);
  if (person === undefined) {
    const holder = byAddress.get(key);
    if (holder === undefined) return { is: 'new' };
    return doubt(
      holder,
      `${record.address} is a further address of ${shown(holder)}. If this is the same person, link the two; if not, take the address from ${holder.name} at its source.`,
    );
  }
  const twin = recordsOf(person.id).find(
    (one) => one.source === record.source && one.gone_at === null && one.id !== record.id,
  );
  if (twin !== undefined) {
    return doubt(
      person,
      `${record.address} is the address of ${shown(person)}, whom ${record.source} presents as another person (${twin.key}). Give one of the two another address there.`,
      'address-taken',
    );
  }
  const theirs = person.attributes.employeeId;
  const claimed = record.presented.attributes?.employeeId;
  if (theirs !== undefined && claimed != null && theirs !== claimed) {
    return doubt(
      person,
      `${record.address} is the address of ${shown(person)} with the employee number ${theirs}, not ${claimed}. If this is the same person, link the two; if not, give one of them another address.`,
    );
  }
  if (person.state === 'left' && !sameName(person.name, record.presented.name ?? '') && theirs === undefined) {
    return doubt(
      person,
      `${record.address} was ${person.name}, who has left, and whose keys stay in escrow under it. If this is the same person, link the two; if not, give ${record.presented.name ?? 'the new person'} another address.`,
    );
  }
  return { is: 'known', person };
}

function doubt(person: PersonRow, message: string, code: SourceConflict['code'] = 'perhaps-another'): Match {
  return { is: 'doubtful', conflict: { code, message, personId: person.id } };
}

const shown = ({ name, address, state }: PersonRow): string =>
  `${name} <${address}>${state === 'left' ? ', who has left' : ''}`;

/** Directories write names either way round, with and without commas. */
function sameName(one: string, other: string): boolean {
  const words = (name: string) =>
    name
      .normalize('NFKD')
      .toLowerCase()
      .split(/[^\p{Letter}\p{Number}]+/u)
      .filter((word) => word !== '')
      .sort()
      .join(' ');
  return words(one) === words(other);
}
