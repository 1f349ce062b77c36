/**
 * A directory that others write to as well, kept in line with an office of so many people: published, tampered with, mended, stopped in
 * the middle. Returns what it saw, measured; throws where something is not as it should be.
 */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { freePort } from '../../e2e/support/office-process.ts';
import { parseAuthorityConfig } from '../../packages/authority/src/config.ts';
import { perform } from '../../packages/authority/src/operation.ts';
import { system } from '../../packages/authority/src/principal.ts';
import { publishPerson } from '../../packages/authority/src/publication/publish.ts';
import { beginReconciliation, reconcile } from '../../packages/authority/src/publication/reconcile.ts';
import type { Target } from '../../packages/authority/src/publication/target.ts';
import { targetsOf } from '../../packages/authority/src/publication/targets.ts';
import { fulfilEnrollment } from '../../packages/authority/src/ra/enrollment.ts';
import { importPeople } from '../../packages/authority/src/ra/import.ts';
import { removePerson } from '../../packages/authority/src/ra/offboarding.ts';
import { newestReconciliations } from '../../packages/authority/src/store/reconciliations.ts';
import type { World } from '../../packages/authority/src/world.ts';
import { type EscrowOffice, escrowOffice } from '../../packages/authority/test/escrow-office.ts';
import type { DumpedEntry } from '../ldif.ts';
import { run } from '../run-program.ts';
import { ActiveDirectory } from '../samba.ts';
import { Directory } from '../slapd.ts';

export interface Kept {
  readonly directory: 'slapd' | 'samba';
  readonly people: number;
  readonly seconds: {
    readonly publish: number;
    readonly clean: number;
    readonly mend: number;
    readonly afterStop: number;
  };
  /** What the comparison that mended said. */
  readonly mended: Awaited<ReturnType<typeof lastRun>>;
  /** The one in whose middle the directory was stopped. */
  readonly afterStop: Awaited<ReturnType<typeof lastRun>>;
  /** Others' values, of which none was touched. */
  readonly others: number;
}

