/** `chancery escrow open --offline`: keys out of an export, with a quorum's share-key files and the key store, on a machine without an office. */
import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type EscrowExport, openExported, vaultLockOf } from '@chancery/authority';
import { type KeyStore, openPkcs11KeyStore, openSoftwareKeyStore } from '@chancery/keystore';
import {
  canonical,
  contributeToBatches,
  MOST_IN_BATCH,
  type OfflineDocument,
  openingOfBatch,
  type ShareKey,
  type Transcript,
} from '@chancery/vault';
import { askHidden } from '../ask-hidden.ts';
import { CommandError, exitCodes } from '../exit-codes.ts';
import { openShareKeyFile } from '../vault/share-key-file.ts';
import { readExport } from './export-file.ts';
import { appendToLog } from './opening-log.ts';

export interface OfflineOptions {
  readonly export: string;
  readonly shareKey: string[];
  readonly passphraseFile: string[];
  readonly kekFolder?: string;
  readonly kekSecretFile?: string;
  readonly kekModule?: string;
  readonly kekToken?: string;
  readonly kekPinFile?: string;
  readonly person: string[];
  readonly record: string[];
  readonly reason: string;
  readonly passwordFile?: string;
  readonly out: string;
  readonly log?: string;
}

type Exported = EscrowExport['records'][number];

interface Officer {
  readonly id: string;
  readonly name: string;
  readonly key: ShareKey;
}

/** @returns the files that were written, in the folder, and the log */
export async function openOffline(options: OfflineOptions): Promise<{ files: string[]; log: string }> {
  if (options.person.length + options.record.length === 0) {
    throw new CommandError('Give --person ADDRESS or --record ID for what is to be opened. Nothing was opened.');
  }
  const found = await readExport(options.export, asksFor(options));
  requireEach(options, found.records);
  const byVault = groupByVault(found);
  const keys: ShareKey[] = [];
  for (const [at, shareKey] of options.shareKey.entries()) {
    const passphraseFile = options.passphraseFile[at] ?? options.passphraseFile[0];
    // Whoever types must see whose passphrase it is.
    if (passphraseFile === undefined) process.stderr.write(`${shareKey}\n`);
    keys.push(await openShareKeyFile({ shareKey, ...(passphraseFile !== undefined && { passphraseFile }) }));
  }
  // Before anything is asked for that costs time: is there a quorum for every vault that is needed?
  const quorums = byVault.map(({ vault, records }) => ({ vault, records, officers: quorumOf(vault, keys) }));
  const keyStore = await openKek(options);
  try {
    const password = await readPassword(options.passwordFile);
    mkdirSync(options.out, { recursive: true, mode: 0o700 });
    const log = options.log ?? path.join(options.out, 'openings.jsonl');
    const files: string[] = [];
    for (const { vault, records, officers } of quorums) {
      for (let from = 0; from < records.length; from += MOST_IN_BATCH) {
        const some = records.slice(from, from + MOST_IN_BATCH);
        files.push(
          ...(await openSome({ keyStore, vault, officers, password, log, options, digest: found.digest }, some)),
        );
      }
    }
    return { files, log };
  } finally {
    await keyStore.close();
  }
}

async function openSome(
  by: {
    readonly keyStore: KeyStore;
    readonly vault: EscrowExport['vaults'][number];
    readonly officers: readonly Officer[];
    readonly password: string;
    readonly log: string;
    readonly options: OfflineOptions;
    readonly digest: string;
  },
  records: readonly Exported[],
): Promise<string[]> {
  const { keyStore, vault, officers, password, log, options, digest } = by;
  const at = new Date().toISOString();
  const document: OfflineDocument = {
    version: 1,
    kind: 'offline',
    id: randomUUID(),
    roundId: 'offline',
    vaultId: vault.id,
    records: records.map((record) => {
      const lock = vaultLockOf(record);
      return {
        id: record.id,
        person: record.personId,
        encapsulation: lock?.encapsulation ?? '',
        ownership: lock?.ownership ?? null,
      };
    }),
    at,
    reason: options.reason,
    export: digest,
  };
  const text = Buffer.from(canonical(document)).toString('utf8');
  const files = records.map((record) => path.join(options.out, fileNameOf(record)));
  const there = files.find((file) => existsSync(file));
  if (there !== undefined) throw new CommandError(`${there} is there already. Nothing was opened. Give another --out.`);
  const keys = records.map((record, index) => ({
    id: record.id,
    person: record.addresses[0] ?? record.personId,
    file: path.basename(files[index] ?? ''),
  }));
  const note = (event: 'attempted' | 'opened' | 'failed', detail: string) =>
    appendToLog(log, { event, at: new Date().toISOString(), document: text, keys, detail }, officers);
  note('attempted', options.reason);
  try {
    const transcript = JSON.parse(vault.transcript ?? 'null') as Transcript;
    const partials = [];
    for (const { id, key } of officers) {
      // Nobody is left who could show more than the export does.
      const officer = { transcript, officerId: id, key, target: null, acceptAttested: true };
      const [part] = await contributeToBatches('offline', officer, [text]);
      if (part !== undefined) partials.push(part.partial);
    }
    const quorum = { opening: openingOfBatch(text), partials };
    const opened = await openExported({ keyStore, vault, records, quorum, password });
    for (const [index, file] of files.entries()) writeFileSync(file, opened[index] ?? '', { mode: 0o600, flag: 'wx' });
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    note('failed', why);
    throw new CommandError(
      `${why} Is this the key store of that office, and is this the newest export?`,
      exitCodes.refused,
    );
  }
  note('opened', options.reason);
  return files;
}

