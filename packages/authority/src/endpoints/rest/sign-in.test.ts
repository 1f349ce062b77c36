import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type Account,
  ADA,
  linkSecret,
  type RunningOffice,
  runningOffice,
  sessionOf,
} from '../../../test/running-office.ts';
import { SoftwareAuthenticator } from '../../../test/software-authenticator.ts';

let office: RunningOffice;
let ada: Account;

beforeAll(async () => {
  office = await runningOffice();
});
afterAll(() => office.close());

describe('set-up', () => {
  it('says that there is no office yet, and works by its link only', async () => {
    expect(await office.anybody.office()).toMatchObject({ setUp: false, organisation: null });
    const token = 'x'.repeat(43);
    await expect(office.anybody.setupOptions({ body: { token } })).rejects.toMatchObject({ code: 'wrong-credentials' });
  });

  it('offers the same secret however often the page is opened', async () => {
    const token = linkSecret(office.authority.setupUrl ?? '');
    const once = await office.anybody.setupOptions({ body: { token, ...ADA } });
    const again = await office.anybody.setupOptions({ body: { token, ...ADA } });
    expect(again.totp).toEqual(once.totp);
    expect(once).toMatchObject({ address: null, name: ADA.name, roles: ['administrator'] });
  });

  it('leaves nothing behind when the code is wrong, and the link stays good', async () => {
    const token = linkSecret(office.authority.setupUrl ?? '');
    const { totp } = await office.anybody.setupOptions({ body: { token, ...ADA } });
    const right = office.code(totp.secret);
    const credential = {
      kind: 'password' as const,
      password: 'correct horse battery',
      totpSecret: totp.secret,
      totpCode: right === '000000' ? '111111' : '000000',
    };
    const body = { token, organisation: 'Example Corp', domains: ['example.com'], ...ADA, credential };
    await expect(office.anybody.completeSetup({ body })).rejects.toMatchObject({ code: 'wrong-credentials' });
    await expect(office.anybody.completeSetup({ body: { ...body, domains: ['not a domain'] } })).rejects.toMatchObject({
      code: 'invalid-request',
    });
    expect(await office.anybody.office()).toMatchObject({ setUp: false });
  });

  it('makes the office and its first administrator, once', async () => {
    const link = linkSecret(office.authority.setupUrl ?? '');
    ada = await office.setUp();
    expect(await ada.client.me()).toMatchObject({ ...ADA, roles: ['administrator'] });
    expect(await office.anybody.office()).toMatchObject({
      setUp: true,
      organisation: 'Example Corp',
      domains: ['example.com'],
    });
    const { items } = await ada.client.authorities();
    expect(items.map((one) => one.role)).toEqual(['root', 'issuing']);
    await expect(office.anybody.setupOptions({ body: { token: link } })).rejects.toMatchObject({
      code: 'wrong-credentials',
    });
  });
});

describe('password and code', () => {
  const attempt = (change: Partial<{ address: string; password: string; totpCode: string }>) =>
    office.signIn({ address: ada.address, password: ada.password, totpCode: office.code(ada.totpSecret), ...change });

  it('sign in, with a cookie that no script and no other site can use', async () => {
    office.wait(30);
    const response = await attempt({});
    expect(response.status).toBe(200);
    const cookie = response.headers.get('set-cookie') ?? '';
    expect(cookie).toMatch(/HttpOnly/);
    expect(cookie).toMatch(/SameSite=Strict/);
    const me = await fetch(`${office.authority.url}/api/v1/me`, {
      headers: { cookie: `chancery_session=${sessionOf(response)}` },
    });
    expect(await me.json()).toMatchObject(ADA);
  });

  it('refuse a code twice', async () => {
    office.wait(30);
    const totpCode = office.code(ada.totpSecret);
    expect((await attempt({ totpCode })).status).toBe(200);
    expect((await attempt({ totpCode })).status).toBe(401);
  });

  it('let only one of two at once in with one code', async () => {
    office.wait(30);
    const totpCode = office.code(ada.totpSecret);
    const answers = await Promise.all([attempt({ totpCode }), attempt({ totpCode }), attempt({ totpCode })]);
    expect(answers.map((answer) => answer.status).sort()).toEqual([200, 401, 401]);
  });

  it('refuse a wrong password, an unknown address, a wrong code, all with the same words', async () => {
    office.wait(1800);
    const wrong = await Promise.all(
      [
        attempt({ password: 'incorrect horse battery' }),
        attempt({ address: 'nobody@example.com' }),
        attempt({ totpCode: office.code(ada.totpSecret) === '000000' ? '111111' : '000000' }),
      ].map(async (answer) => [(await answer).status, await (await answer).json()]),
    );
    expect(new Set(wrong.map((one) => JSON.stringify(one))).size).toBe(1);
    expect(wrong[0]).toMatchObject([401, { code: 'wrong-credentials' }]);
    const { items } = await ada.client.auditRecords({ query: { action: 'session.begin-with-password', limit: 1 } });
    expect(items[0]).toMatchObject({ outcome: 'denied', actor: 'anonymous' });
  });

  it('stop guessing at an address after ten tries, even with the right password then, and let go after a while', async () => {
    office.wait(1800);
    for (let guess = 0; guess < 10; guess++) await attempt({ password: `guess number ${guess}` });
    expect((await attempt({})).status).toBe(429);
    office.wait(16 * 60);
    expect((await attempt({})).status).toBe(200);
  });

  it('keep passwords, codes and tokens off the record and out of the log', async () => {
    const { items } = await ada.client.auditExport({ query: { limit: 500 } });
    const written = JSON.stringify([items, office.logged]);
    expect(written).toContain('session.begin-with-password');
    for (const secret of [ada.password, ada.token, ada.totpSecret, 'guess number', office.authority.localToken]) {
      expect(written).not.toContain(secret);
    }
  });
});

