/** Records escrowed and opened, with a software and a SoftHSM key-encryption key, stage by stage. */
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { type KeyStore, openPkcs11KeyStore } from '@chancery/keystore';
import { approve, checkPartial, combinePartials, type Partial } from '@chancery/vault';
import { makeToken, SOFTHSM } from '../../interop/softhsm.ts';
import { openingOf } from '../../packages/authority/src/kra/canonical-request.ts';
import { beginDrill } from '../../packages/authority/src/kra/drill.ts';
import { escrowKey } from '../../packages/authority/src/kra/escrow.ts';
import { makeVaultLock, openVaultLock } from '../../packages/authority/src/kra/locks/vault.ts';
import { decideRecovery, requestRecovery } from '../../packages/authority/src/kra/recovery.ts';
import { releaseKey } from '../../packages/authority/src/kra/release.ts';
import { keyOfVault, sealUnderVault } from '../../packages/authority/src/kra/vault.ts';
import { perform } from '../../packages/authority/src/operation.ts';
import { system } from '../../packages/authority/src/principal.ts';
import { fulfilEnrollment } from '../../packages/authority/src/ra/enrollment.ts';
import { insertEnrollments, withdrawEnrollments } from '../../packages/authority/src/store/enrollments.ts';
import { locksOfKeys } from '../../packages/authority/src/store/escrow.ts';
import { recoveryById } from '../../packages/authority/src/store/recovery.ts';
import { currentVault } from '../../packages/authority/src/store/vaults.ts';
import { type EscrowOffice, escrowOffice } from '../../packages/authority/test/escrow-office.ts';
import { timeOf } from './bare.ts';

/** Milliseconds, where nothing else is said. */
export interface Records {
  readonly store: string;
  readonly escrows: number;
  /** A second. */
  readonly escrowed: number;
  readonly lock: number;
  readonly wrap: number;
  readonly opened: number;
  /** Of each record: one officer's part; checking two parts and combining them; opening its lock; its place in the PKCS#12. */
  readonly officer: number;
  readonly combine: number;
  readonly unlock: number;
  readonly pack: number;
  /** Seconds: a drill of as many records, two officers' clients and the office on one machine, from its beginning to the last proof. */
  readonly drill: number;
}

/** @returns a sentence where this machine cannot have that store */
export async function measureRecords(
  store: 'software' | 'softhsm',
  pace: { readonly escrows: number; readonly drill: number; readonly seconds: number },
): Promise<Records | string> {
  const token = store === 'softhsm' ? openToken() : undefined;
  if (typeof token === 'string') return token;
  const keyStore = token && (await token.keyStore);
  const [health] = (await keyStore?.health()) ?? [];
  if (health?.state === 'unavailable') {
    token?.remove();
    return `SoftHSM: ${health.lastError?.message ?? 'it does not answer'}`;
  }
  const office = await escrowOffice(keyStore === undefined ? {} : { keyStore });
  try {
    const officers = [
      await office.operator('Olga', 'recovery-officer'),
      await office.operator('Otto', 'recovery-officer'),
      await office.operator('Omar', 'recovery-officer'),
    ];
    await office.holdCeremony(officers);
    const escrowed = await escrowRate(office, pace.escrows);
    const vault = await office.world.database.snapshot(currentVault);
    const dek = Buffer.alloc(32, 7);
    const owner = { recordId: randomUUID(), personId: randomUUID() };
    const lock = await timeOf(pace.seconds / 4, () => makeVaultLock(office.world, vault, owner, dek));
    const wrap = await timeOf(pace.seconds / 4, () => sealUnderVault(office.world, vault, 'bench', dek));
    const name = store === 'softhsm' ? 'SoftHSM' : store;
    const stages = await openingStages(office, officers, pace.drill);
    return { store: name, escrows: pace.escrows, escrowed, lock, wrap, opened: pace.drill, ...stages };
  } finally {
    await office.close();
    token?.remove();
  }
}

function openToken(): { keyStore: Promise<KeyStore>; remove(): void } | string {
  if (!existsSync(SOFTHSM)) return 'SoftHSM: the Debian package softhsm2 is not installed';
  const token = makeToken();
  return {
    keyStore: openPkcs11KeyStore({
      module: SOFTHSM,
      token: token.label,
      pin: () => token.pin,
      refusalFile: token.refusalFile,
      timeoutSeconds: 60,
    }),
    remove: () => token.remove(),
  };
}

