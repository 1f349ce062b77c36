import {
  fingerprintOf,
  openingOfBatch,
  PURPOSES,
  readTranscript,
  signDocument,
  type Transcript,
} from '@chancery/vault';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type EscrowOffice, escrowOffice, type OperatorPrincipal, withPowerFailure } from '../../test/escrow-office.ts';
import { jobHandlers } from '../jobs/handlers.ts';
import { perform } from '../operation.ts';
import { system } from '../principal.ts';
import type { Snapshot } from '../store/database.ts';
import { recoveryById } from '../store/recovery.ts';
import { batchesWaitingFor, countRound, listRounds, openRound } from '../store/rounds.ts';
import { currentVault, foundingTranscript } from '../store/vaults.ts';
import { beginDrill, beginDueDrill, standingOfDrills } from './drill.ts';
import { emptyVaults } from './empty-vaults.ts';
import { openBatch } from './open-batch.ts';
import { decideRecovery, requestRecovery } from './recovery.ts';
import { releaseKey, releasePassword } from './release.ts';
import { planRewrap } from './rewrap.ts';
import { contributeToBatch } from './rounds.ts';

let now = new Date('2026-11-25T12:00:00Z');
/** While false, nobody empties vaults but the test. */
let emptying = true;
let office: EscrowOffice;
let admin: OperatorPrincipal;
let olga: OperatorPrincipal;
let otto: OperatorPrincipal;
let omar: OperatorPrincipal;
const people: string[] = [];

beforeAll(async () => {
  office = await escrowOffice({
    clock: () => now,
    handlers: {
      'empty-vaults': async (world) => {
        if (emptying) await jobHandlers['empty-vaults'](world, {});
      },
    },
  });
  admin = await office.operator('Ada', 'administrator');
  olga = await office.operator('Olga', 'recovery-officer');
  otto = await office.operator('Otto', 'recovery-officer');
  omar = await office.operator('Omar', 'recovery-officer');
  await office.holdCeremony([olga, otto, omar]);
  for (const name of ['pia', 'paul', 'pete', 'pola', 'pim']) people.push(await office.person(`${name}@example.com`));
});
afterAll(() => office.close());

const read = <T>(run: (snapshot: Snapshot) => Promise<T>) => office.world.database.snapshot(run);
const outcomes = async (roundId: string) =>
  (
    await office.query(
      `SELECT r.outcome, count(*)::int AS count FROM vault_batch_records r JOIN vault_batches b ON b.id = r.batch_id
       WHERE b.round_id = $1 GROUP BY 1 ORDER BY 1`,
      [roundId],
    )
  ).map(({ outcome, count }) => `${outcome} ${count}`);
/** Begins something that seals under a key-encryption key, and holds it there. */
async function sealSlowly(run: () => Promise<unknown>): Promise<{ goOn: () => void; released: Promise<unknown> }> {
  const { keyStore } = office.world;
  const wrap = keyStore.wrap.bind(keyStore);
  const held = Promise.withResolvers<void>();
  const there = Promise.withResolvers<void>();
  keyStore.wrap = async (...input) => {
    keyStore.wrap = wrap;
    there.resolve();
    await held.promise;
    return wrap(...input);
  };
  const released = run();
  await Promise.race([there.promise, released]);
  return { goOn: held.resolve, released };
}
const standing = () => read((snapshot) => standingOfDrills(snapshot, office.world));

