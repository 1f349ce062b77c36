import { type RouteDefinition, routes } from '@chancery/api';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Account, type RunningOffice, runningOffice } from '../../../test/running-office.ts';

let office: RunningOffice;
let ada: Account;
beforeAll(async () => {
  office = await runningOffice();
  ada = await office.setUp();
});
afterAll(() => office.close());

const definitions = Object.entries(routes) as [string, RouteDefinition][];
const url = (path: string) =>
  `${office.authority.url}${path.replace(':id', '6d0f4c0e-4d2a-4b9e-9d0a-0f6f3c1c8a11').replace(':serialNumber', 'abcdef')}`;

describe('every route that needs to know who asks', () => {
  const authenticated = definitions.filter(([, definition]) => definition.access === 'authenticated');
  it('is most of them', () => {
    expect(authenticated.length).toBeGreaterThan(25);
  });

  it.each(authenticated)('%s refuses a stranger before it reads what they send', async (_name, definition) => {
    const bodies = definition.body === undefined ? {} : { body: '{', headers: { 'content-type': 'application/json' } };
    const answer = await fetch(url(definition.path), { method: definition.method, ...bodies });
    expect([answer.status, await answer.json()]).toMatchObject([401, { code: 'unauthenticated' }]);
    expect(answer.headers.get('content-type')).toContain('application/problem+json');
    const guess = { authorization: `Bearer ${'x'.repeat(43)}` };
    expect((await fetch(url(definition.path), { method: definition.method, headers: guess })).status).toBe(401);
  });
});

describe('the server', () => {
  it('describes every route of the contract', async () => {
    const answer = await fetch(url('/api/openapi.json'));
    const description = (await answer.json()) as { openapi: string; paths: Record<string, Record<string, unknown>> };
    expect(description.openapi).toBe('3.1.0');
    for (const [, { path, method }] of definitions) {
      const described = description.paths[path.replace(/:(\w+)/g, '{$1}')]?.[method.toLowerCase()];
      expect(described, `${method} ${path}`).toBeDefined();
    }
  });

  it('answers a wrong address below /api with a problem, and any other with the console', async () => {
    const wrong = await fetch(url('/api/v1/nothing'));
    expect([wrong.status, await wrong.json()]).toMatchObject([404, { code: 'not-found' }]);
    const page = await fetch(url('/people/42'));
    expect([200, 503]).toContain(page.status);
  });

  it('lets the console run its own scripts only, and styles by a nonce of this answer', async () => {
    const [one, other] = await Promise.all([fetch(url('/')), fetch(url('/'))]);
    const policy = one.headers.get('content-security-policy') ?? '';
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toContain('unsafe');
    const nonce = (answer: Response) =>
      /style-src [^;]*'nonce-(\w+)'/.exec(answer.headers.get('content-security-policy') ?? '')?.[1];
    expect(nonce(one)).toMatch(/^\w{16,}$/);
    expect(nonce(other)).not.toBe(nonce(one));
    const html = await one.text();
    if (one.status === 200) {
      expect(html).toContain(nonce(one));
      expect(html).not.toContain('__CSP_NONCE__');
    }
    expect(one.headers.get('x-content-type-options')).toBe('nosniff');
  });

  it('takes JSON only, and says where it does not fit', async () => {
    const post = (body: string, type: string) =>
      fetch(url('/api/v1/sessions/link'), { method: 'POST', body, headers: { 'content-type': type } });
    expect((await post('{}', 'text/plain')).status).toBe(415);
    expect((await post('token=x', 'application/x-www-form-urlencoded')).status).toBe(415);
    expect((await post('{"token":', 'application/json')).status).toBe(400);
    const answer = await post('{"token":"short"}', 'application/json');
    expect([answer.status, await answer.json()]).toMatchObject([
      400,
      { code: 'invalid-request', fields: [{ path: 'token' }] },
    ]);
  });

  it('takes large bodies where they belong only, and from nobody unknown', async () => {
    const post = (path: string, size: number, token?: string) =>
      fetch(url(path), {
        method: 'POST',
        body: JSON.stringify({ message: 'A'.repeat(size) }),
        headers: {
          'content-type': 'application/json',
          ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        },
      }).then((answer) => answer.status);
    expect(await post('/api/v1/operators', 300_000, ada.token)).toBe(413);
    expect(await post('/api/v1/inspect', 35_000_000, ada.token)).toBe(413);
    expect(await post('/api/v1/inspect', 400_000, ada.token)).toBe(200);
    expect(await post('/api/v1/inspect', 400_000).catch(() => 401)).toBe(401);
  });

  it('slows down who asks for very much without being known', async () => {
    const ask = () => fetch(url('/api/v1/sessions/passkey/options'), { method: 'POST' });
    const statuses: number[] = [];
    for (let n = 0; n < 61; n++) statuses.push((await ask()).status);
    expect(statuses.slice(0, 60).every((status) => status === 200)).toBe(true);
    const last = await ask();
    expect([last.status, await last.json()]).toMatchObject([429, { code: 'rate-limited' }]);
  });

  it('hides from the caller what nobody foresaw, and logs it', async () => {
    expect(office.logged.filter((line) => line.event === 'request.failed')).toEqual([]);
    const database = new pg.Client(office.connection);
    await database.connect();
    await database.query('ALTER TABLE profiles RENAME TO profiles_away');
    try {
      const answer = await fetch(url('/api/v1/profiles'), { headers: { authorization: `Bearer ${ada.token}` } });
      const problem = await answer.json();
      expect([answer.status, problem]).toMatchObject([500, { code: 'internal' }]);
      expect(JSON.stringify(problem)).not.toContain('profiles');
    } finally {
      await database.query('ALTER TABLE profiles_away RENAME TO profiles');
      await database.end();
    }
    expect(office.logged.filter((line) => line.event === 'request.failed')).toHaveLength(1);
  });
});

