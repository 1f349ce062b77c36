/** A temporary office that is set up, with people whose keys are in escrow and officers who may recover them. */
import { randomUUID } from 'node:crypto';
import type { Role } from '@chancery/api';
import {
  acceptFor,
  approve as approveWith,
  type CeremonyPlan,
  collectOrigins,
  contributeToBatches,
  dealFor,
  deriveShareKey,
  digestOf,
  newSeed,
  type PointEvidence,
  PURPOSES,
  type RewrapTarget,
  type ShareKey,
  signDocument,
  type Transcript,
} from '@chancery/vault';
import { establishHierarchy } from '../src/ca/hierarchy.ts';
import { establishProfiles } from '../src/ca/profile.ts';
import { openingOf, readCanonical } from '../src/kra/canonical-request.ts';
import { acceptCeremony, dealPart, openCeremony, registerShareKey, testOpening } from '../src/kra/ceremony.ts';
import { originsOfRequest } from '../src/kra/origins.ts';
import { decideRecovery, requestRecovery } from '../src/kra/recovery.ts';
import { contributeToBatch, officerIndex } from '../src/kra/rounds.ts';
import { establishVault } from '../src/kra/vault.ts';
import { perform } from '../src/operation.ts';
import { type Principal, system } from '../src/principal.ts';
import { addPerson } from '../src/ra/onboarding.ts';
import type { Snapshot } from '../src/store/database.ts';
import { findOffice, insertOffice } from '../src/store/office.ts';
import { insertOperator } from '../src/store/operators.ts';
import { recoveryById } from '../src/store/recovery.ts';
import { batchesWaitingFor, type RoundRow, roundById } from '../src/store/rounds.ts';
import { type CeremonyRow, ceremonyById, currentVault, vaultById } from '../src/store/vaults.ts';
import type { World } from '../src/world.ts';
import { type TemporaryOffice, type TemporaryOfficeOptions, temporaryOffice } from './temporary-office.ts';
import { nameSecret } from './watched.ts';

export type OperatorPrincipal = Extract<Principal, { kind: 'operator' }>;

interface Evidence {
  readonly digest: string;
  readonly signature: string;
  readonly partial: { officer: number; points: string[]; proofs: string[] };
}

export interface EscrowOffice extends TemporaryOffice {
  operator(name: string, ...roles: Role[]): Promise<OperatorPrincipal>;
  /** Someone who has joined and whose encryption key is made and certified; returns the id. */
  person(address: string, options?: { gatewayDecrypts?: boolean; aliases?: string[] }): Promise<string>;
  query(text: string, values?: unknown[]): Promise<Record<string, unknown>[]>;
  /** Has these officers found the vault, or share it anew; each keeps a share key here, in memory. */
  holdCeremony(
    officers: readonly OperatorPrincipal[],
    options?: { threshold?: number; dealers?: readonly OperatorPrincipal[] },
  ): Promise<void>;
  /** Of an officer who took part in a ceremony. */
  shareKey(officer: OperatorPrincipal): ShareKey;
  /** What that share key is derived from: what an officer's file holds. */
  seed(officer: OperatorPrincipal): Uint8Array;
  /** What the office shows an officer's client about the points of a request. */
  points(requestId: string): Promise<PointEvidence>;
  /** That operator asks for all keys of a person, as a PKCS#12. @returns id of the request */
  ask(by: OperatorPrincipal, personId: string): Promise<string>;
  /** What an officer's client sends to approve a request. */
  approval(requestId: string, officer: OperatorPrincipal): Promise<Evidence>;
  /** And sends it. @returns the state of the request */
  approve(requestId: string, officer: OperatorPrincipal): Promise<string>;
  /** An officer works through what a round waits for from them, and the jobs that follow are run. @returns how many batches */
  contribute(roundId: string, officer: OperatorPrincipal, target?: RewrapTarget): Promise<number>;
  /** Outcomes of the records about that subject, oldest first: `recovery.release denied`. */
  trail(subject: string): Promise<string[]>;
}

