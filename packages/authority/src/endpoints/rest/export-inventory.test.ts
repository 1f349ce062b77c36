import { randomUUID } from 'node:crypto';
import type { CoverageItem, Holding } from '@chancery/api';
import Fastify from 'fastify';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type EscrowOffice, escrowOffice, type OperatorPrincipal } from '../../../test/escrow-office.ts';
import { holdCertificate, revokeCertificate } from '../../ca/revoke.ts';
import {
  coverageCounts,
  coveragePage,
  describeView,
  holdingsPage,
  ownerOf,
  removeView,
  saveView,
} from '../../inventory/inventory.ts';
import { perform } from '../../operation.ts';
import { system } from '../../principal.ts';
import { newClaimLink } from '../../ra/claim-link.ts';
import { removePerson } from '../../ra/offboarding.ts';
import { addPerson } from '../../ra/onboarding.ts';
import { viewsFor } from '../../store/inventory.ts';
import { hashToken } from '../../store/tokens.ts';
import { csvCell } from './csv.ts';
import { serveInventoryExport } from './export-inventory.ts';
import { answerError } from './problem.ts';

let office: EscrowOffice;
let ada: OperatorPrincipal;
let otto: OperatorPrincipal;
const ids = new Map<string, string>();
const TOKEN = 'of-a-test-and-long-enough';

beforeAll(async () => {
  office = await escrowOffice();
  ada = await office.operator('Ada', 'administrator');
  otto = await office.operator('Otto', 'auditor');
  const gatewayId = randomUUID();
  await office.query(`INSERT INTO gateways (id, name, created_at) VALUES ($1, 'gateway', now())`, [gatewayId]);
  for (const name of ['fresh', 'given', 'lapsed', 'ready', 'failed', 'held', 'revoked', 'expired', 'gone', 'gate']) {
    const { id } = await perform(office.world, addPerson, system, {
      address: `${name}@example.com`,
      name: `${name} Example`,
      aliases: [],
      externalId: null,
      signingKey: 'device',
      gatewayDecrypts: false,
    });
    ids.set(name, id);
  }
  await office.drain();
  const of = (name: string) => ids.get(name) as string;
  const serialOf = async (name: string) =>
    (await office.query('SELECT serial_number FROM certificates WHERE person_id = $1', [of(name)]))[0]
      ?.serial_number as string;
  const deliver = (name: string) =>
    office.query('UPDATE escrowed_keys SET delivered_at = now() WHERE person_id = $1', [of(name)]);
  await newClaimLink(office.world, ada, of('given'));
  await office.query('UPDATE claims SET closed_at = now(), sealed_secret = NULL WHERE person_id = ANY ($1)', [
    ['lapsed', 'ready', 'held', 'revoked', 'expired', 'gate'].map(of),
  ]);
  for (const name of ['ready', 'held', 'revoked', 'expired']) await deliver(name);
  await perform(office.world, holdCertificate, ada, { serialNumber: await serialOf('held') });
  await perform(office.world, revokeCertificate, ada, {
    serialNumber: await serialOf('revoked'),
    reason: 'superseded',
  });
  await office.query(
    `UPDATE certificates SET not_before = now() - interval '2 years', not_after = now() - interval '1 day'
    WHERE person_id = $1`,
    [of('expired')],
  );
  await perform(office.world, removePerson, ada, { id: of('gone') });
  await office.query(
    `UPDATE enrollments SET state = 'waiting', error = 'The country is missing.' WHERE person_id = $1 AND use = 'encryption'`,
    [of('failed')],
  );
  await office.query(`UPDATE people SET signing_key = 'gateway' WHERE id = $1`, [of('gate')]);
  await office.query(`UPDATE people SET attributes = '{"department": "=cmd|x"}', name = '=2+5' WHERE id = $1`, [
    of('ready'),
  ]);
  await office.query(
    `INSERT INTO escrow_locks (escrowed_key_id, kind, holder, wrapped, created_at)
    SELECT id, 'gateway', $2, '\\x00', now() FROM escrowed_keys WHERE person_id = $1`,
    [of('gate'), gatewayId],
  );
}, 120_000);
afterAll(() => office.close());

const read = <T>(run: (world: typeof office.world, snapshot: never) => Promise<T>) =>
  office.world.database.snapshot((snapshot) => run(office.world, snapshot as never));

async function everything<T>(load: (after: string | undefined) => Promise<{ items: T[]; next: string | null }>) {
  const all: T[] = [];
  for (let after: string | undefined; ; ) {
    const page = await load(after);
    all.push(...page.items);
    if (page.next === null) return all;
    after = page.next;
  }
}
const allCoverage = (filter = {}) =>
  everything<CoverageItem>((after) => read((world, s) => coveragePage(world, s, { ...filter, limit: 3, after })));