describe('certificates, authorities, profiles, inspect', () => {
  it('show what the set-up made', async () => {
    const { items } = await ada.client.authorities();
    expect(items.map(({ role, crl }) => [role, crl?.number])).toEqual([
      ['root', 1],
      ['issuing', 1],
    ]);
    expect(items).toMatchObject([
      { keyPlace: 'software', state: 'root', certificatesInForce: 0, retiredAt: null },
      { keyPlace: 'software', state: 'issuing' },
    ]);
    const profiles = await ada.client.profiles();
    expect(profiles.items.map((one) => one.id)).toEqual([
      'admin-tls',
      'encryption',
      'encryption-multipurpose',
      'gateway',
      'ocsp-responder',
      'partner',
      'scep-ra',
      'seal',
      'signing',
      'signing-multipurpose',
    ]);
    expect(await ada.client.certificates({ query: { use: 'signing' } })).toMatchObject({ items: [], next: null });
    await expect(ada.client.certificate({ params: { serialNumber: 'abcdef' } })).rejects.toMatchObject({
      code: 'not-found',
    });
    const root = items[0];
    const message = root?.certificate ?? '';
    expect(await ada.client.inspect({ body: { message } })).toMatchObject({ kind: 'certificate' });
  });
});

describe('one authority', () => {
  it('comes with its chain, its lists and its responder', async () => {
    const [root, issuing] = (await ada.client.authorities()).items;
    const found = await ada.client.authority({ params: { id: issuing?.id ?? '' } });
    expect(found).toMatchObject({ ...issuing, chain: [root?.certificate], revoked: null });
    expect(found.subject).toContain('Issuing CA');
    expect(found.lists).toMatchObject([
      { kind: 'complete', shard: null, number: 1, baseNumber: null, url: found.crlUrl },
    ]);
    const chain = await fetch(found.chainUrl);
    expect([chain.status, chain.headers.get('content-type')]).toEqual([
      200,
      'application/pkcs7-mime; smime-type=certs-only',
    ]);
    await expect(
      ada.client.authority({ params: { id: '6d0f4c0e-4d2a-4b9e-9d0a-0f6f3c1c8a11' } }),
    ).rejects.toMatchObject({ code: 'not-found' });
  });

  it('that waits for its certificate is among the requests', async () => {
    expect(await ada.client.authorityRequests()).toEqual({ items: [] });
    const { id, request } = await ada.client.requestAuthority({ body: { title: 'Asked CA', key: 'p384' } });
    expect(await ada.client.authorityRequests()).toMatchObject({
      items: [{ id, request, keyAlgorithm: 'P-384', keyPlace: 'software', name: expect.stringContaining('Asked CA') }],
    });
  });
});

