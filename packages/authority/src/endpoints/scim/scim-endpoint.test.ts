import Fastify, { type FastifyInstance } from 'fastify';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeCorpus } from '../../../../smime/test/corpora.ts';
import { type EscrowOffice, escrowOffice } from '../../../test/escrow-office.ts';
import { scimHour } from '../../../test/scim-hour.ts';
import { createScimToken, revokeScimToken, rotateScimToken } from '../../identity/scim/tokens.ts';
import { perform } from '../../operation.ts';
import type { Principal } from '../../principal.ts';
import { newToken } from '../../store/tokens.ts';
import { scimEndpoint } from './scim-endpoint.ts';

let office: EscrowOffice;
let app: FastifyInstance;
let now = new Date('2026-03-01T12:00:00Z');
const advance = (ms: number) => {
  now = new Date(now.getTime() + ms);
};
beforeAll(async () => {
  office = await escrowOffice({ clock: () => now, config: '[identity.sources.hold]\ndeactivated = "suspend"\n' });
  app = Fastify();
  await app.register(scimEndpoint(office.world), { prefix: '/scim/v2' });
});
afterAll(async () => {
  await app.close();
  await office.close();
});

const USER = 'urn:ietf:params:scim:schemas:core:2.0:User';
const ENTERPRISE = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';
const GROUP = 'urn:ietf:params:scim:schemas:core:2.0:Group';
const PATCH = 'urn:ietf:params:scim:api:messages:2.0:PatchOp';
const local: Principal = { kind: 'local', id: 'local', name: 'here' };
type Json = Record<string, unknown>;
const parts = (value: unknown): Json[] => (value ?? []) as Json[];

const tokenOf = async (source: string) =>
  (await perform(office.world, createScimToken, local, { source, expiresInDays: 30 })).token;
/** A client of that source; answers its status and body. */
const clientOf = async (source: string, contentType = 'application/scim+json') => {
  const token = await tokenOf(source);
  return async (
    method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE',
    url: string,
    body?: unknown,
    headers: Json = {},
  ) => {
    const response = await app.inject({
      method,
      url: `/scim/v2${url}`,
      headers: {
        authorization: `Bearer ${token}`,
        ...(body !== undefined && { 'content-type': contentType }),
        ...(headers as Record<string, string>),
      },
      ...(body !== undefined && { payload: typeof body === 'string' ? body : JSON.stringify(body) }),
    });
    const json = response.body === '' ? undefined : (JSON.parse(response.body) as Json);
    return { status: response.statusCode, body: json, headers: response.headers };
  };
};
type Client = Awaited<ReturnType<typeof clientOf>>;
const people = async () =>
  (
    await office.query(
      `SELECT p.name, p.state, a.address FROM people p JOIN person_addresses a ON a.person_id = p.id AND a.is_primary
       ORDER BY a.key`,
    )
  ).map(({ name, state, address }) => `${name} <${address}> ${state}`);
const here = async (address: string) => (await people()).find((one) => one.includes(`<${address}>`));
const filtered = (filter: string) => `filter=${encodeURIComponent(filter)}`;