const allHoldings = (filter = {}) =>
  everything<Holding>((after) => read((world, s) => holdingsPage(world, s, { ...filter, limit: 3, after })));

describe('coverage', () => {
  it('says of everybody whether they can be written to, and why not', async () => {
    const found = await allCoverage({ use: 'encryption' });
    expect(Object.fromEntries(found.map(({ address, reason }) => [address.split('@')[0], reason]))).toEqual({
      fresh: 'link-not-given',
      given: 'link-not-used',
      lapsed: 'no-link',
      ready: 'covered',
      failed: 'enrolment-failed',
      held: 'on-hold',
      revoked: 'revoked',
      expired: 'expired',
      gate: 'covered',
    });
    expect(found.find(({ address }) => address.startsWith('failed'))?.why).toBe(
      'The certificate cannot be made. The country is missing.',
    );
    expect(found.find(({ address }) => address.startsWith('ready'))?.until).not.toBeNull();
  });

  it('says it of signing, by its own reasons', async () => {
    const found = await allCoverage({ use: 'signing' });
    const reasons = Object.fromEntries(found.map(({ address, reason }) => [address.split('@')[0], reason]));
    expect(reasons).toMatchObject({
      fresh: 'link-not-given',
      given: 'link-not-used',
      gate: 'gateway-not-enrolled',
      ready: 'no-link',
    });
    // A profile for keys on smart cards only would issue to nobody here.
    await office.query(`INSERT INTO profiles (id, version, document, created_at)
      SELECT id, max(version) + 1, jsonb_set((array_agg(document ORDER BY version DESC))[1], '{keyOrigins}', '["gateway"]'), now()
      FROM profiles WHERE id = (SELECT profile FROM profile_choices WHERE use = 'signing') GROUP BY id`);
    const refused = await allCoverage({ use: 'signing', reason: 'profile-refuses' });
    expect(refused.length).toBe(8);
  });

  it('is counted as it is listed, and pages have everybody once, in order of names', async () => {
    const all = await allCoverage();
    expect(all).toHaveLength(18);
    expect(new Set(all.map(({ personId, use }) => `${personId} ${use}`)).size).toBe(18);
    const names = all.map(({ name }) => name.toLowerCase());
    const sorted = (await office.query('SELECT lower(name) AS name FROM people ORDER BY lower(name), id')).map(
      ({ name }) => name,
    );
    expect([...new Set(names)]).toEqual(sorted.filter((name) => names.includes(name as string)));
    const { items } = await read((world, s) => coverageCounts(world, s));
    for (const { use, reason, count } of items)
      expect(await allCoverage({ use, reason }), `${use} ${reason}`).toHaveLength(count);
    expect(items.reduce((sum, { count }) => sum + count, 0)).toBe(20);
    expect((await allCoverage({ uncovered: true, use: 'encryption' })).every(({ covered }) => !covered)).toBe(true);
  });

  it('refuses a cursor that no page gave out', async () => {
    for (const after of ['x', Buffer.from('{"name":1}').toString('base64url')]) {
      await expect(read((world, s) => coveragePage(world, s, { limit: 3, after }))).rejects.toMatchObject({
        code: 'invalid-request',
      });
      await expect(read((world, s) => holdingsPage(world, s, { limit: 3, after }))).rejects.toMatchObject({
        code: 'invalid-request',
      });
    }
  });
});

describe('what people hold', () => {
  it('is listed with its escrow and where it is published; by state', async () => {
    const ready = (
      await office.query('SELECT serial_number, escrowed_key_id FROM certificates WHERE person_id = $1', [
        ids.get('ready'),
      ])
    )[0] as { serial_number: string; escrowed_key_id: string };
    await office.query(
      `INSERT INTO publications (target, serial_number, wanted, state, updated_at) VALUES ('directory', $1, true, 'published', now())`,
      [ready.serial_number],
    );
    const held = await allHoldings({ state: 'held' });
    expect(held.map(({ address, state }) => [address, state])).toEqual([['held@example.com', 'held']]);
    expect((await allHoldings({ state: 'expired' })).map(({ address }) => address)).toEqual(['expired@example.com']);
    const inForce = await allHoldings();
    expect(inForce.map(({ address }) => address)).not.toContain('revoked@example.com');
    const ends = inForce.map(({ notAfter }) => notAfter);
    expect(ends).toEqual([...ends].sort());
    const [published] = await allHoldings({ published: 'yes' });
    expect(published).toMatchObject({
      serialNumber: ready.serial_number,
      published: [{ target: 'directory', state: 'published' }],
    });
    expect(published?.escrow).toMatchObject({ provenAt: null });
    expect(published?.escrow?.deliveredAt).not.toBeNull();
    expect(await allHoldings({ proven: 'yes' })).toEqual([]);
    expect(await allHoldings({ department: '=cmd|x' })).toHaveLength(1);
    expect(await allHoldings({ search: 'ready@' })).toHaveLength(1);
    expect(await allHoldings({ endsWithinDays: 1 })).toEqual([]);
  });
});

