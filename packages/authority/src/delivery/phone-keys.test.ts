/** Intune's imported certificates, against a server with the shapes that Microsoft documents. */
import { constants, createHash, createPublicKey, generateKeyPairSync, privateDecrypt } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { parseCertificate, readPkcs12 } from '@chancery/smime';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type EscrowOffice, escrowOffice, type OperatorPrincipal } from '../../test/escrow-office.ts';
import { openProvisionalLock } from '../kra/locks/vault.ts';
import { perform } from '../operation.ts';
import type { Principal } from '../principal.ts';
import { removePerson } from '../ra/offboarding.ts';
import { rotateEncryptionKey } from '../ra/onboarding.ts';
import { currentVault } from '../store/vaults.ts';
import { sealMyPhoneKeys } from './deliver-keyset.ts';
import { readConnectorKey } from './intune-pfx.ts';
import { allowPhoneKeys, sendPhoneKeys } from './phone-keys.ts';

interface Asked {
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

const connector = generateKeyPairSync('rsa', { modulusLength: 2048 });
const folder = mkdtempSync(path.join(tmpdir(), 'chancery-intune-'));
/** What the next requests for an import are answered; `created` once these are used up. */
let script: ((response: ServerResponse) => void)[] = [];
let asked: Asked[] = [];
let tokens = 0;
let server: Server;
let office: EscrowOffice;
let ada: OperatorPrincipal;
let now = new Date('2026-03-01T12:00:00.000Z');

const answer =
  (status: number, body: unknown, headers: Record<string, string> = {}) =>
  (response: ServerResponse) =>
    void response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(body));
const graphError = (code: string, message: string) => ({ error: { code, message, innerError: { 'request-id': 'x' } } });

