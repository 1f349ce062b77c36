/**
 * The vault ceremony, as the server sees it: it gathers the officers' share keys, hands their dealings around, and checks
 * all that anybody can check who holds no share. The vault goes live, or its next epoch begins, once every officer has
 * accepted the whole transcript and all of them have opened a test record together.
 */
import { createHash, randomUUID } from 'node:crypto';
import { routes } from '@chancery/api';
import {
  type CeremonyPlan,
  canonical,
  checkDealing,
  checkPartial,
  checkPlan,
  combinePartials,
  type Dealing,
  digestOf,
  isAcceptedBy,
  isSignedBy,
  newHalf,
  type Opening,
  openHalf,
  type Partial,
  type PastCeremony,
  PURPOSES,
  readTranscript,
  sealHalf,
  type Transcript,
  type VaultKey,
} from '@chancery/vault';
import { z } from 'zod';
import { AuthorityError } from '../errors.ts';
import { operation } from '../operation.ts';
import { actorOf, type Principal } from '../principal.ts';
import type { Snapshot, Transaction } from '../store/database.ts';
import { operatorById } from '../store/operators.ts';
import { endRoundsOfVault } from '../store/rounds.ts';
import {
  beginEpoch,
  type CeremonyRow,
  ceremonyParts,
  currentVault,
  insertCeremony,
  insertCeremonyPart,
  insertShareKey,
  insertVault,
  lockCeremony,
  openCeremonyRow,
  shareKeysOf,
  updateCeremony,
  type VaultRow,
  vaultById,
} from '../store/vaults.ts';
import type { World } from '../world.ts';
import { endThoseOfVault } from './end-recoveries.ts';
import { keyOfVault, trust } from './vault.ts';

/** The id of the record that officers open together before a vault goes live. */
const TEST_RECORD = 'test';

/** An officer names the share key that they will use from the next ceremony on. */
export const registerShareKey = operation({
  action: 'vault.register-share-key',
  permission: 'recovery:approve',
  input: routes.registerShareKey.body,
  subject: () => null,
  async run(tx, { publicKeys, signature, kind, credentialId }, by, world) {
    const officer = requireOfficer(by);
    if (!isSignedBy(publicKeys.signing, signature, PURPOSES.shareKey, { operatorId: officer.id, publicKeys })) {
      throw unusable('The share key was not shown to be yours: its signature does not fit');
    }
    if ((kind === 'passkey') !== (credentialId !== undefined)) throw unusable('A share key of a passkey names it');
    const id = randomUUID();
    await insertShareKey(tx, {
      id,
      operator_id: officer.id,
      kind,
      credential_id: credentialId ?? null,
      encryption_key: publicKeys.encryption,
      signing_key: publicKeys.signing,
      created_at: world.clock(),
    });
    const open = await openCeremonyRow(tx);
    if (open?.state === 'gathering') await planWhenGathered(tx, open.id);
    return { result: { id }, audit: { operatorId: officer.id, kind, publicKeys } };
  },
});

/**
 * Invites officers to found a vault, or to share the one in use anew.
 * @throws AuthorityError `wrong-state` (one is open, or the vault does not fit), `invalid-request`
 */
export const openCeremony = operation({
  action: 'vault.open-ceremony',
  permission: 'vault:write',
  input: routes.openCeremony.body,
  subject: () => 'vault',
  async run(tx, { kind, threshold, officers, dealers }, by, world) {
    const before = await openCeremonyRow(tx);
    if (before !== undefined) {
      throw new AuthorityError(
        'wrong-state',
        'A ceremony is open already. Nothing was changed. Finish or abandon it first.',
      );
    }
    for (const id of [...officers, ...dealers]) await requireOfficerInOffice(tx, id);
    if (new Set(officers).size !== officers.length) throw invalid('An officer is named twice');
    if (threshold > officers.length)
      throw invalid(`${officers.length} officers cannot make up a quorum of ${threshold}`);
    const least = world.config.escrow.threshold;
    if (threshold < least) throw invalid(`The configuration asks for a threshold of at least ${least}`);
    const vault = await currentVault(tx);
    const id = randomUUID();
    const ceremony = {
      id,
      threshold,
      officers,
      opened_by: actorOf(by),
      opened_at: world.clock(),
      ...(kind === 'found'
        ? { vault_id: randomUUID(), epoch: 1, dealers: null }
        : { vault_id: vault.id, epoch: vault.epoch + 1, dealers: dealersOf(vault, dealers) }),
    };
    await insertCeremony(tx, ceremony);
    await planWhenGathered(tx, id);
    return {
      result: { id },
      audit: { ceremonyId: id, kind, vaultId: ceremony.vault_id, epoch: ceremony.epoch, threshold, officers, dealers },
    };
  },
});