describe('Microsoft Entra', () => {
  let entra: Client;
  let id = '';
  beforeAll(async () => {
    entra = await clientOf('entra', 'application/scim+json; charset=utf-8');
  });

  it('tests its connection: nobody is found, and that is no error', async () => {
    const { status, body } = await entra(
      'GET',
      `/Users?${filtered('userName eq "b1f4a9d2-0000-4000-8000-000000000000"')}`,
    );
    expect([status, body?.totalResults, body?.Resources]).toEqual([200, 0, []]);
  });

  it('makes a user, with strings for booleans and attributes that nobody here needs', async () => {
    const { status, body, headers } = await entra('POST', '/Users', {
      schemas: [USER, ENTERPRISE],
      externalId: '0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef',
      userName: 'Test_User@example.com',
      active: 'True',
      displayName: 'Ada King',
      emails: [{ primary: true, type: 'work', value: 'ada@example.com' }],
      phoneNumbers: [{ type: 'mobile', value: '+44 1' }],
      meta: { resourceType: 'User' },
      name: { formatted: 'Ada King', familyName: 'King', givenName: 'Ada' },
      roles: [],
      [ENTERPRISE]: { employeeNumber: '7', department: 'Research' },
    });
    expect(status).toBe(201);
    id = String(body?.id);
    expect(headers.location).toBe(`http://127.0.0.1:8080/scim/v2/Users/${id}`);
    expect(headers['content-type']).toContain('application/scim+json');
    expect(body).toMatchObject({ userName: 'Test_User@example.com', active: true, meta: { resourceType: 'User' } });
    expect(body).not.toHaveProperty('phoneNumbers');
    expect(await here('ada@example.com')).toBe('Ada King <ada@example.com> active');
    const waiting = await office.query(`SELECT use FROM enrollments e JOIN person_addresses a USING (person_id)
      WHERE a.key = 'ada@example.com' AND state = 'waiting' ORDER BY use`);
    expect(waiting).toEqual([{ use: 'encryption' }, { use: 'signing' }]);
    const [record] = await office.query(`SELECT actor, details FROM audit_records WHERE subject = $1`, [`user:${id}`]);
    expect(record).toMatchObject({ actor: 'source:entra', details: { act: 'create', became: 'joined' } });
  });

  it('finds them again, whatever the case', async () => {
    for (const filter of [
      'userName eq "test_user@example.com"',
      'externalId eq "0a21f0f2-8d2a-4f8e-bf98-7363c4aed4ef"',
      'emails[type eq "work"].value eq "ADA@example.com"',
      'userName eq "test_user@example.com" and active eq "True"',
      `${ENTERPRISE}:department eq "research"`,
    ]) {
      const { body } = await entra('GET', `/Users?${filtered(filter)}`);
      expect([filter, body?.totalResults]).toEqual([filter, 1]);
      expect(parts(body?.Resources)[0]?.id).toBe(id);
    }
    expect(
      (await entra('GET', `/Users?${filtered('externalId eq "0A21F0F2-8d2a-4f8e-bf98-7363c4aed4ef"')}`)).body
        ?.totalResults,
    ).toBe(0);
    expect((await entra('POST', '/Users', { schemas: [USER], userName: 'TEST_USER@example.com' })).body).toMatchObject({
      status: '409',
      scimType: 'uniqueness',
    });
  });

  it('patches with its own capitals, its texts, and values that are not there yet', async () => {
    const patch = (Operations: unknown[]) => entra('PATCH', `/Users/${id}`, { schemas: [PATCH], Operations });
    const first = await patch([
      { op: 'Replace', path: 'displayName', value: 'Ada Lovelace' },
      { op: 'Add', path: 'phoneNumbers[type eq "work"].value', value: '1' },
      { op: 'Add', path: 'addresses[type eq "work"].country', value: 'gb' },
      { op: 'Replace', path: 'emails[type eq "work"].value', value: 'lovelace@example.com' },
      { op: 'Add', path: `${ENTERPRISE}:manager`, value: id },
    ]);
    expect(first.status).toBe(200);
    expect(first.body).toMatchObject({
      displayName: 'Ada Lovelace',
      addresses: [{ type: 'work', country: 'gb' }],
      emails: [{ primary: true, type: 'work', value: 'lovelace@example.com' }],
      [ENTERPRISE]: { manager: { value: id }, department: 'Research' },
    });
    const [person] =
      await office.query(`SELECT name, attributes FROM people p JOIN person_addresses a ON a.person_id = p.id
      WHERE a.key = 'lovelace@example.com'`);
    expect(person).toMatchObject({ name: 'Ada Lovelace', attributes: { country: 'GB', employeeId: '7' } });

    // The newer way: operations in small letters, without a path, and paths as names.
    const second = await patch([
      {
        op: 'replace',
        value: {
          'name.familyName': 'Lovelace',
          [`${ENTERPRISE}:department`]: 'Analysis',
          'emails[type eq "other"].value': 'countess@example.com',
          nobodyKnows: 'this',
        },
      },
      { op: 'remove', path: `${ENTERPRISE}:employeeNumber` },
    ]);
    expect(second.body).toMatchObject({
      name: { familyName: 'Lovelace', givenName: 'Ada' },
      [ENTERPRISE]: { department: 'Analysis' },
    });
    expect(second.body?.[ENTERPRISE]).not.toHaveProperty('employeeNumber');
    expect(await office.query(`SELECT is_primary FROM person_addresses WHERE key = 'countess@example.com'`)).toEqual([
      { is_primary: false },
    ]);
  });

  it('keeps groups: found without their members, which come and go one by one, and answered with nothing', async () => {
    const made = await entra('POST', '/Groups', {
      schemas: [GROUP, 'http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group'],
      externalId: '8aa1a0c0-c4c3-4bc0-b4a5-2ef676900159',
      displayName: 'Executives',
      members: [],
      meta: { resourceType: 'Group' },
    });
    expect(made.status).toBe(201);
    const group = String(made.body?.id);
    const found = await entra('GET', `/Groups?excludedAttributes=members&${filtered('displayName eq "executives"')}`);
    expect(found.body).toMatchObject({ totalResults: 1 });
    expect(parts(found.body?.Resources)[0]).not.toHaveProperty('members');
    const patch = (Operations: unknown[]) => entra('PATCH', `/Groups/${group}`, { schemas: [PATCH], Operations });
    const members = async () => parts((await entra('GET', `/Groups/${group}`)).body?.members).map(({ value }) => value);
    expect(await patch([{ op: 'Add', path: 'members', value: [{ value: id }] }])).toMatchObject({
      status: 204,
      body: undefined,
    });
    expect((await patch([{ op: 'Add', path: 'members', value: [{ value: id }] }])).status).toBe(204);
    expect(await members()).toEqual([id]);
    expect((await entra('GET', `/Users/${id}`)).body?.groups).toEqual([
      { value: group, $ref: `http://127.0.0.1:8080/scim/v2/Groups/${group}`, display: 'Executives', type: 'direct' },
    ]);
    expect((await patch([{ op: 'Remove', path: 'members', value: [{ value: id }] }])).status).toBe(204);
    expect(await members()).toEqual([]);
    expect((await patch([{ op: 'Add', path: 'members', value: [{ value: newToken() }] }])).body).toMatchObject({
      scimType: 'invalidValue',
    });
    expect((await entra('DELETE', `/Groups/${group}`)).status).toBe(204);
    expect((await entra('GET', `/Groups/${group}`)).status).toBe(404);
  });

  it('disables, enables, and deletes at last', async () => {
    const active = (value: unknown) =>
      entra('PATCH', `/Users/${id}`, { schemas: [PATCH], Operations: [{ op: 'Replace', path: 'active', value }] });
    expect((await active('False')).body).toMatchObject({ active: false });
    expect(await here('lovelace@example.com')).toMatch(/left$/);
    expect((await active('True')).body).toMatchObject({ active: true });
    expect(await here('lovelace@example.com')).toMatch(/active$/);
    await active('False');
    expect((await entra('DELETE', `/Users/${id}`)).status).toBe(204);
    expect((await entra('GET', `/Users/${id}`)).body).toMatchObject({ status: '404' });
    expect((await entra('DELETE', `/Users/${id}`)).status).toBe(404);
    expect(await here('lovelace@example.com')).toMatch(/left$/);
  });
});