describe('a drill', () => {
  it('is begun by an administrator, opens what it drew with a quorum, and releases nothing', async () => {
    await expect(perform(office.world, beginDrill, olga, {})).rejects.toMatchObject({ code: 'forbidden' });
    const id = await perform(office.world, beginDrill, admin, { records: 3 });
    await expect(perform(office.world, beginDrill, admin, {})).rejects.toMatchObject({ code: 'wrong-state' });
    expect(await office.contribute(id, olga)).toBe(1);
    expect(await outcomes(id)).toEqual(['null 3']);
    // Who has contributed is waited for no more.
    expect(await office.contribute(id, olga)).toBe(0);
    expect(await office.contribute(id, omar)).toBe(1);
    expect(await outcomes(id)).toEqual(['proven 3']);
    expect(await standing()).toMatchObject({ keys: 5, proven: 3, failed: 0, overdue: false });
    const records = await office.query(
      `SELECT subject, outcome, details FROM audit_records WHERE action = 'escrow.prove' ORDER BY sequence`,
    );
    expect(records.map(({ outcome }) => outcome)).toEqual([
      ...Array(3).fill('attempted'),
      ...Array(3).fill('succeeded'),
    ]);
    expect(records[3]).toMatchObject({
      subject: expect.stringMatching(/^person:/),
      details: { outcome: 'proven', roundId: id, contributedBy: [olga.id, omar.id] },
    });
    // What the officers contributed is gone with it.
    expect(await office.query('SELECT 1 FROM vault_batch_parts WHERE partial IS NOT NULL')).toEqual([]);
    expect((await read((snapshot) => listRounds(snapshot, 5)))[0]).toMatchObject({ id, outcome: 'complete' });
  });

  it('cannot be turned into a release, nor a release into a drill', async () => {
    const round = await perform(office.world, beginDrill, admin, { records: 1 });
    const [batch] = await read((snapshot) => batchesWaitingFor(snapshot, round, 1, 5));
    const document = batch?.canonical ?? '';
    const opening = openingOfBatch(document);
    const [record] = await office.query('SELECT person_id FROM escrowed_keys WHERE id = $1', [opening.records[0]?.id]);
    const requestId = await office.ask(admin, String(record?.person_id));
    const request = await read((snapshot) => recoveryById(snapshot, requestId));
    const evidence = await office.approval(requestId, olga);
    // The parts that approve a recovery of the very same key, given to the drill: by digest, by signature, by proof.
    const give = (part: object) =>
      perform(office.world, contributeToBatch, olga, { id: batch?.id ?? '', ...part } as never);
    const key = office.shareKey(olga);
    const signed = (purpose: string, digest: string) => signDocument(key, purpose, { request: digest });
    await expect(give(evidence)).rejects.toMatchObject({ code: 'unusable-input' });
    await expect(give({ ...evidence, digest: opening.request })).rejects.toMatchObject({ code: 'unusable-input' });
    await expect(
      give({ ...evidence, digest: opening.request, signature: signed(PURPOSES.drill, opening.request) }),
    ).rejects.toMatchObject({ code: 'unusable-input', message: /not made with this officer's share for this request/ });
    // And the other way: what a drill was given, as an approval.
    const contributed = async (officer: OperatorPrincipal) => {
      await office.contribute(round, officer);
      const [part] = await office.query(
        'SELECT signature, partial FROM vault_batch_parts p WHERE batch_id = $1 AND operator_id = $2',
        [batch?.id, officer.id],
      );
      return { signature: String(part?.signature), partial: JSON.parse(String(part?.partial)) };
    };
    const part = await contributed(olga);
    const decide = (how: object) =>
      perform(office.world, decideRecovery, olga, { id: requestId, decision: 'approve', ...how } as never);
    const digest = request?.digest ?? '';
    await expect(decide({ digest, ...part })).rejects.toMatchObject({ code: 'unusable-input' });
    await expect(
      decide({
        digest,
        partial: part.partial,
        signature: signDocument(key, PURPOSES.decision, { request: digest, decision: 'approve' }),
      }),
    ).rejects.toMatchObject({ code: 'unusable-input', message: /not made with this officer's share for this request/ });
    // Whoever writes the database and puts the drill's document in the request's place is refused by what it says.
    await office.query('UPDATE recovery_requests SET canonical = $2, digest = $3 WHERE id = $1', [
      requestId,
      document,
      opening.request,
    ]);
    await expect(decide({ digest: opening.request, ...part })).rejects.toThrow();
    await expect(perform(office.world, releaseKey, admin, { id: requestId })).rejects.toThrow();
    await office.query('UPDATE recovery_requests SET canonical = $2, digest = $3 WHERE id = $1', [
      requestId,
      request?.canonical,
      digest,
    ]);
    // A batch that is not the one that was made is not opened either.
    await office.query(`UPDATE vault_batches SET canonical = replace(canonical, 'drill', 'rewrap') WHERE id = $1`, [
      batch?.id,
    ]);
    await expect(
      perform(office.world, contributeToBatch, omar, { id: batch?.id ?? '', digest: opening.request, ...part }),
    ).rejects.toThrow();
    await office.query('UPDATE vault_batches SET canonical = $2 WHERE id = $1', [batch?.id, document]);
    expect(await office.contribute(round, omar)).toBe(1);
    expect(await outcomes(round)).toEqual(['proven 1']);
  });

  it('names a record that does not open, and what was proven before stays proven', async () => {
    now = new Date(now.getTime() + 60_000);
    const [victim] = await office.query('SELECT id, sealed FROM escrowed_keys WHERE person_id = $1', [people[4]]);
    const sealed = Buffer.from(victim?.sealed as Buffer);
    await office.query('ALTER TABLE escrowed_keys DISABLE TRIGGER USER');
    const flip = (octets: Buffer) =>
      office.query('UPDATE escrowed_keys SET sealed = $2 WHERE id = $1', [victim?.id, octets]);
    const altered = Buffer.from(sealed);
    altered[altered.length - 1] = (altered.at(-1) ?? 0) ^ 1;
    await flip(altered);
    const round = await perform(office.world, beginDrill, system, {});
    await office.contribute(round, otto);
    await office.contribute(round, omar);
    expect(await outcomes(round)).toEqual(['failed 1', 'proven 4']);
    expect(await standing()).toMatchObject({ keys: 5, failed: 1 });
    const [record] = await office.query(
      `SELECT details FROM audit_records WHERE action = 'escrow.prove' AND details->>'outcome' = 'failed'`,
    );
    expect(record?.details).toMatchObject({
      escrowedKeyId: victim?.id,
      error: expect.stringContaining('does not open'),
    });
    await flip(sealed);
    await office.query('ALTER TABLE escrowed_keys ENABLE TRIGGER USER');
  });

  it('is begun by the office itself when it is due, and people are told when nobody contributes', async () => {
    await beginDueDrill(office.world);
    const open = () => read(async (snapshot) => openRound(snapshot, (await currentVault(snapshot)).id, 'drill'));
    expect(await open()).toBeUndefined();
    now = new Date(now.getTime() + 91 * 86_400_000);
    await beginDueDrill(office.world);
    await beginDueDrill(office.world);
    const round = await open();
    expect(round).toMatchObject({ begun_by: 'system' });
    expect(await standing()).toMatchObject({ overdue: false });
    now = new Date(now.getTime() + 20 * 86_400_000);
    expect(await standing()).toMatchObject({ overdue: true });
    await office.contribute(round?.id ?? '', otto);
    await office.contribute(round?.id ?? '', olga);
    expect(await standing()).toMatchObject({ keys: 5, proven: 5, failed: 0, overdue: false });
  });
});

describe('a new vault for a live one', () => {
  let nora: OperatorPrincipal;
  let nils: OperatorPrincipal;
  let oldVault: Awaited<ReturnType<typeof currentVault>>;
  let round: string;
  let pending: string;
  let target: { transcript: Transcript; fingerprint: string };
  let late: string;
  /** Approved, for a key of each batch. */
  const approved: string[] = [];
  /** A release that is about to seal its password. */
  let slow: { id: string; goOn: () => void; released: Promise<unknown>; moving: Promise<unknown> };

  it('is founded while one is live; new keys go to it at once, and what is in the old one is laid out', async () => {
    nora = await office.operator('Nora', 'recovery-officer');
    nils = await office.operator('Nils', 'recovery-officer');
    oldVault = await read(currentVault);
    pending = await office.ask(admin, people[0] ?? '');
    await office.approve(pending, olga);
    emptying = false;
    await office.holdCeremony([otto, nora, nils]);
    const vault = await read(currentVault);
    expect(vault.id).not.toBe(oldVault.id);
    expect(vault.publicKey).not.toEqual(oldVault.publicKey);
    late = await office.person('late@example.com');
    const [lock] = await office.query(
      `SELECT l.holder FROM escrow_locks l JOIN escrowed_keys e ON e.id = l.escrowed_key_id WHERE l.kind = 'vault' AND e.person_id = $1`,
      [late],
    );
    expect(lock?.holder).toBe(vault.id);
    // Two batches and the rest, so that one can be done without the other.
    await perform(office.world, planRewrap, system, { vaultId: oldVault.id, records: 2 });
    emptying = true;
    await emptyVaults(office.world);
    const [row] = await read((snapshot) => listRounds(snapshot, 1));
    round = row?.id ?? '';
    expect(row).toMatchObject({ kind: 'rewrap', vault_id: oldVault.id, target_vault_id: vault.id });
    expect(await read((snapshot) => countRound(snapshot, round))).toMatchObject({ records: 5, batches: 2 });
    const transcript = JSON.parse(await read((snapshot) => foundingTranscript(snapshot, vault.id))) as Transcript;
    target = { transcript, fingerprint: fingerprintOf(readTranscript(transcript).transcript) };
    // The job may come as often as it likes.
    await emptyVaults(office.world);
    expect(await read((snapshot) => countRound(snapshot, round))).toMatchObject({ records: 5, batches: 2 });
  });

  it('its officers’ clients check where the keys go; Otto has a part in it himself', async () => {
    await expect(office.contribute(round, olga)).rejects.toMatchObject({ code: 'invalid-argument' });
    await expect(office.contribute(round, olga, { ...target, fingerprint: null })).rejects.toMatchObject({
      code: 'bad-proof',
    });
    expect(await office.contribute(round, otto, { ...target, fingerprint: null })).toBe(2);
    await expect(perform(office.world, planRewrap, nora, { vaultId: oldVault.id })).rejects.toMatchObject({
      code: 'forbidden',
    });
  });

  it('until they have moved, its officers release the keys that lie in it, and nobody else does', async () => {
    const id = await office.ask(admin, people[1] ?? '');
    await expect(office.approve(id, nora)).rejects.toThrow(/holds no share/);
    const { digest } = await office.approval(id, olga);
    await expect(
      perform(office.world, decideRecovery, nora, { id, decision: 'approve', digest, signature: '' }),
    ).rejects.toThrow(/share of the vault that the keys lie in/);
    await office.approve(id, otto);
    await office.approve(id, olga);
    expect((await perform(office.world, releaseKey, admin, { id })).data.length).toBeGreaterThan(500);
    // Until it is told, the old vault's key is kept for it.
    expect((await perform(office.world, releasePassword, olga, { id })).password).not.toBe('');
    const both = {
      personIds: [people[1] ?? '', late],
      reason: 'legal-hold' as const,
      explanation: 'a case',
      delivery: { kind: 'pkcs12' as const },
    };
    await expect(perform(office.world, requestRecovery, admin, both)).rejects.toMatchObject({
      code: 'wrong-state',
      message: expect.stringContaining('Of these 2 keys 1 still lie in a vault that was replaced'),
    });
  });

  it('may be asked for keys until then', async () => {
    const ofEach = await office.query(
      `SELECT DISTINCT ON (r.batch_id) e.person_id FROM vault_batch_records r JOIN vault_batches b ON b.id = r.batch_id
       JOIN escrowed_keys e ON e.id = r.escrowed_key_id WHERE b.round_id = $1 AND e.person_id <> $2`,
      [round, people[0]],
    );
    for (const { person_id } of ofEach) {
      const id = await office.ask(admin, String(person_id));
      await office.approve(id, otto);
      await office.approve(id, olga);
      approved.push(id);
    }
    expect(approved).toHaveLength(2);
  });

  it('survives a crash in the middle of a batch, and goes on where it was', async () => {
    await withPowerFailure(office.world, 4, async () => {
      await expect(office.contribute(round, olga, target)).rejects.toThrow('the power failed');
    });
    // One batch is moved, whichever came first, of the other nothing is, and no key is in both vaults or in none.
    expect([
      ['moved 2', 'null 3'],
      ['moved 3', 'null 2'],
    ]).toContainEqual(await outcomes(round));
    const [locks] = await office.query(
      `SELECT count(*)::int AS all, count(DISTINCT escrowed_key_id)::int AS keys FROM escrow_locks WHERE kind = 'vault'`,
    );
    expect(locks).toEqual({ all: 6, keys: 6 });
    emptying = false;
    const [id = ''] = await read(async (snapshot) => {
      const open = await Promise.all(approved.map((one) => recoveryById(snapshot, one)));
      return open.flatMap((one) => (one?.state === 'approved' ? [one.id] : []));
    });
    slow = {
      id,
      moving: Promise.resolve(),
      ...(await sealSlowly(() => perform(office.world, releaseKey, admin, { id }))),
    };
    const ready = await office.query(`SELECT id FROM vault_batches WHERE state = 'ready'`);
    const openAll = async () => {
      for (const one of ready) await openBatch(office.world, String(one.id));
      for (const one of ready) await openBatch(office.world, String(one.id));
    };
    // Ends the request as well, once the release has ended.
    slow.moving = openAll();
    await expect.poll(() => outcomes(round)).toEqual(['moved 5']);
  });

  it('the password of what was being released meanwhile is told before the key of the old vault goes', async () => {
    const closing = emptyVaults(office.world);
    await new Promise((resolve) => setTimeout(resolve, 300));
    slow.goOn();
    await slow.released;
    await Promise.all([closing, slow.moving]);
    expect(await office.trail(`vault:${oldVault.id}`)).not.toContain('vault.close succeeded');
    await emptyVaults(office.world);
    expect(await office.trail(`vault:${oldVault.id}`)).not.toContain('vault.close succeeded');
    expect((await perform(office.world, releasePassword, olga, { id: slow.id })).password).not.toBe('');
  });

  it('the old vault is retired and its key destroyed, once every transaction from before has ended', async () => {
    const client = await office.world.database.pool.connect();
    const { keyStore } = office.world;
    const keks = async () => (await keyStore.list()).filter(({ label }) => label === 'vault').length;
    const before = await keks();
    try {
      // Whoever began before the vault was replaced may still lock a key to it.
      await client.query('BEGIN');
      await client.query('SELECT 1');
      await office.query(`UPDATE vaults SET replaced_at = clock_timestamp() WHERE id = $1`, [oldVault.id]);
      await emptyVaults(office.world);
      expect(await office.query('SELECT state FROM vaults WHERE id = $1', [oldVault.id])).toEqual([{ state: 'live' }]);
    } finally {
      await client.query('COMMIT');
      client.release();
    }
    await emptyVaults(office.world);
    expect(await office.query('SELECT state FROM vaults WHERE id = $1', [oldVault.id])).toEqual([{ state: 'retired' }]);
    expect(await keks()).toBe(before - 1);
    expect((await office.trail(`vault:${oldVault.id}`)).slice(-2)).toEqual([
      'vault.close attempted',
      'vault.close succeeded',
    ]);
    expect((await read((snapshot) => listRounds(snapshot, 1)))[0]).toMatchObject({ id: round, outcome: 'complete' });
  });

  it('ended the requests that waited in the old one, and the new officers open what was moved', async () => {
    expect(await read((snapshot) => recoveryById(snapshot, pending))).toMatchObject({ state: 'expired' });
    expect((await office.trail(`recovery:${pending}`)).at(-1)).toBe('recovery.expire succeeded');
    const told = await office.query('SELECT subject FROM notices WHERE about = $1 ORDER BY queued_at', [
      `recovery:${pending}`,
    ]);
    expect(told.map(({ subject }) => subject)).toEqual([
      'Your encryption keys have been asked for',
      'A request for your encryption keys has ended',
    ]);
    // Nobody's record of a key that moved names the requests of others.
    const moves = await office.query(`SELECT canonical FROM audit_records WHERE action = 'vault.rewrap'`);
    expect(JSON.stringify(moves)).not.toContain(pending);
    const id = await office.ask(admin, people[0] ?? '');
    await expect(office.approve(id, olga)).rejects.toThrow(/holds no share/);
    await office.approve(id, nora);
    await office.approve(id, nils);
    expect((await perform(office.world, releaseKey, admin, { id })).data.length).toBeGreaterThan(500);
  });

  it('a vault lock is replaced by one of a live vault, or rewritten under another key-encryption key, and nothing else', async () => {
    const [lock] = await office.query(`SELECT id FROM escrow_locks WHERE kind = 'vault' LIMIT 1`);
    const change = (set: string) => office.query(`UPDATE escrow_locks SET ${set} WHERE id = '${lock?.id}'`);
    await expect(change(`holder = '${oldVault.id}'`)).rejects.toThrow(/a live vault only/);
    await expect(change(`wrapped = set_byte(wrapped, 100, get_byte(wrapped, 100) # 1)`)).rejects.toThrow(/half a/);
    await expect(change(`wrapped = '\\x01'`)).rejects.toThrow(/stays the vault lock/);
    await expect(change(`kind = 'claim'`)).rejects.toThrow(/stays/);
    await expect(office.query(`DELETE FROM escrow_locks WHERE id = '${lock?.id}'`)).rejects.toThrow(/never deleted/);
    await change(`wrapped = set_byte(wrapped, 180, get_byte(wrapped, 180))`);
  });
});
