/**
 * What nobody does but what comes to be: ends that draw near, places that take nothing, lists that have ended. Looked for once a
 * minute; each is told once, as its key says.
 */
import { sql } from 'kysely';
import { z } from 'zod';
import { operation, perform } from '../operation.ts';
import { system } from '../principal.ts';
import { knownNoticeEvents } from '../store/notice-events.ts';
import { findOffice } from '../store/office.ts';
import { operatorsKept } from '../store/operators.ts';
import type { World } from '../world.ts';
import { leftKey, suspendedKey } from './announce.ts';
import { type Happening, tell } from './tell.ts';
import { type Look, silentStores, troubles } from './trouble.ts';

/** For the scheduler. */
export async function tellConditions(world: World): Promise<void> {
  // A token may take seconds to say that it is not there: nothing is held open meanwhile.
  const stores = await world.keyStore.health().catch(() => []);
  const found = await world.database.snapshot(async (snapshot) => {
    if ((await findOffice(snapshot)) === undefined) return [];
    const all: Happening[] = silentStores(stores, world.clock());
    for (const look of conditions) all.push(...(await look(snapshot, world, world.clock())));
    const known = await knownNoticeEvents(
      snapshot,
      all.map(({ key }) => key),
    );
    return all.filter(({ key }) => !known.has(key));
  });
  for (let from = 0; from < found.length; from += AT_ONCE) {
    await perform(world, tellOfConditions, system, { happenings: found.slice(from, from + AT_ONCE) });
  }
}

const AT_ONCE = 100;

export const tellOfConditions = operation({
  action: 'notice.tell',
  permission: 'system',
  input: z.strictObject({ happenings: z.array(z.custom<Happening>()).min(1) }),
  subject: () => 'notices',
  async run(tx, { happenings }, _by, world) {
    const told = await tell(tx, world, happenings);
    return { result: told, audit: { told, events: happenings.map(({ event, key }) => ({ event, key })) } };
  },
});

const DAY = 86_400_000;
const MOST = 500;

/** A link that was shown and not used, three days before it ends. */
const lapsingLinks: Look = async (snapshot, _world, now) => {
  const rows = await snapshot
    .selectFrom('claims as c')
    .innerJoin('people as p', 'p.id', 'c.person_id')
    .select(['c.id', 'c.person_id', 'c.expires_at'])
    .where('c.closed_at', 'is', null)
    .where('c.claimed_at', 'is', null)
    .where('c.sealed_secret', 'is', null)
    .where('p.state', '=', 'active')
    .where('c.expires_at', '>', now)
    .where('c.expires_at', '<=', new Date(now.getTime() + 3 * DAY))
    // A link of a day or two is no surprise.
    .where(sql<boolean>`c.expires_at - c.created_at > interval '4 days'`)
    .where(sql<boolean>`NOT EXISTS (SELECT 1 FROM notice_events e WHERE e.key = 'link-lapsing ' || c.id)`)
    .limit(MOST)
    .execute();
  return rows.map((row) => ({
    event: 'link-lapsing',
    key: `link-lapsing ${row.id}`,
    personId: row.person_id,
    about: `person:${row.person_id}`,
    facts: { until: row.expires_at },
    expiresAt: row.expires_at,
  }));
};

/**
 * Keys that only their owner has: nobody else can renew them. Told when the profile wants it, and a week before the end. The owners
 * themselves are asked by the renewal, with a link (`renewal-link`), and are not told the same by this; but for an office that sends
 * no mail, whose links nobody gets.
 */
