/** The vault, its officers, and their ceremonies. */
import type { Ceremony, Vault } from '@chancery/api';
import { digestOf, fingerprintOf, type Transcript } from '@chancery/vault';
import { AuthorityError } from '../../errors.ts';
import {
  abandonCeremony,
  acceptCeremony,
  dealPart,
  openCeremony,
  registerShareKey,
  testOpening,
} from '../../kra/ceremony.ts';
import { exportEscrow } from '../../kra/export.ts';
import { reportOpening } from '../../kra/report-opening.ts';
import { rotateKek } from '../../kra/rotate-kek.ts';
import { consult, perform } from '../../operation.ts';
import type { Principal } from '../../principal.ts';
import type { Snapshot } from '../../store/database.ts';
import { countVaultLocks } from '../../store/escrow.ts';
import { operatorById } from '../../store/operators.ts';
import {
  type CeremonyRow,
  ceremonyById,
  ceremonyParts,
  currentVault,
  listCeremonies,
  openCeremonyRow,
  shareKeysOf,
  sharePasskeysOf,
  vaultById,
} from '../../store/vaults.ts';
import type { World } from '../../world.ts';
import type { Handlers } from './handler.ts';
import { officersOf } from './officers.ts';
import { openRoundsFor } from './rounds.ts';

export const vaultHandlers: Handlers<
  | 'vault'
  | 'registerShareKey'
  | 'ceremonies'
  | 'openCeremony'
  | 'ceremony'
  | 'dealPart'
  | 'acceptCeremony'
  | 'abandonCeremony'
  | 'rotateKek'
  | 'escrowExport'
  | 'reportOpenings'
> = {
  async vault({ world, by }) {
    return readVault(world, by);
  },
  async registerShareKey({ world, by }, { body }) {
    await perform(world, registerShareKey, by, body);
    return readVault(world, by);
  },
  async ceremonies({ world, by }) {
    return consult(world, 'recovery:read', by, async (snapshot) => {
      const items = [];
      for (const row of await listCeremonies(snapshot)) items.push(await describeCeremony(snapshot, row, by));
      return { items };
    });
  },
  async openCeremony({ world, by }, { body }) {
    return readCeremony(world, by, (await perform(world, openCeremony, by, body)).id);
  },
  async ceremony({ world, by }, { params }) {
    return readCeremony(world, by, params.id);
  },
  async dealPart({ world, by }, { params, body }) {
    await perform(world, dealPart, by, { ceremonyId: params.id, dealing: body });
    return readCeremony(world, by, params.id);
  },
  async acceptCeremony({ world, by }, { params, body }) {
    await perform(world, acceptCeremony, by, { ceremonyId: params.id, ...body });
    return readCeremony(world, by, params.id);
  },
  async rotateKek({ world, by }) {
    await perform(world, rotateKek, by, {});
    return readVault(world, by);
  },
  async escrowExport({ world, by }, { query }) {
    return perform(world, exportEscrow, by, query);
  },
  async reportOpenings({ world, by }, { body: { lines } }) {
    let recorded = 0;
    for (const line of lines) if (await perform(world, reportOpening, by, { line })) recorded += 1;
    return { recorded, known: lines.length - recorded };
  },
  async abandonCeremony({ world, by }, { params, body }) {
    await perform(world, abandonCeremony, by, { ceremonyId: params.id, ...body });
    return readCeremony(world, by, params.id);
  },
};

function readVault(world: World, by: Principal): Promise<Vault> {
  return consult(world, 'recovery:read', by, async (snapshot) => {
    const vault = await currentVault(snapshot);
    const open = await openCeremonyRow(snapshot);
    const own = (await shareKeysOf(snapshot, by.kind === 'operator' ? [by.id] : [])).get(by.id);
    return {
      id: vault.id,
      state: vault.state,
      epoch: vault.epoch,
      threshold: vault.threshold,
      officers: await officersOf(snapshot, vault),
      publicKey: vault.publicKey?.toString('base64url') ?? null,
      transcript: vault.transcript,
      fingerprint: fingerprintOfText(vault.transcript),
      keys: await countVaultLocks(snapshot, vault.id),
      yourShareKey:
        own === undefined
          ? null
          : { kind: own.kind, credentialId: own.credential_id, createdAt: own.created_at.toISOString() },
      yourPasskeys: by.kind === 'operator' ? await sharePasskeysOf(snapshot, by.id) : [],
      ceremony: open === undefined ? null : await describeCeremony(snapshot, open, by),
      kek: { store: vault.kekReference.split(':')[0] ?? '', rotates: vault.previousKekReference !== null },
      rounds: await openRoundsFor(snapshot, by),
    };
  });
}

