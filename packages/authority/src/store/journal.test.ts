/** A journal that is searched when it is large: what is found, and what the database looks at to find it. */
import type { JournalEntry, JournalFilter } from '@chancery/api';
import { Kysely, PostgresDialect } from 'kysely';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type PkiOffice, pkiOffice } from '../../test/pki-office.ts';
import { createGateway } from '../identity/gateways.ts';
import { purgeEndedJournal, writeJournal } from '../mail-flow/journal.ts';
import { perform } from '../operation.ts';
import { system } from '../principal.ts';
import { findJournalEntry, type JournalRow, readJournal } from './journal.ts';
import { otherRules, readRuleCounts } from './rule-counts.ts';
import type { Schema } from './schema.ts';

/** `CHANCERY_JOURNAL_ROWS=1000000` says how long each way to ask takes of so many. */
const ROWS = Number(process.env.CHANCERY_JOURNAL_ROWS ?? 6_000);
const DAY = 86_400_000;

let office: PkiOffice;
let gateway: { kind: 'gateway'; id: string; name: string };
const now = new Date();

beforeAll(async () => {
  office = await pkiOffice();
  await perform(office.world, createGateway, system, { name: 'edge' });
  const { pool } = office.world.database;
  const { rows } = await pool.query<{ id: string }>('SELECT id FROM gateways');
  gateway = { kind: 'gateway', id: rows[0]?.id as string, name: 'edge' };
  // One record a second. A rule, an outcome, a verdict, an address and a domain that are rare stand among the oldest only.
  await pool.query(
    `INSERT INTO mail_journal (id, gateway_id, at, direction, message_id, sender, recipient, rule, outcome, verdict, detail, rule_set, shadow)
     SELECT md5('j' || n)::uuid, $1, $2::timestamptz - n * interval '1 second', CASE WHEN n % 3 = 0 THEN 'inbound' ELSE 'outbound' END,
       '<' || n || '@example.com>', 'Person' || n % 50 || '@example.com',
       CASE WHEN n > $3::int - 20 THEN 'Bea@Rare.example' ELSE 'partner' || n % 500 || '@many.example' END,
       CASE WHEN n > $3::int - 20 THEN 'rare' ELSE 'default' END, CASE WHEN n > $3::int - 20 THEN 'refused' ELSE 'signed' END,
       CASE WHEN n % 3 = 0 THEN CASE WHEN n > $3::int - 20 THEN 'invalid' ELSE 'valid' END END, '', CASE WHEN n > $3::int - 20 THEN 7 ELSE 8 END,
       CASE WHEN n > $3::int - 20 THEN '[{"rule":"strict","outcome":"refused","detail":"no key"}]'::jsonb ELSE '[]'::jsonb END
     FROM generate_series(1, $3::int) AS n`,
    [gateway.id, now, ROWS],
  );
  await pool.query('ANALYZE mail_journal');
}, 600_000);
afterAll(() => office.close());

const page = (filter: JournalFilter & { limit?: number; whole?: boolean; before?: { at: Date; id: string } }) =>
  office.world.database.snapshot((snapshot) => readJournal(snapshot, { limit: 50, ...filter }));

async function everything(filter: JournalFilter, limit = 7): Promise<JournalRow[]> {
  const all: JournalRow[] = [];
  for (let before: { at: Date; id: string } | undefined; ; ) {
    const { rows, next } = await page({ ...filter, limit, ...(before && { before }) });
    all.push(...rows);
    if (next === null) return all;
    before = next;
  }
}

const rare = 20;
const searches: [string, JournalFilter, number | undefined][] = [
  ['everything', {}, undefined],
  ['a sender', { address: 'PERSON7@example.com' }, undefined],
  ['a rare recipient', { address: 'bea@rare.example' }, rare],
  ['a domain of senders', { domain: '@Example.com' }, undefined],
  ['a rare domain', { domain: 'rare.example' }, rare],
  ['a message id', { messageId: '<77@example.com>' }, 1],
  ['a message id, as a search', { search: '<77@example.com>' }, 1],
  ['an address, as a search', { search: 'bea@rare.example' }, rare],
  ['a rare rule', { rule: 'rare' }, rare],
  ['a rare outcome', { outcome: 'refused' }, rare],
  ['a rare verdict', { verdict: 'invalid' }, undefined],
  ['an old version of the rules', { ruleSet: 7 }, rare],
  ['what rules in shadow would change', { shadow: 'any' }, rare],
  ['what one rule in shadow would change', { shadow: 'strict' }, rare],
  ['a rare rule towards a domain', { rule: 'rare', domain: 'many.example' }, 0],
];

