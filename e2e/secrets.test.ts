/**
 * A day of an office with secrets that are known here, and then a search for them: in its log, in what commands print, in
 * temporary files, in arguments of processes, and in every file of the database and the data folder. One secret is planted in
 * each kind of place, so that a search which finds nothing would be found out.
 */
import { spawn } from 'node:child_process';
import { createPrivateKey, randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createClient } from '@chancery/api';
import { readPkcs12 } from '@chancery/smime';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { claimKeys } from '../packages/cli/src/demo/claim-keys.ts';
import { openShareKeyFile } from '../packages/cli/src/vault/share-key-file.ts';
import { decideAs, takePart } from '../packages/cli/src/vault/take-part.ts';
import { filesBelow, findSecrets, type Place, processArguments, type Secret } from './support/find-secrets.ts';
import { eventually } from './support/mail.ts';
import { OfficeProcess, runChancery } from './support/office-process.ts';
import { invite, inviteAndSignIn, nextCode, type SignedIn, setUpOffice } from './support/operators.ts';

let office: OfficeProcess;
const scratch = mkdtempSync(path.join(tmpdir(), 'chancery-secrets-'));
const temporary = path.join(scratch, 'tmp');
const secrets: Secret[] = [];
const places: Place[] = [];
const seenArguments = new Map<string, Buffer>();
const before = { TMPDIR: process.env.TMPDIR, CHANCERY_LOG: process.env.CHANCERY_LOG };
let watching: NodeJS.Timeout;