describe('Okta', () => {
  it('looks, makes, puts whole users, and deactivates without deleting', async () => {
    const okta = await clientOf('okta');
    expect((await okta('GET', '/Users?startIndex=1&count=2')).body).toMatchObject({ totalResults: 0, startIndex: 1 });
    const user = {
      schemas: [USER],
      userName: 'grace@example.com',
      name: { givenName: 'Grace', familyName: 'Hopper' },
      emails: [
        { primary: true, value: 'grace@example.com', type: 'work', display: 'grace@example.com' },
        { primary: false, value: 'grace@at-home.example', type: 'other' },
      ],
      displayName: 'Grace Hopper',
      locale: 'en-US',
      externalId: '00ujl29u0le5T6Aj10h7',
      groups: [],
      password: '1mz050nq',
      active: true,
    };
    const made = await okta('POST', '/Users', user);
    expect(made).toMatchObject({ status: 201, body: { userName: 'grace@example.com' } });
    expect(made.body).not.toHaveProperty('password');
    const id = String(made.body?.id);
    // What is private stands in no certificate.
    expect(await office.query(`SELECT 1 FROM person_addresses WHERE key = 'grace@at-home.example'`)).toEqual([]);
    const page = await okta('GET', `/Users?${filtered('userName eq "grace@example.com"')}&startIndex=1&count=100`);
    expect(page.body).toMatchObject({ totalResults: 1, itemsPerPage: 1 });

    const put = await okta('PUT', `/Users/${id}`, { ...user, id, displayName: 'Amazing Grace', title: 'Admiral' });
    expect(put).toMatchObject({ status: 200, body: { displayName: 'Amazing Grace', title: 'Admiral' } });
    // A whole one without it has it no more.
    expect((await okta('PUT', `/Users/${id}`, user)).body).not.toHaveProperty('title');
    const off = await okta('PATCH', `/Users/${id}`, {
      schemas: [PATCH],
      Operations: [{ op: 'replace', value: { active: false } }],
    });
    expect(off).toMatchObject({ status: 200, body: { active: false } });
    expect(await here('grace@example.com')).toBe('Grace Hopper <grace@example.com> left');
    expect((await okta('PUT', `/Users/${id}`, { ...user, active: true })).status).toBe(200);
    expect(await here('grace@example.com')).toBe('Grace Hopper <grace@example.com> active');

    const group = String(
      (
        await okta('POST', '/Groups', {
          schemas: [GROUP],
          displayName: 'Navy',
          members: [{ value: id, display: 'grace' }],
        })
      ).body?.id,
    );
    const patch = (Operations: unknown[]) => okta('PATCH', `/Groups/${group}`, { schemas: [PATCH], Operations });
    expect((await patch([{ op: 'replace', value: { id: group, displayName: 'US Navy' } }])).status).toBe(204);
    expect((await patch([{ op: 'remove', path: `members[value eq "${id}"]` }])).status).toBe(204);
    expect((await patch([{ op: 'replace', path: 'members', value: [{ value: id }] }])).status).toBe(204);
    expect((await okta('GET', `/Groups/${group}`)).body).toMatchObject({
      displayName: 'US Navy',
      members: [{ value: id }],
    });
  });
});

