/**
 * The export for the worst day: what a quorum and the key store need to open escrowed keys when there is no office any more.
 * Everything in it is sealed as it is in the database. One canonical JSON document (RFC 8785) a line.
 */
import { canonical } from '@chancery/vault';
import { z } from 'zod';
import { operation } from '../operation.ts';
import { chainOf } from '../store/authorities.ts';
import type { Snapshot } from '../store/database.ts';
import { certificatesOfKeys, type ExportedRow, keysBehind, locksOfKeys } from '../store/escrow.ts';
import { findOffice } from '../store/office.ts';
import { vaultsInUse } from '../store/vaults.ts';
import type { World } from '../world.ts';
import type { EscrowExportLine } from './open-offline.ts';

const FIRST = '00000000-0000-0000-0000-000000000000';

/** One page; the first has the vaults before its records. */
export const exportEscrow = operation({
  action: 'escrow.export',
  permission: 'vault:write',
  input: z.strictObject({ after: z.uuid().optional(), limit: z.int().min(1).max(500) }),
  subject: () => 'vault',
  async run(tx, { after, limit }, _by, world) {
    const rows = await keysBehind(tx, after ?? FIRST, limit);
    const lines = after === undefined ? await headLines(tx, world) : [];
    for (const record of await recordLines(tx, rows)) lines.push(record);
    const next = rows.length < limit ? null : (rows.at(-1)?.id ?? null);
    return {
      result: { lines: lines.map((line) => Buffer.from(canonical(line)).toString('utf8')), next },
      audit: { after: after ?? null, escrowedKeys: rows.length },
    };
  },
});

async function headLines(snapshot: Snapshot, world: World): Promise<EscrowExportLine[]> {
  const office = await findOffice(snapshot);
  const vaults = await vaultsInUse(snapshot);
  return [
    {
      type: 'chancery-escrow-export',
      version: 1,
      organisation: office?.organisation ?? '',
      at: world.clock().toISOString(),
    },
    ...vaults.map((vault) => ({
      type: 'vault' as const,
      id: vault.id,
      state: vault.state,
      epoch: vault.epoch,
      threshold: vault.threshold,
      transcript: vault.transcript,
      kekReference: vault.kekReference,
      previousKekReference: vault.previousKekReference,
    })),
  ];
}

async function recordLines(snapshot: Snapshot, rows: readonly ExportedRow[]): Promise<EscrowExportLine[]> {
  const ids = rows.map(({ id }) => id);
  const certificates = await certificatesOfKeys(snapshot, ids);
  const locks = await locksOfKeys(snapshot, ids);
  const chains = new Map<string, string[]>();
  const lines: EscrowExportLine[] = [];
  for (const row of rows) {
    const certified = certificates.get(row.id);
    const authorityId = certified?.authorityId ?? null;
    if (authorityId !== null && !chains.has(authorityId)) {
      chains.set(authorityId, (await chainOf(snapshot, authorityId)).map(toBase64));
    }
    lines.push({
      type: 'record',
      id: row.id,
      personId: row.person_id,
      name: row.name ?? '',
      addresses: row.addresses ?? [],
      keyAlgorithm: row.key_algorithm,
      createdAt: row.created_at.toISOString(),
      vaultId: row.vault_id,
      formatVersion: row.format_version,
      spkiSha256: row.spki_sha256.toString('hex'),
      sealed: toBase64(row.sealed),
      locks: locks
        .filter(({ escrowed_key_id }) => escrowed_key_id === row.id)
        .map(({ kind, holder, wrapped }) => ({ kind, holder, wrapped: toBase64(wrapped) })),
      certificate: certified === undefined ? null : toBase64(certified.certificate),
      chain: authorityId === null ? [] : (chains.get(authorityId) ?? []),
    });
  }
  return lines;
}

const toBase64 = (octets: Uint8Array): string => Buffer.from(octets).toString('base64');