describe('views', () => {
  it("are their owner's, or shared; replaced by name; removed by their owner or an administrator", async () => {
    const content = { list: 'coverage', filter: { uncovered: true, use: 'encryption' } } as const;
    const { id } = await perform(office.world, saveView, otto, { name: 'Not reachable', content });
    const seen = async (by: OperatorPrincipal) =>
      (await read((_w, s) => viewsFor(s, ownerOf(by)))).map((row) => describeView(row, by));
    expect(await seen(ada)).toEqual([]);
    expect(await seen(otto)).toMatchObject([{ id, mine: true, content }]);
    await expect(perform(office.world, removeView, ada, { id })).rejects.toMatchObject({ code: 'not-found' });
    const again = await perform(office.world, saveView, otto, { name: 'not reachable', shared: true, content });
    expect(again.id).toBe(id);
    expect(await seen(ada)).toMatchObject([{ id, mine: false, owner: 'Otto' }]);
    const rex = await office.operator('Rex', 'registration-officer');
    await expect(perform(office.world, removeView, rex, { id })).rejects.toMatchObject({ code: 'forbidden' });
    await perform(office.world, removeView, ada, { id });
    expect(await seen(otto)).toEqual([]);
  });
});

describe('an export', () => {
  const app = Fastify();
  beforeAll(() => {
    app.setErrorHandler(answerError(office.world));
    serveInventoryExport(app, { world: office.world, localTokenHash: hashToken(TOKEN) });
  });
  afterAll(() => app.close());
  const get = (query: Record<string, string>, token = TOKEN) =>
    app.inject({ url: '/api/v1/inventory/export', query, headers: { authorization: `Bearer ${token}` } });

  it('streams CSV and JSON Lines, on record before its first line', async () => {
    const content = JSON.stringify({ list: 'coverage', filter: { use: 'encryption' } });
    const csv = await get({ content });
    expect(csv.headers['content-type']).toBe('text/csv; charset=utf-8');
    const lines = csv.body.trim().split('\r\n');
    expect(lines[0]).toBe('name,address,department,use,covered,reason,why,until');
    expect(lines).toHaveLength(10);
    expect(csv.body).toContain(`"'=2+5",ready@example.com,"'=cmd|x",encryption,yes,covered`);
    const jsonl = await get({ format: 'jsonl', content });
    expect(
      jsonl.body
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line).reason),
    ).toContain('covered');
    const held = await get({ content: '{"list":"holdings","filter":{"state":"held"}}' });
    expect(held.body).toContain('held@example.com');
    const records = await office.query(
      `SELECT details FROM audit_records WHERE action = 'inventory.export' AND outcome = 'succeeded'`,
    );
    expect(records.map(({ details }) => (details as { list: string }).list)).toEqual([
      'coverage',
      'coverage',
      'holdings',
    ]);
  });

  it('is for who may read, and for what is understood', async () => {
    const statuses = async (answers: ReturnType<typeof get>[]) =>
      (await Promise.all(answers)).map(({ statusCode }) => statusCode);
    expect(
      await statuses([
        get({}, 'another-token-of-nobody'),
        get({ content: '{' }),
        get({ format: 'xlsx' }),
        get({ view: randomUUID() }),
      ]),
    ).toEqual([401, 400, 400, 404]);
    expect(
      await office.query(`SELECT 1 FROM audit_records WHERE action = 'inventory.export' AND outcome <> 'succeeded'`),
    ).toEqual([]);
  });

  it.each([
    ['=1+1', `"'=1+1"`],
    ['+49 30', `"'+49 30"`],
    ['-2', `"'-2"`],
    ['@SUM(A1)', `"'@SUM(A1)"`],
    ['\t=1', `"'\t=1"`],
    ['a "b", c', '"a ""b"", c"'],
    ['a\nb', '"a\nb"'],
    ['Dora', 'Dora'],
  ])('writes %j as %j', (text, cell) => {
    expect(csvCell(text)).toBe(cell);
  });
});
