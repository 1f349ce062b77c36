/** SCIM 2.0 (RFC 7643, 7644) below /scim/v2: users and groups of the client that a token names, and what the office understands. */
import { randomUUID } from 'node:crypto';
import rateLimit from '@fastify/rate-limit';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { publicUrlOf } from '../../config.ts';
import { AuthorityError } from '../../errors.ts';
import { parseFilter } from '../../identity/scim/filter.ts';
import { describeGroup, groupById, listGroups, writeGroup } from '../../identity/scim/groups.ts';
import { readOperations } from '../../identity/scim/patch.ts';
import { ScimRefusal } from '../../identity/scim/refusal.ts';
import { type Described, isObject, project, type Resource } from '../../identity/scim/resource.ts';
import {
  describeSchema,
  groupShape,
  resourceTypes,
  type Shape,
  schemas,
  serviceProviderConfig,
  userShape,
} from '../../identity/scim/schemas.ts';
import { sourceOfToken } from '../../identity/scim/tokens.ts';
import { describeUsers, listUsers, sourceOf, userById, writeUser } from '../../identity/scim/users.ts';
import type { Principal } from '../../principal.ts';
import type { Snapshot } from '../../store/database.ts';
import { performTogether } from '../../together.ts';
import type { World } from '../../world.ts';
import { answerScimError } from './errors.ts';

/** Resources in one answer; a client asks for more by `startIndex`. */
const MOST_RESULTS = 200;
/** Octets: a group with all its members, some hundred octets each. */
const BODY_LIMIT = 12_000_000;
/** From one address in a minute: an identity provider sends some dozens in a second, and guessing a token is hopeless anyway. */
const MOST_REQUESTS = 6_000;

/** @param options for tests that ask more often than any client may */
export function scimEndpoint(world: World, { mostRequests = MOST_REQUESTS }: { readonly mostRequests?: number } = {}) {
  return async (app: FastifyInstance): Promise<void> => {
    const base = `${publicUrlOf(world.config)}/scim/v2`;
    app.setErrorHandler(answerScimError(world));
    app.setNotFoundHandler(() => {
      throw new AuthorityError('not-found', 'There is nothing at this address.');
    });
    app.removeAllContentTypeParsers();
    app.addContentTypeParser(
      /^application\/(scim\+)?json/,
      { parseAs: 'string', bodyLimit: BODY_LIMIT },
      async (_: unknown, body: string) => readJson(body),
    );
    await app.register(rateLimit, {
      max: mostRequests,
      timeWindow: '1 minute',
      errorResponseBuilder: (_request, limit) =>
        new AuthorityError('rate-limited', `Too many requests from this address. Try again in ${limit.after}.`),
    });
    app.decorateRequest('scimClient', null);
    // After the limit, and before the body is read: nobody unknown makes us hold twelve megabytes.
    app.addHook('preParsing', async (request, _reply, payload) => {
      request.scimClient = await authenticate(world, request);
      return payload;
    });
    describeItself(app, base);
    serveUsers(app, world, base);
    serveGroups(app, world, base);
    const unsupported = async (_: FastifyRequest, reply: FastifyReply) =>
      answer(reply.status(501), {
        schemas: ['urn:ietf:params:scim:api:messages:2.0:Error'],
        status: '501',
        detail: 'The office does not do this; /ServiceProviderConfig says what it does.',
      });
    app.all('/Me', unsupported);
    app.all('/Bulk', unsupported);
    app.post('/.search', unsupported);
  };
}

declare module 'fastify' {
  interface FastifyRequest {
    /** On the routes of SCIM. */
    scimClient: Principal | null;
  }
}

type ById = { Params: { id: string } };