/** The key store's so manieth wrapping from now fails, as where a machine loses its power, and the rest of `run` with it. */
export async function withPowerFailure(world: World, at: number, run: () => Promise<void>): Promise<void> {
  const { keyStore } = world;
  const wrap = keyStore.wrap.bind(keyStore);
  let calls = 0;
  keyStore.wrap = async (...input) => {
    calls += 1;
    if (calls === at) throw new Error('the power failed');
    return wrap(...input);
  };
  try {
    await run();
  } finally {
    keyStore.wrap = wrap;
  }
}

export async function escrowOffice(options: TemporaryOfficeOptions = {}): Promise<EscrowOffice> {
  const office = await temporaryOffice(options);
  const { world } = office;
  const query = async (text: string, values: unknown[] = []) => (await world.database.pool.query(text, values)).rows;
  const founded = (await world.database.snapshot(findOffice)) !== undefined;
  await world.database.operations.transaction(async (tx) => {
    if (founded) return;
    await insertOffice(tx, { organisation: 'Example Corp', domains: ['example.com'], demo: false }, world.clock());
    await establishProfiles(tx, world);
    await establishHierarchy(tx, world, { organisation: 'Example Corp', algorithm: 'ecdsa' });
    await establishVault(tx, world, { threshold: 2 });
  });
  // The shipped profile's RSA keys take tests a third of a second each.
  if (!founded)
    await query(`INSERT INTO profiles (id, version, document, created_at)
    SELECT id, 2, jsonb_set(document, '{keys,generate}', '"p256"'), created_at FROM profiles WHERE id = 'encryption'`);
  const seeds = new Map<string, Uint8Array>();
  const shareKeys = new Map<string, ShareKey>();
  const shareKey = (officer: OperatorPrincipal): ShareKey => {
    const key = shareKeys.get(officer.id);
    if (key === undefined) throw new Error(`${officer.name} took part in no ceremony`);
    return key;
  };
  const read = <T>(run: (snapshot: Snapshot) => Promise<T>) => world.database.snapshot(run);
  const previousTranscript = async (dealers: readonly OperatorPrincipal[]) => {
    const { transcript } = await read(currentVault);
    return dealers.length === 0 || transcript === null ? null : (JSON.parse(transcript) as Transcript);
  };
  const points = async (requestId: string): Promise<PointEvidence> => {
    const request = await read((snapshot) => recoveryById(snapshot, requestId));
    if (request === undefined) throw new Error('There is no such request');
    const origins = await collectOrigins(null, ({ after, ...query }) =>
      originsOfRequest(world, request, { ...query, after: Number(after ?? 0) }),
    );
    return { origins, known: null, acceptAttested: false };
  };
  const approval = async (requestId: string, officer: OperatorPrincipal): Promise<Evidence> => {
    const request = await read((snapshot) => recoveryById(snapshot, requestId));
    if (request === undefined) throw new Error('There is no such request');
    const { transcript } = await read((snapshot) => vaultById(snapshot, readCanonical(request).vaultId));
    if (transcript === null) throw new Error('The vault of the request has no officers');
    const opening = openingOf(request);
    const evidence = await points(requestId);
    const made = await approveWith(
      JSON.parse(transcript),
      officer.id,
      shareKey(officer),
      opening,
      request.canonical,
      evidence,
    );
    const partial = { ...made.partial, points: [...made.partial.points], proofs: [...made.partial.proofs] };
    return { digest: request.digest, signature: made.signature, partial };
  };
  return {
    ...office,
    query,
    shareKey,
    seed: (officer) => seeds.get(officer.id) ?? new Uint8Array(),
    async holdCeremony(officers, { threshold = 2, dealers = [] } = {}) {
      for (const officer of officers) {
        if (shareKeys.has(officer.id)) continue;
        const seed = newSeed();
        const key = deriveShareKey(seed);
        seeds.set(officer.id, seed);
        for (const secret of [seed, key.encryption, key.signing]) nameSecret(secret);
        shareKeys.set(officer.id, key);
        const { publicKeys } = key;
        const signature = signDocument(key, PURPOSES.shareKey, { operatorId: officer.id, publicKeys });
        await perform(world, registerShareKey, officer, { publicKeys, signature, kind: 'file' });
      }
      const previous = await previousTranscript(dealers);
      const { id: ceremonyId } = await perform(world, openCeremony, system, {
        kind: dealers.length === 0 ? 'found' : 'reshare',
        threshold,
        officers: officers.map(({ id }) => id),
        dealers: dealers.map(({ id }) => id),
      });
      const row = async () => (await read((snapshot) => ceremonyById(snapshot, ceremonyId))) as CeremonyRow;
      const plan = JSON.parse((await row()).plan ?? '') as CeremonyPlan;
      for (const dealer of dealers.length === 0 ? officers : dealers) {
        const dealing = await dealFor(plan, previous, dealer.id, shareKey(dealer));
        await perform(world, dealPart, dealer, { ceremonyId, dealing: structuredClone(dealing) as never });
      }
      for (const officer of officers) {
        const { transcript: text, ...ceremony } = await row();
        const transcript = JSON.parse(text ?? '') as Transcript;
        const opening = testOpening({ ...ceremony, transcript: text }, { transcript: digestOf(transcript) });
        const acceptance = await acceptFor(transcript, previous, officer.id, shareKey(officer), opening);
        await perform(world, acceptCeremony, officer, {
          ceremonyId,
          ...(structuredClone(acceptance) as never as object),
        } as never);
      }
      await office.drain();
    },
    points,
    ask: (by, personId) =>
      perform(world, requestRecovery, by, {
        personId,
        reason: 'lost-device',
        explanation: 'Lost at sea.',
        delivery: { kind: 'pkcs12' },
      }),
    approval,
    approve: async (id, officer) =>
      perform(world, decideRecovery, officer, { id, decision: 'approve', ...(await approval(id, officer)) }),
    async contribute(roundId, officer, target) {
      const { round, vault, batches } = await read(async (snapshot) => {
        const row = (await roundById(snapshot, roundId)) as RoundRow;
        const its = await vaultById(snapshot, row.vault_id);
        const waiting = await batchesWaitingFor(snapshot, roundId, officerIndex(its, officer.id), 1000);
        return { round: row, vault: its, batches: waiting };
      });
      const transcript = JSON.parse(vault.transcript ?? '') as Transcript;
      const by = { transcript, officerId: officer.id, key: shareKey(officer), target: target ?? null };
      const parts = await contributeToBatches(
        round.kind,
        by,
        batches.map(({ canonical }) => canonical),
      );
      for (const [at, part] of parts.entries()) {
        await perform(world, contributeToBatch, officer, {
          id: batches[at]?.id ?? '',
          ...(structuredClone(part) as never as object),
        } as never);
      }
      await office.drain();
      return parts.length;
    },
    async operator(name, ...roles) {
      const id = randomUUID();
      const address = `${name.toLowerCase()}@example.com`;
      await world.database.operations.transaction((tx) =>
        insertOperator(tx, { id, name, address, roles, state: 'active', at: world.clock() }),
      );
      return { kind: 'operator', id, name, address, roles };
    },
    async person(address, { gatewayDecrypts = false, aliases = [] } = {}) {
      const name = `${address.split('@')[0]} Example`;
      const { id } = await perform(world, addPerson, system, {
        address,
        name,
        aliases,
        externalId: null,
        signingKey: 'device',
        gatewayDecrypts,
      });
      await office.drain();
      return id;
    },
    async trail(subject) {
      const rows = await query('SELECT action, outcome FROM audit_records WHERE subject = $1 ORDER BY sequence', [
        subject,
      ]);
      return rows.map(({ action, outcome }) => `${action} ${outcome}`);
    },
  };
}