/** One officer's dealing. @throws AuthorityError `wrong-state`, `forbidden`, `unusable-input` (it does not check) */
export const dealPart = operation({
  action: 'vault.deal',
  permission: 'recovery:approve',
  input: z.strictObject({ ceremonyId: z.uuid(), dealing: routes.dealPart.body }),
  subject: ({ ceremonyId }) => `ceremony:${ceremonyId}`,
  async run(tx, { ceremonyId, dealing }, by, world) {
    const officer = requireOfficer(by);
    const ceremony = await requireCeremony(tx, ceremonyId, 'dealing');
    const plan = planOf(ceremony);
    const previous = await previousOf(tx, ceremony);
    const dealers = (previous?.plan ?? plan).officers;
    if (dealers[dealing.dealer - 1]?.id !== officer.id) {
      throw new AuthorityError('forbidden', 'This is not your part to deal. Nothing was changed.');
    }
    trust(() => checkDealing(plan, dealing, previous));
    await keepPart(tx, ceremony, 'dealing', dealing.dealer, officer.id, dealing, world.clock());
    const complete = await transcriptWhenDealt(tx, ceremony, plan, previous);
    return { result: undefined, audit: { dealing: digestOf(dealing), dealer: dealing.dealer, complete } };
  },
});

/**
 * An officer has checked the transcript, holds a share, and opens the test record with it.
 * @throws AuthorityError `wrong-state`, `forbidden`, `unusable-input`
 */
export const acceptCeremony = operation({
  action: 'vault.accept',
  permission: 'recovery:approve',
  input: z.strictObject({ ceremonyId: z.uuid(), ...routes.acceptCeremony.body.shape }),
  subject: ({ ceremonyId }) => `ceremony:${ceremonyId}`,
  async run(tx, { ceremonyId, signature, partial }, by, world) {
    const officer = requireOfficer(by);
    const ceremony = await requireCeremony(tx, ceremonyId, 'accepting');
    const transcript = JSON.parse(ceremony.transcript ?? '') as Transcript;
    const key = readTranscript(transcript, await previousOf(tx, ceremony));
    const planned = transcript.plan.officers[partial.officer - 1];
    if (planned?.id !== officer.id) {
      throw new AuthorityError('forbidden', 'This is not your share. Nothing was changed.');
    }
    if (!isAcceptedBy(planned, signature, key.transcript)) {
      throw unusable('The acceptance is not signed with your share key, or is of another transcript');
    }
    trust(() => checkPartial(partial, key, testOpening(ceremony, key)));
    await keepPart(tx, ceremony, 'acceptance', partial.officer, officer.id, { signature, partial }, world.clock());
    const vault = await finishWhenAccepted(tx, world, ceremony, transcript, key);
    return { result: undefined, audit: { transcript: key.transcript, signature, ...vault } };
  },
});

/** Ends a ceremony that will not be finished. A vault in use stays as it was. */
export const abandonCeremony = operation({
  action: 'vault.abandon-ceremony',
  permission: 'vault:write',
  input: z.strictObject({ ceremonyId: z.uuid(), ...routes.abandonCeremony.body.shape }),
  subject: ({ ceremonyId }) => `ceremony:${ceremonyId}`,
  async run(tx, { ceremonyId, reason }, _by, world) {
    const ceremony = await lockCeremony(tx, ceremonyId);
    if (ceremony === undefined) throw noCeremony();
    if (ceremony.state === 'complete' || ceremony.state === 'abandoned') throw wrongState(ceremony);
    await updateCeremony(tx, ceremonyId, { state: 'abandoned', closed_at: world.clock(), reason });
    return { result: undefined, audit: { reason, state: ceremony.state } };
  },
});

