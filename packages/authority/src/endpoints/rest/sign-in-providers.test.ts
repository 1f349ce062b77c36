import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type EscrowOffice, escrowOffice } from '../../../test/escrow-office.ts';
import { type IdentityProvider, identityProvider } from '../../../test/identity-provider.ts';
import { type Forgery, LoopbackProvider } from '../../../test/loopback-provider.ts';
import { principalOfToken } from '../../identity/authenticate.ts';
import { disableOperator } from '../../identity/operators.ts';
import { recheckProviderSessions } from '../../identity/providers/recheck.ts';
import { presentPeople } from '../../identity/sources/present.ts';
import { presentGroups, withdrawGroups } from '../../identity/sources/present-groups.ts';
import { decideRecovery } from '../../kra/recovery.ts';
import { perform } from '../../operation.ts';
import type { Principal } from '../../principal.ts';
import { removePerson } from '../../ra/offboarding.ts';
import { OcspResponder } from '../../status/ocsp-responder.ts';
import { hashToken } from '../../store/tokens.ts';
import { handlers } from './handlers.ts';
import { createServer } from './server.ts';

const ORIGIN = 'http://127.0.0.1:8080';
const LOCAL = 'l'.repeat(43);
const local: Principal = { kind: 'local', id: 'local', name: 'here' };

let office: EscrowOffice;
let app: Awaited<ReturnType<typeof createServer>>;
let corp: LoopbackProvider;
let other: LoopbackProvider;
let directory: IdentityProvider;
let ahead = 0;
const wait = (seconds: number) => {
  ahead += seconds * 1000;
};

beforeAll(async () => {
  [corp, other, directory] = await Promise.all([
    LoopbackProvider.start(),
    LoopbackProvider.start(),
    identityProvider(),
  ]);
  directory.serve([`${ORIGIN}/sign-in/with/directory`], [`${ORIGIN}/sign-in`]);
  process.env.DIRECTORY_CLIENT_SECRET = directory.clientSecret;
  office = await escrowOffice({
    clock: () => new Date(Date.now() + ahead),
    config: `
[identity.oidc.corp]
title = "Corp"
people = true
groupsFrom = ["hr"]
${corp.toml}
${role('administrator', 'admins', 'acr = ["gold"]\namr = ["mfa"]')}
${role('registration-officer', 'desk', 'anyFactor = true')}
${role('recovery-officer', 'officers', 'anyFactor = true')}
${role('auditor', 'audit', 'anyFactor = true')}
[identity.oidc.other]
title = "Other"
groupsClaim = "realm.roles"
${other.toml}
[[identity.oidc.other.role]]
role = "auditor"
groups = ["audit"]
anyFactor = true
[identity.oidc.directory]
title = "Example Directory"
issuer = "${directory.issuer}"
clientId = "${directory.clientId}"
clientSecret = { env = "DIRECTORY_CLIENT_SECRET" }
people = true
[[identity.oidc.directory.role]]
role = "auditor"
groups = ["auditors"]
amr = ["mfa"]
`,
  });
  app = await createServer({
    world: office.world,
    responder: new OcspResponder(office.world, async () => {}),
    handlers,
    demo: false,
    localTokenHash: hashToken(LOCAL),
    consoleFolder: '/nowhere',
    version: 'test',
  });
});
afterAll(async () => {
  await app?.close();
  await office?.close();
  await Promise.all([corp?.stop(), other?.stop(), directory?.stop()]);
});
beforeEach(() => {
  for (const one of [corp, other]) Object.assign(one, { down: false, again: undefined, saysIssuer: false });
});

const role = (name: string, group: string, strength: string) =>
  `[[identity.oidc.corp.role]]\nrole = "${name}"\ngroups = ["${group}"]\n${strength}\n`;

interface Begun {
  readonly url: string;
  readonly cookie: string;
}
let visitors = 0;
/** Each from an address of its own: there are more of them than one address may send in a minute. */
const post = (url: string, payload: object, cookie = '') =>
  app.inject({
    method: 'POST',
    url: `/api/v1/sessions/providers/${url}`,
    payload,
    headers: { origin: ORIGIN, cookie },
    remoteAddress: `10.0.${Math.floor(visitors / 250)}.${(visitors++ % 250) + 1}`,
  });