describe('a search of the journal', () => {
  it.each(searches)('finds %s by an index, whatever the length', async (_, filter, count) => {
    const { result, looked, milliseconds } = await watched(filter);
    if (count !== undefined) expect(result.total).toBe(count);
    expect(result.rows.length).toBeGreaterThanOrEqual(Math.min(50, count ?? 1));
    const order = result.rows.map(({ at, id }) => `${at.toISOString()} ${id}`);
    expect(order).toEqual([...order].sort().reverse());
    // A page and what is counted, on both sides of the mail: no more, of however many. In a large journal PostgreSQL counts to a
    // thousand of a sender with a fiftieth of all records by passing over the others, which costs it less than their places.
    expect(looked).toBeLessThan(ROWS > 100_000 ? 60_000 : 2_600);
    if (ROWS > 100_000) console.info(`${_}: ${milliseconds.toFixed(1)} ms, ${looked} rows looked at`);
  });

  it('shows every record once, page after page, and nobody twice who wrote to themselves', async () => {
    const found = await everything({ domain: 'rare.example' });
    expect(new Set(found.map(({ id }) => id)).size).toBe(rare);
    await tell([entry({ sender: 'me@self.example', recipient: 'me@self.example' })]);
    expect((await page({ address: 'me@self.example' })).total).toBe(1);
    expect((await page({ domain: 'self.example' })).rows).toHaveLength(1);
  });

  it('finds a part of a text, in short pages where it must, and to the end', async () => {
    const found = await everything({ search: 'RARE.exam' }, 6);
    expect(found.map(({ recipient }) => recipient)).toEqual(Array(rare).fill('Bea@Rare.example'));
    expect(await everything({ search: '100%_' })).toEqual([]);
  }, 60_000);

  it('counts to a thousand, and between two instants', async () => {
    expect(await page({ rule: 'default' })).toMatchObject({ total: 1_000, totalIsExact: false });
    const since = new Date(now.getTime() - 10_500).toISOString();
    const until = new Date(now.getTime() - 2_500).toISOString();
    expect((await page({ since, until })).total).toBe(8);
    expect((await page({ direction: 'inbound', gateway: 'edge', since, until })).total).toBe(3);
    expect((await page({ gateway: 'nobody' })).total).toBe(0);
  });
});

describe('what a gateway tells', () => {
  it('is one record for each recipient, with what it was decided from and what became of the others', async () => {
    const arrival = crypto.randomUUID();
    const facts = { direction: 'outbound', recipients: [{ address: 'a@x.example', certificate: 'good' }] };
    const shadow = [{ rule: 'strict', outcome: 'refused', detail: 'no certificate' }] as const;
    const one = entry({ arrival, facts, shadow: [...shadow], ruleSet: 3, rule: 'partners' });
    const other = entry({ arrival, recipient: 'b@x.example', rule: 'partners' });
    await tell([one, other]);
    await tell([one]);
    const found = await office.world.database.snapshot((snapshot) => findJournalEntry(snapshot, one.id));
    expect(found?.row).toMatchObject({ facts, shadow, rule_set: 3, gateway: 'edge' });
    expect(found?.others.map(({ recipient }) => recipient)).toEqual(['b@x.example']);
    const counts = await office.world.database.snapshot((snapshot) => readRuleCounts(snapshot, today()));
    expect(counts.filter(({ rule }) => rule === 'partners')).toEqual([
      { rule: 'partners', direction: 'outbound', outcome: 'signed', shadow: false, count: 2 },
    ]);
    expect(counts).toContainEqual({
      rule: 'strict',
      direction: 'outbound',
      outcome: 'refused',
      shadow: true,
      count: 1,
    });
  });

  it('says of a delivery what it is told later, once, and by that gateway alone', async () => {
    const one = entry({ rule: 'delivered', recipient: 'd@x.example' });
    const late = entry({ rule: 'delivered', recipient: 'e@x.example' });
    const delivery = { at: now.toISOString(), host: 'mx.x.example', security: 'TLSv1.3, DANE 3 1 1' };
    const deliveryOf = async ({ id }: JournalEntry) =>
      (await office.world.database.snapshot((snapshot) => findJournalEntry(snapshot, id)))?.row.delivery;
    await tell([one]);
    expect(await deliveryOf(one)).toBeNull();
    // Both in one batch, as they are where the gateway is quick.
    await tell([late, { ...one, delivery, detail: 'altered' }, { ...late, delivery }, late]);
    expect([await deliveryOf(one), await deliveryOf(late)]).toEqual([delivery, delivery]);
    await tell([{ ...one, delivery: { ...delivery, host: 'elsewhere.example' } }, late]);
    expect([await deliveryOf(one), await deliveryOf(late)]).toEqual([delivery, delivery]);
    const found = await office.world.database.snapshot((snapshot) => findJournalEntry(snapshot, one.id));
    expect(found?.row.detail).toBe(one.detail);
    const counts = await office.world.database.snapshot((snapshot) => readRuleCounts(snapshot, today()));
    expect(counts.find(({ rule }) => rule === 'delivered')?.count).toBe(2);
  });

  it('is kept whatever a stranger has written into it, and the rest of the batch with it', async () => {
    const odd = {
      ...{ detail: 'the part \0 of \ud83d', sender: 'a\0@x.example', rule: 'odd' },
      facts: { headers: [{ name: 'sensitivity', value: 'a\0\udc00\\u0000' }] },
    };
    const rest = entry({ rule: 'odd' });
    await tell([entry(odd), rest]);
    const { rows } = await page({ rule: 'odd', whole: true });
    expect(rows.map(({ id }) => id)).toContain(rest.id);
    const kept = rows.find(({ id }) => id !== rest.id);
    expect(kept).toMatchObject({ detail: 'the part \ufffd of \ufffd', sender: 'a\ufffd@x.example' });
    expect(kept?.facts).toEqual({ headers: [{ name: 'sensitivity', value: 'a\ufffd\ufffd\\u0000' }] });
  });

  it('makes up no more names of rules than are counted apart', async () => {
    for (const from of [0, 600])
      await tell(Array.from({ length: 600 }, (_, n) => entry({ rule: `made up ${from + n}`, outcome: 'plain' })));
    const counts = await office.world.database.snapshot((snapshot) => readRuleCounts(snapshot));
    const names = new Set(counts.map(({ rule }) => rule));
    expect(names.size).toBeLessThanOrEqual(1_001);
    expect(counts.find(({ rule }) => rule === otherRules)?.count).toBeGreaterThan(190);
  });
});