const expiring: Look = async (snapshot, world, now) => {
  const stages = ['renew', 'last'] as const;
  const found: Happening[] = [];
  for (const stage of stages) {
    let rows = snapshot
      .selectFrom('certificates as c')
      .innerJoin('people as p', 'p.id', 'c.person_id')
      .select(['c.serial_number', 'c.person_id', 'c.use', 'c.not_after'])
      .where('c.revoked_at', 'is', null)
      .where('c.not_after', '>', now)
      .where('p.state', '=', 'active')
      .where('c.use', 'in', ['signing', 'encryption'])
      .where('c.key_origin', 'in', ['device', 'browser'])
      .where(
        sql<boolean>`NOT EXISTS (SELECT 1 FROM certificates n WHERE n.person_id = c.person_id AND n.use = c.use
          AND n.revoked_at IS NULL AND n.not_after > c.not_after)`,
      )
      .where(
        sql<boolean>`NOT EXISTS (SELECT 1 FROM notice_events e WHERE e.key = 'expiring ' || c.serial_number || ${` ${stage}`})`,
      )
      .orderBy('c.not_after')
      .limit(MOST);
    rows =
      stage === 'renew'
        ? rows.where('c.renew_at', '<=', now).where('c.not_after', '<=', new Date(now.getTime() + 366 * DAY))
        : rows.where('c.not_after', '<=', new Date(now.getTime() + 7 * DAY));
    for (const row of await rows.execute()) {
      found.push({
        event: 'certificate-expiring',
        key: `expiring ${row.serial_number} ${stage}`,
        ...(row.person_id !== null && { personId: row.person_id }),
        about: `certificate:${row.serial_number}`,
        facts: { use: row.use, until: row.not_after },
        exceptPerson: world.mail !== undefined,
        expiresAt: row.not_after,
      });
    }
  }
  return found;
};

/** Whom a source of people no longer has. */
const leavers: Look = async (snapshot, _world, now) => {
  const rows = await snapshot
    .selectFrom('people')
    .select(['id', 'left_at'])
    .where('state', '=', 'left')
    .where('left_at', '>', new Date(now.getTime() - DAY / 4))
    .where(
      sql<boolean>`NOT EXISTS (SELECT 1 FROM notice_events e
        WHERE e.key = 'left ' || people.id || ' ' || to_char(people.left_at AT TIME ZONE 'UTC', 'YYYY-MM-DD'))`,
    )
    .limit(MOST)
    .execute();
  return rows.map(({ id, left_at }) => ({
    event: 'person-left',
    key: leftKey(id, left_at ?? now),
    personId: id,
    about: `person:${id}`,
    facts: { by: '' },
  }));
};

/** Whom a source of people says to be away for a time; and whom somebody suspended, by the same key. */
const suspended: Look = async (snapshot, _world, now) => {
  const rows = await snapshot
    .selectFrom('people')
    .select(['id', 'suspended_at'])
    .where('state', '=', 'suspended')
    .where('suspended_at', '>', new Date(now.getTime() - DAY / 4))
    .limit(MOST)
    .execute();
  return rows.map(({ id, suspended_at }) => ({
    event: 'person-suspended',
    key: suspendedKey(id, suspended_at ?? now),
    personId: id,
    about: `person:${id}`,
    facts: { by: '' },
  }));
};

/** What devices ask for and somebody must decide on. */
const approvals: Look = async (snapshot) => {
  const rows = await snapshot
    .selectFrom('device_enrolments')
    .select(['id', 'person_id', 'use'])
    .where('state', '=', 'waiting')
    .where(
      sql<boolean>`NOT EXISTS (SELECT 1 FROM notice_events e WHERE e.key = 'approval-pending ' || device_enrolments.id)`,
    )
    .limit(MOST)
    .execute();
  return rows.map(({ id, person_id, use }) => ({
    event: 'approval-pending',
    key: `approval-pending ${id}`,
    personId: person_id,
    about: `enrolment:${id}`,
    facts: { use },
  }));
};

