/**
 * The office of a year in fast time, as a process that may be killed at any moment: it is told a day and what happens on it, does what
 * is not done yet, and says so. Everything that must outlive it is in the database, the key store and a folder.
 */
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import {
  buildName,
  buildRequest,
  decryptContent,
  encryptContent,
  localSigner,
  parseCertificate,
  parseCrl,
} from '@chancery/smime';
import { applyProfile } from '../../packages/authority/src/ca/change-profile.ts';
import { createGateway } from '../../packages/authority/src/identity/gateways.ts';
import { tick } from '../../packages/authority/src/jobs/scheduler.ts';
import { perform } from '../../packages/authority/src/operation.ts';
import { type Principal, system } from '../../packages/authority/src/principal.ts';
import { reportCompromise } from '../../packages/authority/src/ra/compromise.ts';
import { enrolGateway, issueGatewaySigning, issueSigning } from '../../packages/authority/src/ra/enrollment.ts';
import { gatewayConfiguration, usableCertificates } from '../../packages/authority/src/ra/gateways.ts';
import { removePerson, returnPerson, suspendPerson } from '../../packages/authority/src/ra/offboarding.ts';
import { addPerson, changePerson } from '../../packages/authority/src/ra/onboarding.ts';
import { latestCrl, readCrl } from '../../packages/authority/src/store/crls.ts';
import type { Snapshot } from '../../packages/authority/src/store/database.ts';
import { markDelivered } from '../../packages/authority/src/store/escrow.ts';
import { latestProfile } from '../../packages/authority/src/store/profiles.ts';
import { type EscrowOffice, escrowOffice } from '../../packages/authority/test/escrow-office.ts';
import { type Published, toBePublished } from './year-directory.ts';
import { type Act, addressOf, byGateway, isSampled, nameOf, type Planned } from './year-plan.ts';
import { recovered } from './year-recovery.ts';

export type Order =
  | {
      readonly kind: 'day';
      readonly day: number;
      /** How often the day was begun before: its clock goes on. */
      readonly attempt: number;
      /** On whose evening mail is written and lists are read. */
      readonly monthEnds: boolean;
      readonly acts: readonly Act[];
      readonly evening: readonly Planned[];
    }
  | { readonly kind: 'end'; readonly evening: readonly Planned[] };

export type Answer =
  | { readonly kind: 'ready' }
  | {
      readonly kind: 'done';
      readonly day: number;
      readonly broken: readonly string[];
      /** At a month's end: what the directory is to hold. */
      readonly published: readonly Published[] | null;
      /** Milliseconds by what was done. */
      readonly spent: Readonly<Record<string, number>>;
    }
  | { readonly kind: 'end'; readonly broken: readonly string[]; readonly figures: Readonly<Record<string, number>> };

const DAY = 86_400_000;
const FIRST = Date.UTC(2026, 0, 1, 6);
/** Certificates asked for at a time: those are issued as a group. */
const WIDTH = 16;

const [home = '', connection = '{}', publication = '', stride = '1'] = process.argv.slice(2);
let dayBegan = { day: 0, attempt: 0, at: performance.now() };
const now = () =>
  new Date(FIRST + dayBegan.day * DAY + dayBegan.attempt * 1_800_000 + Math.floor(performance.now() - dayBegan.at));

const office: EscrowOffice = await escrowOffice({
  clock: now,
  at: { home, connection: JSON.parse(connection) },
  width: WIDTH,
  config: `[renewal]\nperDay = 100000\n${publication}`,
});
const { world } = office;
const read = <T>(run: (snapshot: Snapshot) => Promise<T>) => world.database.snapshot(run);
await prepare();
// What a killed process had in hand is told again, as the queue does by itself after its heartbeat.
await office.query(`UPDATE jobs.job SET state = 'retry', start_after = now() WHERE state = 'active'`);
answer({ kind: 'ready' });

