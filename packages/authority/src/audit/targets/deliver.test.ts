/** Witnesses and collectors of the trail, on loopback: told, late, refused, and what an administrator cannot undo. */
import { readFile } from 'node:fs/promises';
import { createServer as createHttpServer } from 'node:http';
import { type AddressInfo, createServer, type Server } from 'node:net';
import path from 'node:path';
import { formatVerifierKey, parseVerifierKey } from '@chancery/trail';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { type LoopbackWitness, loopbackWitness } from '../../../test/loopback-witness.ts';
import { type TemporaryOffice, temporaryOffice } from '../../../test/temporary-office.ts';
import { parseAuthorityConfig } from '../../config.ts';
import { operation, perform } from '../../operation.ts';
import { system } from '../../principal.ts';
import { type AuditKeyRow, auditKey } from '../../store/audit-tree.ts';
import { insertOffice } from '../../store/office.ts';
import type { World } from '../../world.ts';
import { checkpointIfDue, verifierKeyOf } from '../checkpoint.ts';
import { describeRecord } from '../records.ts';
import { type AuditEntry, canonicalRecord, chainHash, GENESIS, readTrail } from '../trail.ts';
import { verifyExportedTrail } from '../verify.ts';
import { exportTrail, tellWitnesses } from './deliver.ts';
import { describeTargets } from './describe.ts';

let office: TemporaryOffice;
let witness: LoopbackWitness;
beforeAll(async () => {
  office = await temporaryOffice();
  witness = await loopbackWitness();
  await office.world.database.operations.transaction((tx) =>
    insertOffice(tx, { organisation: 'Example Corp', domains: ['example.com'], demo: false }, new Date()),
  );
  await happen('the office is set up');
});
afterAll(async () => {
  await witness.close();
  await office.close();
});

const noteIt = operation({
  action: 'test.note',
  permission: 'system',
  input: z.object({ text: z.string() }),
  subject: () => null,
  async run(_tx, { text }) {
    return { result: undefined, audit: { text } };
  },
});
/** Something happens, and is under a checkpoint. */
async function happen(...texts: string[]): Promise<void> {
  for (const text of texts) await perform(office.world, noteIt, system, { text });
  await checkpointIfDue(office.world);
}
const withTargets = (toml: string): World => ({
  ...office.world,
  config: parseAuthorityConfig(toml, office.home),
});
const read = <T>(run: Parameters<World['database']['snapshot']>[0]) =>
  office.world.database.snapshot(run) as Promise<T>;
const targetsOf = (world: World) => world.database.snapshot((snapshot) => describeTargets(world, snapshot));
const query = async (text: string) => (await office.world.database.pool.query(text)).rows;
const key = async () => verifierKeyOf(await read<AuditKeyRow>(auditKey));
const exported = async () =>
  (await read<Awaited<ReturnType<typeof readTrail>>>((snapshot) => readTrail(snapshot, 0, 5000)))
    .map((row) => JSON.stringify(describeRecord(row)))
    .join('\n');
const fileWitness = '[audit.witness.paper]\nkind = "file"\npath = "witness.jsonl"\n';
const tlogWitness = () =>
  `[audit.witness.w1]\nkind = "tlog-witness"\nurl = "${witness.url}"\nkey = "${witness.verifierKey}"\n`;
const linesOfFile = async () =>
  (await readFile(path.join(office.home, 'witness.jsonl'), 'utf8'))
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));