describe('the protocol', () => {
  let rfc: Client;
  beforeAll(async () => {
    rfc = await clientOf('rfc');
  });

  it('describes what is there', async () => {
    expect((await rfc('GET', '/ServiceProviderConfig')).body).toMatchObject({
      patch: { supported: true },
      bulk: { supported: false },
    });
    const { body } = await rfc('GET', '/Schemas');
    expect(parts(body?.Resources).map(({ id }) => id)).toEqual([USER, ENTERPRISE, GROUP]);
    expect((await rfc('GET', `/Schemas/${USER}`)).body).toMatchObject({ id: USER, attributes: expect.any(Array) });
    expect((await rfc('GET', '/ResourceTypes/User')).body).toMatchObject({ endpoint: '/Users', schema: USER });
    expect((await rfc('GET', '/Me')).status).toBe(501);
    expect((await rfc('POST', '/Bulk', {})).status).toBe(501);
    expect((await rfc('GET', '/Nothing')).status).toBe(404);
  });

  it('lists page by page, each once, and only the attributes that are asked for', async () => {
    const many = await clientOf('many');
    for (let number = 0; number < 7; number++) {
      await many('POST', '/Users', { schemas: [USER], userName: `page${number}@example.com`, title: 'Page' });
    }
    const seen: unknown[] = [];
    for (let start = 1; start <= 7; start += 3) {
      const { body } = await many('GET', `/Users?startIndex=${start}&count=3&attributes=userName`);
      expect(body?.totalResults).toBe(7);
      for (const one of parts(body?.Resources)) {
        expect(Object.keys(one).sort()).toEqual(['id', 'schemas', 'userName']);
        seen.push(one.userName);
      }
    }
    expect(new Set(seen).size).toBe(7);
    expect((await many('GET', '/Users?count=0')).body).toMatchObject({ totalResults: 7, Resources: [] });
    expect((await many('GET', '/Users?startIndex=0&count=100000')).body).toMatchObject({ itemsPerPage: 7 });
    expect((await many('GET', '/Users?count=many')).status).toBe(400);
  });

  it('changes nothing that has changed meanwhile', async () => {
    const made = await rfc('POST', '/Users', { schemas: [USER], userName: 'etag@example.com' });
    const { etag } = made.headers;
    const url = `/Users/${made.body?.id}`;
    expect((await rfc('GET', url, undefined, { 'if-none-match': etag })).status).toBe(304);
    const patch = { schemas: [PATCH], Operations: [{ op: 'add', path: 'title', value: 'Dr' }] };
    expect((await rfc('PATCH', url, patch, { 'if-match': etag })).status).toBe(200);
    expect((await rfc('PATCH', url, patch, { 'if-match': etag })).status).toBe(412);
    expect((await rfc('DELETE', url, undefined, { 'if-match': etag })).status).toBe(412);
  });

  it.each([
    ['POST', '/Users', '{', 'invalidSyntax'],
    ['POST', '/Users', '[]', 'invalidSyntax'],
    ['POST', '/Users', { schemas: [GROUP], userName: 'x' }, 'invalidSyntax'],
    ['POST', '/Users', { schemas: [USER] }, 'invalidValue'],
    ['POST', '/Users', { schemas: [USER], userName: { a: 1 } }, 'invalidValue'],
    ['POST', '/Users', { schemas: [USER], userName: 'a', active: 'perhaps' }, 'invalidValue'],
    ['POST', '/Users', { schemas: [USER], userName: 'a'.repeat(2000) }, 'invalidValue'],
    ['POST', '/Users', { schemas: [USER], userName: 'nul\0' }, 'invalidValue'],
    ['POST', '/Groups', { schemas: [GROUP] }, 'invalidValue'],
    ['GET', `/Users?${filtered('userName')}`, undefined, 'invalidFilter'],
    ['GET', `/Users?${filtered('userName eq "a')}`, undefined, 'invalidFilter'],
    ['GET', `/Users?${filtered('password eq "a"')}`, undefined, 'invalidFilter'],
    ['GET', `/Users?${filtered(`${'('.repeat(200)}userName pr${')'.repeat(200)}`)}`, undefined, 'invalidFilter'],
    ['GET', `/Users?${filtered('meta.created gt "yesterday"')}`, undefined, 'invalidFilter'],
  ] as const)('refuses %s %s of %j as %s', async (method, url, body, scimType) => {
    const before = await people();
    const answer = await rfc(method, url, body);
    expect(answer).toMatchObject({ status: 400, body: { status: '400', scimType, detail: expect.any(String) } });
    expect(await people()).toEqual(before);
  });

  it.each([
    [{ schemas: [PATCH] }, 'invalidSyntax'],
    [{ schemas: [PATCH], Operations: [{ op: 'move', path: 'title' }] }, 'invalidSyntax'],
    [{ schemas: [PATCH], Operations: [{ op: 'remove' }] }, 'noTarget'],
    [{ schemas: [PATCH], Operations: [{ op: 'add', path: 'nobody.knows', value: 1 }] }, 'invalidPath'],
    [{ schemas: [PATCH], Operations: [{ op: 'add', path: 'emails[', value: 1 }] }, 'invalidPath'],
    [{ schemas: [PATCH], Operations: [{ op: 'add', path: 'groups', value: [{ value: 'x' }] }] }, 'mutability'],
    [{ schemas: [PATCH], Operations: [{ op: 'remove', path: 'userName' }] }, 'invalidValue'],
    [{ schemas: [PATCH], Operations: [{ op: 'add', value: 'text' }] }, 'invalidValue'],
    [
      { schemas: [PATCH], Operations: Array.from({ length: 2001 }, () => ({ op: 'remove', path: 'title' })) },
      'tooMany',
    ],
  ] as const)('refuses a PATCH as %#', async (body, scimType) => {
    const { body: user } = await rfc('POST', '/Users', { schemas: [USER], userName: `patch-${newToken()}` });
    const answer = await rfc('PATCH', `/Users/${user?.id}`, body);
    expect(answer).toMatchObject({ status: 400, body: { scimType } });
    expect((await rfc('GET', `/Users/${user?.id}`)).body?.meta).toMatchObject({
      version: (user?.meta as Json | undefined)?.version,
    });
  });

  it('understands every kind of filter', async () => {
    const client = await clientOf('filters');
    for (const [name, title] of [
      ['filter-a', 'Tour Guide'],
      ['filter-b', 'Guide'],
      ['filter-c', undefined],
    ]) {
      await client('POST', '/Users', {
        schemas: [USER],
        userName: name,
        title,
        emails: [
          { type: 'work', value: `${name}@example.com` },
          { type: 'home', value: `${name}@example.org` },
        ],
      });
    }
    const found = async (filter: string) =>
      ((await client('GET', `/Users?${filtered(filter)}`)).body?.Resources as Json[] | undefined)
        ?.map((one) => String(one.userName).at(-1))
        .toSorted()
        .join('');
    for (const [filter, names] of Object.entries({
      'title pr': 'ab',
      'not (title pr)': 'c',
      'title co "guide"': 'ab',
      'title sw "TOUR"': 'a',
      'title ew "guide" and title ne "Guide"': 'a',
      'title eq "Guide" or userName eq "filter-c"': 'bc',
      'userName gt "filter-a" and userName le "filter-b"': 'b',
      'emails.value co "filter-b"': 'b',
      'emails co "filter-b"': 'b',
      'emails[type eq "home" and value co "-c@"]': 'c',
      'emails[type eq "home" and value co "example.com"]': '',
      'active eq true': 'abc',
      'active eq false': '',
      'title eq null': 'c',
      'meta.lastModified ge "2026-01-01T00:00:00Z"': 'abc',
      'meta.created lt "2026-01-01T00:00:00Z"': '',
      'userName eq "quote\\"d"': '',
      [`${USER}:userName eq "FILTER-A"`]: 'a',
    })) {
      expect([filter, await found(filter)]).toEqual([filter, names]);
    }
    expect(
      (await client('POST', '/Users/.search', { filter: 'title pr', attributes: ['title'], count: 1 })).body,
    ).toMatchObject({
      totalResults: 2,
      itemsPerPage: 1,
    });
  });
});