const begin = async (as: 'operator' | 'person', provider = 'corp', back = '/audit'): Promise<Begun> => {
  const answer = await post(provider, { as, back });
  expect([answer.statusCode, answer.body]).toMatchObject([200, expect.any(String)]);
  const kept = answer.cookies.find(({ name }) => name === 'chancery_sign_in');
  expect(kept).toMatchObject({ httpOnly: true, sameSite: 'Strict', path: '/api/v1/sessions/providers' });
  return { url: answer.json<{ url: string }>().url, cookie: `chancery_sign_in=${kept?.value}` };
};
const finish = async (query: string, cookie: string, provider = 'corp') => {
  const answer = await post(`${provider}/answer`, { query }, cookie);
  const session = answer.cookies.find(({ name, value }) => /^chancery_(session|person)$/.test(name) && value !== '');
  return { status: answer.statusCode, body: answer.json(), session: session?.value, path: session?.path };
};
const enter = async (
  claims: Record<string, unknown>,
  { as = 'operator', forgery = {} }: { as?: 'operator' | 'person'; forgery?: Forgery } = {},
) => {
  const { url, cookie } = await begin(as);
  return finish(corp.signIn(url, claims, forgery), cookie);
};
const claimsOf = (name: string, ...groups: string[]) => ({
  sub: `sub-${name}`,
  name: name.toUpperCase(),
  email: `${name}@example.com`,
  email_verified: true,
  groups,
});
const operators = () => office.query('SELECT address, provider, roles, state FROM operators ORDER BY created_at');
const lastRecord = async () =>
  (await office.query('SELECT action, outcome, subject, details FROM audit_records ORDER BY sequence DESC LIMIT 1'))[0];
const by = async (session: string | undefined) => principalOfToken(office.world, session ?? '');