process.on('message', (order: Order) => {
  const work = order.kind === 'day' ? live(order) : judge(order.evening);
  work.then(answer, (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.stack : String(error)}\n`);
    process.exit(3);
  });
});
process.on('disconnect', () => process.exit(0));

function answer(message: Answer): void {
  process.send?.(message);
}

/** A quarter's validity, so that everything is renewed several times; and a gateway. */
async function prepare(): Promise<void> {
  for (const id of ['signing', 'encryption', 'gateway']) {
    const profile = await read((snapshot) => latestProfile(snapshot, id));
    if (profile === undefined || profile.document.validityDays === 90) continue;
    const document = { ...profile.document, validityDays: 90, renewalDays: 30 };
    await perform(world, applyProfile, system, { id, document, expectedVersion: profile.version });
  }
  if ((await office.query(`SELECT 1 FROM gateways WHERE name = 'gate'`)).length === 0)
    await perform(world, createGateway, system, { name: 'gate' });
  // Before anybody joins: whoever lets it open their mail has their first key locked to it.
  if ((await office.query(`SELECT 1 FROM certificates WHERE use = 'gateway'`)).length === 0)
    await enrolGateway(world, await gateway(), await csrOf(freshKey()));
  mkdirSync(path.join(home, 'mail'), { recursive: true });
}

/** One day: what people and their sources do, then the office, then gateways and owners, then the office again. */
async function live({ day, attempt, monthEnds, acts, evening }: Extract<Order, { kind: 'day' }>): Promise<Answer> {
  dayBegan = { day, attempt, at: performance.now() };
  const spent: Record<string, number> = {};
  const timed = async <T>(what: string, run: () => Promise<T>): Promise<T> => {
    const began = performance.now();
    const result = await run();
    spent[what] = (spent[what] ?? 0) + performance.now() - began;
    return result;
  };
  await timed('acts', async () => {
    for (const act of acts) await doOnce(act);
  });
  await timed('minute', () => tick(world));
  await timed('jobs', () => office.drain());
  await timed('gateway', actAsGateway);
  await timed('owners', actAsOwners);
  await timed('jobs', () => office.drain());
  const broken = await timed('evening', () => lookOver(evening));
  if (monthEnds) broken.push(...(await timed('month', () => endMonth(day, evening))));
  const published = monthEnds ? await toBePublished(office.query, { at: now(), stride: Number(stride) }) : null;
  return { kind: 'done', day, broken: broken.map((what) => `day ${day}: ${what}`), published, spent };
}

async function turn(): Promise<void> {
  await tick(world);
  await office.drain();
}

interface Found {
  readonly id: string;
  readonly state: string;
  readonly name: string;
  readonly address: string;
}

async function find(person: number): Promise<Found | undefined> {
  const [row] = await office.query(
    `SELECT p.id, p.state, p.name, (SELECT address FROM person_addresses a WHERE a.person_id = p.id AND is_primary) AS address
     FROM people p WHERE external_id = $1`,
    [String(person)],
  );
  return row as Found | undefined;
}

/** What was done before a kill is found done. */
async function doOnce({ kind, person, turn: count }: Act): Promise<void> {
  const found = await find(person);
  if (kind === 'join') {
    if (found !== undefined) return;
    await perform(world, addPerson, system, {
      address: addressOf(person, 0),
      name: nameOf(person, 0),
      aliases: [],
      externalId: String(person),
      signingKey: byGateway(person) ? 'gateway' : 'device',
      gatewayDecrypts: byGateway(person),
    });
    return;
  }
  if (found === undefined) throw new Error(`Person ${person} is not here`);
  const { id, state } = found;
  switch (kind) {
    case 'rename':
      if (found.name !== nameOf(person, count))
        await perform(world, changePerson, system, { id, name: nameOf(person, count) });
      return;
    case 'readdress':
      if (found.address === addressOf(person, count)) return;
      await perform(world, changePerson, system, { id, aliases: [addressOf(person, count)] });
      return;
    case 'lose-key': {
      const [row] = await office.query(
        `SELECT serial_number, (SELECT count(*) FROM escrowed_keys WHERE person_id = $1)::int AS keys FROM certificates
         WHERE person_id = $1 AND use = 'encryption' AND revoked_at IS NULL AND not_after > $2
         ORDER BY issued_at DESC LIMIT 1`,
        [id, now()],
      );
      if (row === undefined || Number(row.keys) > count) return;
      await perform(world, reportCompromise, system, { personId: id, serialNumber: String(row.serial_number) });
      return;
    }
    case 'suspend':
      if (state === 'active') await perform(world, suspendPerson, system, { id });
      return;
    case 'leave':
      if (state !== 'left') await perform(world, removePerson, system, { id });
      return;
    case 'return':
    case 'come-back':
      if (state !== 'active') await perform(world, returnPerson, system, { id });
  }
}

async function csrOf(key: KeyObject): Promise<string> {
  const subject = buildName([{ type: 'commonName', value: 'x' }]);
  return Buffer.from(await buildRequest({ subject, signer: localSigner(key) })).toString('base64');
}

function freshKey(): KeyObject {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey;
}

async function gateway(): Promise<Extract<Principal, { kind: 'gateway' }>> {
  const [row] = await office.query(`SELECT id FROM gateways WHERE name = 'gate'`);
  return { kind: 'gateway', id: String(row?.id), name: 'gate' };
}

/** As the mail gateway does with each configuration that it fetches. */
async function actAsGateway(): Promise<void> {
  const gate = await gateway();
  const { renew, people } = await read((snapshot) => gatewayConfiguration(snapshot, now()));
  const replace = new Set(renew);
  const held = new Map(
    (
      await office.query(
        `SELECT DISTINCT ON (coalesce(person_id, gateway_id)) coalesce(person_id, gateway_id) AS holder, serial_number, addresses,
           revoked_at IS NULL AND not_after > $1 AS good FROM certificates
         WHERE key_origin = 'gateway' ORDER BY coalesce(person_id, gateway_id), issued_at DESC`,
        [now()],
      )
    ).map((one) => [String(one.holder), one]),
  );
  const own = held.get(gate.id);
  if (own?.good !== true || replace.has(String(own.serial_number))) {
    await enrolGateway(world, gate, await csrOf(freshKey()));
    await office.drain();
  }
  const lacking = people.filter((person) => {
    if (person.signingKey !== 'gateway') return false;
    const one = held.get(person.personId);
    const wanted = [person.address, ...person.aliases].sort().join();
    const named = ((one?.addresses as string[] | undefined) ?? []).toSorted().join();
    return one?.good !== true || replace.has(String(one.serial_number)) || wanted !== named;
  });
  await inGroups(lacking, async ({ address }) => {
    await issueGatewaySigning(world, gate, { address, csr: await csrOf(freshKey()) });
  });
}

async function inGroups<T>(all: readonly T[], act: (one: T) => Promise<void>): Promise<void> {
  for (let from = 0; from < all.length; from += WIDTH) await Promise.all(all.slice(from, from + WIDTH).map(act));
}

/** They fetch the keys that wait for them, and make signing keys where one is wanted. */
async function actAsOwners(): Promise<void> {
  const waiting = await office.query(
    `SELECT e.id, e.person_id FROM escrowed_keys e JOIN people p ON p.id = e.person_id
     WHERE p.state = 'active' AND NOT p.gateway_decrypts AND e.delivered_at IS NULL
       AND EXISTS (SELECT 1 FROM certificates c WHERE c.escrowed_key_id = e.id)`,
  );
  // As the link does it: in one transaction with the publication that waited for it.
  await world.database.operations.transaction(async (tx) => {
    const ids = waiting.map(({ id }) => String(id));
    await markDelivered(tx, ids, now());
    await world.jobs.enqueueAll(
      tx,
      'publish-person',
      waiting.map(({ person_id }) => ({ personId: String(person_id) })),
    );
  });
  // Nobody has one, or it is due and they were asked: owners do nothing by themselves.
  const lacking = await office.query(
    `SELECT p.id, p.name FROM people p WHERE p.state = 'active' AND p.signing_key = 'device' AND NOT EXISTS (
       SELECT 1 FROM certificates c LEFT JOIN renewals r USING (serial_number) WHERE c.person_id = p.id AND c.use = 'signing'
         AND c.revoked_at IS NULL AND c.not_after > $1 AND c.renew_at > $1 AND r.serial_number IS NULL)
       AND (NOT EXISTS (SELECT 1 FROM certificates c WHERE c.person_id = p.id AND c.use = 'signing' AND c.revoked_at IS NULL
           AND c.not_after > $1)
         OR EXISTS (SELECT 1 FROM certificates c JOIN renewals r USING (serial_number) WHERE c.person_id = p.id
           AND c.use = 'signing' AND c.revoked_at IS NULL AND c.not_after > $1))`,
    [now()],
  );
  await inGroups(lacking, async ({ id, name }) => {
    const by: Principal = { kind: 'person', id: String(id), name: String(name) };
    await issueSigning(world, by, { personId: by.id, csr: await csrOf(freshKey()), keyOrigin: 'browser' });
  });
}

/** Every evening: nobody here uncovered, nobody away with anything that is good, nobody otherwise than planned. */
async function lookOver(evening: readonly Planned[]): Promise<string[]> {
  const broken: string[] = [];
  const rows = await office.query(
    `SELECT p.external_id, p.state, p.name, p.signing_key,
       (SELECT array_agg(a.address) FROM person_addresses a WHERE a.person_id = p.id) AS addresses,
       (SELECT count(*)::int FROM escrowed_keys e WHERE e.person_id = p.id) AS keys,
       (SELECT count(*)::int FROM certificates c WHERE c.person_id = p.id AND c.revoked_at IS NULL AND c.not_after > $1) AS good,
       EXISTS (SELECT 1 FROM certificates c WHERE c.person_id = p.id AND c.use = 'signing' AND c.revoked_at IS NULL
         AND c.not_before <= $1 AND c.not_after > $1) AS signs,
       EXISTS (SELECT 1 FROM certificates c JOIN escrowed_keys e ON e.id = c.escrowed_key_id
         WHERE c.person_id = p.id AND c.revoked_at IS NULL AND c.not_before <= $1 AND c.not_after > $1
           AND c.addresses @> (SELECT array_agg(a.address) FROM person_addresses a WHERE a.person_id = p.id)
           AND (e.delivered_at IS NOT NULL OR EXISTS (
             SELECT 1 FROM escrow_locks l WHERE l.escrowed_key_id = e.id AND l.kind = 'gateway'))) AS reads
     FROM people p`,
    [now()],
  );
  const found = new Map(rows.map((row) => [Number(row.external_id), row]));
  for (const [person, planned] of evening.entries()) {
    const row = found.get(person);
    const say = (what: string) => broken.push(`person ${person} ${what}`);
    if (planned.state === 'absent') {
      if (row !== undefined) say('is here before their time');
      continue;
    }
    if (row === undefined) {
      say('is not here');
      continue;
    }
    if (row.state !== planned.state) say(`is ${row.state}, planned ${planned.state}`);
    if (row.name !== nameOf(person, planned.name)) say(`is called ${row.name}`);
    if (!(row.addresses as string[]).includes(addressOf(person, planned.address))) say('lacks their address');
    if (planned.state === 'active') {
      if (row.signs !== true) say('cannot sign');
      if (row.reads !== true) say('cannot be written to');
    } else if (Number(row.good) > 0) say(`is ${planned.state} and has ${row.good} certificates that are good`);
    if (Number(row.keys) !== planned.keys) say(`has ${row.keys} keys, planned ${planned.keys}`);
  }
  return broken;
}

/** The list says what is revoked, no more and no less; all that ended was renewed; some mail is written and kept. */
async function endMonth(day: number, evening: readonly Planned[]): Promise<string[]> {
  const broken: string[] = [];
  const at = now();
  for (const { id, slug } of await office.query('SELECT id, slug FROM authorities')) {
    const scope = { authorityId: String(id), shard: null };
    const der = await read(async (snapshot) => {
      const crl = await latestCrl(snapshot, scope);
      return crl && readCrl(snapshot, scope, crl);
    });
    if (der === undefined) {
      broken.push(`${slug} has no list`);
      continue;
    }
    const crl = parseCrl(der);
    if ((crl.nextUpdate?.getTime() ?? 0) <= at.getTime()) broken.push(`the list of ${slug} has ended`);
    const revoked = await office.query(
      `SELECT serial_number, revoked_at, not_after > $2 AS counts FROM certificates WHERE authority_id = $1`,
      [id, crl.thisUpdate],
    );
    for (const row of revoked) {
      const listed = crl.find(String(row.serial_number)) !== undefined;
      if (row.revoked_at !== null && row.counts === true && !listed) broken.push(`${row.serial_number} is not listed`);
      if (row.revoked_at === null && listed) broken.push(`${row.serial_number} is listed and good`);
    }
  }
  const unrenewed = await office.query(
    `SELECT c.serial_number, c.use FROM certificates c JOIN people p ON p.id = c.person_id
     WHERE p.state = 'active' AND c.revoked_at IS NULL AND c.not_after <= $1 AND NOT EXISTS (
       -- whoever was away is judged by every evening alone
       SELECT 1 FROM audit_records r WHERE r.subject = 'person:' || p.id AND r.action = 'person.suspend') AND NOT EXISTS (
       SELECT 1 FROM certificates n WHERE n.person_id = c.person_id AND n.use = c.use AND n.issued_at > c.issued_at
         AND n.issued_at < c.not_after AND n.not_after > c.not_after)`,
    [at],
  );
  for (const { serial_number, use } of unrenewed) broken.push(`${use} certificate ${serial_number} ended unrenewed`);
  for (const [person, planned] of evening.entries()) {
    if (!isSampled(person)) continue;
    const address = addressOf(person, planned.address);
    const given = await read((snapshot) => usableCertificates(snapshot, address, at));
    if ((planned.state === 'active') !== given.length > 0)
      broken.push(`${given.length} certificates are given out for person ${person}, who is ${planned.state}`);
    const [newest] = given;
    if (newest === undefined) continue;
    const object = await encryptContent({
      content: Buffer.from(`to ${person} on day ${day}`),
      recipients: [parseCertificate(newest.certificate)],
    });
    // Whole or not at all.
    const file = path.join(home, 'mail', `${person}-${day}.p7m`);
    writeFileSync(`${file}.new`, object);
    renameSync(`${file}.new`, file);
  }
  return broken;
}

/** All mail that was kept is read with keys that a quorum recovers, whoever has left meanwhile; and the trail is whole. */
async function judge(evening: readonly Planned[]): Promise<Answer> {
  const broken = await lookOver(evening);
  const sampled = [...evening.keys()].filter((person) => isSampled(person) && evening[person]?.state !== 'absent');
  const personIds: string[] = [];
  for (const person of sampled) personIds.push((await find(person))?.id ?? '');
  const keys = await recovered(office, turn, personIds);
  let mails = 0;
  for (const name of readdirSync(path.join(home, 'mail')).filter((file) => file.endsWith('.p7m'))) {
    const [person, day] = name.replace('.p7m', '').split('-');
    try {
      const { content } = await decryptContent({ der: readFileSync(path.join(home, 'mail', name)), keys });
      if (Buffer.from(content).toString() !== `to ${person} on day ${day}`) throw new Error('says something else');
      mails += 1;
    } catch (error) {
      broken.push(`mail ${name} is not readable: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  const twice = await office.query(
    `SELECT a.person_id FROM certificates a JOIN certificates b ON b.person_id = a.person_id AND b.use = a.use
       AND b.escrowed_key_id = a.escrowed_key_id AND b.subject = a.subject AND b.addresses = a.addresses
       AND b.serial_number > a.serial_number AND a.revoked_at IS NULL AND b.revoked_at IS NULL
     WHERE a.use = 'encryption' AND abs(extract(epoch FROM b.issued_at - a.issued_at)) < 20 * 86400`,
  );
  if (twice.length > 0) broken.push(`${twice.length} certificates were issued twice`);
  const { verifyTrail } = await import('../../packages/authority/src/audit/verify.ts');
  const trail = await read(verifyTrail);
  if (!trail.intact) broken.push(trail.message);
  const [counts] = await office.query(
    `SELECT (SELECT count(*)::int FROM people) AS people, (SELECT count(*)::int FROM certificates) AS certificates,
       (SELECT count(*)::int FROM renewals) AS renewals, (SELECT count(*)::int FROM escrowed_keys) AS keys,
       (SELECT count(*)::int FROM certificates WHERE revoked_at IS NOT NULL) AS revoked,
       (SELECT count(*)::int FROM certificates WHERE not_after < $1) AS ended,
       (SELECT count(*)::int FROM issuance_intents WHERE state = 'abandoned') AS burnt,
       (SELECT count(*)::int FROM audit_records) AS records`,
    [now()],
  );
  return { kind: 'end', broken, figures: { ...(counts as Record<string, number>), mails, recoveredKeys: keys.length } };
}