function readCeremony(world: World, by: Principal, id: string): Promise<Ceremony> {
  return consult(world, 'recovery:read', by, async (snapshot) => {
    const row = await ceremonyById(snapshot, id);
    if (row === undefined) throw new AuthorityError('not-found', 'There is no such ceremony.');
    return describeCeremony(snapshot, row, by);
  });
}

async function describeCeremony(snapshot: Snapshot, row: CeremonyRow, by: Principal): Promise<Ceremony> {
  const parts = await ceremonyParts(snapshot, row.id);
  const did = (kind: 'dealing' | 'acceptance', operatorId: string) =>
    parts.some((part) => part.kind === kind && part.operator_id === operatorId);
  const shareKeys = await shareKeysOf(snapshot, row.officers);
  const names = new Map<string, string>();
  const before = row.dealers === null ? null : await transcriptBefore(snapshot, row);
  // Once the vault has gone on, who dealt stands in what they dealt.
  const dealerOf = (index: number) =>
    before?.plan.officers[index - 1]?.id ??
    parts.find(({ kind, position }) => kind === 'dealing' && position === index)?.operator_id;
  const dealerIds = row.dealers?.flatMap((index) => dealerOf(index) ?? []) ?? row.officers;
  for (const id of new Set([...row.officers, ...dealerIds])) {
    names.set(id, (await operatorById(snapshot, id))?.name ?? '');
  }
  const named = (id: string) => ({ id, name: names.get(id) ?? '' });
  const digest = row.transcript === null ? null : digestOf(JSON.parse(row.transcript));
  return {
    id: row.id,
    kind: row.epoch === 1 ? 'found' : 'reshare',
    vaultId: row.vault_id,
    epoch: row.epoch,
    threshold: row.threshold,
    state: row.state,
    officers: row.officers.map((id) => ({
      ...named(id),
      hasShareKey: shareKeys.has(id),
      accepted: did('acceptance', id),
    })),
    dealers: dealerIds.map((id) => ({ ...named(id), dealt: did('dealing', id) })),
    openedBy: row.opened_by,
    openedAt: row.opened_at.toISOString(),
    closedAt: row.closed_at?.toISOString() ?? null,
    reason: row.reason,
    yourTurn: turnOf(row, by.id, { dealerIds, shareKeys, did }),
    plan: row.plan,
    transcript: row.transcript,
    previousTranscript: before === null ? null : before.text,
    fingerprint: digest === null ? null : fingerprintOf(digest),
    opening: row.state === 'accepting' && digest !== null ? testOpening(row, { transcript: digest }) : null,
  };
}

function turnOf(
  { state, officers }: CeremonyRow,
  callerId: string,
  known: {
    readonly dealerIds: readonly string[];
    readonly shareKeys: ReadonlyMap<string, unknown>;
    readonly did: (kind: 'dealing' | 'acceptance', operatorId: string) => boolean;
  },
): Ceremony['yourTurn'] {
  if (state === 'gathering' && officers.includes(callerId) && !known.shareKeys.has(callerId)) return 'share-key';
  if (state === 'dealing' && known.dealerIds.includes(callerId) && !known.did('dealing', callerId)) return 'deal';
  if (state === 'accepting' && officers.includes(callerId) && !known.did('acceptance', callerId)) return 'accept';
  return null;
}

/** Of the epoch before, while the ceremony is open. */
async function transcriptBefore(snapshot: Snapshot, row: CeremonyRow) {
  const { transcript, epoch } = await vaultById(snapshot, row.vault_id);
  if (transcript === null || epoch !== row.epoch - 1) return null;
  return { text: transcript, plan: (JSON.parse(transcript) as Transcript).plan };
}

/** Of the digest alone: the console asks every few seconds, and the vault key takes a multiplication for every share. */
function fingerprintOfText(transcript: string | null): string | null {
  return transcript === null ? null : fingerprintOf(digestOf(JSON.parse(transcript)));
}