describe('an operator whom a provider vouches for', () => {
  it('is made by a group that gives a role, once, and follows what the provider says', async () => {
    const first = await enter(claimsOf('oda', 'desk', 'lunch'));
    expect(first).toMatchObject({
      status: 200,
      path: '/',
      body: { as: 'operator', back: '/audit', me: { address: 'oda@example.com', roles: ['registration-officer'] } },
    });
    expect(await lastRecord()).toMatchObject({
      action: 'session.begin-with-provider',
      outcome: 'succeeded',
      subject: 'provider:corp',
      details: { provider: 'corp', providerSubject: 'sub-oda', roles: ['registration-officer'], made: true },
    });
    const renamed = { ...claimsOf('oda', 'desk'), email: 'oda.new@example.com', name: 'Oda New' };
    expect((await enter(renamed)).body.me).toMatchObject({ name: 'Oda New', address: 'oda.new@example.com' });
    expect(await operators()).toMatchObject([{ address: 'oda.new@example.com', provider: 'corp' }]);
  });

  it('is nobody without a group, and needs the second factor that the role asks for', async () => {
    expect(await enter(claimsOf('eve', 'lunch'))).toMatchObject({ status: 403, session: undefined });
    const overage = { ...claimsOf('eve'), _claim_names: { groups: 'src1' } };
    expect((await enter(overage)).body.title).toMatch(/more groups than Corp tells/);
    const admin = claimsOf('ada', 'admins');
    for (const weak of [
      {},
      { acr: 'gold' },
      { amr: ['mfa'] },
      { acr: 'silver', amr: ['mfa'] },
      { acr: 'gold', amr: ['pwd'] },
    ]) {
      const refused = await enter({ ...admin, ...weak });
      expect([refused.status, refused.body.title]).toEqual([403, expect.stringMatching(/second factor/)]);
    }
    expect(await operators()).toHaveLength(1);
    const { url } = await begin('operator');
    expect(new URL(url).searchParams.get('acr_values')).toBe('gold');
    expect(await enter({ ...admin, acr: 'gold', amr: ['pwd', 'mfa'] })).toMatchObject({ status: 200 });
  });

  it('never holds roles that exclude each other', async () => {
    const refused = await enter({ ...claimsOf('max', 'admins', 'officers'), acr: 'gold', amr: ['mfa'] });
    expect([refused.status, refused.body.title]).toEqual([
      403,
      expect.stringMatching(/administrator and recovery-officer/),
    ]);
    expect(await operators()).toHaveLength(2);
  });

  it('does not take over an operator with a credential of their own, nor an account that was disabled', async () => {
    await office.operator('ben', 'auditor');
    const refused = await enter({ ...claimsOf('someone', 'desk'), email: 'ben@example.com' });
    expect(refused).toMatchObject({ status: 409, session: undefined });
    const { body, session } = await enter(claimsOf('dan', 'desk'));
    await perform(office.world, disableOperator, local, { id: body.me.id });
    expect(await by(session)).toBeUndefined();
    expect(await enter(claimsOf('dan', 'desk'))).toMatchObject({ status: 403, session: undefined });
    // Nor under another account with the same address.
    expect(await enter({ ...claimsOf('dan', 'desk'), sub: 'sub-dan-2' })).toMatchObject({ status: 409 });
  });

  it('is no administrator whom the office relies on: the last with a credential of their own stays', async () => {
    const { id } = await office.operator('root', 'administrator');
    await expect(perform(office.world, disableOperator, local, { id })).rejects.toMatchObject({ code: 'wrong-state' });
  });

  it('approves nothing without a share key of their own, though a group makes them a recovery officer', async () => {
    const [one, two] = [
      await office.operator('o1', 'recovery-officer'),
      await office.operator('o2', 'recovery-officer'),
    ];
    await office.holdCeremony([one, two]);
    const asker = await office.operator('asker', 'registration-officer');
    const id = await office.ask(asker, await office.person('lost@example.com'));
    const { session } = await enter(claimsOf('ida', 'officers'));
    const ida = await by(session);
    if (ida === undefined) throw new Error('Ida is not signed in');
    const evidence = await office.approval(id, one);
    await expect(
      perform(office.world, decideRecovery, ida, { id, decision: 'approve', ...evidence }),
    ).rejects.toThrow();
    expect(await office.approve(id, one)).toBe('open');
  });

  it('is out at once where the group is gone, or the person has left', async () => {
    const personId = await office.person('gil@example.com');
    const { session } = await enter(claimsOf('gil', 'desk'));
    expect(await by(session)).toMatchObject({ roles: ['registration-officer'] });
    expect((await enter(claimsOf('gil', 'lunch'))).status).toBe(403);
    expect(await by(session)).toBeUndefined();
    const again = (await enter(claimsOf('gil', 'desk'))).session;
    expect(await by(again)).toBeDefined();
    await perform(office.world, removePerson, local, { id: personId });
    expect(await by(again)).toBeUndefined();
    expect((await enter(claimsOf('gil', 'desk'))).body.title).toMatch(/left/);
  });

  it('stays as long as the provider says so when it is asked again', async () => {
    corp.again = claimsOf('kim', 'desk');
    const { session } = await enter(claimsOf('kim', 'desk', 'audit-not'));
    const ask = async () => {
      wait(16 * 60);
      await recheckProviderSessions(office.world);
      return (await by(session)) as Extract<Principal, { kind: 'operator' }> | undefined;
    };
    expect((await ask())?.roles).toEqual(['registration-officer']);
    corp.again = claimsOf('kim', 'officers');
    expect((await ask())?.roles).toEqual(['recovery-officer']);
    corp.down = true;
    expect(await ask()).toBeDefined();
    corp.down = false;
    corp.again = claimsOf('kim', 'lunch');
    expect(await ask()).toBeUndefined();
    expect(await lastRecord()).toMatchObject({ action: 'session.recheck', details: { ended: true, roles: [] } });

    corp.again = claimsOf('kim', 'desk');
    const gone = (await enter(claimsOf('kim', 'desk'))).session;
    corp.again = null;
    await ask();
    expect(await by(gone)).toBeUndefined();
    corp.again = claimsOf('kim', 'desk');
    const silent = (await enter(claimsOf('kim', 'desk'))).session;
    corp.down = true;
    wait(3600);
    await ask();
    expect(await by(silent)).toBeUndefined();
  });

  it('signs in anew after an hour where the provider cannot be asked again', async () => {
    const { session } = await enter(claimsOf('lea', 'desk'));
    wait(3599);
    expect(await by(session)).toBeDefined();
    wait(2);
    expect(await by(session)).toBeUndefined();
  });
});