/** Four at a time, as four nodes would: one person each, so that none waits for another's row. */
async function escrowRate(office: EscrowOffice, count: number): Promise<number> {
  const people = [];
  for (const name of ['a', 'b', 'c', 'd']) people.push(await office.person(`${name}@example.com`));
  const began = performance.now();
  const each = Math.ceil(count / people.length);
  await Promise.all(
    people.map(async (personId) => {
      for (let n = 0; n < each; n++)
        await perform(office.world, escrowKey, system, { enrollmentId: await begin(office, personId) });
    }),
  );
  return (each * people.length * 1000) / (performance.now() - began);
}

async function begin(office: EscrowOffice, personId: string): Promise<string> {
  return office.world.database.operations.transaction(async (tx) => {
    await withdrawEnrollments(tx, personId, 'encryption', new Date());
    const [begun] = await insertEnrollments(tx, [{ personId, use: 'encryption' }], new Date());
    if (begun === undefined) throw new Error('no enrolment was begun');
    return begun.id;
  });
}

/** As many certified keys as asked, of one person, in one request. */
async function openingStages(
  office: EscrowOffice,
  officers: readonly Awaited<ReturnType<EscrowOffice['operator']>>[],
  count: number,
): Promise<Pick<Records, 'officer' | 'combine' | 'unlock' | 'pack' | 'drill'>> {
  const { world } = office;
  const personId = await office.person('many@example.com');
  for (let n = 1; n < count; n++) await fulfilEnrollment(world, await begin(office, personId));
  const admin = await office.operator('Ada', 'administrator');
  const id = await perform(world, requestRecovery, admin, {
    personId,
    reason: 'other',
    explanation: 'A benchmark.',
    delivery: { kind: 'pkcs12' },
  });
  const request = await world.database.snapshot((snapshot) => recoveryById(snapshot, id));
  const vault = await world.database.snapshot(currentVault);
  if (request === undefined || vault.transcript === null) throw new Error('There is no request, or no vault');
  const opening = openingOf(request);
  if (opening.records.length !== count) throw new Error(`${opening.records.length} records instead of ${count}`);
  const partials: Partial[] = [];
  const points = await office.points(id);
  let began = performance.now();
  for (const officer of officers.slice(0, 2)) {
    const key = office.shareKey(officer);
    const made = await approve(JSON.parse(vault.transcript), officer.id, key, opening, request.canonical, points);
    partials.push(made.partial);
  }
  const officer = (performance.now() - began) / 2 / count;
  for (const one of officers.slice(0, 2)) {
    const evidence = await office.approval(id, one);
    await perform(world, decideRecovery, one, { id, decision: 'approve', ...evidence });
  }

  const { key } = keyOfVault(vault);
  began = performance.now();
  for (const partial of partials) checkPartial(partial, key, opening);
  const combined = combinePartials(partials, key, opening);
  const combine = (performance.now() - began) / count;
  const locks = await world.database.snapshot((snapshot) =>
    locksOfKeys(
      snapshot,
      opening.records.map((record) => record.id),
    ),
  );
  began = performance.now();
  for (const [index, record] of opening.records.entries()) {
    const lock = locks.find((one) => one.kind === 'vault' && one.escrowed_key_id === record.id);
    const point = combined[index];
    if (lock === undefined || point === undefined) throw new Error(`The record ${record.id} has no lock`);
    (await openVaultLock(world, vault, record.id, lock.wrapped, point)).fill(0);
  }
  const unlock = (performance.now() - began) / count;
  began = performance.now();
  await perform(world, releaseKey, admin, { id });
  // What a release takes beside that: the files, encrypted under the password.
  const pack = Math.max(0, (performance.now() - began) / count - combine - unlock);
  return { officer, combine, unlock, pack, drill: await drillOf(office, officers, count) };
}

async function drillOf(
  office: EscrowOffice,
  officers: readonly Awaited<ReturnType<EscrowOffice['operator']>>[],
  count: number,
): Promise<number> {
  const began = performance.now();
  const round = await perform(office.world, beginDrill, system, { records: count });
  for (const officer of officers.slice(0, 2)) await office.contribute(round, officer);
  await office.drain();
  const seconds = (performance.now() - began) / 1000;
  const [proven] = await office.query(
    `SELECT count(*)::int AS n FROM vault_batch_records r JOIN vault_batches b ON b.id = r.batch_id
     WHERE b.round_id = $1 AND r.outcome = 'proven'`,
    [round],
  );
  if (proven?.n !== count) throw new Error(`Of ${count} records the drill proved ${proven?.n}`);
  return seconds;
}