function serveUsers(app: FastifyInstance, world: World, base: string): void {
  const read = <T>(run: (snapshot: Snapshot) => Promise<T>) => world.database.snapshot(run);
  const show = async (request: FastifyRequest, reply: FastifyReply, id: string): Promise<unknown> => {
    const source = sourceOf(clientOf(request));
    // Two reads, and no transaction around them: a group that changes between the two is as well told a moment later.
    const row = await world.database.glance((snapshot) => userById(snapshot, source, id));
    const [user] =
      row === undefined ? [] : await world.database.glance((snapshot) => describeUsers(snapshot, [row], base));
    if (user === undefined) throw noSuch('user');
    return answerResource(request, reply, user);
  };
  const list = async (request: FastifyRequest, reply: FastifyReply, query: Query): Promise<unknown> => {
    const page = pageOf(query, userShape);
    const { total, items } = await read(async (snapshot) => {
      const rows = await listUsers(snapshot, sourceOf(clientOf(request)), page);
      return { total: rows.total, items: await describeUsers(snapshot, rows.items, base) };
    });
    return answerList(reply, { total, start: page.start, items: items.map((one) => project(one, query)) });
  };
  const write = (request: FastifyRequest, input: z.input<typeof writeUser.input>) =>
    performTogether(world, writeUser, clientOf(request), input);

  app.get('/Users', async (request, reply) => list(request, reply, queryOf(request.query)));
  app.post('/Users/.search', async (request, reply) => list(request, reply, queryOf(request.body)));
  app.get<ById>('/Users/:id', async (request, reply) => show(request, reply, request.params.id));
  app.post('/Users', async (request, reply) => {
    const id = randomUUID();
    await write(request, { act: 'create', id, body: request.body });
    return show(request, reply.status(201), id);
  });
  app.put<ById>('/Users/:id', async (request, reply) => {
    const id = idOf(request, 'user');
    await write(request, { act: 'replace', id, body: request.body, version: expected(request) });
    return show(request, reply, id);
  });
  app.patch<ById>('/Users/:id', async (request, reply) => {
    const id = idOf(request, 'user');
    await write(request, { act: 'patch', id, operations: readOperations(request.body), version: expected(request) });
    return show(request, reply, id);
  });
  app.delete<ById>('/Users/:id', async (request, reply) => {
    await write(request, { act: 'delete', id: idOf(request, 'user'), version: expected(request) });
    return reply.status(204).send();
  });
}

function serveGroups(app: FastifyInstance, world: World, base: string): void {
  const read = <T>(run: (snapshot: Snapshot) => Promise<T>) => world.database.snapshot(run);
  const show = async (request: FastifyRequest, reply: FastifyReply, id: string): Promise<unknown> => {
    const group = await read(async (snapshot) => {
      const row = await groupById(snapshot, sourceOf(clientOf(request)), id);
      return row && describeGroup(snapshot, row, base, wantsMembers(queryOf(request.query)));
    });
    if (group === undefined) throw noSuch('group');
    return answerResource(request, reply, group);
  };
  const list = async (request: FastifyRequest, reply: FastifyReply, query: Query): Promise<unknown> => {
    const page = pageOf(query, groupShape);
    const withMembers = wantsMembers(query);
    const { total, items } = await read(async (snapshot) => {
      // With their members, fewer at a time: the client comes again for the rest.
      const count = withMembers ? Math.min(page.count, MOST_RESULTS / 4) : page.count;
      const rows = await listGroups(snapshot, sourceOf(clientOf(request)), { ...page, count });
      const described: Resource[] = [];
      for (const row of rows.items) described.push(await describeGroup(snapshot, row, base, withMembers));
      return { total: rows.total, items: described };
    });
    return answerList(reply, { total, start: page.start, items: items.map((one) => project(one, query)) });
  };
  const write = (request: FastifyRequest, input: z.input<typeof writeGroup.input>) =>
    performTogether(world, writeGroup, clientOf(request), input);

  app.get('/Groups', async (request, reply) => list(request, reply, queryOf(request.query)));
  app.post('/Groups/.search', async (request, reply) => list(request, reply, queryOf(request.body)));
  app.get<ById>('/Groups/:id', async (request, reply) => show(request, reply, request.params.id));
  app.post('/Groups', async (request, reply) => {
    const id = randomUUID();
    await write(request, { act: 'create', id, body: request.body });
    return show(request, reply.status(201), id);
  });
  app.put<ById>('/Groups/:id', async (request, reply) => {
    const id = idOf(request, 'group');
    await write(request, { act: 'replace', id, body: request.body, version: expected(request) });
    return show(request, reply, id);
  });
  app.patch<ById>('/Groups/:id', async (request, reply) => {
    const id = idOf(request, 'group');
    const operations = readOperations(request.body);
    await write(request, { act: 'patch', id, operations, version: expected(request) });
    // Entra and Okta expect it so, and nobody wants ten thousand members back.
    return reply.status(204).send();
  });
  app.delete<ById>('/Groups/:id', async (request, reply) => {
    const id = idOf(request, 'group');
    await write(request, { act: 'delete', id, version: expected(request) });
    return reply.status(204).send();
  });
}