describe('groups of a source of people', () => {
  const hr = { name: 'hr', kind: 'scim' } as const;
  const strong = { acr: 'gold', amr: ['mfa'] };
  const group = (key: string, name: string, ...members: string[]) => ({
    key,
    name,
    members: members.map((one) => ({ key: one, kind: 'person' as const })),
  });
  const people = (active: boolean, ...names: string[]) =>
    presentPeople(
      office.world,
      hr,
      names.map((name) => ({ key: `k-${name}`, name, address: `${name}@example.com`, active })),
    );
  const rolesOf = async (session: string | undefined) =>
    ((await by(session)) as Extract<Principal, { kind: 'operator' }> | undefined)?.roles;

  it('make operators like those of the provider, with its word for who somebody is and how they signed in', async () => {
    await people(true, 'sam', 'tom');
    // Tom through a group in the group.
    await presentGroups(office.world, hr, [
      { ...group('g1', 'Desk', 'k-sam'), members: [...group('', '', 'k-sam').members, { key: 'g2', kind: 'group' }] },
      group('g2', 'Interns', 'k-tom'),
      group('admins', 'Administrators'),
      group('g4', 'officers'),
    ]);
    const { body, session } = await enter(claimsOf('sam'));
    expect(body.me.roles).toEqual(['registration-officer']);
    expect((await lastRecord())?.details).toMatchObject({
      roles: ['registration-officer'],
      rolesBySource: ['registration-officer'],
    });
    expect((await enter(claimsOf('tom'))).body.me.roles).toEqual(['registration-officer']);
    // Another account with Sam's address is not Sam, and an address that nobody has checked is nobody's.
    expect((await enter({ ...claimsOf('sam'), sub: 'sub-sam-2' })).status).toBe(403);
    expect((await enter({ ...claimsOf('tom'), sub: 'sub-tom-2', email_verified: false })).status).toBe(403);

    // A role that asks for more comes with a sign-in that is more.
    await presentGroups(office.world, hr, [group('admins', 'Administrators', 'k-sam')]);
    expect(await rolesOf(session)).toEqual(['registration-officer']);
    expect((await enter(claimsOf('sam'))).body.title).toMatch(/second factor/);
    const admin = await enter({ ...claimsOf('sam'), ...strong });
    expect(admin.body.me.roles.toSorted()).toEqual(['administrator', 'registration-officer']);
    corp.again = claimsOf('sam');
    wait(16 * 60);
    await recheckProviderSessions(office.world);
    expect((await rolesOf(admin.session))?.toSorted()).toEqual(['administrator', 'registration-officer']);

    // What excludes each other is held together by nobody, whichever side gives it.
    await presentGroups(office.world, hr, [group('g4', 'officers', 'k-sam')]);
    const both = await enter({ ...claimsOf('sam'), ...strong });
    expect([both.status, both.body.title]).toEqual([403, expect.stringMatching(/administrator and recovery-officer/)]);
    expect(await rolesOf(admin.session)).toBeUndefined();
  });

  it('take a role as soon as it goes, and with the last one every session', async () => {
    await people(true, 'una');
    await presentGroups(office.world, hr, [
      group('admins', 'Administrators', 'k-una'),
      group('g1', 'Desk', 'k-una'),
      group('g4', 'officers'),
    ]);
    const { body, session } = await enter({ ...claimsOf('una'), ...strong });
    expect(body.me.roles.toSorted()).toEqual(['administrator', 'registration-officer']);
    await presentGroups(office.world, hr, [group('admins', 'Administrators')]);
    expect(await rolesOf(session)).toEqual(['registration-officer']);
    expect(await lastRecord()).toMatchObject({
      action: 'source.present-group',
      details: {
        operators: [{ operatorId: body.me.id, before: expect.any(Array), roles: ['registration-officer'] }],
      },
    });
    await withdrawGroups(office.world, hr, ['g1']);
    expect(await rolesOf(session)).toBeUndefined();
    expect(await office.query('SELECT 1 FROM tokens WHERE operator_id = $1', [body.me.id])).toEqual([]);
    // Nobody is signed in by a group that was; and who has left is in none.
    expect((await enter({ ...claimsOf('una'), ...strong })).status).toBe(403);
    await presentGroups(office.world, hr, [group('g1', 'Desk', 'k-una')]);
    const again = (await enter(claimsOf('una'))).session;
    expect(await rolesOf(again)).toEqual(['registration-officer']);
    await people(false, 'una');
    expect(await rolesOf(again)).toBeUndefined();
    expect((await lastRecord())?.details).toMatchObject({ became: 'left', operator: { roles: [] } });
  });

  it('neither make nor unmake an operator with a credential of their own; that they leave does', async () => {
    const walt = await office.operator('walt', 'administrator');
    const standing = () => office.query('SELECT roles, state FROM operators WHERE id = $1', [walt.id]);
    await people(true, 'walt');
    await presentGroups(office.world, hr, [group('admins', 'Administrators', 'k-walt'), group('g1', 'Desk', 'k-walt')]);
    await presentGroups(office.world, hr, [group('admins', 'Administrators'), group('g1', 'Desk')]);
    expect(await standing()).toEqual([{ roles: ['administrator'], state: 'active' }]);
    expect((await enter({ ...claimsOf('walt', 'admins'), ...strong })).status).toBe(409);
    await office.operator('wanda', 'administrator');
    await people(false, 'walt');
    expect(await standing()).toEqual([{ roles: ['administrator'], state: 'disabled' }]);
  });
});

