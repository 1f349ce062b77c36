/** An authority as the gateway sees one: a real HTTP server that speaks the contract's routes, over a real CA. */
import { createCipheriv, randomBytes, randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import {
  type CorrespondentStanding,
  type GatewayConfiguration,
  type HeldStanding,
  type JournalEntry,
  type RouteName,
  type RulesInForce,
  routes,
} from '@chancery/api';
import {
  type Certificate,
  encryptContent,
  parseCertificate,
  parseRequest,
  verifyRequestSignature,
} from '@chancery/smime';
import { type Keys, makeCa, makeKeys, type TestCa } from './test-ca.ts';

interface TestPerson {
  readonly address: string;
  readonly name?: string;
  readonly aliases?: readonly string[];
  readonly signingKey?: 'gateway' | 'device';
  readonly decrypts?: boolean;
  readonly groups?: readonly string[];
  /** Also gives the person an encryption certificate. */
  readonly encryption?: 'p256' | 'rsa';
}

export interface TestAuthority {
  readonly url: string;
  readonly token: string;
  readonly ca: TestCa;
  readonly journal: JournalEntry[];
  /** As last reported, by address. */
  readonly correspondents: Map<string, CorrespondentStanding>;
  /** What operators decided and the gateway has not done yet. */
  decisions: GatewayConfiguration['decisions'];
  heldDecisions: GatewayConfiguration['heldDecisions'];
  /** What the gateway holds, as last reported, by id. */
  readonly held: Map<string, HeldStanding>;
  /** Calls that were answered, by route. */
  readonly calls: Map<RouteName, number>;
  /** While true, connections are dropped without an answer. */
  down: boolean;
  /** While true, calls are taken and never answered. */
  hanging: boolean;
  /** While true, it answers that it cannot reach its database. */
  withoutDatabase: boolean;
  /** While set, CRLs end then. */
  crlsEnd: Date | undefined;
  /** So many certificates are made whose answers are then lost on the way. */
  lostAnswers: number;
  /** Serial numbers that it wants replaced. */
  readonly renew: string[];
  /** The office's rules of mail flow in force. */
  rules: RulesInForce | null;
  /** What the gateway said that it applies, in order. */
  readonly applied: { version: number | null; source: string; ownRules: number; problem: string | null }[];
  /** Signing certificates, in order. */
  readonly issued: Certificate[];
  addAlias(address: string, alias: string): void;
  addPerson(person: TestPerson): Promise<void>;
  encryptionKeyOf(address: string): { keys: Keys; certificate: Certificate };
  stop(): Promise<void>;
}

const base64 = (octets: Uint8Array) => Buffer.from(octets).toString('base64');

export async function startTestAuthority(): Promise<TestAuthority> {
  const ca = await makeCa('Example Corp');
  const token = randomBytes(16).toString('hex');
  const people: GatewayConfiguration['people'] = [];
  const encryption = new Map<string, { keys: Keys; certificate: Certificate }>();
  let gateway: Certificate | undefined;
  const known = new Set<string>();
  /** The run of the gateway that told of a held message last. */
  const toldBy = new Map<string, string>();
  /** What is in the journal, by id. */
  const recorded = new Map<string, JournalEntry>();

  async function issue(csr: string, use: 'signing' | 'gateway', emails: readonly string[]) {
    const request = parseRequest(Buffer.from(csr, 'base64'));
    if (!verifyRequestSignature(request)) return problem(422, 'unusable-input', 'The request is not signed by its key');
    const spki = base64(request.spki);
    if (known.has(spki)) return problem(409, 'conflict', 'This key was seen before');
    known.add(spki);
    const certificate = await ca.issue({ spki: request.spki, emails, use });
    if (use === 'gateway') gateway = certificate;
    else authority.issued.push(certificate);
    return {
      serialNumber: certificate.serialNumber,
      certificate: base64(certificate.der),
      chain: [base64(ca.issuing.der)],
    };
  }

  async function answer(name: RouteName, query: URLSearchParams, body: unknown): Promise<unknown> {
    switch (name) {
      case 'gatewayConfiguration':
        return {
          organisation: 'Example Corp',
          domains: ['example.com'],
          trustAnchors: [base64(ca.root.der)],
          intermediates: [base64(ca.issuing.der)],
          crls: (await ca.crls(authority.crlsEnd)).map(base64),
          people,
          renew: authority.renew,
          rules: authority.rules,
          decisions: authority.decisions,
          heldDecisions: authority.heldDecisions,
        };
      case 'enrolGateway':
        return issue(routes.enrolGateway.body.parse(body).csr, 'gateway', []);
      case 'gatewaySigning': {
        const { address, csr } = routes.gatewaySigning.body.parse(body);
        const person = people.find((one) => one.address === address);
        if (person === undefined) return problem(404, 'not-found', 'There is no such person');
        return issue(csr, 'signing', [person.address, ...person.aliases]);
      }
      case 'gatewayRecipients': {
        const found = encryption.get(query.get('address') ?? '');
        if (found === undefined) return { certificates: [] };
        const { serialNumber, der } = found.certificate;
        return { certificates: [{ serialNumber, certificate: base64(der) }] };
      }
      case 'gatewayKeys': {
        const found = encryption.get(query.get('address') ?? '');
        if (found === undefined || gateway === undefined) return { keys: [] };
        return { keys: [await locked(found, gateway)] };
      }
      case 'appliedMailRules':
        authority.applied.push(routes.appliedMailRules.body.parse(body));
        return { done: true };
      case 'reportCorrespondents': {
        const { correspondents, done } = routes.reportCorrespondents.body.parse(body);
        for (const one of correspondents) authority.correspondents.set(one.address, one);
        authority.decisions = authority.decisions.filter(({ id, kind, address }) => {
          if (done.includes(id) && kind === 'forget') authority.correspondents.delete(address);
          return !done.includes(id);
        });
        return { done: true };
      }
      case 'reportHeldMail': {
        const { run, held, gone, done, complete } = routes.reportHeldMail.body.parse(body);
        for (const one of held) {
          authority.held.set(one.id, one);
          toldBy.set(one.id, run);
        }
        const isGone = (id: string) => gone.includes(id) || (complete && toldBy.get(id) !== run);
        for (const id of [...authority.held.keys()]) if (isGone(id)) authority.held.delete(id);
        authority.heldDecisions = authority.heldDecisions.filter(({ id }) => !done.includes(id));
        return { done: true };
      }
      case 'writeJournal': {
        for (const entry of routes.writeJournal.body.parse(body).entries) {
          const before = recorded.get(entry.id);
          if (before === undefined) {
            authority.journal.push(entry);
            recorded.set(entry.id, entry);
          } else before.delivery ??= entry.delivery;
        }
        return { done: true };
      }
      default:
        return problem(404, 'not-found', 'Not a route of the gateway');
    }
  }

  const server = createServer(async (request, response) => {
    if (authority.down) {
      request.socket.destroy();
      return;
    }
    if (authority.hanging) return;
    if (authority.withoutDatabase) {
      const reply = problem(503, 'unavailable', 'The office cannot reach its database');
      response.writeHead(503, { 'content-type': 'application/problem+json' }).end(JSON.stringify(reply));
      return;
    }
    const url = new URL(request.url ?? '/', 'http://authority.test');
    const name = routeOf(request, url.pathname);
    const reply =
      request.headers.authorization !== `Bearer ${token}`
        ? problem(401, 'unauthenticated', 'Sign in')
        : name === undefined
          ? problem(404, 'not-found', 'No such route')
          : await answer(name, url.searchParams, parseBody(await text(request)));
    if ((name === 'gatewaySigning' || name === 'enrolGateway') && authority.lostAnswers > 0) {
      authority.lostAnswers--;
      request.socket.destroy();
      return;
    }
    const status = isProblem(reply) ? reply.status : 200;
    if (name !== undefined && status === 200) {
      routes[name].response.parse(reply);
      authority.calls.set(name, (authority.calls.get(name) ?? 0) + 1);
    }
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(reply));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const bound = server.address();
  const port = typeof bound === 'object' && bound !== null ? bound.port : 0;

  const authority: TestAuthority = {
    url: `http://127.0.0.1:${port}`,
    token,
    ca,
    journal: [],
    correspondents: new Map(),
    decisions: [],
    heldDecisions: [],
    held: new Map(),
    calls: new Map(),
    down: false,
    hanging: false,
    withoutDatabase: false,
    crlsEnd: undefined,
    lostAnswers: 0,
    renew: [],
    rules: null,
    applied: [],
    issued: [],
    addAlias(address, alias) {
      people.find((one) => one.address === address)?.aliases.push(alias);
    },
    async addPerson({
      address,
      name = '',
      aliases = [],
      signingKey = 'gateway',
      decrypts = true,
      encryption: kind,
      groups = [],
    }) {
      people.push({
        personId: randomUUID(),
        address,
        name,
        aliases: [...aliases],
        signingKey,
        decrypts,
        groups: [...groups],
      });
      if (kind === undefined) return;
      const keys = makeKeys(kind);
      const certificate = await ca.issue({ spki: keys.spki, emails: [address, ...aliases], use: 'encryption' });
      encryption.set(address, { keys, certificate: parseCertificate(certificate.der) });
    },
    encryptionKeyOf(address) {
      const found = encryption.get(address);
      if (found === undefined) throw new Error(`${address} has no encryption key`);
      return found;
    },
    async stop() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
  return authority;
}

/** An escrowed record with its gateway lock, as ESCROW.md describes it. */
async function locked({ keys, certificate }: { keys: Keys; certificate: Certificate }, gateway: Certificate) {
  const dek = randomBytes(32);
  const nonce = randomBytes(12);
  const aad = Buffer.from(JSON.stringify({ record: 'test' }));
  const cipher = createCipheriv('aes-256-gcm', dek, nonce).setAAD(aad);
  const pkcs8 = keys.privateKey.export({ type: 'pkcs8', format: 'der' });
  const sealed = Buffer.concat([nonce, cipher.update(pkcs8), cipher.final(), cipher.getAuthTag()]);
  const lock = await encryptContent({ content: dek, recipients: [gateway] });
  return {
    escrowedKeyId: randomUUID(),
    certificate: base64(certificate.der),
    sealed: base64(sealed),
    aad: base64(aad),
    lock: base64(lock),
  };
}

function routeOf(request: IncomingMessage, path: string): RouteName | undefined {
  const found = Object.entries(routes).find(([, route]) => route.method === request.method && route.path === path);
  return found?.[0] as RouteName | undefined;
}

function parseBody(body: string): unknown {
  return body === '' ? undefined : JSON.parse(body);
}

function problem(status: number, code: string, title: string) {
  return { type: 'about:blank', title, status, code };
}

function isProblem(reply: unknown): reply is { status: number } {
  return typeof reply === 'object' && reply !== null && 'status' in reply && 'code' in reply;
}