function asksFor({ person, record }: OfflineOptions): (one: Exported) => boolean {
  const addresses = new Set(person.map((address) => address.toLowerCase()));
  const ids = new Set(record);
  return ({ id, addresses: own }) => ids.has(id) || own.some((address) => addresses.has(address.toLowerCase()));
}

function requireEach({ person, record, export: file }: OfflineOptions, records: readonly Exported[]): void {
  const lost =
    record.find((id) => !records.some((one) => one.id === id)) ??
    person.find(
      (address) =>
        !records.some(({ addresses }) => addresses.some((own) => own.toLowerCase() === address.toLowerCase())),
    );
  if (lost === undefined) return;
  throw new CommandError(`${lost} is not in ${file}. Nothing was opened.`);
}

function groupByVault({ vaults, records }: EscrowExport) {
  const groups = new Map<string, { vault: EscrowExport['vaults'][number]; records: Exported[] }>();
  for (const record of records) {
    const lock = vaultLockOf(record);
    const vault = vaults.find(({ id }) => id === lock?.vaultId);
    if (lock === undefined || vault?.transcript == null) {
      throw new CommandError(
        `The record ${record.id} is in no vault of this export that a quorum opens. Nothing was opened.`,
      );
    }
    const group = groups.get(vault.id) ?? { vault, records: [] };
    group.records.push(record);
    groups.set(vault.id, group);
  }
  return [...groups.values()];
}

/** As many officers as it takes, each with the share key that they have in this vault. @throws CommandError saying who is missing */
function quorumOf(vault: EscrowExport['vaults'][number], keys: readonly ShareKey[]): Officer[] {
  const { plan } = JSON.parse(vault.transcript ?? 'null') as Transcript;
  const officers = plan.officers.flatMap(({ id, name, publicKeys }): Officer[] => {
    const key = keys.find((one) => one.publicKeys.signing === publicKeys.signing);
    return key === undefined ? [] : [{ id, name, key }];
  });
  if (officers.length >= plan.threshold) return officers.slice(0, plan.threshold);
  const others = plan.officers.filter(({ id }) => !officers.some((one) => one.id === id)).map(({ name }) => name);
  const have = officers.length === 0 ? 'none' : officers.map(({ name }) => name).join(' and ');
  throw new CommandError(
    `It takes the share keys of ${plan.threshold} officers of this vault, and ${officers.length} were given (${have}). Nothing was opened. Any of these would do: ${others.join(', ')}.`,
    exitCodes.refused,
  );
}

async function openKek(options: OfflineOptions): Promise<KeyStore> {
  const { kekFolder, kekSecretFile, kekModule, kekToken, kekPinFile } = options;
  const secretOf = (file: string) => readFileSync(file, 'utf8').replace(/\r?\n$/, '');
  if (kekModule !== undefined && kekToken !== undefined && kekPinFile !== undefined) {
    return openPkcs11KeyStore({
      module: path.resolve(kekModule),
      token: kekToken,
      sessions: 1,
      timeoutSeconds: 30,
      pin: () => secretOf(kekPinFile),
      refusalFile: `${kekPinFile}.refused`,
      notify: () => {},
    });
  }
  if (kekFolder === undefined || kekSecretFile === undefined) {
    throw new CommandError(
      'Give the key store: --kek-folder and --kek-secret-file, or --kek-module, --kek-token and --kek-pin-file. Nothing was opened.',
    );
  }
  // A folder that is none would be made into an empty key store.
  if (!existsSync(kekFolder)) throw new CommandError(`${kekFolder} is not there. Nothing was opened.`);
  return openSoftwareKeyStore({ directory: kekFolder, secret: secretOf(kekSecretFile) });
}

async function readPassword(file: string | undefined): Promise<string> {
  const password = file === undefined ? await askTwice() : readFileSync(file, 'utf8').replace(/\r?\n$/, '');
  if ([...password].length >= 12) return password;
  throw new CommandError('A password of the PKCS#12 files has twelve characters or more. Nothing was opened.');
}

async function askTwice(): Promise<string> {
  if (!process.stdin.isTTY) throw new CommandError('Give --password-file for the PKCS#12 files. Nothing was opened.');
  const password = await askHidden('Password for the PKCS#12 files, of twelve characters or more: ');
  if ((await askHidden('Again: ')) === password) return password;
  throw new CommandError('These were two passwords. Nothing was opened.');
}

/** Safe in every file system; the id keeps keys of one person apart. */
function fileNameOf({ addresses, personId, id, createdAt }: Exported): string {
  return `${(addresses[0] ?? personId).replace(/[^\w.@+-]/g, '_')}.${createdAt.slice(0, 10)}.${id.slice(0, 8)}.p12`;
}