describe('a witness', () => {
  it('in a file gets each checkpoint once, and being told is no reason for another checkpoint', async () => {
    const world = { ...withTargets(fileWitness), clock: laterClock(2) };
    await tellWitnesses(world);
    await tellWitnesses(world);
    expect(await linesOfFile()).toHaveLength(1);
    const before = (await targetsOf(world)).size;
    await checkpointIfDue(office.world);
    expect(await targetsOf(world)).toMatchObject({ size: before, items: [{ name: 'paper', reached: before }] });
    await happen('more');
    await tellWitnesses({ ...world, clock: laterClock(4) });
    expect(await linesOfFile()).toHaveLength(2);
  });

  it('at an address gets the note, with the token; what fails is on record once, and tried again', async () => {
    const got: { authorization: string | undefined; body: string }[] = [];
    let status = 503;
    const server = createHttpServer((request, response) => {
      const pieces: Buffer[] = [];
      request.on('data', (piece) => pieces.push(piece));
      request.on('end', () => {
        got.push({ authorization: request.headers.authorization, body: Buffer.concat(pieces).toString() });
        response.writeHead(status).end();
      });
    });
    const port = await listen(server);
    process.env.TRAIL_WITNESS_TOKEN = 'token of a test';
    const world = withTargets(
      `[audit.witness.elsewhere]\nkind = "url"\nurl = "http://127.0.0.1:${port}/"\ntoken = { env = "TRAIL_WITNESS_TOKEN" }\n`,
    );
    for (let time = 0; time < 3; time++) await tellWitnesses(world);
    expect(got).toHaveLength(3);
    const [failing] = (await targetsOf(world)).items;
    expect(failing).toMatchObject({ reached: 0, error: 'It answers 503.', failingSince: expect.any(String) });
    const noted = await query(`SELECT 1 FROM audit_records WHERE details->>'target' = 'witness:elsewhere'`);
    expect(noted).toHaveLength(1);
    status = 204;
    await tellWitnesses(world);
    expect((await targetsOf(world)).items[0]).toMatchObject({ error: null, failingSince: null });
    expect(got.at(-1)?.authorization).toBe('Bearer token of a test');
    expect(got.at(-1)?.body).toMatch(/^example\.com\/audit\n\d+\n[\w+/]+=\n\n— example\.com\/audit /);
    server.close();
    await tellWitnesses({ ...world, clock: laterClock(20) });
    await happen('while it is away');
    await tellWitnesses({ ...world, clock: laterClock(20) });
    expect((await targetsOf(world)).items[0]?.error).toMatch(/cannot be reached/);
    delete process.env.TRAIL_WITNESS_TOKEN;
  });

  it('that cosigns is asked with a consistency proof, and its signature is kept with the checkpoint', async () => {
    const world = withTargets(tlogWitness());
    await tellWitnesses(world);
    expect((await targetsOf(world)).items[0]?.error).toMatch(/does not know this trail/);
    witness.trust(formatVerifierKey(await key()));
    await tellWitnesses(world);
    await happen('then', 'and then');
    await tellWitnesses({ ...world, clock: laterClock(11) });
    // A witness that has seen more than is noted here says where it stands.
    await query(`UPDATE audit_targets SET reached = 1 WHERE name = 'witness:w1'`);
    await happen('and at last');
    await tellWitnesses({ ...world, clock: laterClock(22) });
    expect(witness.answers.map((one) => one.replace(/old [1-9]\d*/, 'old N'))).toEqual([
      'old 0 -> 404',
      'old 0 -> 200',
      'old N -> 200',
      'old N -> 409',
      'old N -> 200',
    ]);
    expect(await query('SELECT 1 FROM audit_cosignatures')).toHaveLength(3);
    const verdict = verifyExportedTrail(await exported(), {
      notes: witness.cosigned,
      keys: [await key()],
      witnesses: [parseVerifierKey(witness.verifierKey)],
    });
    expect(verdict).toMatchObject({ intact: true, finding: null, witnessed: (await targetsOf(world)).size });
    // A checkpoint without its signature is not a witnessed one.
    const bare = (await query('SELECT note FROM audit_checkpoints')).map(({ note }) => String(note));
    expect(
      verifyExportedTrail(await exported(), {
        notes: bare,
        keys: [await key()],
        witnesses: [parseVerifierKey(witness.verifierKey)],
      }),
    ).toMatchObject({ intact: false, finding: 'unwitnessed' });
  });

  it('by mail gets the note through the outbox, and again when its time has come', async () => {
    const world = withTargets('[audit.witness.notary]\nkind = "mail"\naddress = "notary@example.net"\n');
    await tellWitnesses(world);
    await happen('mailed');
    await tellWitnesses({ ...world, clock: laterClock(60) });
    const mails = () => query(`SELECT body FROM notices WHERE recipient = 'notary@example.net' ORDER BY queued_at`);
    expect(await mails()).toHaveLength(1);
    await tellWitnesses({ ...world, clock: laterClock(1_441) });
    expect((await mails()).map(({ body }) => String(body))[1]).toMatch(/\nexample\.com\/audit\n\d+\n[\w+/]+=\n\n— /);
    expect((await targetsOf(world)).items[0]).toMatchObject({ kind: 'mail', error: null });
  });

  it('that answers with another key’s signature has not cosigned', async () => {
    const other = await loopbackWitness('witness.example/w1');
    other.trust(formatVerifierKey(await key()));
    const world = withTargets(tlogWitness().replace(witness.url, other.url).replace('.w1]', '.posing]'));
    await tellWitnesses(world);
    expect((await targetsOf(world)).items[0]?.error).toMatch(/not signed by witness\.example\/w1/);
    await other.close();
  });
});

describe('a collector', () => {
  it('gets every record once in order, counted, escaped; then what came later; and again what was not noted', async () => {
    const collector = await syslogCollector();
    const world = withTargets(
      `[audit.export.siem]\nkind = "syslog"\ntransport = "tcp"\nhost = "127.0.0.1"\nport = ${collector.port}\nhostName = "office.example.com"\n`,
    );
    await happen('a "quote", a ] and a \\ and an é');
    await exportTrail(world);
    const first = collector.messages();
    const sequences = first.map((message) => Number(/ sequence="(\d+)"/.exec(message)?.[1]));
    expect(sequences).toEqual(first.map((_, at) => at + 1));
    expect(first.find((message) => message.includes('a \\"quote'))).toMatch(
      /^<110>1 \d{4}-\d\d-\d\dT[\d:.]+Z office\.example\.com chancery - test\.note \[chancery@32473 sequence="\d+" actor="system" actorName="[^"]+" action="test\.note" outcome="succeeded" hash="[0-9a-f]{64}" previousHash="[0-9a-f]{64}"\] \u{feff}\{"text":"a \\"quote\\", a \] and a \\\\ and an é"\}$/u,
    );
    // That it was sent is on record, and no reason to send again.
    await exportTrail(world);
    expect(collector.messages()).toHaveLength(first.length);
    await happen('later');
    await exportTrail(world);
    expect(collector.messages().length).toBeGreaterThan(first.length);
    await query(`UPDATE audit_targets SET reached = 2 WHERE name = 'export:siem'`);
    await exportTrail(world);
    expect(collector.messages().filter((message) => message.includes(' sequence="3" '))).toHaveLength(2);
    collector.close();
    await happen('nobody listens');
    await exportTrail(world);
    expect((await targetsOf(world)).items[0]).toMatchObject({ error: expect.stringMatching(/cannot be reached/) });
  });
});