describeCorpus('scim/scim2-models/samples', 'RFC 7644, its own examples', (corpus) => {
  it('user: made, put, patched', async () => {
    const client = await clientOf('examples');
    const made = await client('POST', '/Users', corpus.json('rfc7644-3.3-user-post_request.json'));
    expect(made).toMatchObject({ status: 201, body: { userName: 'bjensen', name: { familyName: 'Jensen' } } });
    const url = `/Users/${made.body?.id}`;
    const put = await client('PUT', url, corpus.json('rfc7644-3.5.1-user-put_request.json'));
    expect(put.body).toMatchObject({ name: { middleName: 'Jane' }, emails: [{ value: 'bjensen@example.com' }, {}] });
    expect(await here('bjensen@example.com')).toMatch(/active$/);
    const patch = async (name: string) => (await client('PATCH', url, corpus.json(`rfc7644-3.5.2.${name}.json`))).body;
    expect(await patch('3-patch_op-replace_all_email_values')).toMatchObject({
      nickName: 'Babs',
      emails: [
        { value: 'bjensen@example.com', type: 'work', primary: true },
        { value: 'babs@jensen.org', type: 'home' },
      ],
    });
    expect((await patch('1-patch_op-add_emails'))?.emails).toHaveLength(2);
    expect((await patch('3-patch_op-replace_user_work_address'))?.addresses).toMatchObject([{ locality: 'Hollywood' }]);
    expect((await patch('3-patch_op-replace_street_address'))?.addresses).toMatchObject([
      { locality: 'Hollywood', streetAddress: '1010 Broadway Ave' },
    ]);
    expect((await patch('2-patch_op-remove_multi_complex_value'))?.emails).toEqual([
      { value: 'babs@jensen.org', type: 'home' },
    ]);
    const search = await client('POST', '/Users/.search', corpus.json('rfc7644-3.4.3-search_request.json'));
    expect(search).toMatchObject({ status: 200, body: { totalResults: 0 } });
    expect((await client('POST', '/Users', corpus.json('rfc7643-8.2-user-full.json'))).status).toBe(201);
    for (const name of ['8.1-user-minimal', '8.3-enterprise_user']) {
      const user = corpus.json<Json>(`rfc7643-${name}.json`);
      const answer = await client('POST', '/Users', { ...user, userName: name });
      expect([answer.status, answer.body?.userName, answer.body?.id === user.id]).toEqual([201, name, false]);
    }
  });

  it('group: members added, removed and replaced', async () => {
    const client = await clientOf('examples');
    const ids = new Map<string, string>();
    for (const name of ['babs', 'james']) {
      const { body } = await client('POST', '/Users', { schemas: [USER], userName: name });
      ids.set(name, String(body?.id));
    }
    // The examples shorten the ids of their members, each in its own way.
    const own = (name: string): unknown =>
      JSON.parse(
        corpus
          .text(`rfc7644-3.5.2.${name}.json`)
          .replaceAll(/2819c223-[0-9a-f.-]+|2819c223\.\.\.[0-9a-f.-]+/g, ids.get('babs') ?? '')
          .replaceAll(/08e1d05d[0-9a-f.-]+/g, ids.get('james') ?? ''),
      );
    const { body } = await client('POST', '/Groups', { ...corpus.json<Json>('rfc7643-8.4-group.json'), members: [] });
    const url = `/Groups/${body?.id}`;
    const after = async (name: string) => {
      expect((await client('PATCH', url, own(name))).status).toBe(204);
      const members = (await client('GET', url)).body?.members as Json[];
      return members.map(({ value }) => [...ids].find(([, id]) => id === value)?.[0]).toSorted();
    };
    expect(await after('1-patch_op-add_members')).toEqual(['babs']);
    expect(await after('2-patch_op-remove_and_add_one_member')).toEqual(['james']);
    expect(await after('3-patch_op-replace_all_members')).toEqual(['babs', 'james']);
    expect(await after('2-patch_op-remove_one_member')).toEqual(['james']);
    expect(await after('2-patch_op-remove_all_members')).toEqual([]);
  });
});