describe('what is no sign-in', () => {
  const forgeries: [string, Record<string, unknown>, Forgery][] = [
    ['another nonce', {}, { claims: { nonce: 'of another sign-in' } }],
    ['no nonce', {}, { claims: { nonce: undefined } }],
    ['another issuer', {}, { claims: { iss: 'https://evil.example' } }],
    ['for another client', {}, { claims: { aud: 'somebody-else' } }],
    [
      'for several, of whom another asked',
      {},
      { claims: { aud: ['chancery', 'somebody-else'], azp: 'somebody-else' } },
    ],
    ['expired', {}, { claims: { exp: Math.floor(Date.now() / 1000) - 3600 } }],
    ['not yet valid', {}, { claims: { nbf: Math.floor(Date.now() / 1000) + 8 * 86_400 } }],
    ['unsigned', {}, { alg: 'none' }],
    ['signed with the shared secret', {}, { alg: 'HS256' }],
    ['signed with a key that is not published', {}, { otherKey: true }],
    ['without a subject', { sub: undefined }, {}],
    ['with groups that are no list of names', { groups: { desk: true } }, {}],
  ];
  it.each(forgeries)('%s', async (_what, claims, forgery) => {
    const before = (await operators()).length;
    const answer = await enter({ ...claimsOf('mallory', 'desk'), ...claims }, { forgery });
    expect(answer).toMatchObject({ status: 401, body: { code: 'wrong-credentials' }, session: undefined });
    expect(await lastRecord()).toMatchObject({ action: 'session.begin-with-provider', outcome: 'denied' });
    expect(await operators()).toHaveLength(before);
  });

  it('an answer with another state, to another browser, to none, or after ten minutes', async () => {
    const { url, cookie } = await begin('operator');
    const swapped = new URLSearchParams(corp.signIn(url, claimsOf('oda', 'desk')));
    swapped.set('state', 'of another');
    expect((await finish(swapped.toString(), cookie)).status).toBe(401);
    const victim = await begin('operator');
    expect((await finish(corp.signIn(url, claimsOf('oda', 'desk')), victim.cookie)).status).toBe(401);
    expect((await finish(corp.signIn(url, claimsOf('oda', 'desk')), '')).status).toBe(401);
    expect((await finish(corp.signIn(url, claimsOf('oda', 'desk')), 'chancery_sign_in=AAAA')).status).toBe(401);
    const late = await begin('operator');
    wait(601);
    const answer = await finish(corp.signIn(late.url, claimsOf('oda', 'desk')), late.cookie);
    expect([answer.status, answer.body.title]).toEqual([401, expect.stringMatching(/ten minutes/)]);
  });

  it('a code that was used, and an answer that was', async () => {
    const { url, cookie } = await begin('operator');
    const query = corp.signIn(url, claimsOf('oda', 'desk'));
    expect((await finish(query, cookie)).status).toBe(200);
    expect((await finish(query, cookie)).status).toBe(401);
    // Even where the provider gave a second code for the same sign-in.
    const second = await finish(corp.signIn(url, claimsOf('oda', 'desk')), cookie);
    expect([second.status, second.body.title]).toEqual([401, expect.stringMatching(/used already/)]);
  });

  it('the answer of one provider where another was asked', async () => {
    const atOther = await begin('operator', 'other');
    const mixed = other.signIn(atOther.url, { sub: 'x', realm: { roles: ['audit'] } });
    expect((await finish(mixed, atOther.cookie, 'corp')).status).toBe(401);
    corp.saysIssuer = true;
    const { url, cookie } = await begin('operator');
    const query = new URLSearchParams(corp.signIn(url, claimsOf('oda', 'desk')));
    query.set('iss', other.issuer);
    expect((await finish(query.toString(), cookie)).status).toBe(401);
  });

  it('a refusal there, and a provider that is silent, each in its own words', async () => {
    const { url, cookie } = await begin('operator');
    const state = new URL(url).searchParams.get('state');
    const denied = await finish(`error=access_denied&error_description=%3Cb%3EClick&state=${state}`, cookie);
    expect(denied.body.title).toMatch(/^Corp did not let you in/);
    expect(denied.body.title).not.toContain('Click');
    const silent = await begin('operator');
    const query = corp.signIn(silent.url, claimsOf('oda', 'desk'));
    corp.down = true;
    expect(await finish(query, silent.cookie)).toMatchObject({ status: 503, body: { code: 'unavailable' } });
  });

  it('a way to somewhere else: one goes on to a path of this office, and the provider sends back to no other address', async () => {
    for (const back of ['https://evil.example/', '//evil.example', '/\\evil.example', 'javascript:alert(1)', '/a\nb']) {
      const { url, cookie } = await begin('operator', 'corp', back);
      expect(new URL(url).searchParams.get('redirect_uri')).toBe(`${ORIGIN}/sign-in/with/corp`);
      expect((await finish(corp.signIn(url, claimsOf('oda', 'desk')), cookie)).body.back).toBe('/');
    }
    const foreign = await app.inject({
      method: 'POST',
      url: '/api/v1/sessions/providers/corp',
      payload: { as: 'operator' },
      headers: { origin: 'https://evil.example' },
    });
    expect(foreign.statusCode).toBe(403);
    expect((await post('nobody', { as: 'operator' })).statusCode).toBe(404);
    expect((await post('other', { as: 'person' })).statusCode).toBe(404);
    expect((await post('__proto__', { as: 'operator' })).statusCode).toBe(400);
  });

  it('while a key that was just exchanged for another is taken', async () => {
    corp.rotateKey();
    expect((await enter(claimsOf('oda', 'desk'))).status).toBe(200);
  });
});