/** What the test record is opened for: the transcript itself. */
export function testOpening(ceremony: CeremonyRow, key: Pick<VaultKey, 'transcript'>): Opening {
  if (ceremony.test_record === null) throw wrongState(ceremony);
  return {
    vaultId: ceremony.vault_id,
    request: key.transcript,
    records: [{ id: TEST_RECORD, encapsulation: ceremony.test_record.encapsulation }],
  };
}

async function previousOf(snapshot: Snapshot, ceremony: CeremonyRow) {
  return ceremony.epoch === 1 ? undefined : keyOfVault(await vaultById(snapshot, ceremony.vault_id));
}

async function planWhenGathered(tx: Transaction, ceremonyId: string): Promise<void> {
  const ceremony = await requireCeremony(tx, ceremonyId, 'gathering');
  const keys = await shareKeysOf(tx, ceremony.officers);
  if (ceremony.officers.some((id) => !keys.has(id))) return;
  const officers = [];
  for (const id of ceremony.officers) {
    const key = keys.get(id);
    const operator = await operatorById(tx, id);
    if (key === undefined || operator === undefined) return;
    officers.push({
      id,
      name: operator.name,
      publicKeys: { encryption: key.encryption_key, signing: key.signing_key },
    });
  }
  const previous =
    ceremony.dealers === null
      ? null
      : { transcript: (await previousOf(tx, ceremony))?.key.transcript ?? '', dealers: ceremony.dealers };
  const plan: CeremonyPlan = {
    version: 1,
    vaultId: ceremony.vault_id,
    epoch: ceremony.epoch,
    threshold: ceremony.threshold,
    officers,
    previous,
  };
  trust(() => checkPlan(plan));
  await updateCeremony(tx, ceremonyId, { state: 'dealing', plan: textOf(plan) });
}

/** @returns whether that was the last dealing */
async function transcriptWhenDealt(
  tx: Transaction,
  ceremony: CeremonyRow,
  plan: CeremonyPlan,
  previous: PastCeremony | undefined,
): Promise<boolean> {
  const parts = await ceremonyParts(tx, ceremony.id);
  const dealings = parts
    .filter(({ kind }) => kind === 'dealing')
    .map(({ document }) => JSON.parse(document) as Dealing);
  if (dealings.length < (plan.previous?.dealers.length ?? plan.officers.length)) return false;
  const transcript: Transcript = { plan, dealings };
  const key = trust(() => readTranscript(transcript, previous));
  const half = newHalf();
  const sealed = await sealHalf(key.publicKey, half, { recordId: TEST_RECORD, vaultId: plan.vaultId });
  const expected = createHash('sha256').update(half).digest('hex');
  half.fill(0);
  await updateCeremony(tx, ceremony.id, {
    state: 'accepting',
    transcript: textOf(transcript),
    test_record: JSON.stringify({ ...sealed, expected }),
  });
  return true;
}

/** The last acceptance puts the vault, or its next epoch, into use. @returns what the audit trail says about it */
async function finishWhenAccepted(
  tx: Transaction,
  world: World,
  ceremony: CeremonyRow,
  transcript: Transcript,
  key: VaultKey,
): Promise<Record<string, unknown>> {
  const parts = (await ceremonyParts(tx, ceremony.id)).filter(({ kind }) => kind === 'acceptance');
  if (parts.length < transcript.plan.officers.length) return { complete: false };
  const partials = parts.map(
    ({ document }) => (JSON.parse(document) as z.output<typeof routes.acceptCeremony.body>).partial,
  );
  await openTestRecord(ceremony, key, partials);
  const at = world.clock();
  let ended: string[] = [];
  const replaced = await currentVault(tx);
  const epoch = {
    epoch: ceremony.epoch,
    threshold: ceremony.threshold,
    transcript: ceremony.transcript ?? '',
  };
  if (ceremony.epoch === 1) {
    await insertVault(tx, {
      ...epoch,
      id: ceremony.vault_id,
      kekReference: await world.keyStore.generateKek('vault'),
      state: 'live',
      publicKey: Buffer.from(key.publicKey),
      createdAt: at,
    });
    // What officers contributed to a drill there names locks that move now.
    await endRoundsOfVault(tx, replaced.id, 'drill', at);
    await world.jobs.enqueue(tx, 'empty-vaults', {});
  } else {
    await beginEpoch(tx, ceremony.vault_id, epoch);
    ended = await endThoseOfVault(tx, world, ceremony.vault_id);
    await endRoundsOfVault(tx, ceremony.vault_id, null, at);
  }
  await updateCeremony(tx, ceremony.id, { state: 'complete', closed_at: at });
  return {
    complete: true,
    vaultId: ceremony.vault_id,
    epoch: ceremony.epoch,
    threshold: ceremony.threshold,
    publicKey: Buffer.from(key.publicKey).toString('base64url'),
    officers: transcript.plan.officers,
    endedRecoveries: ended,
  };
}