describe('a session', () => {
  it('ends when it is signed out', async () => {
    office.wait(60);
    const token = sessionOf(
      await office.signIn({ address: ada.address, password: ada.password, totpCode: office.code(ada.totpSecret) }),
    );
    const client = office.client(token);
    await client.me();
    await client.logout();
    await expect(client.me()).rejects.toMatchObject({ code: 'unauthenticated' });
  });

  it('ends after twelve hours', async () => {
    const eve = await office.invite(office.local, 'Eve', ['auditor']);
    office.wait(12 * 3600 - 60);
    await eve.client.me();
    office.wait(61);
    await expect(eve.client.me()).rejects.toMatchObject({ code: 'unauthenticated' });
  });
});

describe('a page of another site', () => {
  const write = (headers: Record<string, string>) =>
    fetch(`${office.authority.url}/api/v1/audit/verification`, { method: 'POST', headers });
  let cookie: string;
  beforeAll(async () => {
    office.wait(60);
    const answer = await office.signIn({
      address: ada.address,
      password: ada.password,
      totpCode: office.code(ada.totpSecret),
    });
    cookie = `chancery_session=${sessionOf(answer)}`;
  });

  it('cannot write with the cookie of a visitor', async () => {
    expect((await write({ cookie, origin: 'https://evil.example' })).status).toBe(403);
    expect((await write({ cookie, origin: 'null' })).status).toBe(403);
    expect((await write({ cookie })).status).toBe(403);
  });

  it('cannot sign a visitor in', async () => {
    const answer = await fetch(`${office.authority.url}/api/v1/sessions/link`, {
      method: 'POST',
      headers: { origin: 'https://evil.example', 'content-type': 'application/json' },
      body: JSON.stringify({ token: 'x'.repeat(43) }),
    });
    expect(answer.status).toBe(403);
  });

  it('is told apart from our own', async () => {
    expect((await write({ cookie, origin: office.authority.url })).status).toBe(200);
    expect((await write({ cookie, origin: `http://localhost:${office.authority.port}` })).status).toBe(200);
  });

  it('does not matter to a bearer token, which no browser sends by itself', async () => {
    const authorization = `Bearer ${office.authority.localToken}`;
    expect((await write({ authorization, origin: 'https://evil.example' })).status).toBe(200);
  });
});

