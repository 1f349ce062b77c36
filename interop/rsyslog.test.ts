/** The trail in a collector that nobody here wrote: whole and in order over each transport, and nothing lost by a restart. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePort } from '../e2e/support/office-process.ts';
import { exportTrail } from '../packages/authority/src/audit/targets/deliver.ts';
import { type AuditEntry, appendAudits } from '../packages/authority/src/audit/trail.ts';
import { parseAuthorityConfig } from '../packages/authority/src/config.ts';
import type { World } from '../packages/authority/src/world.ts';
import { type TemporaryOffice, temporaryOffice } from '../packages/authority/test/temporary-office.ts';
import { missing } from './peers.ts';
import { type Collected, Collector, type Transport } from './rsyslog.ts';

/** More than one batch of what is sent at a time. */
const MANY = 1_500;

describe.skipIf(missing('rsyslog') || missing('openssl'))('the trail in rsyslog', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'chancery-rsyslog-'));
  let office: TemporaryOffice;
  let collector: Collector;
  beforeAll(async () => {
    office = await temporaryOffice();
    collector = new Collector(folder, { tls: await freePort(), tcp: await freePort(), udp: await freePort() });
    await collector.start();
  });
  afterAll(async () => {
    await collector?.stop();
    await office?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const worldTo = (...transports: Transport[]): World => ({
    ...office.world,
    config: parseAuthorityConfig(
      transports
        .map(
          (transport) => `[audit.export.${transport}]
kind = "syslog"
transport = "${transport}"
host = "127.0.0.1"
port = ${collector.ports[transport]}
ca = "${collector.ca}"
hostName = "office.example.com"
maxOctets = 65000
`,
        )
        .join('\n'),
      office.home,
    ),
  });
  const happen = (count: number) =>
    office.world.database.operations.transaction((tx) => appendAudits(tx, Array.from({ length: count }, entry)));
  const trail = async () =>
    (await office.world.database.pool.query('SELECT * FROM audit_records ORDER BY sequence')).rows.map((row) => ({
      ...row,
      sequence: Number(row.sequence),
    }));
  /** What the targets are known to have, as the office has it on record. */
  const reached = async (transport: Transport): Promise<number> => {
    const { rows } = await office.world.database.pool.query('SELECT reached FROM audit_targets WHERE name = $1', [
      `export:${transport}`,
    ]);
    return Number(rows[0]?.reached ?? 0);
  };
  const arrived = async (transport: Transport): Promise<Collected[]> => {
    const last = await reached(transport);
    for (const deadline = Date.now() + 20_000; Date.now() < deadline; await sleep(50)) {
      const collected = collector.collected(transport);
      if (collected.some((one) => sequenceOf(one) === last)) return collected;
    }
    throw new Error(`the record ${last} did not arrive over ${transport}`);
  };

  it('arrives whole, in order, and as it was written, over TLS, TCP and UDP', async () => {
    await happen(MANY);
    await exportTrail(worldTo('tls', 'tcp', 'udp'));
    const records = await trail();
    for (const transport of ['tls', 'tcp', 'udp'] as const) {
      const collected = await arrived(transport);
      expect(collected.map(sequenceOf), transport).toEqual(
        records.slice(0, await reached(transport)).map(({ sequence }) => sequence),
      );
      expect(await reached(transport)).toBeGreaterThanOrEqual(MANY);
      for (const [at, one] of collected.entries()) {
        const record = records[at];
        expect(one).toMatchObject({ version: '1', host: 'office.example.com', application: 'chancery' });
        expect(one.data).toContain(`hash="${record?.hash.toString('hex')}"`);
        expect(JSON.parse(one.text.replace(/^\s*\u{feff}?/u, ''))).toEqual(record?.details);
      }
      // 13 is "log audit", 4 a warning: one was denied.
      expect(collected.filter(({ priority }) => priority === String(13 * 8 + 4)).length).toBeGreaterThan(0);
    }
  });

  it('loses nothing by a restart of the collector, also while it is being sent', async () => {
    const world = worldTo('tls', 'tcp');
    await collector.stop();
    await happen(10);
    await exportTrail(world);
    const { rows } = await office.world.database.pool.query(
      `SELECT name, error FROM audit_targets WHERE name IN ('export:tls', 'export:tcp')`,
    );
    for (const { error } of rows) expect(error).toMatch(/cannot be reached/);
    await collector.start();
    await happen(MANY);
    const sending = exportTrail(world);
    await sleep(30);
    await collector.stop();
    await sending;
    await collector.start();
    await exportTrail(world);
    const records = await trail();
    for (const transport of ['tls', 'tcp'] as const) {
      const sequences = (await arrived(transport)).map(sequenceOf);
      expect(await reached(transport)).toBeGreaterThan(2 * MANY);
      // What was under way when it stopped may have come twice.
      const each = [...new Set(sequences)];
      expect(each, transport).toEqual(records.slice(0, each.length).map(({ sequence }) => sequence));
      expect(each.length).toBeGreaterThanOrEqual(await reached(transport));
    }
  });
});

/** Names with everything that a line of text trips over. */
function entry(_: unknown, at: number): AuditEntry {
  return {
    at: new Date(),
    actor: 'operator:1',
    actorName: `Zoë "the ] officer" \\ ${at}`,
    action: 'test.note',
    outcome: at % 100 === 0 ? 'denied' : 'succeeded',
    subject: `person:${at}`,
    details: { text: `${at} – größer\nund "mehr" ${'x'.repeat(at % 50 === 0 ? 30_000 : 10)}` },
  };
}

const sequenceOf = ({ data }: Collected): number => Number(/ sequence="(\d+)"/.exec(data)?.[1]);