describe('what relying parties fetch', () => {
  it('is served at the addresses that the office gives', async () => {
    for (const authority of (await ada.client.authorities()).items) {
      const crl = await fetch(authority.crlUrl);
      expect([crl.status, crl.headers.get('content-type')]).toEqual([200, 'application/pkix-crl']);
      const certificate = await fetch(authority.certificateUrl);
      expect([certificate.status, certificate.headers.get('content-type')]).toEqual([200, 'application/pkix-cert']);
      const der = Buffer.from(await certificate.arrayBuffer());
      expect(der.toString('base64')).toBe(authority.certificate);
    }
    const wrong = await fetch(url('/crl/nobody.crl'));
    expect([wrong.status, await wrong.json()]).toMatchObject([404, { code: 'not-found' }]);
    const ocsp = await fetch(url('/ocsp'), { method: 'POST', body: 'not DER' });
    expect(ocsp.headers.get('content-type')).toBe('application/ocsp-response');
  });
});

describe('the journal', () => {
  const entry = (n: number) => ({
    id: `6d0f4c0e-4d2a-4b9e-9d0a-${String(n).padStart(12, '0')}`,
    at: new Date(office.now().getTime() - n * 1000).toISOString(),
    direction: 'outbound' as const,
    messageId: `<${n}@example.com>`,
    sender: 'ada@example.com',
    recipient: `r${n}@law.example`,
    rule: null,
    outcome: 'signed-encrypted' as const,
    verdict: null,
    detail: '',
  });

  it('is written by a gateway, once for each entry however often it is sent, and read in pages', async () => {
    const { token } = await ada.client.createGateway({ body: { name: 'one' } });
    const gateway = office.client(token);
    const entries = Array.from({ length: 5 }, (_, n) => entry(n));
    await gateway.writeJournal({ body: { entries: entries.slice(0, 3) } });
    await gateway.writeJournal({ body: { entries } });
    const first = await ada.client.journal({ query: { limit: 3 } });
    expect(first.total).toBe(5);
    expect(first.items.map((one) => one.recipient)).toEqual(['r0@law.example', 'r1@law.example', 'r2@law.example']);
    expect(first.items[0]).toMatchObject({ gateway: 'one', outcome: 'signed-encrypted' });
    const second = await ada.client.journal({ query: { limit: 3, after: first.next ?? '' } });
    expect(second.items.map((one) => one.recipient)).toEqual(['r3@law.example', 'r4@law.example']);
    expect(second.next).toBeNull();
    expect((await ada.client.journal({ query: { search: 'R4@law' } })).total).toBe(1);
    expect((await ada.client.journal({ query: { search: '%' } })).total).toBe(0);
    await expect(ada.client.journal({ query: { after: 'nonsense' } })).rejects.toMatchObject({
      code: 'invalid-request',
    });
    await expect(ada.client.writeJournal({ body: { entries } })).rejects.toMatchObject({ code: 'forbidden' });
    await expect(gateway.journal({ query: {} })).rejects.toMatchObject({ code: 'forbidden' });
    const overview = await ada.client.overview();
    expect(overview.mailByDay.at(-1)).toMatchObject({ encrypted: 5, signed: 0 });
    expect(overview.gateways).toMatchObject([{ name: 'one', lastSeenAt: expect.any(String) }]);
    expect(overview.status.crlNumber).toBe(1);
    expect(overview.keyStores).toMatchObject([{ name: 'software', state: 'available', lastError: null }]);
    await expect(ada.client.createGateway({ body: { name: 'one' } })).rejects.toMatchObject({ code: 'conflict' });
  });
});