describe('a person', () => {
  it('signs in to their own page by an address that was checked, and from then on by their account', async () => {
    const id = await office.person('pia@example.com');
    const unchecked = { ...claimsOf('pia'), email_verified: false };
    expect((await enter(unchecked, { as: 'person' })).body.title).toMatch(/address was checked/);
    expect(await enter(claimsOf('pia'), { as: 'person' })).toMatchObject({
      status: 200,
      path: '/api/v1/self',
      body: { as: 'person' },
    });
    expect(await lastRecord()).toMatchObject({
      action: 'person.begin-session-with-provider',
      details: { personId: id },
    });
    // Their account says another address meanwhile: it is still theirs.
    expect((await enter({ ...claimsOf('pia'), email: 'new@example.com' }, { as: 'person' })).status).toBe(200);
  });

  it('is not somebody else who got the same address, until a registration officer lets go of the first', async () => {
    const namesake = { ...claimsOf('pia'), sub: 'sub-pia-2' };
    const refused = await enter(namesake, { as: 'person' });
    expect(refused).toMatchObject({ status: 409, session: undefined });
    const [{ id } = { id: '' }] = await office.query(
      "SELECT person_id AS id FROM person_addresses WHERE key = 'pia@example.com'",
    );
    const answer = await app.inject({
      method: 'DELETE',
      url: `/api/v1/people/${id}/provider-accounts`,
      headers: { authorization: `Bearer ${LOCAL}` },
    });
    expect(answer.json()).toEqual({ forgotten: 1 });
    expect((await enter(namesake, { as: 'person' })).status).toBe(200);
    expect((await enter(claimsOf('pia'), { as: 'person' })).status).toBe(409);
  });

  it('who is unknown, or has left, is not let in', async () => {
    expect((await enter(claimsOf('stranger'), { as: 'person' })).status).toBe(403);
    const id = await office.person('quin@example.com');
    expect((await enter(claimsOf('quin'), { as: 'person' })).status).toBe(200);
    await perform(office.world, removePerson, local, { id });
    expect((await enter(claimsOf('quin'), { as: 'person' })).status).toBe(403);
  });
});