describe('at the end of its time', () => {
  it('is forgotten in batches, each on record; what the rules did stays', async () => {
    const old = new Date(now.getTime() - 400 * DAY);
    await office.world.database.pool.query(
      `INSERT INTO mail_journal (id, gateway_id, at, direction, sender, recipient, rule, outcome, detail)
       SELECT gen_random_uuid(), $1, $2, 'inbound', 'a@b.example', 'c@example.com', 'old', 'plain', '' FROM generate_series(1, 10050)`,
      [gateway.id, old],
    );
    const kept = (await page({})).total;
    await purgeEndedJournal(office.world);
    await purgeEndedJournal(office.world);
    expect((await page({ rule: 'old' })).total).toBe(0);
    expect((await page({})).total).toBe(kept);
    const { rows } = await office.world.database.pool.query(
      `SELECT details->>'deleted' AS deleted FROM audit_records WHERE action = 'journal.purge' ORDER BY sequence`,
    );
    expect(rows.map(({ deleted }) => deleted)).toEqual(['10000', '50']);
    const counts = await office.world.database.snapshot((snapshot) => readRuleCounts(snapshot, today()));
    expect(counts.some(({ rule }) => rule === 'partners')).toBe(true);
  });
});

const today = (): string => new Date().toISOString().slice(0, 10);

const tell = (entries: JournalEntry[]) => perform(office.world, writeJournal, gateway, { entries });

function entry(more: Partial<JournalEntry>): JournalEntry {
  return {
    id: crypto.randomUUID(),
    at: new Date().toISOString(),
    direction: 'outbound',
    messageId: null,
    sender: 'ada@example.com',
    recipient: 'a@x.example',
    rule: null,
    outcome: 'signed',
    verdict: null,
    detail: '',
    ...more,
  };
}

interface PlanNode {
  readonly 'Relation Name'?: string;
  readonly 'Actual Rows': number;
  readonly 'Actual Loops': number;
  readonly 'Rows Removed by Filter'?: number;
  readonly 'Rows Removed by Index Recheck'?: number;
  readonly Plans?: readonly PlanNode[];
}

/** A search, and how many rows of the journal the database looked at for it. */
async function watched(filter: JournalFilter) {
  const { pool } = office.world.database;
  const asked: { sql: string; parameters: readonly unknown[] }[] = [];
  const kysely = new Kysely<Schema>({
    dialect: new PostgresDialect({ pool }),
    log: ({ query }) => void asked.push({ sql: query.sql, parameters: query.parameters }),
  });
  const began = performance.now();
  const result = await readJournal(kysely, { limit: 50, ...filter });
  const milliseconds = performance.now() - began;
  let looked = 0;
  for (const { sql, parameters } of asked) {
    const { rows } = await pool.query(`EXPLAIN (ANALYZE, FORMAT JSON) ${sql}`, [...parameters]);
    looked += lookedAt(rows[0]['QUERY PLAN'][0].Plan as PlanNode);
  }
  return { result, looked, milliseconds };
}

/** Bitmaps are read by an index and then by the table: what the table gives counts. */
function lookedAt(node: PlanNode): number {
  const here =
    node['Relation Name'] === 'mail_journal'
      ? (node['Actual Rows'] + (node['Rows Removed by Filter'] ?? 0) + (node['Rows Removed by Index Recheck'] ?? 0)) *
        node['Actual Loops']
      : 0;
  return here + (node.Plans ?? []).reduce((sum, one) => sum + lookedAt(one), 0);
}