describe('correspondents', () => {
  const sha256 = (digit: string) => digit.repeat(64);
  const at = '2026-06-01T00:00:00.000Z';
  const certificate = (digit: string, state: 'pinned' | 'waiting') => ({
    ...{ certificate: 'MAA=', sha256: sha256(digit), state, firstSeen: at, lastSeen: at, message: '<1@x.example>' },
    approved: state === 'pinned' ? { how: 'first' as const, by: null, at } : null,
    ...{ replacedBy: null, capabilities: ['2.16.840.1.101.3.4.1.42'] },
  });
  const standing = (address: string, ...certificates: ReturnType<typeof certificate>[]) => ({
    ...{ address, certificates, signed: 1, unsigned: 0 },
  });

  it('are reported by gateways, shown, and decided by operators for the gateways to do', async () => {
    const { token } = await ada.client.createGateway({ body: { name: 'two' } });
    const gateway = office.client(token);
    const bob = standing('bob@x.example', certificate('a', 'pinned'), certificate('b', 'waiting'));
    const carol = standing('carol@x.example', certificate('c', 'pinned'));
    await gateway.reportCorrespondents({ body: { correspondents: [carol, bob], done: [] } });
    await gateway.reportCorrespondents({ body: { correspondents: [bob], done: [] } });
    const first = await ada.client.correspondents({ query: { limit: 1 } });
    expect(first).toMatchObject({ total: 2, items: [{ ...bob, gateway: 'two', decision: null }] });
    expect(await ada.client.correspondent({ params: { id: first.items[0]?.id ?? '' } })).toEqual(first.items[0]);
    const rest = await ada.client.correspondents({ query: { limit: 1, after: first.next ?? '' } });
    expect(rest.items).toMatchObject([carol]);
    expect((await ada.client.correspondents({ query: { waiting: 'yes' } })).total).toBe(1);
    expect((await ada.client.correspondents({ query: { search: 'CAROL' } })).total).toBe(1);

    const id = first.items[0]?.id ?? '';
    const decide = (sha256: string) =>
      ada.client.decideCorrespondent({ params: { id }, body: { kind: 'accept', sha256 } });
    await expect(decide(sha256('a'))).rejects.toMatchObject({ code: 'wrong-state' });
    await expect(decide(sha256('f'))).rejects.toMatchObject({ code: 'wrong-state' });
    await decide(sha256('b'));
    expect((await ada.client.correspondents({ query: { search: 'bob' } })).items).toMatchObject([
      { decision: 'accept' },
    ]);
    await ada.client.decideCorrespondent({ params: { id: rest.items[0]?.id ?? '' }, body: { kind: 'forget' } });
    const { decisions } = await gateway.gatewayConfiguration();
    expect(decisions).toMatchObject([
      { kind: 'accept', address: 'bob@x.example', sha256: sha256('b') },
      { kind: 'forget', address: 'carol@x.example', sha256: null },
    ]);
    const done = decisions.map((one) => one.id);
    await office.client((await ada.client.createGateway({ body: { name: 'three' } })).token).reportCorrespondents({
      body: { correspondents: [], done },
    });
    expect((await gateway.gatewayConfiguration()).decisions).toHaveLength(2);
    await gateway.reportCorrespondents({ body: { correspondents: [], done } });
    expect((await gateway.gatewayConfiguration()).decisions).toEqual([]);
    expect((await ada.client.correspondents({ query: {} })).items).toMatchObject([{ address: 'bob@x.example' }]);
    await expect(gateway.correspondents({ query: {} })).rejects.toMatchObject({ code: 'forbidden' });
    await expect(ada.client.reportCorrespondents({ body: { correspondents: [], done: [] } })).rejects.toMatchObject({
      code: 'forbidden',
    });
  });
});

