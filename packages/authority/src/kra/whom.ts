/**
 * Whom the audit trail says that a request is about. Everybody reads on their own page, word for word, what the trail says of
 * them; where a case is about several, none of them learns from it who the others are.
 */
import { createHash } from 'node:crypto';

interface Named {
  readonly id: string;
}

/** The person themselves; of several, a hash of each, which only who knows the ids of request and person can make. */
export function peopleOf({
  id,
  people,
}: {
  readonly id: string;
  readonly people: readonly Named[];
}): { personId: string } | { people: number; subjects: string[] } {
  const [only, ...more] = people;
  if (only !== undefined && more.length === 0) return { personId: only.id };
  return { people: people.length, subjects: people.map((person) => subjectHash(id, person.id)).sort() };
}

/** Which keys; of several people only how many, since the request, which the digest stands for, says whose each is. */
export function keysOf({
  people,
  records,
}: {
  readonly people: readonly Named[];
  readonly records: readonly Named[];
}): { escrowedKeyIds: string[] } | { keys: number } {
  if (people.length > 1) return { keys: records.length };
  return { escrowedKeyIds: records.map(({ id }) => id) };
}

/** How a record of a case names one of its people: SHA-256, hexadecimal. Ids are random, so nobody guesses them from it. */
export function subjectHash(requestId: string, personId: string): string {
  return createHash('sha256').update(`chancery recovery subject v1\n${requestId}\n${personId}`).digest('hex');
}
