import {
  consistencyProof,
  type Hash,
  inclusionProof,
  isConsistent,
  isIncluded,
  isSignedBy,
  leafHash,
  parseSignedCheckpoint,
  type SignedCheckpoint,
} from '@chancery/trail';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { type TemporaryOffice, temporaryOffice } from '../../test/temporary-office.ts';
import { operation, perform } from '../operation.ts';
import { system } from '../principal.ts';
import { type AuditKeyRow, auditKey, latestCheckpoint, nodeReader } from '../store/audit-tree.ts';
import { insertOffice } from '../store/office.ts';
import { checkpointIfDue, makeCheckpoint, verifierKeyOf } from './checkpoint.ts';
import { describeRecord } from './records.ts';
import { appendAudits, chainHash, GENESIS, readTrail } from './trail.ts';
import { verifyExportedTrail, verifyTrail } from './verify.ts';

let office: TemporaryOffice;
beforeAll(async () => {
  office = await temporaryOffice();
  await office.world.database.operations.transaction((tx) =>
    insertOffice(tx, { organisation: 'Example Corp', domains: ['example.com'], demo: false }, new Date()),
  );
});
afterAll(() => office.close());

const noteIt = operation({
  action: 'test.note',
  permission: 'system',
  input: z.object({ text: z.string() }),
  subject: () => null,
  async run(_tx, { text }) {
    return { result: undefined, audit: { text } };
  },
});
const write = async (count: number) => {
  for (let at = 0; at < count; at++) await perform(office.world, noteIt, system, { text: String(at) });
};
const records = () => office.world.database.snapshot((snapshot) => readTrail(snapshot, 0, 5000));
const exported = async () => (await records()).map((row) => JSON.stringify(describeRecord(row)));
const key = async () => verifierKeyOf((await office.world.database.snapshot(auditKey)) as AuditKeyRow);
const notes = async () =>
  (await office.world.database.pool.query('SELECT note FROM audit_checkpoints ORDER BY size')).rows.map(({ note }) =>
    String(note),
  );

describe('a checkpoint', () => {
  it('is signed over the tree of every record there is', async () => {
    await write(5);
    const { size, note } = await perform(office.world, makeCheckpoint, system, {});
    expect(size).toBe(5);
    const signed = parseSignedCheckpoint(note) as SignedCheckpoint;
    expect(signed.checkpoint.origin).toBe('example.com/audit');
    expect(isSignedBy(signed, await key())).toBe(true);
  });

  it('goes on from the one before, provably', async () => {
    await write(8);
    await perform(office.world, makeCheckpoint, system, {});
    const [before, after] = (await notes()).map((note) => (parseSignedCheckpoint(note) as SignedCheckpoint).checkpoint);
    if (before === undefined || after === undefined) throw new Error('two checkpoints');
    await office.world.database.snapshot(async (snapshot) => {
      const read = nodeReader(snapshot);
      expect(isConsistent(before, after, await consistencyProof(before.size, after.size, read))).toBe(true);
      for (const [leaf, { canonical }] of (await records()).slice(0, after.size).entries()) {
        const proof = await inclusionProof(leaf, after.size, read);
        const hash: Hash = leafHash(Buffer.from(canonical, 'utf8'));
        expect(isIncluded(hash, leaf, after.size, proof, after.root)).toBe(true);
        expect(isIncluded(leafHash(Buffer.from(`${canonical} `)), leaf, after.size, proof, after.root)).toBe(false);
      }
    });
  });

  it('is made by several at once, one after the other', async () => {
    const before = (await office.world.database.snapshot(latestCheckpoint))?.size ?? 0;
    const at = async () => {
      await write(1);
      return perform(office.world, makeCheckpoint, system, {});
    };
    const made = (await Promise.all([at(), at(), at(), at()])).sort((a, b) => a.size - b.size);
    for (const [index, { size, note }] of made.entries()) {
      expect(size).toBeGreaterThan(made[index - 1]?.size ?? before);
      expect(isSignedBy(parseSignedCheckpoint(note) as SignedCheckpoint, await key())).toBe(true);
    }
    expect(await office.world.database.snapshot((snapshot) => verifyTrail(snapshot))).toMatchObject({ intact: true });
  });

  it('is made when something happened, and not because one was made', async () => {
    const size = async () => (await office.world.database.snapshot(latestCheckpoint))?.size;
    const before = await size();
    await checkpointIfDue(office.world);
    await checkpointIfDue(office.world);
    expect(await size()).toBe(before);
    await write(1);
    await checkpointIfDue(office.world);
    expect(await size()).toBe((before ?? 0) + 2);
    await checkpointIfDue(office.world);
    expect(await size()).toBe((before ?? 0) + 2);
  });

  it('covers what was committed, whoever writes meanwhile, and more than a page', async () => {
    await office.world.database.operations.transaction((tx) =>
      appendAudits(
        tx,
        Array.from({ length: 4100 }, (_, at) => ({
          at: new Date(),
          actor: 'system',
          actorName: 'system',
          action: 'test.bulk',
          outcome: 'succeeded' as const,
          subject: null,
          details: { at },
        })),
      ),
    );
    await Promise.all([write(20), perform(office.world, makeCheckpoint, system, {}), write(20)]);
    await perform(office.world, makeCheckpoint, system, {});
    const verdict = await office.world.database.snapshot(verifyTrail);
    expect(verdict).toMatchObject({ intact: true, finding: null });
    expect(verdict.checkpointed).toBe(verdict.records - 1);
  });

  it('cannot be altered or removed, whoever writes SQL', async () => {
    for (const table of ['audit_nodes', 'audit_checkpoints', 'audit_keys']) {
      await expect(office.world.database.pool.query(`DELETE FROM ${table}`)).rejects.toThrow(/append-only/);
    }
  });
});