describe('oidc-provider', () => {
  // It goes by the machine's clock.
  beforeAll(() => {
    ahead = 0;
  });
  /** A browser: follows redirects there, and fills in the form. */
  const walk = async (start: string, login: string): Promise<string> => {
    const jar = new Map<string, string>();
    let url = start;
    let body: string | undefined;
    for (let step = 0; step < 10; step++) {
      const answer: Response = await fetch(url, {
        redirect: 'manual',
        headers: {
          cookie: [...jar].map((pair) => pair.join('=')).join('; '),
          ...(body !== undefined && { 'content-type': 'application/x-www-form-urlencoded' }),
        },
        ...(body !== undefined && { method: 'POST', body }),
      });
      for (const line of answer.headers.getSetCookie()) {
        const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
        jar.set(name, value);
      }
      const next: string | null = answer.headers.get('location');
      body = next === null ? new URLSearchParams({ login }).toString() : undefined;
      if (next !== null) url = new URL(next, url).href;
      if (url.startsWith(ORIGIN)) return new URL(url).search.slice(1);
    }
    throw new Error('The provider does not send the browser back');
  };
  const through = async (as: 'operator' | 'person', login: string) => {
    const { url, cookie } = await begin(as, 'directory');
    return finish(await walk(url, login), cookie, 'directory');
  };

  it('signs in an operator and a person, is asked again, and signs out', async () => {
    const member = { name: 'Vera', email: 'vera@example.com', email_verified: true, groups: ['auditors'] };
    directory.members.set('vera', member);
    expect((await through('operator', 'vera weakly')).body.title).toMatch(/second factor/);
    const { status, session, body } = await through('operator', 'vera');
    expect([status, body.me]).toMatchObject([200, { name: 'Vera', roles: ['auditor'] }]);
    await office.person('vera@example.com');
    expect(await through('person', 'vera')).toMatchObject({ status: 200, body: { as: 'person' } });

    wait(16 * 60);
    await recheckProviderSessions(office.world);
    expect(await by(session)).toBeDefined();
    const out = await app.inject({
      method: 'DELETE',
      url: '/api/v1/sessions/current',
      headers: { origin: ORIGIN, cookie: `chancery_session=${session}` },
    });
    const next = new URL(out.json<{ next: string }>().next);
    expect(next.searchParams.get('post_logout_redirect_uri')).toBe(`${ORIGIN}/sign-in`);
    expect((await fetch(next)).status).toBe(200);

    const later = (await through('operator', 'vera')).session;
    directory.members.set('vera', { ...member, groups: [] });
    wait(16 * 60);
    await recheckProviderSessions(office.world);
    expect(await by(later)).toBeUndefined();
  });

  it('leaves nothing of its tokens in the clear', async () => {
    const kept = await office.query("SELECT data::text AS data FROM tokens WHERE data ? 'provider'");
    expect(kept.length).toBeGreaterThan(0);
    // A JWT, by its first two parts.
    const token = /eyJ[\w-]+\.eyJ/;
    for (const { data } of kept) expect(data).not.toMatch(token);
    const written = JSON.stringify([office.logged, await office.query('SELECT details FROM audit_records')]);
    expect(written).not.toMatch(token);
    expect(written).not.toContain(directory.clientSecret);
  });
});
