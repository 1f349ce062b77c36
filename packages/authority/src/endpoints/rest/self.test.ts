/** An employee's own page, and whoever tries to get at another's through it. */
import { createHash, createPublicKey, randomBytes } from 'node:crypto';
import { text } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ApiError, type RouteName, routes } from '@chancery/api';
import {
  buildName,
  buildRequest,
  localSigner,
  parseCertificate,
  readPkcs12,
  validatePath,
  verifyContent,
} from '@chancery/smime';
import {
  deriveOwnerKey,
  deriveShareKey,
  newSeed,
  type OwnerKey,
  openOwnerLock,
  PURPOSES,
  sealOwnerLock,
  signDocument,
} from '@chancery/vault';
import pg from 'pg';
import { SMTPServer } from 'smtp-server';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { AppleConfiguration, readPlist } from '../../../test/apple-profile.ts';
import { linkSecret, type RunningOffice, runningOffice } from '../../../test/running-office.ts';
import { deviceKey } from '../../../test/scep-client.ts';
import { SoftwareAuthenticator } from '../../../test/software-authenticator.ts';

type Json = Record<string, unknown>;

/** A person with a passkey in software, and what it gives. */
interface Employee {
  readonly id: string;
  readonly address: string;
  readonly authenticator: SoftwareAuthenticator;
  readonly key: OwnerKey;
  credentialId: string;
}

const PASSWORD = 'correct horse battery';
let office: RunningOffice;
let pool: pg.Pool;
let dora: Employee;
let eve: Employee;
let mailServer: SMTPServer;
const arrived: { to: string; message: string }[] = [];

const origin = () => office.authority.url.replace('127.0.0.1', 'localhost');
const query = async (text: string, values: unknown[] = []) => (await pool.query(text, values)).rows as Json[];