export async function keepInLine(
  which: 'slapd' | 'samba',
  count: number,
  { page, say = () => {} }: { page: number; say?: (text: string) => void },
): Promise<Kept> {
  const folder = mkdtempSync(path.join(tmpdir(), 'chancery-in-line-'));
  const foreign = foreignCertificate(folder);
  const addresses = Array.from({ length: count }, (_, index) => `p${String(index).padStart(5, '0')}@example.com`);
  const directory = await makeDirectory(which, path.join(folder, which), addresses, foreign);
  let office: EscrowOffice | undefined;
  try {
    await directory.start();
    office = await escrowOffice({ handlers: { 'publish-person': async () => {}, reconcile: async () => {} } });
    const world: World = { ...office.world, config: parseAuthorityConfig(directory.toml, office.home) };
    const name = which === 'samba' ? 'ad' : 'slapd';
    const [target] = targetsOf(world);
    assert(target);
    say(`${count} people join …`);
    const ids = await populate(office, addresses);
    const others = () => foreignValues(directory.dump(), foreign.toString('base64'));

    const seconds = { publish: 0, clean: 0, mend: 0, afterStop: 0 };
    const timed = async (phase: keyof typeof seconds, work: () => Promise<void>) => {
      const began = performance.now();
      await work();
      seconds[phase] = Math.round((performance.now() - began) / 100) / 10;
      say(`${phase}: ${seconds[phase]} s`);
    };
    const compare = async (targets: Target[] = [target]) => {
      await perform(world, beginReconciliation, system, { target: name });
      await goOn(targets);
    };
    // A job ends after a minute and leaves the rest to the next, which is this one again.
    const goOn = async (targets: Target[], at = world) => {
      do await reconcile(at, name, targets, page);
      while ((await lastRun(world)).endedAt === null);
    };

    // Everyone by a job of their own, as they join; of thousands at once, the comparison takes the same by the page.
    await timed('publish', () =>
      count > 500 ? compare() : inParallel([...ids.values()], 10, (id) => publishPerson(world, id)),
    );
    const published = directory.dump();
    for (const address of addresses) assert.equal(published.get(address)?.certificates.length, 2, address);
    await timed('clean', () => compare());
    const clean = await lastRun(world);
    assert.deepEqual([clean.missing, clean.extra, clean.notFound], [0, 0, 0]);

    const tampering = await tamper(directory, world, addresses, ids, published);
    await timed('mend', () => compare());
    const mended = await lastRun(world);
    const after = directory.dump();
    for (const address of addresses) {
      const entry = after.get(address);
      if (tampering.deleted.has(address) || tampering.renamed.has(address)) {
        assert.equal(entry, undefined, address);
        continue;
      }
      const ours = tampering.left.has(address)
        ? []
        : (published.get(address)?.certificates ?? []).filter((one) => one !== foreign.toString('base64'));
      assert.deepEqual(entry?.certificates, [foreign.toString('base64'), ...ours].toSorted(), address);
    }
    for (const address of tampering.renamed)
      assert.deepEqual(after.get(`new-${address}`)?.certificates, [foreign.toString('base64')], address);
    for (const address of tampering.moved) assert.match(after.get(address)?.dn ?? '', /ou=elsewhere/i);
    assert.equal(mended.notFound, tampering.deleted.size + tampering.renamed.size);
    assert.equal(mended.mended, mended.missing + mended.extra);

    // Ours is gone from half of the entries, and the directory stops while the comparison is in its middle.
    directory.modify(
      tampering.deleteOurs(
        addresses.filter((address, index) => index % 2 === 0 && tampering.untouched(address)),
        after,
      ),
    );
    let visits = 0;
    const stopping: Target = {
      ...target,
      attend: async (holders, act) => {
        visits += 1;
        if (visits === 3) await directory.stop();
        return target.attend(holders, act);
      },
    };
    await assert.rejects(compare([stopping]), /does not answer/);
    const waiting = await lastRun(world);
    assert.equal(waiting.endedAt, null);
    assert.match(waiting.error ?? '', /does not answer/);
    await directory.start();
    // A process that has not just seen it silent, and so leaves it no rest.
    await timed('afterStop', () => goOn([target], { ...world }));
    const afterStop = await lastRun(world);
    assert.deepEqual(directory.dump(), after);
    assert.equal(others(), count - tampering.deleted.size);
    return { directory: which, people: count, seconds, mended, afterStop, others: others() };
  } finally {
    await office?.close();
    await directory.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

async function makeDirectory(which: 'slapd' | 'samba', folder: string, addresses: readonly string[], foreign: Buffer) {
  mkdirSync(folder, { recursive: true });
  if (which === 'samba') {
    const directory = new ActiveDirectory(folder);
    directory.provision();
    directory.create(addresses, foreign);
    return directory;
  }
  const directory = new Directory(folder, await freePort());
  directory.secure();
  directory.create(addresses, foreign);
  return directory;
}

function foreignCertificate(folder: string): Buffer {
  const file = path.join(folder, 'foreign.der');
  const { code, text } = run('openssl', [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '30'],
    ...['-keyout', path.join(folder, 'foreign.key'), '-out', file, '-outform', 'DER', '-subj', '/CN=Somebody else'],
  ]);
  assert.equal(code, 0, text);
  return readFileSync(file);
}

/** Everyone joins, and collects their key. */
async function populate(office: EscrowOffice, addresses: readonly string[]): Promise<Map<string, string>> {
  const lines = addresses.map((address) => `${address},Person ${address.split('@')[0]}`);
  await perform(office.world, importPeople, system, { csv: `address,name\n${lines.join('\n')}\n`, dryRun: false });
  // Side by side, as the queue runs them: keys are escrowed and certified in groups.
  const waiting = await office.query("SELECT id FROM enrollments WHERE state = 'waiting'");
  await inParallel(waiting, 32, ({ id }) => fulfilEnrollment(office.world, String(id)));
  await office.query('UPDATE escrowed_keys SET delivered_at = now()');
  const rows = await office.query('SELECT person_id, address FROM person_addresses');
  return new Map(rows.map(({ address, person_id }) => [String(address), String(person_id)]));
}

async function inParallel<T>(list: readonly T[], width: number, work: (one: T) => Promise<void>): Promise<void> {
  const waiting = [...list];
  const worker = async () => {
    for (let one = waiting.pop(); one !== undefined; one = waiting.pop()) await work(one);
  };
  await Promise.all(Array.from({ length: width }, worker));
}

const foreignValues = (dump: ReadonlyMap<string, DumpedEntry>, foreign: string): number =>
  [...dump.values()].filter(({ certificates }) => certificates.includes(foreign)).length;

/** What others do to a directory, of every tenth person something; in groups, told apart by the person's place in the list. */
async function tamper(
  directory: Directory | ActiveDirectory,
  world: World,
  addresses: readonly string[],
  ids: ReadonlyMap<string, string>,
  published: ReadonlyMap<string, DumpedEntry>,
) {
  const every = (place: number) => new Set(addresses.filter((_, index) => index % 30 === place));
  const [stripped, left, moved, renamed, deleted] = [every(3), every(6), every(9), every(12), every(15)];
  const dnOf = (address: string) => published.get(address)?.dn ?? '';
  const attribute = directory instanceof ActiveDirectory ? 'userCertificate' : 'userCertificate;binary';
  const oursOf = (address: string, dump: ReadonlyMap<string, DumpedEntry>) => {
    const all = dump.get(address)?.certificates ?? [];
    const foreign = mostCommon([...dump.values()].flatMap(({ certificates }) => certificates));
    return all.filter((one) => one !== foreign);
  };
  const change = (address: string, act: 'add' | 'delete', dump: ReadonlyMap<string, DumpedEntry>) =>
    `dn: ${dump.get(address)?.dn}\nchangetype: modify\n${act}: ${attribute}\n${oursOf(address, dump)
      .map((value) => `${attribute}:: ${value}`)
      .join('\n')}\n`;
  const deleteOurs = (some: Iterable<string>, dump: ReadonlyMap<string, DumpedEntry>) =>
    [...some].map((address) => change(address, 'delete', dump)).join('\n');

  for (const address of left) {
    await perform(world, removePerson, system, { id: ids.get(address) ?? '' });
    await publishPerson(world, ids.get(address) ?? '');
  }
  const base = /(dc=.*)$/i.exec(dnOf(addresses[0] ?? ''))?.[1];
  directory.modify(
    [
      `dn: ou=elsewhere,${base}\nchangetype: add\nobjectClass: organizationalUnit\nou: elsewhere\n`,
      deleteOurs(stripped, published),
      ...[...left].map((address) => change(address, 'add', published)),
      ...[...moved].map(
        (address) =>
          `dn: ${dnOf(address)}\nchangetype: modrdn\nnewrdn: ${dnOf(address).split(',')[0]}\ndeleteoldrdn: 1\nnewsuperior: ou=elsewhere,${base}\n`,
      ),
      ...[...renamed].map((address) => rename(directory, dnOf(address), address)),
      ...[...deleted].map((address) => `dn: ${dnOf(address)}\nchangetype: delete\n`),
    ].join('\n'),
  );
  const touched = new Set([...left, ...renamed, ...deleted]);
  return { left, moved, renamed, deleted, deleteOurs, untouched: (address: string) => !touched.has(address) };
}

function rename(directory: Directory | ActiveDirectory, dn: string, address: string): string {
  // Every third entry of the Active Directory has its address there only.
  const proxy = directory instanceof ActiveDirectory && Number(/\d+/.exec(address)?.[0]) % 3 === 2;
  const [attribute, value] = proxy ? ['proxyAddresses', `smtp:new-${address}`] : ['mail', `new-${address}`];
  return `dn: ${dn}\nchangetype: modify\nreplace: ${attribute}\n${attribute}: ${value}\n`;
}

function mostCommon(values: readonly string[]): string | undefined {
  const counts = new Map<string, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].toSorted((one, other) => other[1] - one[1])[0]?.[0];
}

async function lastRun({ database }: World) {
  const [row] = await database.snapshot((snapshot) => newestReconciliations(snapshot, 1));
  assert(row);
  const { checked, missing, extra, mended, not_found: notFound, refused, others, error, ended_at: endedAt } = row;
  return { checked, missing, extra, mended, notFound, refused, others, error, endedAt };
}