beforeAll(async () => {
  server = createServer((request, response) => {
    void text(request).then((body) => {
      asked.push({ path: `${request.method} ${request.url}`, headers: request.headers, body });
      if (request.url?.endsWith('/oauth2/v2.0/token')) {
        tokens += 1;
        return answer(200, { token_type: 'Bearer', expires_in: 3599, access_token: `token-${tokens}` })(response);
      }
      const created = (one: ServerResponse) => answer(201, { id: 'user-thumbprint', ...JSON.parse(body) })(one);
      (script.shift() ?? created)(response);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const key = path.join(folder, 'connector.pem');
  writeFileSync(key, connector.publicKey.export({ format: 'pem', type: 'spki' }));
  writeFileSync(path.join(folder, 'secret'), 'the client secret\n');
  office = await escrowOffice({
    clock: () => now,
    config: `[devices.intune]
tenant = "contoso.example"
clientId = "11111111-2222-3333-4444-555555555555"
clientSecret = { file = ${JSON.stringify(path.join(folder, 'secret'))} }
connectorKey = ${JSON.stringify(key)}
keyName = "PFXEncryptionKey"
loginUrl = "${url}/login"
graphUrl = "${url}/graph/"
`,
  });
  ada = await office.operator('Ada', 'administrator');
});
afterAll(async () => {
  await office?.close();
  await new Promise((resolve) => server.close(resolve));
  rmSync(folder, { recursive: true, force: true });
});
beforeEach(() => {
  script = [];
  asked = [];
});

const imports = () => asked.filter(({ path: one }) => one.endsWith('/userPfxCertificates'));
const allow = (personId: string, allowed = true) => perform(office.world, allowPhoneKeys, ada, { personId, allowed });
const rows = (personId: string) =>
  office.query(
    `SELECT state, body IS NULL AS empty, error, tries FROM phone_keys WHERE person_id = $1 ORDER BY created_at, thumbprint`,
    [personId],
  );
const allowed = async (address: string) => {
  const id = await office.person(address);
  await allow(id);
  return id;
};

/** What the connector does with one message of ours. */
async function opened(body: string) {
  const message = JSON.parse(body);
  const password = privateDecrypt(
    { key: connector.privateKey, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha512' },
    Buffer.from(message.encryptedPfxPassword, 'base64'),
  ).toString('latin1');
  const { keys } = await readPkcs12(Buffer.from(message.encryptedPfxBlob, 'base64'), password);
  return { message, password, keys };
}

describe('a key that was just made', () => {
  it('is sealed to the connector before anybody saw its link, sent as documented, and in use from then on', async () => {
    const personId = await allowed('dora@example.com');
    await sendPhoneKeys(office.world);
    const [token, sent, ...more] = asked;
    expect(more).toEqual([]);
    expect(token?.path).toBe('POST /login/contoso.example/oauth2/v2.0/token');
    expect(Object.fromEntries(new URLSearchParams(token?.body))).toEqual({
      client_id: '11111111-2222-3333-4444-555555555555',
      client_secret: 'the client secret',
      scope: expect.stringMatching(/\/graph\/\.default$/),
      grant_type: 'client_credentials',
    });
    expect(sent?.path).toBe('POST /graph/beta/deviceManagement/userPfxCertificates');
    expect(sent?.headers).toMatchObject({
      authorization: `Bearer token-${tokens}`,
      'content-type': 'application/json',
    });
    const { message, password, keys } = await opened(sent?.body ?? '');
    const certificate = keys[0]?.certificate ?? Buffer.alloc(0);
    const { notBefore, notAfter, spki } = parseCertificate(certificate);
    expect(message).toEqual({
      thumbprint: createHash('sha1').update(certificate).digest('hex'),
      intendedPurpose: 'smimeEncryption',
      userPrincipalName: 'dora@example.com',
      startDateTime: notBefore.toISOString(),
      expirationDateTime: notAfter.toISOString(),
      providerName: 'Microsoft Software Key Storage Provider',
      keyName: 'PFXEncryptionKey',
      paddingScheme: 'oaepSha512',
      encryptedPfxBlob: expect.any(String),
      encryptedPfxPassword: expect.any(String),
    });
    expect(password).toMatch(/^([a-z2-9]{4}-){5}[a-z2-9]{4}$/);
    const own = createPublicKey({ key: Buffer.from(keys[0]?.privateKey ?? []), format: 'der', type: 'pkcs8' } as never);
    expect(Buffer.compare(own.export({ format: 'der', type: 'spki' }), Buffer.from(spki))).toBe(0);

    expect(await rows(personId)).toEqual([{ state: 'taken', empty: true, error: null, tries: 1 }]);
    const [key] = await office.query('SELECT delivered_at FROM escrowed_keys WHERE person_id = $1', [personId]);
    expect(key?.delivered_at).toEqual(now);
    expect(await office.trail(`person:${personId}`)).toEqual(
      expect.arrayContaining(['phone.allow succeeded', 'phone.seal-new attempted', 'phone.seal-new succeeded']),
    );
    // Once: nothing is sealed or sent again.
    asked = [];
    await sendPhoneKeys(office.world);
    expect(asked).toEqual([]);
  });

  it('of somebody whom the office has not allowed it goes nowhere, whoever writes SQL', async () => {
    const personId = await office.person('nobody@example.com');
    await sendPhoneKeys(office.world);
    expect(asked).toEqual([]);
    await expect(
      office.query(
        `INSERT INTO phone_keys (id, person_id, escrowed_key_id, thumbprint, connector, body, state, next_try_at, created_at)
         SELECT gen_random_uuid(), person_id, id, 'x', 'mine', '{}', 'waiting', now(), now() FROM escrowed_keys WHERE person_id = $1`,
        [personId],
      ),
    ).rejects.toThrow(/may not go to a phone/);
    const officer = await office.operator('Rec', 'recovery-officer');
    await expect(perform(office.world, allowPhoneKeys, officer, { personId, allowed: true })).rejects.toMatchObject({
      code: 'forbidden',
    });
  });

  it('cannot be opened by the office while it waits: with the database, the key store and all its code', async () => {
    const personId = await allowed('waits@example.com');
    script = [answer(503, {})];
    await sendPhoneKeys(office.world);
    const [row] = await office.query('SELECT body FROM phone_keys WHERE person_id = $1', [personId]);
    const message = JSON.parse(row?.body as string);
    const { password } = await opened(row?.body as string);
    // The password stands nowhere, in no form that it could be found by.
    const tables = await office.query(`SELECT tablename FROM pg_tables WHERE schemaname = 'public'`);
    expect(tables.length).toBeGreaterThan(20);
    for (const { tablename } of tables) {
      const [found] = await office.query(
        `SELECT count(*)::int AS n FROM "${tablename}" t WHERE t::text LIKE $1 OR t::text LIKE $2`,
        [`%${password}%`, `%${Buffer.from(password).toString('hex')}%`],
      );
      expect([tablename, found?.n]).toEqual([tablename, 0]);
    }
    expect(JSON.stringify(office.logged)).not.toContain(password);
    const another = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
    const oaep = { padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha512' };
    expect(() =>
      privateDecrypt({ key: another, ...oaep }, Buffer.from(message.encryptedPfxPassword, 'base64')),
    ).toThrow();
    await allow(personId, false);
    expect(await rows(personId)).toEqual([]);
  });
});

describe('the whole history', () => {
  it('is sealed when its owner’s passkey opens it, each key alone, and by nobody else', async () => {
    const personId = await office.person('old@example.com');
    await perform(office.world, rotateEncryptionKey, ada, { id: personId });
    await office.drain();
    // As after a claim: what opens them is with their owner.
    await office.query(`UPDATE claims SET sealed_secret = NULL WHERE person_id = $1`, [personId]);
    await office.query(
      `INSERT INTO person_passkeys (credential_id, person_id, public_key, counter, transports, name, owner_key, created_at)
       VALUES ('passkey', $1, '', 0, '{}', 'Key ring', 'x', now())`,
      [personId],
    );
    await office.query(
      `INSERT INTO escrow_locks (escrowed_key_id, kind, holder, wrapped, created_at)
       SELECT id, 'owner', 'passkey', '', now() FROM escrowed_keys WHERE person_id = $1`,
      [personId],
    );
    const vault = await office.world.database.snapshot(currentVault);
    const locks = await office.query(
      `SELECT l.escrowed_key_id AS id, l.wrapped FROM escrow_locks l JOIN escrowed_keys e ON e.id = l.escrowed_key_id
       WHERE e.person_id = $1 AND l.kind = 'vault'`,
      [personId],
    );
    const keys = await Promise.all(
      locks.map(async ({ id, wrapped }) => {
        const dek = await openProvisionalLock(office.world, vault, id as string, wrapped as Buffer);
        return { id: id as string, dek: dek.toString('base64url') };
      }),
    );
    expect(keys).toHaveLength(2);
    const owner: Principal = { kind: 'person', id: personId, name: 'Old', signedIn: true };
    const seal = (by: Principal, opened = keys) =>
      perform(office.world, sealMyPhoneKeys, by, { personId, credentialId: 'passkey', keys: opened });
    await expect(seal(owner)).rejects.toThrow(/has not allowed your keys on managed phones/);
    await allow(personId);
    // The office alone has nothing to seal: the link was shown, and the passkey is not here.
    await sendPhoneKeys(office.world);
    expect(imports()).toEqual([]);
    await expect(seal(ada)).rejects.toMatchObject({ code: 'forbidden' });
    await expect(seal(owner, [{ id: keys[0]?.id ?? '', dek: keys[1]?.dek ?? '' }])).rejects.toMatchObject({
      code: 'wrong-credentials',
    });
    expect(await seal(owner)).toEqual({ sealed: 2 });
    await sendPhoneKeys(office.world);
    const found = await Promise.all(imports().map(({ body }) => opened(body)));
    expect(found.map(({ keys: own }) => own.length)).toEqual([1, 1]);
    expect(new Set(found.map(({ password }) => password)).size).toBe(2);
    expect((await rows(personId)).map(({ state }) => state)).toEqual(['taken', 'taken']);
    expect(await seal(owner)).toEqual({ sealed: 0 });
  });
});

describe('what Microsoft answers', () => {
  const later = (seconds: number) => {
    now = new Date(now.getTime() + seconds * 1000);
  };

  it('429: nothing more is sent before the time that Retry-After says, in seconds or as a date', async () => {
    const [one, two] = [await allowed('one@example.com'), await allowed('two@example.com')];
    for (const header of [() => '120', () => new Date(now.getTime() + 120_000).toUTCString()]) {
      script = [answer(429, graphError('TooManyRequests', 'Slow down'), { 'retry-after': header() })];
      asked = [];
      await sendPhoneKeys(office.world);
      expect(imports()).toHaveLength(1);
      later(115);
      await sendPhoneKeys(office.world);
      expect(imports()).toHaveLength(1);
      later(6);
    }
    await sendPhoneKeys(office.world);
    expect([...(await rows(one)), ...(await rows(two))].map(({ state }) => state)).toEqual(['taken', 'taken']);
  });

  it('an outage: nothing is lost, and it is tried again at longer and longer intervals', async () => {
    const personId = await allowed('outage@example.com');
    script = [answer(503, 'not JSON'), (response) => void response.destroy(), answer(500, graphError('x', 'y'))];
    for (const wait of [60, 120, 240]) {
      await sendPhoneKeys(office.world);
      later(wait - 1);
      asked = [];
      await sendPhoneKeys(office.world);
      expect(imports()).toEqual([]);
      later(1);
    }
    expect((await rows(personId)).map(({ state, tries }) => [state, tries])).toEqual([['waiting', 3]]);
    await sendPhoneKeys(office.world);
    expect((await rows(personId)).map(({ state }) => state)).toEqual(['taken']);
  });

  it('401 in the middle: a fresh token, once; 409: Intune has it; 400: refused, with its words, until asked anew', async () => {
    const before = tokens;
    const again = await allowed('again@example.com');
    script = [answer(401, graphError('InvalidAuthenticationToken', 'Lifetime validation failed'))];
    await sendPhoneKeys(office.world);
    expect([tokens - before, imports().map(({ headers }) => headers.authorization)]).toEqual([
      2,
      [`Bearer token-${before + 1}`, `Bearer token-${before + 2}`],
    ]);
    expect((await rows(again)).map(({ state }) => state)).toEqual(['taken']);

    const there = await allowed('there@example.com');
    script = [answer(409, graphError('Conflict', 'It exists'))];
    await sendPhoneKeys(office.world);
    expect((await rows(there)).map(({ state }) => state)).toEqual(['taken']);

    const wrong = await allowed('wrong@example.com');
    script = [answer(400, graphError('BadRequest', 'No user has that\r\nname'))];
    await sendPhoneKeys(office.world);
    expect(await rows(wrong)).toEqual([
      { state: 'refused', empty: true, error: 'Intune refuses it: 400 No user has that name', tries: 1 },
    ]);
    asked = [];
    later(7200);
    await sendPhoneKeys(office.world);
    expect(asked).toEqual([]);
  });

  it('is waited for no more of somebody who left', async () => {
    const personId = await allowed('left@example.com');
    script = [answer(503, {})];
    await sendPhoneKeys(office.world);
    await perform(office.world, removePerson, ada, { id: personId });
    later(7200);
    asked = [];
    await sendPhoneKeys(office.world);
    expect(imports()).toEqual([]);
  });
});

it('the connector’s key is read as PEM and as Microsoft’s own tool writes it, and nothing else is', () => {
  const { n, e } = connector.publicKey.export({ format: 'jwk' });
  const [modulus, exponent] = [Buffer.from(n ?? '', 'base64url'), Buffer.from(e ?? '', 'base64url')];
  const head = Buffer.alloc(24);
  head.write('RSA1', 'latin1');
  head.writeUInt32LE(2048, 4);
  head.writeUInt32LE(exponent.length, 8);
  head.writeUInt32LE(modulus.length, 12);
  const blob = Buffer.concat([head, exponent, modulus]);
  const spki = connector.publicKey.export({ format: 'der', type: 'spki' });
  expect(readConnectorKey(blob).export({ format: 'der', type: 'spki' })).toEqual(spki);
  const weak = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey.export({ format: 'pem', type: 'spki' });
  const curve = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export({ format: 'pem', type: 'spki' });
  for (const file of [blob.subarray(0, 100), Buffer.from('nothing'), Buffer.from(weak), Buffer.from(curve)])
    expect(() => readConnectorKey(file)).toThrow(/no RSA public key of 2048 bits/);
});
