/**
 * What is told is derived from what is recorded: whenever the one door appends a record, this looks whether somebody should know,
 * and tells them in the same transaction. No room need remember to.
 */
import { sql } from 'kysely';
import type { AuditEntry } from '../audit/trail.ts';
import type { Transaction } from '../store/database.ts';
import type { World } from '../world.ts';
import { type Happening, tell } from './tell.ts';

/**
 * Tells of what was just recorded. What cannot be told never keeps a revocation from happening: a fault of the notices is logged,
 * and undone alone.
 */
export async function announce(tx: Transaction, world: World, entries: readonly AuditEntry[]): Promise<void> {
  const happenings = entries.flatMap(happeningsOf);
  if (happenings.length === 0) return;
  await sql`SAVEPOINT notices`.execute(tx);
  try {
    await tell(tx, world, happenings);
    await sql`RELEASE SAVEPOINT notices`.execute(tx);
  } catch (error) {
    await sql`ROLLBACK TO SAVEPOINT notices`.execute(tx);
    const reason = error instanceof Error ? error.message : String(error);
    world.log.error('notice.not-queued', { events: happenings.map(({ event }) => event), reason });
  }
}

/** What somebody should know of that record; mostly nothing. */
function happeningsOf(entry: AuditEntry): Happening[] {
  if (entry.outcome !== 'succeeded') return [];
  const reader = readers[entry.action];
  if (reader === undefined) return [];
  const happening = reader(entry, {
    // The same may be done to the same certificate twice: held, released, held again.
    once: `${entry.action} ${entry.subject ?? ''} ${entry.at.toISOString()}`,
    by: entry.actor === 'system' || entry.actor === 'local' ? '' : entry.actorName,
  });
  return happening === undefined ? [] : [happening];
}

type Reader = (entry: AuditEntry, known: { once: string; by: string }) => Happening | undefined;

/** By action: the names of operations are stable, and a test holds that each of these is one. */
export const readers: Readonly<Record<string, Reader>> = {
  'certificate.revoke': changed('certificate-revoked'),
  'certificate.hold': changed('certificate-held'),
  'certificate.release': changed('certificate-released'),
  'person.change-certificate-status': ({ subject, details }, { once, by }) => {
    const event = { revoke: 'certificate-revoked', hold: 'certificate-held', release: 'certificate-released' } as const;
    const personId = idIn(subject, 'person');
    const act = textOf(details.act);
    if (personId === undefined || details.changed === 0 || !isKeyOf(event, act)) return undefined;
    return { event: event[act], key: once, personId, facts: { use: 'every', reason: textOf(details.reason), by } };
  },
  // Found by the sweep too, where a source of people says it: the same key.
  'person.leave': ({ subject, at }, { by }) =>
    ofPerson('person-left', subject, leftKey(idIn(subject, 'person') ?? '', at), { by }),
  'person.suspend': ({ subject, at }, { by }) =>
    ofPerson('person-suspended', subject, suspendedKey(idIn(subject, 'person') ?? '', at), { by }),
  'person.return': ({ subject }, { once, by }) => ofPerson('person-returned', subject, once, { by }),
  'person.ask-for-help': ({ subject, details }, { once }) =>
    ofPerson('help-asked', subject, once, { topic: textOf(details.topic) }),
  'key.deliver': ({ subject, details }, { once }) =>
    ofPerson('device-added', subject, once, { device: textOf(details.device) }),
  'key.deliver-profile': ({ subject, details }, { once }) =>
    ofPerson('device-added', subject, once, { device: textOf(details.device) }),
  // Of one person or of several: whose keys they are is for the officers to see, signed in.
  'recovery.request': ({ details }, { once, by }) => {
    const id = textOf(details.requestId);
    return { event: 'recovery-waiting', key: once, about: `recovery:${id}`, facts: { by, detail: id } };
  },
  'rollover.begin': ({ subject, details }, { once, by }) => {
    const facts = {
      authority: textOf(details.from),
      target: textOf(details.to),
      count: String(details.certificates),
      by,
    };
    return { event: 'rollover-begun', key: once, about: subject ?? '', facts };
  },
  'rollover.finish': ({ subject, details }, { once }) =>
    details.left === 0
      ? { event: 'rollover-finished', key: once, about: subject ?? '', facts: { authority: textOf(details.from) } }
      : undefined,
  'recovery.release': released,
  'recovery.release-to-owner': released,
  'recovery.release-messages': released,
};

/** Once a day, whoever says so. */
export const leftKey = (personId: string, at: Date): string => `left ${personId} ${at.toISOString().slice(0, 10)}`;

/** The same for a suspension. */
export const suspendedKey = (personId: string, at: Date): string =>
  `suspended ${personId} ${at.toISOString().slice(0, 10)}`;

function changed(event: 'certificate-revoked' | 'certificate-held' | 'certificate-released'): Reader {
  return ({ subject, details }, { once, by }) => {
    const use = textOf(details.use);
    if (use !== 'signing' && use !== 'encryption') return undefined;
    const facts = { use, reason: textOf(details.reason), by };
    return { event, key: once, personId: textOf(details.holder), about: subject ?? '', facts };
  };
}

function released({ subject }: AuditEntry, { once, by }: { once: string; by: string }): Happening | undefined {
  const id = idIn(subject, 'recovery');
  return id === undefined
    ? undefined
    : { event: 'key-recovered', key: once, about: subject ?? '', facts: { by, detail: id } };
}

function ofPerson(
  event: Happening['event'],
  subject: string | null,
  key: string,
  facts: Record<string, string>,
): Happening | undefined {
  const personId = idIn(subject, 'person');
  return personId === undefined ? undefined : { event, key, personId, about: subject ?? '', facts };
}

function idIn(subject: string | null, kind: string): string | undefined {
  return subject?.startsWith(`${kind}:`) === true ? subject.slice(kind.length + 1) : undefined;
}

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');

function isKeyOf<T extends object>(table: T, key: string): key is Extract<keyof T, string> {
  return Object.hasOwn(table, key);
}
