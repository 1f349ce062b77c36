/**
 * An hour of an identity provider: people provisioned by SCIM and changed at random, while it keeps a view of its own. At the end
 * both views are compared, and the people of the office with them.
 *
 *   node packages/authority/test/scim-hour.ts [people] [changes] [seed]
 */
import Fastify from 'fastify';
import { scimEndpoint } from '../src/endpoints/scim/scim-endpoint.ts';
import { createScimToken } from '../src/identity/scim/tokens.ts';
import { perform } from '../src/operation.ts';
import { system } from '../src/principal.ts';
import { type EscrowOffice, escrowOffice } from './escrow-office.ts';

interface User {
  id: string;
  readonly number: number;
  readonly externalId: string;
  userName: string;
  displayName: string;
  address: string;
  active: boolean;
  department: string;
  manager: string | null;
}

interface Group {
  id: string;
  readonly name: string;
  readonly members: Set<string>;
}

export interface Hour {
  readonly people: number;
  readonly requests: number;
  readonly seconds: { readonly provisioning: number; readonly changing: number };
  /** What differs at the end; empty where the views are equal. */
  readonly differences: readonly string[];
  readonly kinds: Readonly<Record<string, number>>;
}

export interface HourOptions {
  readonly people: number;
  readonly changes: number;
  readonly seed: number;
  /** Requests at once. */
  readonly width?: number;
}

/** @param office whose clock `advance` moves */
export async function scimHour(
  office: EscrowOffice,
  advance: (ms: number) => void,
  { people, changes, seed, width = 16 }: HourOptions,
): Promise<Hour> {
  const { token } = await perform(office.world, createScimToken, system, { source: 'hour', expiresInDays: null });
  const app = Fastify();
  await app.register(scimEndpoint(office.world, { mostRequests: Number.MAX_SAFE_INTEGER }), { prefix: '/scim/v2' });
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  try {
    const client = new Provider(`${url}/scim/v2`, token, seed);
    const begun = performance.now();
    await atOnce(width, people, (number) => client.create(number));
    await client.makeGroups(Math.max(2, Math.floor(people / 100)));
    const changing = performance.now();
    // An hour of simulated time, in as many steps.
    for (let done = 0; done < changes; done += width) {
      advance((3_600_000 * width) / changes);
      await client.changeSome(Math.min(width, changes - done));
    }
    const ended = performance.now();
    const differences = [...(await client.compare()), ...(await comparePeople(office, client.users))];
    return {
      people,
      requests: client.requests,
      seconds: { provisioning: (changing - begun) / 1000, changing: (ended - changing) / 1000 },
      differences,
      kinds: client.kinds,
    };
  } finally {
    await app.close();
  }
}

/** The identity provider: what it believes, and what it sends. */
class Provider {
  readonly users = new Map<number, User>();
  readonly groups: Group[] = [];
  readonly kinds: Record<string, number> = {};
  requests = 0;
  readonly #url: string;
  readonly #token: string;
  readonly #random: () => number;
  #next = 0;

  constructor(url: string, token: string, seed: number) {
    this.#url = url;
    this.#token = token;
    this.#random = generator(seed);
  }

  async create(number: number): Promise<void> {
    const name = `Person ${number}`;
    const user: User = {
      id: '',
      number,
      externalId: `ext-${number}`,
      userName: `person${number}@example.com`,
      displayName: name,
      address: `person${number}@example.com`,
      active: true,
      department: `Department ${number % 20}`,
      manager: null,
    };
    await this.#post(user);
    this.#next = Math.max(this.#next, number + 1);
  }

