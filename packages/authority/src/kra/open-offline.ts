/** Opens escrowed keys from an export, with the key store and a quorum, where there is no server and no database. */
import type { KeyStore } from '@chancery/keystore';
import { createPkcs12 } from '@chancery/smime';
import { type Opening, openPoints, type Partial, type Transcript, vaultKeyOf } from '@chancery/vault';
import { z } from 'zod';
import { openVaultLock, sealedHalfOf } from './locks/vault.ts';
import { openKey, type SealedKeyAndLock } from './release.ts';

const Base64Text = z.string().regex(/^[A-Za-z0-9+/]*={0,2}$/);

/** One line of an export, RFC 8785 JSON. */
export const EscrowExportLine = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('chancery-escrow-export'),
    version: z.literal(1),
    organisation: z.string(),
    at: z.string(),
  }),
  z.object({
    type: z.literal('vault'),
    id: z.string(),
    state: z.enum(['provisional', 'live', 'retired']),
    epoch: z.int(),
    threshold: z.int(),
    /** Of the ceremony behind this epoch; null for a provisional vault. */
    transcript: z.string().nullable(),
    kekReference: z.string(),
    previousKekReference: z.string().nullable(),
  }),
  z.object({
    type: z.literal('record'),
    id: z.string(),
    personId: z.string(),
    name: z.string(),
    /** The first is the primary one. */
    addresses: z.array(z.string()),
    keyAlgorithm: z.string(),
    createdAt: z.string(),
    /** The vault that it was made for, to which it is bound; its lock says which opens it now. */
    vaultId: z.string(),
    formatVersion: z.int(),
    spkiSha256: z.string(),
    sealed: Base64Text,
    locks: z.array(z.object({ kind: z.string(), holder: z.string(), wrapped: Base64Text })),
    /** The newest, DER. */
    certificate: Base64Text.nullable(),
    chain: z.array(Base64Text),
  }),
  z.object({ type: z.literal('end'), lines: z.int(), digest: z.string() }),
]);
export type EscrowExportLine = z.output<typeof EscrowExportLine>;
type ExportedVault = Extract<EscrowExportLine, { type: 'vault' }>;
type ExportedRecord = Extract<EscrowExportLine, { type: 'record' }>;

export interface EscrowExport {
  readonly vaults: readonly ExportedVault[];
  readonly records: readonly ExportedRecord[];
}

/** The vault lock of a record, and what officers multiply for it; undefined where it has none of a live vault. */
export function vaultLockOf(
  record: ExportedRecord,
): { vaultId: string; wrapped: Buffer; encapsulation: string; ownership: string | null } | undefined {
  const lock = record.locks.find(({ kind }) => kind === 'vault');
  if (lock === undefined) return undefined;
  const wrapped = Buffer.from(lock.wrapped, 'base64');
  const { encapsulation, ownership } = sealedHalfOf(wrapped);
  return { vaultId: lock.holder, wrapped, encapsulation, ownership };
}

/**
 * PKCS#12 of each record in turn, DER, under the password.
 * @param quorum the officers' parts of exactly these records
 * @throws VaultError `bad-proof`, `no-quorum`; KeyStoreError where the key store is another; Error for a record that was altered
 */
export async function openExported(input: {
  readonly keyStore: KeyStore;
  readonly vault: ExportedVault;
  readonly records: readonly ExportedRecord[];
  readonly quorum: { readonly opening: Opening; readonly partials: readonly Partial[] };
  readonly password: string;
}): Promise<Uint8Array[]> {
  const { keyStore, vault, records, quorum, password } = input;
  const key = vaultKeyOf(JSON.parse(vault.transcript ?? 'null') as Transcript);
  const points = openPoints(quorum.partials, key, quorum.opening);
  const files: Uint8Array[] = [];
  for (const record of records) {
    const lock = vaultLockOf(record);
    const point = points.get(record.id);
    if (lock === undefined || point === undefined || record.certificate === null) {
      throw new Error(`The record ${record.id} has no vault lock or no certificate. Nothing was opened of it.`);
    }
    const opens = { ...vault, publicKey: Buffer.from(key.publicKey) };
    files.push(
      await packOne({
        key: {
          id: record.id,
          person_id: record.personId,
          vault_id: record.vaultId,
          spki_sha256: Buffer.from(record.spkiSha256, 'hex'),
          format_version: record.formatVersion,
          sealed: Buffer.from(record.sealed, 'base64'),
        },
        openDek: () => openVaultLock({ keyStore }, opens, record.id, lock.wrapped, point),
        certificate: Buffer.from(record.certificate, 'base64'),
        chain: record.chain.map((der) => Buffer.from(der, 'base64')),
        friendlyName: `${record.name} <${record.addresses[0] ?? record.personId}> ${record.createdAt.slice(0, 10)}`,
        password,
      }),
    );
  }
  return files;
}

/** The key as PKCS#12, with its certificate and those above it (DER). It is clear in this function, in a Buffer that is zeroed. */
async function packOne(
  exported: SealedKeyAndLock & {
    readonly certificate: Uint8Array;
    readonly chain: readonly Uint8Array[];
    readonly friendlyName: string;
    readonly password: string;
  },
): Promise<Uint8Array> {
  const { certificate, chain, friendlyName, password } = exported;
  const privateKey = await openKey(exported);
  try {
    const entries = [{ privateKey, certificate, friendlyName }];
    return await createPkcs12({ entries, chain: [...chain], password, profile: 'modern' });
  } finally {
    privateKey.fill(0);
  }
}