describe('held mail', () => {
  const [run, later] = ['11111111-1111-4111-8111-111111111111', '22222222-2222-4222-8222-222222222222'] as const;
  const standing = (digit: string, more: object = {}) => ({
    id: `${digit.repeat(8)}-0000-4000-8000-000000000000`,
    ...{ direction: 'inbound' as const, sender: 'eve@x.example', from: ['ceo@example.com'], rule: 'macros' },
    ...{
      recipients: ['anna@example.com'],
      moreRecipients: 0,
      reason: 'Macros',
      messageId: '<1@x.example>',
      size: 1200,
    },
    ...{ heldAt: `2026-06-0${digit}T00:00:00.000Z`, expiresAt: '2026-06-09T00:00:00.000Z' },
    ...{ waitsFor: 'decision' as const, invited: false, problem: null },
    authentication: { spf: 'pass', dkim: 'none', dmarc: 'fail' },
    ...more,
  });
  const report = { run, gone: [], done: [], complete: true };

  it('is reported by gateways, listed without its words, and decided by an administrator on record', async () => {
    const gateway = office.client((await ada.client.createGateway({ body: { name: 'four' } })).token);
    const other = office.client((await ada.client.createGateway({ body: { name: 'five' } })).token);
    const [first, second] = [standing('1'), standing('2', { direction: 'outbound', sender: 'anna@example.com' })];
    await gateway.reportHeldMail({ body: { ...report, held: [second, first] } });
    // One gateway says nothing of what another one holds.
    await other.reportHeldMail({ body: { ...report, held: [{ ...first, reason: 'mine' }], gone: [second.id] } });
    const list = await ada.client.heldMail({ query: { limit: 1 } });
    expect(list).toMatchObject({ total: 2, items: [{ ...first, gateway: 'four', decision: null }] });
    expect((await ada.client.heldMail({ query: { after: list.next ?? '' } })).items).toMatchObject([{ id: second.id }]);
    expect((await ada.client.heldMail({ query: { direction: 'outbound' } })).total).toBe(1);
    expect((await ada.client.heldMail({ query: { search: 'CEO@' } })).total).toBe(2);
    expect((await ada.client.heldMail({ query: { search: 'nobody' } })).total).toBe(0);

    await ada.client.decideHeldMail({ params: { id: first.id }, body: { act: 'refuse' } });
    await ada.client.decideHeldMail({ params: { id: first.id }, body: { act: 'release', note: 'asked by telephone' } });
    expect(await ada.client.heldMessage({ params: { id: first.id } })).toMatchObject({
      decision: { act: 'release', note: 'asked by telephone' },
    });
    const { heldDecisions } = await gateway.gatewayConfiguration();
    expect(heldDecisions).toMatchObject([{ message: first.id, act: 'release', note: 'asked by telephone' }]);
    expect((await other.gatewayConfiguration()).heldDecisions).toEqual([]);
    const [record] = (await ada.client.auditRecords({ query: { action: 'held-mail.decide', limit: 1 } })).items;
    expect(record).toMatchObject({ subject: `held-mail:${first.id}`, details: { act: 'release', gateway: 'four' } });

    const done = heldDecisions.map(({ id }) => id);
    await gateway.reportHeldMail({ body: { ...report, held: [], gone: [first.id], done } });
    expect((await gateway.gatewayConfiguration()).heldDecisions).toEqual([]);
    await expect(
      ada.client.decideHeldMail({ params: { id: first.id }, body: { act: 'release' } }),
    ).rejects.toMatchObject({
      code: 'not-found',
    });
    // A gateway that begins anew and does not know of it has it no more.
    await gateway.reportHeldMail({ body: { ...report, run: later, held: [] } });
    expect((await ada.client.heldMail({ query: {} })).items).toEqual([]);
  });
});

describe('the audit trail over REST', () => {
  it('comes newest first in pages, oldest first as an export, and verifies', async () => {
    const newest = await ada.client.auditRecords({ query: { limit: 3 } });
    expect(newest.items).toHaveLength(3);
    const older = await ada.client.auditRecords({ query: { limit: 3, after: newest.next ?? '' } });
    expect(older.items[0]?.sequence).toBe((newest.items[2]?.sequence ?? 0) - 1);
    const setUp = await ada.client.auditRecords({ query: { action: 'office.set-up', outcome: 'succeeded' } });
    expect(setUp.items).toHaveLength(1);
    expect(setUp.items[0]?.details).toMatchObject({ organisation: 'Example Corp', caAlgorithm: 'ecdsa' });
    const searched = await ada.client.auditRecords({ query: { search: 'Example Corp' } });
    expect(searched.total).toBeGreaterThan(0);
    const exported = await ada.client.auditExport({ query: { limit: 2 } });
    expect(exported.items.map((one) => one.sequence)).toEqual([1, 2]);
    expect((await ada.client.auditExport({ query: { limit: 2, after: '2' } })).items[0]?.sequence).toBe(3);
    expect(await ada.client.verifyAudit()).toMatchObject({ intact: true });
  });

  it('is for those who may read it', async () => {
    const otto = await office.invite(office.local, 'Otto', ['recovery-officer']);
    await expect(otto.client.auditRecords({ query: {} })).rejects.toMatchObject({ code: 'forbidden' });
    await expect(otto.client.verifyAudit()).rejects.toMatchObject({ code: 'forbidden' });
  });
});