  async #post(user: User): Promise<void> {
    const body = await this.#send('POST', '/Users', {
      schemas: [USER, ENTERPRISE],
      externalId: user.externalId,
      userName: user.userName,
      displayName: user.displayName,
      active: user.active,
      emails: [{ value: user.address, type: 'work', primary: true }],
      [ENTERPRISE]: { department: user.department },
    });
    user.id = String(body?.id);
    this.users.set(user.number, user);
  }

  async makeGroups(count: number): Promise<void> {
    for (let index = 0; index < count; index++) {
      const members = [...this.users.values()].filter(({ number }) => number % count === index);
      const body = await this.#send('POST', '/Groups', {
        schemas: [GROUP],
        displayName: `Group ${index}`,
        members: members.map(({ id }) => ({ value: id })),
      });
      this.groups.push({ id: String(body?.id), name: `Group ${index}`, members: new Set(members.map(({ id }) => id)) });
    }
  }

  /** So many changes side by side, each of somebody else. */
  async changeSome(count: number): Promise<void> {
    const chosen = new Set<User>();
    const all = [...this.users.values()];
    while (chosen.size < Math.min(count, all.length)) chosen.add(this.#pick(all));
    await Promise.all([...chosen].map((user) => this.#change(user, all)));
  }

  async #change(user: User, all: readonly User[]): Promise<void> {
    const dice = this.#random();
    if (dice < 0.3) return this.#note('department', this.#patchDepartment(user));
    if (dice < 0.45) return this.#note('address', this.#move(user));
    if (dice < 0.55) return this.#note('name', this.#rename(user));
    if (dice < 0.68) return this.#note('active', this.#toggle(user));
    if (dice < 0.73) return this.#note('delete', this.#delete(user));
    if (dice < 0.8) return this.#note('join', this.create(this.#next++));
    if (dice < 0.85) return this.#note('manager', this.#manage(user, this.#pick(all)));
    return this.#note('group', this.#regroup(user));
  }

  async #note(kind: string, act: Promise<void>): Promise<void> {
    this.kinds[kind] = (this.kinds[kind] ?? 0) + 1;
    await act;
  }

  async #patchDepartment(user: User): Promise<void> {
    user.department = `Department ${Math.floor(this.#random() * 50)}`;
    await this.#patch(user, [
      { op: 'Replace', path: `${ENTERPRISE}:department`, value: user.department },
      { op: 'Add', path: 'title', value: 'Clerk' },
    ]);
  }

  async #move(user: User): Promise<void> {
    user.address = `person${user.number}.${Math.floor(this.#random() * 1e9)}@example.com`;
    await this.#patch(user, [{ op: 'Replace', path: 'emails[type eq "work"].value', value: user.address }]);
  }

  /** As Okta does it: all of the resource. */
  async #rename(user: User): Promise<void> {
    user.displayName = `Person ${user.number} of ${Math.floor(this.#random() * 1000)}`;
    await this.#send('PUT', `/Users/${user.id}`, {
      schemas: [USER, ENTERPRISE],
      externalId: user.externalId,
      userName: user.userName,
      displayName: user.displayName,
      active: user.active,
      emails: [{ value: user.address, type: 'work', primary: true }],
      [ENTERPRISE]: {
        department: user.department,
        ...(user.manager !== null && { manager: { value: user.manager } }),
      },
    });
  }

  async #toggle(user: User): Promise<void> {
    user.active = !user.active;
    await this.#patch(user, [{ op: 'Replace', path: 'active', value: user.active ? 'True' : 'False' }]);
  }

  async #delete(user: User): Promise<void> {
    await this.#send('DELETE', `/Users/${user.id}`);
    this.users.delete(user.number);
    for (const { members } of this.groups) members.delete(user.id);
  }

  async #manage(user: User, manager: User): Promise<void> {
    if (manager === user) return;
    user.manager = manager.id;
    await this.#patch(user, [{ op: 'Add', path: `${ENTERPRISE}:manager`, value: manager.id }]);
  }

  async #regroup(user: User): Promise<void> {
    const group = this.#pick(this.groups);
    const isIn = group.members.has(user.id);
    if (isIn) group.members.delete(user.id);
    else group.members.add(user.id);
    await this.#send('PATCH', `/Groups/${group.id}`, {
      schemas: [PATCH],
      Operations: [{ op: isIn ? 'Remove' : 'Add', path: 'members', value: [{ value: user.id }] }],
    });
  }

  #patch(user: User, Operations: unknown[]): Promise<unknown> {
    return this.#send('PATCH', `/Users/${user.id}`, { schemas: [PATCH], Operations });
  }

  /** What the office shows of all users and groups, against what the provider believes. */
  async compare(): Promise<string[]> {
    const differences: string[] = [];
    const seen = new Map<string, Record<string, unknown>>();
    for (let start = 1; ; ) {
      const page = await this.#send('GET', `/Users?startIndex=${start}&count=200`);
      const items = page?.Resources as Record<string, unknown>[];
      for (const one of items) seen.set(String(one.id), one);
      start += items.length;
      if (items.length === 0 || start > Number(page?.totalResults)) break;
    }
    for (const user of this.users.values()) {
      const shown = seen.get(user.id);
      seen.delete(user.id);
      const enterprise = shown?.[ENTERPRISE] as { department?: string; manager?: { value?: string } } | undefined;
      const emails = shown?.emails as { value: string }[] | undefined;
      const ours = [shown?.userName, shown?.displayName, shown?.active, emails?.[0]?.value, enterprise?.department];
      const theirs = [user.userName, user.displayName, user.active, user.address, user.department];
      if (JSON.stringify(ours) !== JSON.stringify(theirs))
        differences.push(`user ${user.number}: ${JSON.stringify(ours)} is not ${JSON.stringify(theirs)}`);
      if ((enterprise?.manager?.value ?? null) !== user.manager)
        differences.push(`user ${user.number}: another manager`);
    }
    for (const id of seen.keys()) differences.push(`user ${id} is known here only`);
    for (const group of this.groups) {
      const shown = await this.#send('GET', `/Groups/${group.id}`);
      const members = ((shown?.members ?? []) as { value: string }[]).map(({ value }) => value).sort();
      if (JSON.stringify(members) !== JSON.stringify([...group.members].sort()))
        differences.push(`${group.name} has ${members.length} members here and ${group.members.size} there`);
    }
    return differences;
  }

  async #send(method: string, path: string, body?: unknown): Promise<Record<string, unknown> | undefined> {
    this.requests += 1;
    const response = await fetch(`${this.#url}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${this.#token}`,
        ...(body !== undefined && { 'content-type': 'application/scim+json' }),
      },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return text === '' ? undefined : JSON.parse(text);
  }

  #pick<T>(all: readonly T[]): T {
    return all[Math.floor(this.#random() * all.length)] as T;
  }
}