async function post(path: string, body: unknown, headers: Json = {}): Promise<Response> {
  return fetch(`${office.authority.url}/api/v1/${path}`, {
    method: 'POST',
    headers: {
      origin: origin(),
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...(headers as Record<string, string>),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
}

const json = async (answer: Promise<Response>) => (await (await answer).json()) as never;
const codeOf = (error: unknown) => (error as ApiError).code;
const refusal = (promise: Promise<unknown>) => promise.then(() => 'done', codeOf);

/** Joins, opens the claim link, makes a passkey there, and collects the key. */
async function employee(name: string): Promise<Employee> {
  const address = `${name}@example.com`;
  const { id } = await office.local.addPerson({ body: { address, name: `${name} Example` } });
  const { url } = await office.local.newClaim({ params: { id } });
  const secret = linkSecret(url);
  const authenticator = new SoftwareAuthenticator(origin());
  const key = deriveOwnerKey(createHash('sha256').update(name).digest(), id);
  const { flow, options } = (await json(post('claims/passkey/options', { secret }))) as { flow: string; options: Json };
  const body = { secret, flow, response: authenticator.create(options), name: 'Key ring', ownerKey: key.publicKey };
  const { credentialId } = (await json(post('claims/passkey', body))) as { credentialId: string };
  await office.anybody.claimOwnerLocks({ body: { secret, credentialId } });
  await office.anybody.claimEncryption({ body: { secret, password: PASSWORD } });
  await office.anybody.finishClaim({ body: { secret } });
  return { id, address, authenticator, key, credentialId };
}

async function signIn({ authenticator }: Employee): Promise<{ token: string; cookie: string; status: number }> {
  const { flow, options } = (await json(post('self/sessions/passkey/options', undefined))) as {
    flow: string;
    options: Json;
  };
  const answer = await post('self/sessions/passkey', { flow, response: authenticator.get(options) });
  const cookie = answer.headers.get('set-cookie') ?? '';
  return { token: /chancery_person=([^;]+)/.exec(cookie)?.[1] ?? '', cookie, status: answer.status };
}

const as = async (who: Employee) => office.client((await signIn(who)).token);

/** What the browser does between the locks and the keyset. */
async function openLocks(who: Employee, client: Awaited<ReturnType<typeof as>>) {
  const { items } = await client.ownerLocks({ query: { credentialId: who.credentialId } });
  return Promise.all(
    items.map(async ({ id, wrapped }) => {
      const dek = await openOwnerLock(who.key, Buffer.from(wrapped, 'base64url'), { recordId: id, personId: who.id });
      return { id, dek: Buffer.from(dek).toString('base64url') };
    }),
  );
}

beforeAll(async () => {
  mailServer = new SMTPServer({
    authOptional: true,
    logger: false,
    disableReverseLookup: true,
    onData: (stream, { envelope }, done) => {
      void text(stream).then((message) => {
        arrived.push({ to: envelope.rcptTo.map(({ address }) => address).join(), message });
        done();
      });
    },
  });
  await new Promise<void>((resolve) => mailServer.listen(0, '127.0.0.1', () => resolve()));
  const { port } = mailServer.server.address() as { port: number };
  office = await runningOffice({
    config: `[server]
port = 0
[roles]
exclusive = [["registration-officer", "administrator"]]
[mail]
host = "127.0.0.1"
port = ${port}
tls = "never"
from = "office@example.com"
`,
  });
  pool = new pg.Pool({ ...office.connection, max: 2 });
  await office.setUp();
  // The shipped profile's RSA keys take a third of a second each.
  await query(`INSERT INTO profiles (id, version, document, created_at)
    SELECT id, 2, jsonb_set(document, '{keys,generate}', '"p256"'), created_at FROM profiles WHERE id = 'encryption'`);
  dora = await employee('dora');
  eve = await employee('eve');
});
afterAll(async () => {
  await pool?.end();
  await office?.close();
  await new Promise<void>((resolve) => mailServer.close(() => resolve()));
});

describe('a session of an employee', () => {
  it('begins with their passkey, in a cookie for their own page alone, and ends after half an hour', async () => {
    const { token, cookie, status } = await signIn(dora);
    expect(status).toBe(200);
    expect(cookie).toMatch(/HttpOnly/);
    expect(cookie).toMatch(/SameSite=Strict/);
    expect(cookie).toMatch(/Path=\/api\/v1\/self/);
    const client = office.client(token);
    expect(await client.myself()).toMatchObject({ id: dora.id, address: dora.address, organisation: 'Example Corp' });
    office.wait(29 * 60);
    await client.myself();
    office.wait(61);
    expect(await refusal(client.myself())).toBe('unauthenticated');
  });

  it('opens no route of the office, and no token of the office opens a route of theirs', async () => {
    const { token } = await signIn(dora);
    const { token: gateway } = await office.local.createGateway({ body: { name: 'relay' } });
    const auditor = await office.invite(office.local, 'Audrey', ['auditor']);
    const call = async (name: RouteName, bearer: string) => {
      const { method, path } = routes[name];
      const url = path.replace(/:\w+/g, dora.id);
      const answer = await fetch(`${office.authority.url}${url}`, {
        method,
        headers: { authorization: `Bearer ${bearer}` },
      });
      return answer.status;
    };
    for (const [name, { access }] of Object.entries(routes) as [RouteName, { access: string }][]) {
      if (access === 'authenticated') expect(await call(name, token), name).toBe(401);
      if (access !== 'person') continue;
      for (const other of [gateway, auditor.token, office.authority.localToken])
        expect(await call(name, other), name).toBe(401);
    }
  });

  it('is not what the browser held before, nor what another page sends', async () => {
    const planted = 'p'.repeat(43);
    const { flow, options } = (await json(post('self/sessions/passkey/options', undefined))) as {
      flow: string;
      options: Json;
    };
    const answer = await post(
      'self/sessions/passkey',
      { flow, response: dora.authenticator.get(options) },
      { cookie: `chancery_person=${planted}` },
    );
    expect(answer.headers.get('set-cookie')).not.toContain(planted);
    expect(await refusal(office.client(planted).myself())).toBe('unauthenticated');
    const { token } = await signIn(dora);
    const forged = await post(
      'self/help-requests',
      { topic: 'other' },
      { cookie: `chancery_person=${token}`, origin: 'http://evil.example' },
    );
    expect([forged.status, await forged.json()]).toMatchObject([403, { code: 'forbidden' }]);
    const unsaid = await fetch(`${office.authority.url}/api/v1/self/sessions/current`, {
      method: 'DELETE',
      headers: { cookie: `chancery_person=${token}` },
    });
    expect(unsaid.status).toBe(403);
  });

  it("is not begun by an operator's passkey, by an answer to another question, or twice by one answer", async () => {
    const person = (await json(post('self/sessions/passkey/options', undefined))) as { flow: string; options: Json };
    const operator = (await json(post('sessions/passkey/options', undefined))) as { flow: string; options: Json };
    const crossed = { flow: operator.flow, response: dora.authenticator.get(operator.options) };
    expect((await post('self/sessions/passkey', crossed)).status).toBe(401);
    expect((await post('sessions/passkey', crossed)).status).toBe(401);
    const answer = { flow: person.flow, response: dora.authenticator.get(person.options) };
    expect((await post('self/sessions/passkey', answer)).status).toBe(200);
    expect((await post('self/sessions/passkey', answer)).status).toBe(401);
  });

  it('ends when they sign out', async () => {
    const client = await as(dora);
    await client.selfLogout();
    expect(await refusal(client.myself())).toBe('unauthenticated');
  });
});

describe('a sign-in link', () => {
  it('says the same whoever an address belongs to, and is asked for five times in a quarter of an hour', async () => {
    for (const address of [dora.address, 'nobody@example.com']) {
      const answers = [];
      for (let time = 0; time < 6; time++) {
        const answer = await post('self/sign-in-links', { address });
        answers.push([answer.status, await answer.json()]);
      }
      expect(answers.slice(0, 5)).toEqual(Array.from({ length: 5 }, () => [200, { done: true }]));
      expect(answers[5]).toMatchObject([429, { code: 'rate-limited' }]);
    }
  });

  it('comes to the person’s own address, signs in once, and lets a mailbox have no key', async () => {
    office.wait(16 * 60);
    const toEve = () =>
      arrived.filter(({ message }) => message.includes('Your sign-in link')).filter(({ to }) => to === eve.address);
    await post('self/sign-in-links', { address: eve.address.toUpperCase() });
    await post('self/sign-in-links', { address: 'nobody@example.com' });
    for (let tries = 0; toEve().length === 0 && tries < 300; tries++) await sleep(100);
    expect(toEve()).toHaveLength(1);
    expect(arrived.some(({ to }) => to === 'nobody@example.com')).toBe(false);
    const token = /\/me#([\w-]{43})/.exec(toEve()[0]?.message ?? '')?.[1] ?? '';
    const answer = await post('self/sessions/link', { token });
    const session = /chancery_person=([^;]+)/.exec(answer.headers.get('set-cookie') ?? '')?.[1] ?? '';
    expect((await office.client(session).myself()).id).toBe(eve.id);
    expect((await post('self/sessions/link', { token })).status).toBe(401);
    const written = JSON.stringify([await query('SELECT canonical FROM audit_records'), office.logged]);
    for (const secret of [token, session]) expect(written).not.toContain(secret);
    const { flow, options } = (await json(
      post('self/passkeys/options', undefined, { authorization: `Bearer ${session}` }),
    )) as { flow: string; options: Json };
    const made = { flow, response: new SoftwareAuthenticator(origin()).create(options), name: 'x', shown: null };
    for (const ownerKey of [null, eve.key.publicKey]) {
      const added = await post('self/passkeys', { ...made, ownerKey }, { authorization: `Bearer ${session}` });
      expect(added.status).toBe(403);
    }
  });
});

describe('the owner lock', () => {
  it('opens the key at once, and every later one, on a new device: modern and compatible', async () => {
    const client = await as(dora);
    expect(await openLocks(dora, client)).toHaveLength(1);
    await office.local.newClaim({ params: { id: dora.id } });
    const keys = await openLocks(dora, client);
    expect(keys).toHaveLength(2);
    const spkis = (await query('SELECT spki FROM escrowed_keys WHERE person_id = $1', [dora.id])).map(({ spki }) =>
      (spki as Buffer).toString('hex'),
    );
    for (const profile of ['modern', 'compat'] as const) {
      const file = await client.deliverKeyset({
        body: { credentialId: dora.credentialId, keys, profile, password: PASSWORD, device: 'My phone' },
      });
      const { keys: read } = await readPkcs12(Buffer.from(file.data, 'base64'), PASSWORD);
      const found = read.map(({ privateKey, certificate }) => {
        const spki = createPublicKey({ key: Buffer.from(privateKey), format: 'der', type: 'pkcs8' } as never).export({
          format: 'der',
          type: 'spki',
        });
        expect(Buffer.compare(spki, Buffer.from(parseCertificate(certificate ?? Buffer.alloc(0)).spki))).toBe(0);
        return spki.toString('hex');
      });
      expect(found.toSorted()).toEqual(spkis.toSorted());
    }
    const { devices, keys: mine } = await client.myself();
    expect(devices[0]).toMatchObject({ name: 'My phone', keys: 2 });
    expect(mine.map(({ openedBy }) => openedBy)).toEqual([[dora.credentialId], [dora.credentialId]]);
    const trail = await query(
      `SELECT outcome FROM audit_records WHERE action = 'key.deliver' AND subject = $1 ORDER BY sequence`,
      [`person:${dora.id}`],
    );
    expect(trail.map(({ outcome }) => outcome)).toEqual(['attempted', 'succeeded', 'attempted', 'succeeded']);
  });

  it('opens the keys for an iPhone too: a profile under the seal of the office, which waits a quarter of an hour', async () => {
    const client = await as(dora);
    const keys = await openLocks(dora, client);
    const body = { credentialId: dora.credentialId, keys, password: PASSWORD, device: 'My iPhone' };
    const { url, fileName } = await client.myAppleProfile({ body });
    expect(fileName).toBe('dora@example.com.mobileconfig');
    const address = new URL(url).pathname;
    const fetched = () => fetch(`${office.authority.url}${address}`);
    const answer = await fetched();
    expect(answer.headers.get('content-type')).toBe('application/x-apple-aspen-config');
    expect(answer.headers.get('cache-control')).toBe('no-store');
    const der = new Uint8Array(await answer.arrayBuffer());
    const { items } = await office.local.authorities();
    const [root] = items.map(({ certificate }) => parseCertificate(Buffer.from(certificate, 'base64')));
    if (root === undefined) throw new Error('There is no root');
    const report = await verifyContent({ der, anchors: [root] });
    const [signer] = report.signers;
    expect([signer?.signature, report.problems]).toEqual(['valid', []]);
    // It is no certificate for mail: a path is what a phone asks for.
    const path = validatePath({
      leaf: signer?.certificate ?? root,
      intermediates: items.slice(1).map(({ certificate }) => parseCertificate(Buffer.from(certificate, 'base64'))),
      anchors: [root],
      // The office is ahead of the clock on the wall by now.
      at: signer?.certificate?.notBefore ?? new Date(),
      purpose: 'any',
      revocation: 'none',
    });

    expect([path.valid, signer?.emails]).toEqual([true, []]);
    const { PayloadContent } = AppleConfiguration.parse(readPlist(Buffer.from(report.content ?? []).toString('utf8')));
    const files = PayloadContent.flatMap((one) =>
      one.PayloadType === 'com.apple.security.pkcs12' ? one.PayloadContent : [],
    );
    expect(files).toHaveLength(2);
    for (const [n, file] of files.entries()) {
      const opened = (await readPkcs12(file, PASSWORD)).keys;
      expect(opened).toHaveLength(1);
      await expect(readPkcs12(file, `${PASSWORD}!`)).rejects.toThrow();
      // Newest first.
      const { spki } = parseCertificate(opened[0]?.certificate ?? Buffer.alloc(0));
      const [row] = await query('SELECT id FROM escrowed_keys WHERE spki = $1', [Buffer.from(spki)]);
      expect(row?.id).toBe(keys[n]?.id);
    }
    expect(Buffer.from(der).includes(PASSWORD)).toBe(false);
    expect((await client.myself()).devices[0]).toMatchObject({ name: 'My iPhone', kind: 'apple', keys: 2 });

    // Fetched often enough; a wrong address; one whose time is over.
    for (let n = 0; n < 4; n++) expect((await fetched()).status).toBe(200);
    expect((await fetched()).status).toBe(404);
    expect((await fetch(`${office.authority.url}/pick-up/${randomBytes(32).toString('base64url')}`)).status).toBe(404);
    const late = await client.myAppleProfile({ body });
    await query(`UPDATE pick_ups SET expires_at = now() - interval '1 second' WHERE fetches = 0`);
    expect((await fetch(`${office.authority.url}${new URL(late.url).pathname}`)).status).toBe(404);
    // Another person's session, with keys and passkey that are right.
    expect(await refusal((await as(eve)).myAppleProfile({ body }))).toBe('not-found');
    expect(
      await refusal(
        client.myAppleProfile({ body: { ...body, keys: [{ id: keys[0]?.id ?? '', dek: keys[1]?.dek ?? '' }] } }),
      ),
    ).toBe('wrong-credentials');
    const seals = await query(`SELECT 1 FROM certificates WHERE use = 'seal'`);
    expect(seals).toHaveLength(1);
  });

  it('gives nothing to a stolen session, to another person, or for the data key of another record', async () => {
    const client = await as(dora);
    const thief = await as(eve);
    const [one, two] = await openLocks(dora, client);
    if (one === undefined || two === undefined) throw new Error('Dora has two keys');
    const deliver = (by: typeof client, keys: { id: string; dek: string }[], credentialId = dora.credentialId) =>
      refusal(by.deliverKeyset({ body: { credentialId, keys, profile: 'modern', password: PASSWORD } }));
    // A session alone has the locks, and they are closed.
    expect(await deliver(client, [{ id: one.id, dek: randomBytes(32).toString('base64url') }])).toBe(
      'wrong-credentials',
    );
    // The data key of one record for another, both her own.
    expect(await deliver(client, [{ id: one.id, dek: two.dek }])).toBe('wrong-credentials');
    // Another person, with ids and data keys that are right.
    expect(await deliver(thief, [one])).toBe('not-found');
    expect(await deliver(thief, [one], eve.credentialId)).toBe('not-found');
    expect((await thief.ownerLocks({ query: { credentialId: dora.credentialId } })).items).toEqual([]);
    // A lock of hers put on another's key, by whoever writes the database.
    const swap = query(`UPDATE escrow_locks SET holder = $1 WHERE kind = 'owner' AND holder = $2`, [
      eve.credentialId,
      dora.credentialId,
    ]);
    await expect(swap).rejects.toThrow(/held by a passkey of the owner/);
    // Or on another of her own keys.
    const { items } = await client.ownerLocks({ query: { credentialId: dora.credentialId } });
    const [first, second] = items;
    await expect(
      openOwnerLock(dora.key, Buffer.from(second?.wrapped ?? '', 'base64url'), {
        recordId: first?.id ?? '',
        personId: dora.id,
      }),
    ).rejects.toMatchObject({ code: 'cannot-open' });
    expect(await deliver(client, [one, two])).toBe('done');
  });

  it('is made to no key that the owner has not enrolled, whoever writes the database', async () => {
    const [row] = await query('SELECT owner_key FROM person_passkeys WHERE credential_id = $1', [eve.credentialId]);
    const [of] = await query('SELECT owner_key FROM person_passkeys WHERE credential_id = $1', [dora.credentialId]);
    await query('UPDATE person_passkeys SET owner_key = $1 WHERE credential_id = $2', [
      of?.owner_key,
      eve.credentialId,
    ]);
    await office.local.newClaim({ params: { id: eve.id } });
    const client = await as(eve);
    expect((await client.ownerLocks({ query: { credentialId: eve.credentialId } })).items).toHaveLength(1);
    expect(office.logged.some(({ event }) => event === 'owner-lock.not-made')).toBe(true);
    await query('UPDATE person_passkeys SET owner_key = $1 WHERE credential_id = $2', [
      row?.owner_key,
      eve.credentialId,
    ]);
  });
});

describe('passkeys', () => {
  const offer = async (token: string) =>
    (await json(post('self/passkeys/options', undefined, { authorization: `Bearer ${token}` }))) as {
      flow: string;
      options: Json;
      show: { flow: string; options: Json } | null;
    };

  it('are added with one that is there; one that opens keys with one that opens keys', async () => {
    const { token } = await signIn(dora);
    const made = new SoftwareAuthenticator(origin());
    const key = deriveOwnerKey(createHash('sha256').update('another').digest(), dora.id);
    const add = async (change: { shownBy?: Employee; ownerKey?: string | null }) => {
      const { flow, options, show } = await offer(token);
      const shown =
        change.shownBy === undefined || show === null
          ? null
          : { flow: show.flow, response: change.shownBy.authenticator.get(show.options) };
      const body = { flow, response: made.create(options), name: 'Second', ownerKey: change.ownerKey ?? null, shown };
      const answer = await post('self/passkeys', body, { authorization: `Bearer ${token}` });
      return (await answer.json()) as { code?: string; credentialId?: string };
    };
    expect(await add({})).toMatchObject({ code: 'forbidden' });
    expect(await add({ ownerKey: key.publicKey })).toMatchObject({ code: 'forbidden' });
    expect(await add({ ownerKey: key.publicKey, shownBy: eve })).toMatchObject({ code: 'wrong-credentials' });
    expect(await add({ ownerKey: 'AAAA', shownBy: dora })).toMatchObject({ code: 'unusable-input' });
    const { credentialId = '' } = await add({ ownerKey: key.publicKey, shownBy: dora });
    // Her browser passes on what the first one opens.
    const client = office.client(token);
    const locks = await Promise.all(
      (await openLocks(dora, client)).map(async ({ id, dek }) => {
        const lock = await sealOwnerLock(key.publicKey, Buffer.from(dek, 'base64url'), {
          recordId: id,
          personId: dora.id,
        });
        return { id, wrapped: Buffer.from(lock).toString('base64url') };
      }),
    );
    const { escrowedKeyIds } = await client.addOwnerLocks({ body: { credentialId, locks } });
    expect(escrowedKeyIds).toHaveLength(2);
    expect(await openLocks({ ...dora, key, credentialId }, client)).toEqual(await openLocks(dora, client));
    const others = await as(eve);
    expect(await refusal(others.addOwnerLocks({ body: { credentialId: eve.credentialId, locks } }))).toBe('not-found');
    expect(await refusal(others.addOwnerLocks({ body: { credentialId, locks } }))).toBe('not-found');
    for (const act of ['removeOwnerLocks', 'removePasskey'] as const) {
      expect(await refusal(others[act]({ body: { credentialId } }))).toBe('not-found');
    }
    expect(await refusal(client.removePasskey({ body: { credentialId } }))).toBe('wrong-state');
    await client.removeOwnerLocks({ body: { credentialId } });
    expect((await client.ownerLocks({ query: { credentialId } })).items).toEqual([]);
    await client.removePasskey({ body: { credentialId } });
    expect((await client.myself()).passkeys.map(({ name }) => name)).toEqual(['Key ring']);
  });
});

describe('what they ask for', () => {
  it('is seen by a registration officer, once, and closed by them', async () => {
    const client = await as(dora);
    await client.askForHelp({ body: { topic: 'lost-device', note: 'On the train' } });
    expect(await refusal(client.askForHelp({ body: { topic: 'other' } }))).toBe('conflict');
    const officer = await office.invite(office.local, 'Rita', ['registration-officer']);
    const { items } = await officer.client.helpRequests();
    expect(items).toMatchObject([
      { personId: dora.id, topic: 'lost-device', note: 'On the train', address: dora.address },
    ]);
    await officer.client.closeHelp({ params: { id: items[0]?.id ?? '' } });
    expect((await client.myself()).help).toBeNull();
  });
});

describe('everything about me', () => {
  it('holds what they did and what was done to what is theirs, and nothing about anybody else', async () => {
    const client = await as(dora);
    const { items } = await client.myRecords({ query: { limit: 500 } });
    const actions = items.map(({ canonical }) => (JSON.parse(canonical) as { action: string }).action);
    for (const action of [
      'person.add',
      'key.escrow',
      'claim.collect-key',
      'person.enrol-passkey',
      'key.deliver',
      'person.close-help',
    ]) {
      expect(actions).toContain(action);
    }
    const written = JSON.stringify(items);
    expect(written).not.toContain(eve.id);
    expect(written).not.toContain(eve.address);
  });
});

describe('a device of one’s own', () => {
  it('is certified once an operator agrees: whoever has the session alone has no key that signs', async () => {
    const client = await as(dora);
    const key = deviceKey();
    const request = await buildRequest({
      subject: buildName([{ type: 'commonName', value: 'a smart card' }]),
      signer: localSigner(key),
    });
    const body = { csr: Buffer.from(request).toString('base64') };
    expect(await client.readMyRequest({ body })).toMatchObject({
      subject: 'CN=a smart card',
      approval: true,
      problems: [],
    });
    const waiting = await client.uploadMyRequest({ body });
    expect((await client.myself()).enrolments[0]).toMatchObject({ id: waiting.id, state: 'waiting' });
    expect(waiting).toMatchObject({ state: 'waiting', certificate: null });
    const params = { id: waiting.id };
    await office.local.decideEnrolment({ params, body: { decision: 'approve', reason: 'She showed the card.' } });
    const [listed] = (await office.local.enrolments({ query: { state: 'issued' } })).items;
    expect(listed).toMatchObject({ id: waiting.id, protocol: 'upload', proof: 'session', personId: dora.id });
    const signing = (await client.myself()).signing.map(({ serialNumber }) => serialNumber);
    expect(signing).toContain(listed?.serialNumber);
    const own = { serialNumber: listed?.serialNumber ?? '' };
    const saved = await client.myCertificate({ params: own });
    expect(parseCertificate(Buffer.from(saved.certificate, 'base64')).subjectAltNames.emails).toEqual([dora.address]);
    expect(await refusal((await as(eve)).myCertificate({ params: own }))).toBe('not-found');
    // Lost, and said so by whose it is alone.
    const lost = { params: { id: waiting.id }, body: {} };
    expect(await refusal((await as(eve)).loseMyDevice(lost))).toBe('not-found');
    const [given] = (await client.loseMyDevice(lost)).keys;
    expect(given).toMatchObject({ use: 'signing', revoked: [listed?.serialNumber] });
    const [device] = (await client.myself()).enrolledDevices;
    expect(device).toMatchObject({ protocol: 'upload', proof: 'session', certificates: [{ state: 'revoked' }] });
    expect(device?.lostAt).not.toBeNull();
    const foreign = await buildRequest({
      subject: buildName([]),
      signer: localSigner(deviceKey()),
      emails: [eve.address],
    });
    const hers = client.uploadMyRequest({ body: { csr: Buffer.from(foreign).toString('base64') } });
    expect(await refusal(hers)).toBe('forbidden');
    expect(await client.makeMyChallenge({ body: {} })).toMatchObject({ approval: true, use: 'signing' });
  });
});

describe('somebody who left', () => {
  it('is signed out, signs in no more, and their passkeys open nothing', async () => {
    const client = await as(eve);
    await office.local.removePerson({ params: { id: eve.id }, query: {} });
    expect(await refusal(client.myself())).toBe('unauthenticated');
    expect((await signIn(eve)).status).toBe(401);
    expect(await query(`SELECT 1 FROM escrow_locks WHERE kind = 'owner' AND holder = $1`, [eve.credentialId])).toEqual(
      [],
    );
  });
});

describe('an officer’s share keys', () => {
  it('are named with the passkeys that give them, older ones too, to that officer alone', async () => {
    const olga = await office.invite(office.local, 'Olga', ['recovery-officer']);
    const otto = await office.invite(office.local, 'Otto', ['recovery-officer']);
    const register = (credentialId: string) => {
      const key = deriveShareKey(newSeed());
      const { publicKeys } = key;
      const signature = signDocument(key, PURPOSES.shareKey, { operatorId: olga.id, publicKeys });
      return olga.client.registerShareKey({ body: { publicKeys, signature, kind: 'passkey', credentialId } });
    };
    await register('first');
    const { yourPasskeys, yourShareKey } = await register('second');
    expect(yourPasskeys.map(({ credentialId }) => credentialId)).toEqual(['first', 'second']);
    expect(yourShareKey).toMatchObject({ credentialId: 'second' });
    expect((await otto.client.vault()).yourPasskeys).toEqual([]);
  });
});

describe('roles', () => {
  it('that exclude each other are refused by the office and by the database', async () => {
    const pairs = [
      ['auditor', 'administrator'],
      ['auditor', 'registration-officer'],
      ['auditor', 'recovery-officer'],
      ['administrator', 'recovery-officer'],
      // Of the configuration.
      ['administrator', 'registration-officer'],
    ] as const;
    for (const roles of pairs) {
      const invited = office.local.inviteOperator({
        body: { name: 'Max', address: 'max@example.com', roles: [...roles] },
      });
      await expect(invited, roles.join()).rejects.toMatchObject({
        code: 'invalid-request',
        fields: [{ path: 'roles' }],
      });
      const written = query(
        `INSERT INTO operators (name, address, roles, state, created_at) VALUES ('Max', 'max@example.com', $1, 'active', now())`,
        [roles],
      );
      await expect(written, roles.join()).rejects.toThrow(/nobody is both|operators_check/);
    }
    const officer = await office.invite(office.local, 'Rolf', ['registration-officer', 'recovery-officer']);
    await expect(
      query(`UPDATE operators SET roles = roles || '{auditor}' WHERE id = $1`, [officer.id]),
    ).rejects.toThrow(/nobody is both/);
  });

  it('that were held together before read, and write nothing', async () => {
    const { id, client } = await office.invite(office.local, 'Olive', ['registration-officer']);
    const body = { address: 'new@example.com', name: 'New' };
    await query('ALTER TABLE operators DISABLE TRIGGER refuse_exclusive_roles');
    await query(`UPDATE operators SET roles = roles || '{auditor}' WHERE id = $1`, [id]);
    await query('ALTER TABLE operators ENABLE TRIGGER refuse_exclusive_roles');
    expect(await refusal(client.addPerson({ body }))).toBe('forbidden');
    await client.people({ query: {} });
    expect((await client.me()).permissions.every((permission) => permission.endsWith(':read'))).toBe(true);
  });
});