/** A newer certificate for the same use, where there was one before. */
const renewed: Look = async (snapshot, _world, now) => {
  const rows = await snapshot
    .selectFrom('certificates as c')
    .innerJoin('people as p', 'p.id', 'c.person_id')
    .select(['c.serial_number', 'c.person_id', 'c.use', 'c.not_after'])
    .where('c.use', 'in', ['signing', 'encryption'])
    .where('c.issued_at', '>', new Date(now.getTime() - DAY / 4))
    .where('c.revoked_at', 'is', null)
    .where('p.state', '=', 'active')
    .where(
      // Of another key too; not one that is only half a day older, as where somebody's name was put right.
      sql<boolean>`EXISTS (SELECT 1 FROM certificates o WHERE o.person_id = c.person_id AND o.use = c.use
        AND o.revoked_at IS NULL AND o.not_after < c.not_after - interval '12 hours')`,
    )
    .where(
      // Nor what its owner is asked to collect, or has collected since: the link told them.
      sql<boolean>`NOT EXISTS (SELECT 1 FROM escrowed_keys k WHERE k.id = c.escrowed_key_id
        AND (k.delivered_at IS NULL OR k.delivered_at > c.issued_at)
        AND NOT EXISTS (SELECT 1 FROM escrow_locks l WHERE l.escrowed_key_id = k.id AND l.kind = 'gateway'))`,
    )
    .where(sql<boolean>`NOT EXISTS (SELECT 1 FROM notice_events e WHERE e.key = 'renewed ' || c.serial_number)`)
    .limit(MOST)
    .execute();
  return rows.map((row) => ({
    event: 'certificate-renewed',
    key: `renewed ${row.serial_number}`,
    ...(row.person_id !== null && { personId: row.person_id }),
    about: `certificate:${row.serial_number}`,
    facts: { use: row.use, until: row.not_after },
  }));
};

/** A certificate that could not be made for ten minutes, and why. */
const delayed: Look = async (snapshot, _world, now) => {
  const rows = await snapshot
    .selectFrom('enrollments as e')
    .select(['e.id', 'e.person_id', 'e.use', 'e.error'])
    .where('e.state', '=', 'waiting')
    .where('e.error', 'is not', null)
    .where('e.created_at', '<=', new Date(now.getTime() - 600_000))
    .where(sql<boolean>`NOT EXISTS (SELECT 1 FROM notice_events k WHERE k.key = 'delayed ' || e.id)`)
    .limit(MOST)
    .execute();
  return rows.map((row) => ({
    event: 'enrolment-delayed',
    key: `delayed ${row.id}`,
    personId: row.person_id,
    about: `person:${row.person_id}`,
    facts: { use: row.use, detail: row.error ?? '' },
  }));
};

/** What a source says that contradicts what is here, and a directory that suddenly has far fewer people and asks: each once. */
const sourcesInTrouble: Look = async (snapshot) => {
  const conflicts = await snapshot
    .selectFrom('source_records')
    .select(['id', 'source', 'person_id', 'conflict'])
    .where('conflict', 'is not', null)
    .where('gone_at', 'is', null)
    .where(
      sql<boolean>`NOT EXISTS (SELECT 1 FROM notice_events e
        WHERE e.key = 'people-conflict ' || id || ' ' || md5(conflict->>'message'))`,
    )
    .select(sql<string>`md5(conflict->>'message')`.as('digest'))
    .limit(MOST)
    .execute();
  const asking = await snapshot
    .selectFrom('directory_syncs')
    .select(['name', 'question'])
    .where('outcome', '=', 'asking')
    .where('question', 'is not', null)
    .execute();
  return [
    ...conflicts.map(({ id, source, person_id, conflict, digest }) => ({
      event: 'people-conflict' as const,
      key: `people-conflict ${id} ${digest}`,
      about: person_id === null ? `source:${source}` : `person:${person_id}`,
      facts: { source, detail: conflict?.message ?? '' },
    })),
    ...asking.map(({ name, question }) => ({
      event: 'people-drop' as const,
      key: `people-drop ${name} ${String(question?.askedAt)}`,
      about: `source:${name}`,
      // So many would leave at once, of so many.
      facts: {
        source: name,
        detail: `${Array.isArray(question?.losses) ? question.losses.length : '?'} / ${String(question?.known)}`,
      },
    })),
  ];
};

/** An operator whom leaving did not shut out, since they are the last administrator: once for each time. */
const administratorsKept: Look = async (snapshot) =>
  (await operatorsKept(snapshot)).flatMap(({ id, departed_with }) =>
    departed_with === null
      ? []
      : [
          {
            event: 'administrator-left' as const,
            key: `administrator-left ${id} ${departed_with}`,
            personId: departed_with,
            about: `person:${departed_with}`,
            facts: {},
          },
        ],
  );

const conditions: readonly Look[] = [
  administratorsKept,
  sourcesInTrouble,
  leavers,
  suspended,
  approvals,
  lapsingLinks,
  expiring,
  renewed,
  delayed,
  ...troubles,
];