/** Every quorum there is would do; the first M is one, and each partial was proven. */
async function openTestRecord(ceremony: CeremonyRow, key: VaultKey, partials: readonly Partial[]): Promise<void> {
  const test = ceremony.test_record;
  const [point] = combinePartials(partials, key, testOpening(ceremony, key));
  if (test === null || point === undefined) throw wrongState(ceremony);
  const half = await openHalf(point, key.publicKey, test, { recordId: TEST_RECORD, vaultId: ceremony.vault_id });
  const opened = createHash('sha256').update(half).digest('hex');
  half.fill(0);
  if (opened !== test.expected) {
    throw new AuthorityError('internal', 'The test record opened to something else. The vault was not put into use.');
  }
}

function dealersOf(vault: VaultRow, dealers: readonly string[]): number[] {
  const { plan, key } = keyOfVault(vault);
  const indices = dealers.map((id) => plan.officers.findIndex((officer) => officer.id === id) + 1);
  if (indices.includes(0)) throw invalid('A dealer holds no share of the vault');
  const distinct = [...new Set(indices)].sort((a, b) => a - b);
  if (distinct.length !== key.threshold) {
    throw invalid(
      `It takes ${key.threshold} officers who hold a share to deal it on, and ${distinct.length} were named`,
    );
  }
  return distinct;
}

async function keepPart(
  tx: Transaction,
  ceremony: CeremonyRow,
  kind: 'dealing' | 'acceptance',
  position: number,
  operatorId: string,
  document: unknown,
  at: Date,
): Promise<void> {
  const kept = await insertCeremonyPart(tx, {
    ceremony_id: ceremony.id,
    kind,
    position,
    operator_id: operatorId,
    document: textOf(document),
    at,
  });
  if (!kept) throw new AuthorityError('wrong-state', 'You have done your part already. Nothing was changed.');
}

async function requireCeremony(tx: Transaction, id: string, state: CeremonyRow['state']): Promise<CeremonyRow> {
  const ceremony = await lockCeremony(tx, id);
  if (ceremony === undefined) throw noCeremony();
  if (ceremony.state !== state) throw wrongState(ceremony);
  return ceremony;
}

async function requireOfficerInOffice(snapshot: Snapshot, id: string): Promise<void> {
  const operator = await operatorById(snapshot, id);
  if (operator === undefined || operator.state === 'disabled' || !operator.roles.includes('recovery-officer')) {
    throw invalid('Only recovery officers hold shares');
  }
}

function requireOfficer(by: Principal) {
  if (by.kind !== 'operator' || !by.roles.includes('recovery-officer')) {
    throw new AuthorityError('forbidden', 'Only a recovery officer does this, signed in. Nothing was changed.');
  }
  return by;
}

function planOf(ceremony: CeremonyRow): CeremonyPlan {
  if (ceremony.plan === null) throw wrongState(ceremony);
  return JSON.parse(ceremony.plan) as CeremonyPlan;
}

const textOf = (document: unknown): string => Buffer.from(canonical(document)).toString('utf8');

const invalid = (what: string) => new AuthorityError('invalid-request', `${what}. Nothing was changed.`);
const unusable = (what: string) => new AuthorityError('unusable-input', `${what}. Nothing was changed.`);
const noCeremony = () => new AuthorityError('not-found', 'There is no such ceremony. Nothing was changed.');

function wrongState(ceremony: CeremonyRow): AuthorityError {
  return new AuthorityError('wrong-state', `This ceremony is ${WHERE[ceremony.state]}. Nothing was changed.`);
}

const WHERE: Record<CeremonyRow['state'], string> = {
  gathering: "waiting for officers' share keys",
  dealing: 'waiting for officers to deal',
  accepting: 'waiting for officers to accept',
  complete: 'complete',
  abandoned: 'abandoned',
};