function describeItself(app: FastifyInstance, base: string): void {
  const all = (reply: FastifyReply, items: Resource[]) => answerList(reply, { total: items.length, start: 1, items });
  const one = (reply: FastifyReply, items: Resource[], id: string) => {
    const found = items.find((item) => String(item.id).toLowerCase() === id.toLowerCase());
    if (found === undefined) throw noSuch('description');
    return answer(reply, found);
  };
  const described = schemas.map((schema) => describeSchema(schema, base));
  const types = resourceTypes(base);
  app.get('/ServiceProviderConfig', async (_, reply) => answer(reply, serviceProviderConfig(base, MOST_RESULTS)));
  app.get('/Schemas', async (_, reply) => all(reply, described));
  app.get<ById>('/Schemas/:id', async (request, reply) => one(reply, described, request.params.id));
  app.get('/ResourceTypes', async (_, reply) => all(reply, types));
  app.get<ById>('/ResourceTypes/:id', async (request, reply) => one(reply, types, request.params.id));
}

/** @throws AuthorityError `unauthenticated` */
async function authenticate(world: World, request: FastifyRequest): Promise<Principal> {
  const token = /^Bearer +([\w-]{20,200})$/i.exec(request.headers.authorization ?? '')?.[1];
  const client = token === undefined ? undefined : await sourceOfToken(world, token);
  if (client !== undefined) return client;
  throw new AuthorityError('unauthenticated', 'The token is not known here, or not any more. Nothing was changed.');
}

function clientOf({ scimClient }: FastifyRequest): Principal {
  if (scimClient === null) throw new Error('No client: the request passed no authentication');
  return scimClient;
}

interface Query {
  readonly filter?: string;
  readonly startIndex?: number;
  readonly count?: number;
  readonly attributes?: string;
  readonly excludedAttributes?: string;
}

/** Of the address, or of a search in the body (RFC 7644 3.4.3), where lists are lists. */
function queryOf(raw: unknown): Query {
  const query = isObject(raw) ? raw : {};
  const text = (name: string) => {
    const value = query[name];
    if (value === undefined || value === null || value === '') return {};
    if (Array.isArray(value)) return { [name]: value.map(String).join(',') };
    return { [name]: String(value) };
  };
  const number = (name: string) => {
    const value = query[name];
    if (value === undefined || value === null || value === '') return {};
    const read = Number(value);
    if (!Number.isSafeInteger(read)) throw new ScimRefusal('invalidValue', `${name} is a whole number.`);
    return { [name]: read };
  };
  return {
    ...text('filter'),
    ...text('attributes'),
    ...text('excludedAttributes'),
    ...number('startIndex'),
    ...number('count'),
  };
}

/** RFC 7644 3.4.2.4: less than one counts as one, a negative count as none. */
function pageOf({ filter, startIndex = 1, count = 100 }: Query, shape: Shape) {
  return {
    filter: filter === undefined ? undefined : parseFilter(filter, shape),
    start: Math.min(Math.max(1, startIndex), 100_000_000),
    count: Math.min(Math.max(0, count), MOST_RESULTS),
  };
}

function wantsMembers(query: Query): boolean {
  const described = { id: '', members: [] };
  return 'members' in project(described, query);
}

function expected(request: FastifyRequest): string | null {
  const header = request.headers['if-match'];
  return header === undefined ? null : header.slice(0, 200);
}

/** @throws AuthorityError `not-found`: what is no id of ours names nobody */
function idOf(request: FastifyRequest<ById>, what: string): string {
  const id = request.params.id.toLowerCase();
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id)) throw noSuch(what);
  return id;
}

function answerResource(request: FastifyRequest, reply: FastifyReply, resource: Described): unknown {
  const { version, location } = resource.meta;
  reply.header('etag', version);
  reply.header(reply.statusCode === 201 ? 'location' : 'content-location', location);
  if (request.method === 'GET' && request.headers['if-none-match'] === version) return reply.status(304).send();
  return answer(reply, project(resource, queryOf(request.query)));
}

function answerList(
  reply: FastifyReply,
  { total, start, items }: { readonly total: number; readonly start: number; readonly items: readonly Resource[] },
): unknown {
  return answer(reply, {
    schemas: ['urn:ietf:params:scim:api:messages:2.0:ListResponse'],
    totalResults: total,
    startIndex: start,
    itemsPerPage: items.length,
    Resources: items,
  });
}

function answer(reply: FastifyReply, body: unknown): unknown {
  return reply
    .header('content-type', 'application/scim+json')
    .header('cache-control', 'no-store')
    .send(JSON.stringify(body));
}

function readJson(text: string): unknown {
  if (text.trim() === '') return undefined;
  try {
    return JSON.parse(text);
  } catch {
    throw new ScimRefusal('invalidSyntax', 'The body is not JSON. Nothing was changed.');
  }
}

function noSuch(what: string): AuthorityError {
  return new AuthorityError('not-found', `There is no such ${what}. Nothing was changed.`);
}