beforeAll(async () => {
  office = await OfficeProcess.prepare();
  mkdirSync(temporary);
  process.env.TMPDIR = temporary;
  process.env.CHANCERY_LOG = 'json';
  watching = setInterval(() => {
    for (const { name, content } of processArguments())
      seenArguments.set(`${name} ${content.toString('latin1')}`, content);
  }, 100);
  await office.start();
});
afterAll(async () => {
  clearInterval(watching);
  for (const [name, value] of Object.entries(before)) {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
  await office.dispose();
  rmSync(scratch, { recursive: true, force: true });
});

/** Not by chance the same as anything else. */
const canary = (what: string) => `${what.replaceAll(' ', '-')}-${randomBytes(12).toString('base64url')}`;
function secret<T extends string | Uint8Array>(name: string, value: T): T {
  secrets.push({ name, value });
  return value;
}
/** A private key as it is stored, and the number in it alone. */
function secretKey(name: string, pkcs8: Uint8Array): void {
  secret(name, pkcs8);
  const { d } = createPrivateKey({ key: Buffer.from(pkcs8), format: 'der', type: 'pkcs8' }).export({ format: 'jwk' });
  if (typeof d === 'string') secret(`${name}, its number`, Buffer.from(d, 'base64url'));
}
/** What it prints is searched, too. */
function chancery(args: readonly string[], env: Record<string, string> = {}) {
  const result = runChancery(args, { home: office.home, env });
  places.push({
    name: `output of chancery ${args[0]} ${args[1]}`,
    content: Buffer.from(result.stdout + result.stderr),
  });
  return result;
}

it('no secret is in a log, an output, a temporary file, an argument, the database or the data folder', async () => {
  const planted = secret('planted', canary('planted'));
  const ada = await setUpOffice(office.url, secret('set-up link', await office.setupToken()));
  secret('administrator’s password', 'correct horse battery');
  secret('session', ada.token);
  secret('local token', office.localToken);
  secret('secret of the key store', readFileSync(path.join(office.home, 'keys.secret'), 'utf8').trim());
  const officers = [];
  for (const name of ['otto', 'olga']) officers.push(await officer(ada, name));
  await ada.client.openCeremony({ body: { kind: 'found', threshold: 2, officers: officers.map(({ id }) => id) } });
  for (let step = 0; step < 2; step++) {
    for (const { client, key } of officers) await takePart(client, key, async () => {});
  }
  const auditor = await invite(office.url, ada.client, {
    ...{ name: 'Audrey', address: 'audrey@example.com' },
    roles: ['auditor'],
  });
  secret('TOTP secret', auditor.totpSecret);
  const signIn = runChancery(['sign-in', auditor.address], {
    home: office.home,
    env: { CHANCERY_PASSWORD: secret('auditor’s password', auditor.password), CHANCERY_CODE: nextCode(auditor) },
  });
  // It is what it is for to print that one.
  secret('session of the command line', signIn.stdout.trim());

  // A person joins, collects their keys, and loses them.
  await ada.client.addPerson({ body: { address: 'dora@example.com', name: 'Dora Device' } });
  const dora = await eventually('Dora is certified', async () => {
    const [person] = (await ada.client.people({ query: { search: 'dora' } })).items;
    const { items } = await ada.client.certificates({ query: { use: 'encryption', limit: 10 } });
    return items.length > 0 ? person : undefined;
  });
  const { url } = await ada.client.newClaim({ params: { id: dora.id } });
  const link = secret('claim link', url.slice(url.indexOf('#') + 1));
  const anybody = createClient({ baseUrl: office.url });
  const claimed = await claimKeys(anybody, link);
  secret('password of a PKCS#12', claimed.password);
  for (const { name, bytes } of claimed.files) {
    for (const { privateKey } of (await readPkcs12(bytes, claimed.password)).keys)
      secretKey(`key in ${name}`, privateKey);
  }
  const request = await ada.client.requestRecovery({
    body: { personId: dora.id, reason: 'lost-device', explanation: 'Lost', delivery: { kind: 'pkcs12' } },
  });
  const params = { id: request.id };
  for (const { client, key } of officers) await decideAs(client, key, request.id, 'approve');
  const file = await ada.client.releaseKey({ params });
  const told = await officers[0]?.client.releasePassword({ params });
  const password = secret('password of a release', told?.password ?? '');
  for (const { privateKey } of (await readPkcs12(Buffer.from(file.data, 'base64'), password)).keys) {
    secretKey('recovered key', privateKey);
  }

  // And everything goes wrong.
  await wrongly(officers[0]);
  // In each kind of place, once.
  await ada.client.addPerson({ body: { address: 'planted@example.com', name: planted } });
  writeFileSync(path.join(temporary, 'left-behind'), Buffer.from(planted).toString('base64'));
  const talkative = spawn(process.execPath, ['-e', 'setTimeout(() => {}, 1500)', planted], { stdio: 'ignore' });
  await new Promise((resolve) => setTimeout(resolve, 700));
  talkative.kill();
  places.push({ name: 'a log', content: Buffer.from(JSON.stringify({ event: 'x', oops: planted })) });

  chancery(['audit', 'list']);
  chancery(['audit', 'export', path.join(scratch, 'trail.jsonl')]);
  await office.stop();
  // The set-up link is printed for whoever starts the office: that is the one place for it.
  places.push({ name: 'log of the office', content: Buffer.from(office.printed.replace(/\/setup#\S+/, '')) });
  places.push({ name: 'audit trail', content: readFileSync(path.join(scratch, 'trail.jsonl')) });
  for (const [name, content] of seenArguments)
    places.push({ name: `arguments of ${name.split(' ').slice(0, 3).join(' ')}`, content });
  const ownFiles = ['local.token', 'keys.secret', 'gateway.token'];
  places.push(...filesBelow(temporary), ...filesBelow(office.home, (file) => ownFiles.includes(path.basename(file))));
  expect(office.printed).toMatch(/"event"/);
  expect(places.length).toBeGreaterThan(500);

  const found = findSecrets(places, secrets);
  expect(found.filter((one) => !one.includes(': planted ('))).toEqual([]);
  const kinds = [
    /^a log: /,
    /^left-behind: .*Base64/,
    /^arguments of /,
    /^postgres\/.*base\//,
    /^audit trail: |^postgres\/.*pg_wal/,
  ];
  for (const kind of kinds)
    expect(
      found.some((one) => kind.test(one)),
      String(kind),
    ).toBe(true);
}, 180_000);

/** With a share key in a file, made by the command line under a passphrase. */
async function officer(ada: SignedIn, name: string) {
  const address = `${name}@example.com`;
  const signedIn = await inviteAndSignIn(office.url, ada.client, { name, address, roles: ['recovery-officer'] });
  secret(`session of ${name}`, signedIn.token);
  secret(`password of ${name}`, `secret of ${address}`);
  const passphrase = secret(`passphrase of ${name}`, canary('passphrase'));
  const shareKey = path.join(scratch, `${name}.json`);
  const env = { CHANCERY_TOKEN: signedIn.token, CHANCERY_SHARE_PASSPHRASE: passphrase };
  expect(chancery(['vault', 'share-key', '--out', shareKey, '--url', office.url], env)).toMatchObject({ code: 0 });
  places.push({ name: `share key of ${name}`, content: readFileSync(shareKey) });
  const passphraseFile = path.join(scratch, `${name}.passphrase`);
  writeFileSync(passphraseFile, passphrase);
  const key = await openShareKeyFile({ shareKey, passphraseFile });
  secret(`share key of ${name}, encryption`, key.encryption.slice());
  secret(`share key of ${name}, signing`, key.signing.slice());
  return { ...signedIn, key, shareKey };
}

/** Secrets where they do not fit: errors are what gets logged. */
async function wrongly(otto: Awaited<ReturnType<typeof officer>> | undefined): Promise<void> {
  const send = (route: string, body: string, headers: Record<string, string> = {}) =>
    fetch(`${office.url}/api/v1${route}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body,
    });
  const mistyped = secret('mistyped password', canary('mistyped'));
  const sent = await Promise.all([
    send('/sessions/password', JSON.stringify({ address: 'ada@example.com', password: mistyped, totpCode: '000000' })),
    send('/sessions/password', `{"password": "${mistyped}"`),
    send('/claims/open', JSON.stringify({ secret: mistyped })),
    send('/claims/encryption', JSON.stringify({ secret: mistyped, password: mistyped })),
    send('/claims/encryption', JSON.stringify({ secret: { nested: mistyped } })),
    send('/recovery-requests', '{}', { authorization: `Bearer ${mistyped}` }),
  ]);
  for (const [at, answer] of sent.entries()) {
    expect(answer.ok).toBe(false);
    places.push({ name: `answer ${at}`, content: Buffer.from(await answer.text()) });
  }
  if (otto === undefined) throw new Error('there is an officer');
  const env = { CHANCERY_TOKEN: otto.token, CHANCERY_SHARE_PASSPHRASE: secret('wrong passphrase', canary('wrong')) };
  const nothing = '6d0f4c0e-4d2a-4b9e-9d0a-0f6f3c1c8a11';
  const refused = chancery(['escrow', 'approve', nothing, '--share-key', otto.shareKey, '--url', office.url], env);
  expect(refused.code).not.toBe(0);
}