/** Whoever the provider has active is here, under that address and name; nobody else is, of those whom it ever had. */
async function comparePeople(office: EscrowOffice, users: ReadonlyMap<number, User>): Promise<string[]> {
  const rows = await office.query(`
    SELECT p.name, p.state, a.address, p.attributes->>'department' AS department
    FROM people p JOIN person_addresses a ON a.person_id = p.id AND a.is_primary`);
  const active = new Map(rows.filter(({ state }) => state === 'active').map((row) => [row.address, row]));
  const differences: string[] = [];
  for (const user of users.values()) {
    const person = active.get(user.address);
    active.delete(user.address);
    if (user.active !== (person !== undefined))
      differences.push(`${user.address} is ${user.active ? 'not' : 'still'} here`);
    else if (person !== undefined && (person.name !== user.displayName || person.department !== user.department))
      differences.push(
        `${user.address} is ${person.name} of ${person.department}, not ${user.displayName} of ${user.department}`,
      );
  }
  for (const address of active.keys()) differences.push(`${address} is here, and nobody there`);
  const [waiting] = await office.query(
    'SELECT count(*)::int AS conflicts FROM source_records WHERE conflict IS NOT NULL',
  );
  if (waiting?.conflicts !== 0) differences.push(`${waiting?.conflicts} conflicts`);
  return differences;
}

const USER = 'urn:ietf:params:scim:schemas:core:2.0:User';
const ENTERPRISE = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';
const GROUP = 'urn:ietf:params:scim:schemas:core:2.0:Group';
const PATCH = 'urn:ietf:params:scim:api:messages:2.0:PatchOp';

async function atOnce(width: number, count: number, run: (index: number) => Promise<void>): Promise<void> {
  let next = 0;
  await Promise.all(
    Array.from({ length: width }, async () => {
      while (next < count) await run(next++);
    }),
  );
}

/** The same numbers for the same seed (mulberry32). */
function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

if (import.meta.main) {
  const [people = 10_000, changes = 36_000, seed = Date.now() % 1e9] = process.argv.slice(2).map(Number);
  let now = Date.parse('2026-03-02T08:00:00Z');
  const office = await escrowOffice({ clock: () => new Date(now) });
  console.log(`${people} people, ${changes} changes in an hour of simulated time, seed ${seed}`);
  const advance = (ms: number) => {
    now += ms;
  };
  const hour = await scimHour(office, advance, { people, changes, seed });
  await office.close();
  console.log(JSON.stringify(hour, null, 2));
  process.exitCode = hour.differences.length === 0 ? 0 : 1;
}