it('switched off where that means "maybe back" is a suspension, and deleted is gone', async () => {
  const client = await clientOf('hold');
  const address = 'sabbatical@example.com';
  const { body } = await client('POST', '/Users', { schemas: [USER], userName: address });
  const set = (active: string) =>
    client('PATCH', `/Users/${body?.id}`, {
      schemas: [PATCH],
      Operations: [{ op: 'Replace', path: 'active', value: active }],
    });
  expect(await set('False')).toMatchObject({ status: 200, body: { active: false } });
  expect(await here(address)).toMatch(/suspended$/);
  expect(await set('True')).toMatchObject({ status: 200, body: { active: true } });
  expect(await here(address)).toMatch(/active$/);
  await set('False');
  expect((await client('DELETE', `/Users/${body?.id}`)).status).toBe(204);
  expect(await here(address)).toMatch(/left$/);
});

describe('a token', () => {
  it('opens its own source and nothing else; ends when it is revoked, and with an overlap when it is changed', async () => {
    const token = await tokenOf('tokens');
    const status = async (bearer: string) =>
      (await app.inject({ url: '/scim/v2/Users', headers: { authorization: `Bearer ${bearer}` } })).statusCode;
    expect(await status(token)).toBe(200);
    const [row] = await office.query(`SELECT id, hash, last_used_at FROM scim_tokens WHERE source = 'tokens'`);
    expect(JSON.stringify(row)).not.toContain(token);
    expect(row?.last_used_at).not.toBeNull();
    const next = await perform(office.world, rotateScimToken, local, {
      id: String(row?.id),
      overlapHours: 1,
      expiresInDays: 1,
    });
    expect([await status(token), await status(next.token)]).toEqual([200, 200]);
    advance(3_600_000);
    expect([await status(token), await status(next.token)]).toEqual([401, 200]);
    await perform(office.world, revokeScimToken, local, { id: next.id });
    expect(await status(next.token)).toBe(401);
    await expect(perform(office.world, revokeScimToken, local, { id: next.id })).rejects.toMatchObject({
      code: 'wrong-state',
    });
    const last = await tokenOf('tokens');
    advance(31 * 86_400_000);
    expect(await status(last)).toBe(401);
    expect(await status('x'.repeat(43))).toBe(401);
    expect((await app.inject({ url: '/scim/v2/Users' })).headers['www-authenticate']).toBe('Bearer');
    await expect(
      perform(
        office.world,
        createScimToken,
        { kind: 'source', id: 'tokens', name: 'tokens' },
        { source: 'x', expiresInDays: null },
      ),
    ).rejects.toMatchObject({ code: 'forbidden' });
  });

  it('of one client reads and writes nothing of another’s', async () => {
    const one = await clientOf('one');
    const other = await clientOf('other');
    const { body } = await one('POST', '/Users', { schemas: [USER], userName: 'apart@example.com' });
    const group = (await one('POST', '/Groups', { schemas: [GROUP], displayName: 'Apart' })).body?.id;
    for (const url of [`/Users/${body?.id}`, `/Groups/${group}`]) {
      expect((await other('GET', url)).status).toBe(404);
      expect((await other('DELETE', url)).status).toBe(404);
      expect((await one('GET', url)).status).toBe(200);
    }
    expect((await other('GET', '/Users')).body).toMatchObject({ totalResults: 0 });
    // The same name there is another user, and the same person.
    expect((await other('POST', '/Users', { schemas: [USER], userName: 'apart@example.com' })).status).toBe(201);
    expect((await people()).filter((line) => line.includes('apart@example.com'))).toHaveLength(1);
    const { body: theirs } = await other('POST', '/Groups', {
      schemas: [GROUP],
      displayName: 'Theirs',
      members: [{ value: body?.id }],
    });
    expect(theirs).toMatchObject({ scimType: 'invalidValue' });
  });
});

it('an hour of changes at random leaves the provider and the office of one mind', { timeout: 120_000 }, async () => {
  await office.query('DELETE FROM source_records');
  await office.query('DELETE FROM enrollments');
  await office.query('DELETE FROM person_addresses');
  await office.query('DELETE FROM people');
  const hour = await scimHour(office, advance, { people: 20, changes: 64, seed: 7, width: 8 });
  expect(hour.differences).toEqual([]);
  expect(hour.people).toBe(20);
  expect(hour.kinds).toMatchObject({
    active: expect.any(Number),
    address: expect.any(Number),
    delete: expect.any(Number),
  });
});

it('asks too much of nobody', async () => {
  const limited = Fastify();
  await limited.register(scimEndpoint(office.world, { mostRequests: 2 }), { prefix: '/scim/v2' });
  const statuses = [];
  for (let asked = 0; asked < 3; asked++) statuses.push((await limited.inject({ url: '/scim/v2/Users' })).statusCode);
  await limited.close();
  expect(statuses).toEqual([401, 401, 429]);
});
