/** The two imports: files found, read, sent in groups. Repeated, they go on where they were: what is here already is left alone. */
import { ApiError, type Client, type ImportedItem } from '@chancery/api';
import { type Certificate, parseCertificate, SmimeError } from '@chancery/smime';
import { certificatesIn } from './certificates.ts';
import { type FoundKey, keysIn } from './keys.ts';
import type { Lists } from './lists.ts';
import type { Passwords } from './passwords.ts';
import { sealForEscrow } from './seal.ts';
import type { Tally } from './tally.ts';
import { openFile, type WalkedFile, walk } from './walk.ts';

export interface Run {
  readonly client: Client;
  readonly paths: readonly string[];
  readonly dryRun: boolean;
  readonly createPeople: boolean;
  readonly lists: Lists;
  readonly tally: Tally;
}

/** In one call: a transaction of the office, and well below what it takes in one body. */
const CERTIFICATES_A_CALL = 200;
const KEYS_A_CALL = 50;
/** Key files opened side by side: the derivation from the password runs on threads. */
const FILES_AT_ONCE = 8;
/** Octets of a certificate that is sent. */
const LARGEST_CERTIFICATE = 150_000;

interface Item {
  readonly file: string;
  readonly certificate: Uint8Array;
}

export async function importCertificates(run: Run): Promise<void> {
  const { client, tally } = run;
  let group: Item[] = [];
  const send = async () => {
    if (group.length === 0) return;
    const items = group.map((one) => bodyOf(one, run.lists));
    const { dryRun, createPeople } = run;
    const answer = await client.importCertificates({ body: { items, dryRun, createPeople } });
    report(tally, group, answer.items);
    group = [];
  };
  for await (const file of files(run)) {
    let count = 0;
    try {
      const handle = await openFile(file, run.paths.includes(file.path));
      try {
        for await (const certificate of certificatesIn(handle)) {
          count += 1;
          if (certificate.length > LARGEST_CERTIFICATE)
            tally.unreadable(file.name, `a certificate of ${certificate.length} octets`);
          else if (group.push({ file: file.name, certificate }) >= CERTIFICATES_A_CALL) await send();
        }
      } finally {
        await handle.close();
      }
      if (count === 0) tally.skipped(file.name, 'no certificate in it', run.paths.includes(file.path));
    } catch (error) {
      // What the office answers is not the file's fault.
      if (error instanceof ApiError) throw error;
      tally.unreadable(file.name, reasonOf(error));
    }
    tally.step();
  }
  await send();
}

export async function importKeys(run: Run, passwords: Passwords): Promise<void> {
  const transport = run.dryRun ? undefined : await transportOf(run.client);
  let opening: WalkedFile[] = [];
  let group: (Item & FoundKey)[] = [];
  const send = async (some: typeof group) => {
    try {
      if (some.length > 0) await sendKeys(run, transport, some);
    } finally {
      for (const { pkcs8 } of some) pkcs8.fill(0);
    }
  };
  const open = async () => {
    const found = await Promise.all(opening.map((file) => keysOf(file, run, passwords)));
    opening = [];
    group.push(...found.flat());
    while (group.length >= KEYS_A_CALL) {
      const some = group.slice(0, KEYS_A_CALL);
      group = group.slice(KEYS_A_CALL);
      await send(some);
    }
    run.tally.step();
  };
  for await (const file of files(run)) if (opening.push(file) >= FILES_AT_ONCE) await open();
  await open();
  await send(group);
}

async function* files({ paths, tally }: Run): AsyncGenerator<WalkedFile> {
  for await (const file of walk(paths, ({ name, why }) => tally.skipped(name, why, true))) {
    tally.files += 1;
    yield file;
  }
}

async function keysOf(file: WalkedFile, { paths, tally }: Run, passwords: Passwords): Promise<(Item & FoundKey)[]> {
  const named = paths.includes(file.path);
  try {
    const keys = await keysIn(file, passwords(file), named);
    if (keys === undefined) tally.skipped(file.name, 'no private key in it', named);
    return (keys ?? []).map((one) => ({ file: file.name, ...one }));
  } catch (error) {
    tally.unreadable(file.name, reasonOf(error));
    return [];
  }
}

/** Certificates go first, and alone: keys that are here already, or must not come, are never sent. */
async function sendKeys(run: Run, transport: Certificate | undefined, group: readonly (Item & FoundKey)[]) {
  const { client, createPeople, tally } = run;
  const bodies = group.map((one) => ({ ...bodyOf(one, run.lists), sealed: null as string | null }));
  const looked = await client.importKeys({ body: { items: bodies, dryRun: true, createPeople } });
  const wanted = group.flatMap((one, index) => (looked.items[index]?.outcome === 'imported' ? [{ one, index }] : []));
  if (transport === undefined || wanted.length === 0) return report(tally, group, looked.items);
  const items = [];
  for (const { one, index } of wanted)
    items.push({
      ...(bodies[index] as (typeof bodies)[number]),
      sealed: await sealForEscrow(transport, one.certificate, one.pkcs8),
    });
  const done = await client.importKeys({ body: { items, dryRun: false, createPeople } });
  const byIndex = new Map(wanted.map(({ index }, at) => [index, done.items[at]]));
  report(
    tally,
    group,
    looked.items.map((item, index) => byIndex.get(index) ?? item),
  );
}

async function transportOf(client: Client): Promise<Certificate> {
  const { certificate } = await client.importTransportKey();
  return parseCertificate(Buffer.from(certificate, 'base64'));
}

function bodyOf({ file, certificate }: Item, lists: Lists) {
  return {
    certificate: Buffer.from(certificate).toString('base64'),
    source: file.slice(-300),
    revoked: revokedBy(certificate, lists),
  };
}

function revokedBy(der: Uint8Array, lists: Lists): ReturnType<Lists> {
  try {
    return lists(parseCertificate(der));
  } catch (error) {
    // What it is instead of a certificate, the office says.
    if (error instanceof SmimeError) return null;
    throw error;
  }
}

function report(tally: Tally, group: readonly Item[], items: readonly ImportedItem[]): void {
  for (const [index, { file }] of group.entries()) {
    const item = items[index];
    if (item !== undefined) tally.note(file, item);
  }
}

/** No file's error may quote its content: these come from the engine, the file system and this folder, and name places. */
function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