describe('passkeys', () => {
  const origin = () => `http://localhost:${office.authority.port}`;
  const post = (path: string, body: unknown) =>
    fetch(`${office.authority.url}/api/v1/${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', origin: origin() },
      ...(body === undefined ? { headers: { origin: origin() } } : { body: JSON.stringify(body) }),
    });
  let authenticator: SoftwareAuthenticator;

  it('are made at the end of an invitation', async () => {
    authenticator = new SoftwareAuthenticator(origin());
    const { url } = await office.local.inviteOperator({
      body: { name: 'Pia', address: 'pia@example.com', roles: ['auditor'] },
    });
    const token = linkSecret(url);
    const options = (await (await post('invitations/options', { token })).json()) as {
      passkey: Record<string, unknown>;
    };
    const response = authenticator.create(options.passkey);
    const answer = await post('invitations', { token, credential: { kind: 'passkey', response } });
    expect([answer.status, await answer.json()]).toMatchObject([200, { address: 'pia@example.com' }]);
  });

  it('sign in, and an answer signs in once', async () => {
    const { flow, options } = (await (await post('sessions/passkey/options', undefined)).json()) as {
      flow: string;
      options: Record<string, unknown>;
    };
    const response = authenticator.get(options);
    const answer = await post('sessions/passkey', { flow, response });
    expect([answer.status, await answer.json()]).toMatchObject([200, { address: 'pia@example.com' }]);
    expect((await post('sessions/passkey', { flow, response })).status).toBe(401);
  });

  it('do not sign in for another site, after five minutes, with another challenge, or as a stranger', async () => {
    const begin = async () =>
      (await (await post('sessions/passkey/options', undefined)).json()) as {
        flow: string;
        options: Record<string, unknown>;
      };
    const one = await begin();
    const elsewhere = new SoftwareAuthenticator('http://evil.example');
    expect((await post('sessions/passkey', { flow: one.flow, response: elsewhere.get(one.options) })).status).toBe(401);
    const other = await begin();
    const crossed = { flow: one.flow, response: authenticator.get(other.options) };
    expect((await post('sessions/passkey', crossed)).status).toBe(401);
    expect((await post('sessions/passkey', { flow: 'AAAA', response: authenticator.get(one.options) })).status).toBe(
      401,
    );
    const late = await begin();
    office.wait(301);
    const answer = { flow: late.flow, response: authenticator.get(late.options) };
    expect((await post('sessions/passkey', answer)).status).toBe(401);
  });
});

describe('operators', () => {
  it('are never administrator and recovery officer in one', async () => {
    await expect(
      office.local.inviteOperator({
        body: { name: 'Max', address: 'max@example.com', roles: ['administrator', 'recovery-officer'] },
      }),
    ).rejects.toMatchObject({ code: 'invalid-request', fields: [{ path: 'roles' }] });
  });

  it('are invited once at an address, whatever its case', async () => {
    const body = { name: 'Ada Again', address: 'ADA@example.com', roles: ['auditor' as const] };
    await expect(office.local.inviteOperator({ body })).rejects.toMatchObject({ code: 'conflict' });
  });

  it('lose their sessions when they are disabled, and come back by a new invitation only', async () => {
    const sam = await office.invite(office.local, 'Sam', ['registration-officer']);
    await office.local.disableOperator({ params: { id: sam.id } });
    await expect(sam.client.me()).rejects.toMatchObject({ code: 'unauthenticated' });
    office.wait(60);
    const answer = await office.signIn({
      address: sam.address,
      password: sam.password,
      totpCode: office.code(sam.totpSecret),
    });
    expect(answer.status).toBe(401);
    const again = await office.invite(office.local, 'Sam', ['auditor']);
    expect(await again.client.me()).toMatchObject({ id: sam.id, roles: ['auditor'] });
  });

  it('keep one administrator', async () => {
    await expect(office.local.disableOperator({ params: { id: ada.id } })).rejects.toMatchObject({
      code: 'wrong-state',
    });
  });

  it('accept an invitation once, within seven days', async () => {
    const { url } = await office.local.inviteOperator({
      body: { name: 'Leo', address: 'leo@example.com', roles: ['auditor'] },
    });
    const body = { token: linkSecret(url) };
    expect(await office.anybody.invitationOptions({ body })).toMatchObject({ address: 'leo@example.com' });
    office.wait(7 * 86_400 + 1);
    await expect(office.anybody.invitationOptions({ body })).rejects.toMatchObject({ code: 'wrong-credentials' });
  });
});

describe('sign-in links', () => {
  it('are made on the machine of the office only, for administrators', async () => {
    const otto = await office.invite(office.local, 'Otto', ['recovery-officer']);
    office.wait(60);
    const body = { address: ADA.address };
    const session = sessionOf(
      await office.signIn({ address: ada.address, password: ada.password, totpCode: office.code(ada.totpSecret) }),
    );
    await expect(office.client(session).signInLink({ body })).rejects.toMatchObject({ code: 'forbidden' });
    await expect(office.local.signInLink({ body: { address: otto.address } })).rejects.toMatchObject({
      code: 'forbidden',
    });
    const { url } = await office.local.signInLink({ body });
    expect(url).toContain('/sign-in#');
    const token = linkSecret(url);
    expect(await office.anybody.linkLogin({ body: { token } })).toMatchObject(ADA);
    await expect(office.anybody.linkLogin({ body: { token } })).rejects.toMatchObject({ code: 'wrong-credentials' });
  });
});