describe('an administrator who owns the database and the office’s key', () => {
  it('cannot remove a record unnoticed once a checkpoint was witnessed: forked, by the file and by the witness', async () => {
    const world = withTargets(`${fileWitness}${tlogWitness()}`);
    await happen('I, the administrator, looked at the wrong thing', 'something else');
    await tellWitnesses({ ...world, clock: laterClock(60) });
    const whole = { keys: [await key()] };
    const kept = [...witness.cosigned];
    const onPaper = (await linesOfFile()).map(({ note }) => String(note));
    expect(verifyExportedTrail(await exported(), { ...whole, notes: kept })).toMatchObject({ intact: true });

    await removeAndRebuild((entry) => JSON.stringify(entry.details).includes('wrong thing'));
    await happen('nothing to see', 'here', 'at all');
    // By itself the forgery is flawless: chain, tree, signatures.
    const forged = await exported();
    expect(forged).not.toContain('wrong thing');
    const own = (await query('SELECT note FROM audit_checkpoints')).map(({ note }) => String(note));
    expect(verifyExportedTrail(forged, { ...whole, notes: own })).toMatchObject({ intact: true, finding: null });

    expect(verifyExportedTrail(forged, { ...whole, notes: kept })).toMatchObject({ intact: false, finding: 'forked' });
    expect(verifyExportedTrail(forged, { ...whole, notes: onPaper })).toMatchObject({ finding: 'forked' });
    expect(
      verifyExportedTrail(forged, { ...whole, notes: kept, witnesses: [parseVerifierKey(witness.verifierKey)] }),
    ).toMatchObject({ finding: 'forked' });
    // And the witness signs no checkpoint of it any more; the office shows why.
    const signed = witness.cosigned.length;
    await tellWitnesses({ ...world, clock: laterClock(120) });
    expect(witness.cosigned).toHaveLength(signed);
    const item = (await targetsOf(world)).items.find(({ name }) => name === 'w1');
    expect(item?.error).toMatch(/written anew/);
  });
});

/** As a superuser can: triggers off, one record gone, every sequence and hash after it made anew, the tree and the checkpoints too. */
async function removeAndRebuild(isUnwanted: (entry: AuditEntry) => boolean): Promise<void> {
  const rows = await read<Awaited<ReturnType<typeof readTrail>>>((snapshot) => readTrail(snapshot, 0, 5000));
  const kept = rows.filter((row) => !isUnwanted({ ...row, actorName: row.actor_name }));
  expect(kept.length).toBeLessThan(rows.length);
  const tables = ['audit_records', 'audit_nodes', 'audit_checkpoints', 'audit_cosignatures'];
  for (const table of tables) await query(`ALTER TABLE ${table} DISABLE TRIGGER USER`);
  await query(`TRUNCATE ${tables.join(', ')}`);
  let previous: Buffer = GENESIS;
  for (const [at, row] of kept.entries()) {
    const canonical = canonicalRecord(at + 1, { ...row, actorName: row.actor_name });
    const hash = chainHash(previous, canonical);
    await office.world.database.pool.query(
      'INSERT INTO audit_records VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)',
      [
        ...[at + 1, row.at, row.actor, row.actor_name, row.action, row.outcome, row.subject],
        ...[JSON.stringify(row.details), canonical, previous, hash],
      ],
    );
    previous = hash;
  }
  for (const table of tables) await query(`ALTER TABLE ${table} ENABLE TRIGGER USER`);
}

const laterClock = (minutes: number) => () => new Date(Date.now() + minutes * 60_000);

/** Collects octet-counted messages (RFC 6587) until it is closed. */
async function syslogCollector() {
  let text = Buffer.alloc(0);
  const server = createServer((socket) => {
    socket.on('data', (piece) => {
      text = Buffer.concat([text, piece]);
    });
    socket.on('error', () => {});
  });
  const port = await listen(server);
  return {
    port,
    messages(): string[] {
      const found: string[] = [];
      for (let at = 0; at < text.length; ) {
        const space = text.indexOf(0x20, at);
        const length = Number(text.subarray(at, space).toString('latin1'));
        found.push(text.subarray(space + 1, space + 1 + length).toString('utf8'));
        at = space + 1 + length;
      }
      return found;
    },
    close: () => void server.close(),
  };
}

async function listen(server: Server | ReturnType<typeof createHttpServer>): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}