describe('with checkpoints that somebody kept, an export is found', () => {
  const verify = async (lines: readonly string[], more: object = {}) =>
    verifyExportedTrail(lines.join('\n'), { notes: await notes(), keys: [await key()], ...more });

  it('whole, when it is', async () => {
    expect(await verify(await exported())).toMatchObject({ intact: true, finding: null });
  });

  it('truncated: its last records cut off, which the chain alone does not show', async () => {
    const lines = (await exported()).slice(0, -30);
    expect(verifyExportedTrail(lines.join('\n'))).toMatchObject({ intact: true });
    expect(await verify(lines)).toMatchObject({ intact: false, finding: 'truncated' });
  });

  it('forked: a record removed by an administrator who made every hash after it anew', async () => {
    const forged = rewritten(await exported(), 2);
    expect(verifyExportedTrail(forged.join('\n'))).toMatchObject({ intact: true });
    expect(await verify(forged)).toMatchObject({ intact: false, finding: 'forked' });
  });

  it('altered, removed, reordered, unreadable: each by its name', async () => {
    const lines = await exported();
    const cases: [string, readonly string[]][] = [
      ['altered', lines.with(3, (lines[3] ?? '').replace('"text":"3"', '"text":"x"'))],
      ['removed', lines.toSpliced(3, 1)],
      [
        'reordered',
        lines
          .with(3, lines[4] ?? '')
          .with(4, lines[3] ?? '')
          .toSpliced(3, 0, lines[2] ?? ''),
      ],
      ['unreadable', lines.with(3, '{}')],
    ];
    for (const [finding, wrong] of cases) {
      expect(await verify(wrong)).toMatchObject({ intact: false, finding, records: 3, brokenAt: 4 });
    }
  });

  it('unsigned: under checkpoints of another key, or altered ones', async () => {
    const lines = await exported();
    const another = { ...(await key()), publicKey: new Uint8Array(32).fill(9) };
    expect(await verify(lines, { keys: [another] })).toMatchObject({ intact: false, finding: 'unsigned' });
    const [first = ''] = await notes();
    const altered = first.replace('\n5\n', '\n4\n');
    expect(await verify(lines, { notes: [altered] })).toMatchObject({ intact: false, finding: 'unsigned' });
    expect(await verify(lines, { notes: ['nothing'] })).toMatchObject({ intact: false, finding: 'unreadable' });
  });
});

/** The trail without one record, with sequences and hashes as they would have been. */
function rewritten(lines: readonly string[], without: number): string[] {
  let previous: Buffer = GENESIS;
  return lines.toSpliced(without, 1).map((line, at) => {
    const { hash: _, previousHash: __, ...record } = JSON.parse(line) as Record<string, unknown>;
    const moved = { ...record, sequence: at + 1 };
    const sorted = canonicalJson(moved);
    const hash = chainHash(previous, sorted);
    const written = JSON.stringify({ ...moved, previousHash: previous.toString('hex'), hash: hash.toString('hex') });
    previous = hash;
    return written;
  });
}

/** RFC 8785 for what these records hold: sorted names, no numbers but integers. */
function canonicalJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalJson).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([name, one]) => `${JSON.stringify(name)}:${canonicalJson(one)}`).join(',')}}`;
}
