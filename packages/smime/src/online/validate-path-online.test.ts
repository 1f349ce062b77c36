import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, describe, expect, it } from 'vitest';
import { issue, issueCrl, now, type Party, type Wish } from '../../test/test-authority.ts';
import { encodeExplicit, encodeImplicit, encodeInteger, encodeSequence } from '../asn1/der.ts';
import { oids } from '../asn1/oids.ts';
import { derToPem } from '../asn1/pem.ts';
import { certsOnly } from '../cms/signed-data.ts';
import type { PathInput } from '../path/validate-path.ts';
import {
  buildOcspResponse,
  type OcspCertificateStatus,
  ocspErrorResponse,
  parseOcspRequest,
} from '../revocation/ocsp.ts';
import { authorityInfoAccess, crlDistributionPoints, type Extension } from '../x509/extensions.ts';
import type { OnlineCache, OnlineInput, OnlineRequest, OnlineResponse } from './guarded-fetch.ts';
import { validatePathOnline } from './validate-path-online.ts';

const root = await issue({ name: 'Root' });
const at = (path: string): string => `http://pki.example.com/${path}`;
const pointers = (name: string, issuer: string): Extension[] => [
  authorityInfoAccess({ caIssuers: [at(`${issuer}.crt`)], ocsp: [at(`${issuer}/ocsp`)] }),
  crlDistributionPoints([at(`${issuer}.crl`), `ldap://pki.example.com/${name}`]),
];
const upper = await issue({ name: 'Upper', ca: true, extensions: pointers('upper', 'root') }, root);
const lower = await issue({ name: 'Lower', ca: true, extensions: pointers('lower', 'upper') }, upper);
const leaf = await issue({ email: 'a@example.com', extensions: pointers('leaf', 'lower') }, lower);

type Answer = Uint8Array | ((request: OnlineRequest) => Uint8Array | Promise<Uint8Array> | OnlineResponse);
/** A network of fixed answers; keeps what was asked. */
function network(answers: Readonly<Record<string, Answer>>) {
  const asked: { url: string; request: OnlineRequest }[] = [];
  const online: OnlineInput = {
    resolve: () => Promise.resolve(['8.8.8.8']),
    fetch: async (url, request) => {
      asked.push({ url, request });
      const found = Object.entries(answers).find(([path]) => url === at(path) || url.startsWith(`${at(path)}/`))?.[1];
      if (found === undefined) return reply(404, Buffer.alloc(0));
      const given = typeof found === 'function' ? await found(request) : found;
      return 'status' in given ? given : reply(200, given);
    },
  };
  return { asked, online };
}
function reply(status: number, content: Uint8Array, headers: Record<string, string> = {}): OnlineResponse {
  return {
    status,
    headers: { get: (name) => headers[name] ?? null },
    body: new Blob([Uint8Array.from(content)]).stream(),
  };
}

const judge = (online: OnlineInput, changes: Partial<PathInput> = {}) =>
  validatePathOnline(
    {
      leaf: leaf.certificate,
      intermediates: [],
      anchors: [root.certificate],
      at: now,
      purpose: 'any',
      revocation: 'none',
      ...changes,
    },
    online,
  );
const codes = ({ problems }: { problems: readonly { code: string; severity: string }[] }): string[] =>
  problems.filter(({ severity }) => severity === 'error').map(({ code }) => code);
const outcomes = ({ fetched }: { fetched: readonly { kind: string; outcome: string }[] }): string[] =>
  fetched.map(({ kind, outcome }) => `${kind} ${outcome}`);

describe('missing issuers', () => {
  it.each<[string, (party: Party) => Uint8Array]>([
    ['DER', ({ certificate }) => certificate.der],
    ['a certs-only PKCS#7 with others in it', ({ certificate }) => certsOnly([root.certificate, certificate])],
    ['PEM', ({ certificate }) => Buffer.from(derToPem(certificate.der, 'CERTIFICATE'))],
  ])('are fetched one after the other, as %s', async (_form, form) => {
    const { asked, online } = network({ 'lower.crt': form(lower), 'upper.crt': form(upper) });
    const report = await judge(online);
    expect(report).toMatchObject({ valid: true, problems: [] });
    expect(report.path.map(({ serialNumber }) => serialNumber)).toEqual(
      [leaf, lower, upper, root].map(({ certificate }) => certificate.serialNumber),
    );
    expect(outcomes(report)).toEqual(['issuer fetched', 'issuer fetched']);
    expect(asked[0]?.request).toMatchObject({ method: 'GET', redirect: 'manual', addresses: ['8.8.8.8'] });
  });

  it('are not asked for where nothing is missing', async () => {
    const { asked, online } = network({});
    const report = await judge(online, { intermediates: [lower.certificate, upper.certificate] });
    expect(report).toMatchObject({ valid: true, fetched: [] });
    expect(asked).toEqual([]);
  });

  it('are followed only where they did sign', async () => {
    const impostor = await issue({ name: 'Lower', ca: true, extensions: pointers('lower', 'elsewhere') });
    const { online } = network({ 'lower.crt': impostor.certificate.der });
    const report = await judge(online);
    expect(codes(report)).toContain('certificate-signature-invalid');
    expect(outcomes(report)).toEqual(['issuer fetched']);
  });

  it('that cannot be read or fetched are said so', async () => {
    for (const [answer, outcome] of [
      [Buffer.from('<html>'), 'unreadable'],
      [Buffer.alloc(2_000_000), 'too-large'],
      [() => reply(200, Buffer.alloc(10), { 'content-length': '2000000' }), 'too-large'],
      [() => reply(500, Buffer.alloc(0)), 'status-500'],
      [() => reply(302, Buffer.alloc(0)), 'status-302'],
      [() => Promise.reject(new Error('ECONNREFUSED')), 'unreachable'],
    ] as const) {
      const report = await judge(network({ 'lower.crt': answer as Answer }).online);
      expect(codes(report)).toEqual(['no-path']);
      expect(outcomes(report)).toEqual([`issuer ${outcome}`]);
    }
  });
});

describe('missing statuses', () => {
  const intermediates = [lower.certificate, upper.certificate];
  const required = { revocation: 'required', intermediates } as const;
  const responder =
    (by: Party, status: OcspCertificateStatus, repeatsNonce = true) =>
    async (request: OnlineRequest, url?: string): Promise<Uint8Array> => {
      const der = request.body ?? Buffer.from(decodeURIComponent(url?.split('/ocsp/')[1] ?? ''), 'base64');
      const { requests, nonce } = parseOcspRequest(der);
      return buildOcspResponse({
        signer: by.signer,
        responses: requests.map((certId) => ({
          certId,
          status,
          thisUpdate: now,
          nextUpdate: new Date(now.getTime() + 1000),
        })),
        producedAt: now,
        ...(nonce && repeatsNonce && { nonce }),
      });
    };
  /** The request by GET stands in the URL. */
  const withOcsp = (answers: Record<string, ReturnType<typeof responder>>, others: Record<string, Answer> = {}) => {
    const made = network(others);
    const { fetch } = made.online;
    const online: OnlineInput = {
      ...made.online,
      fetch: async (url, request) => {
        const found = Object.entries(answers).find(([path]) => url.startsWith(at(path)))?.[1];
        if (!found) return fetch(url, request);
        made.asked.push({ url, request });
        return reply(200, await found(request, url));
      },
    };
    return { asked: made.asked, online };
  };

  it('are asked of OCSP responders, from the anchor down', async () => {
    const { asked, online } = withOcsp({
      'root/ocsp': responder(root, 'good'),
      'upper/ocsp': responder(upper, 'good'),
      'lower/ocsp': responder(lower, 'good'),
    });
    const report = await judge(online, required);
    expect(report).toMatchObject({ valid: true, revocation: 'good' });
    expect(outcomes(report)).toEqual(['ocsp fetched', 'ocsp fetched', 'ocsp fetched']);
    expect(asked.map(({ request }) => request.method)).toEqual(['GET', 'GET', 'GET']);
  });

  it('are asked of CRLs where no responder answers', async () => {
    const lists = { 'root.crl': (await issueCrl(root, [])).der, 'upper.crl': (await issueCrl(upper, [])).der };
    const { online } = withOcsp(
      { 'lower/ocsp': async () => ocspErrorResponse('tryLater') },
      {
        ...lists,
        'lower.crl': (await issueCrl(lower, [{ serialNumber: leaf.certificate.serialNumber, revokedAt: now }])).der,
      },
    );
    const report = await judge(online, required);
    expect(report).toMatchObject({ valid: false, revocation: 'revoked' });
    expect(outcomes(report)).toEqual([
      'ocsp status-404',
      'crl fetched',
      'ocsp status-404',
      'crl fetched',
      'ocsp unreadable',
      'crl fetched',
    ]);
  });

  it('are left alone where the path fails anyway, or nobody asks', async () => {
    const { asked, online } = network({});
    expect((await judge(online, { intermediates, revocation: 'none' })).valid).toBe(true);
    expect(codes(await judge(online, { ...required, email: 'b@example.com' }))).toContain('email-mismatch');
    expect(asked).toEqual([]);
  });

  it('are believed with a nonce only where it comes back', async () => {
    for (const [repeats, valid] of [
      [true, true],
      [false, false],
    ] as const) {
      const { asked, online } = withOcsp({ 'lower/ocsp': responder(lower, 'good', repeats) });
      const crls = [await issueCrl(root, []), await issueCrl(upper, [])];
      const report = await judge({ ...online, nonce: true }, { ...required, crls });
      expect(report.valid).toBe(valid);
      expect(asked.find(({ url }) => url === at('lower/ocsp'))?.request).toMatchObject({ method: 'POST' });
    }
  });

  it('by delta CRL too', async () => {
    const delta = (base: number) => ({ id: oids.deltaCrlIndicator, critical: true, value: encodeInteger(base) });
    const freshest = {
      id: oids.freshestCrl,
      critical: false,
      value: encodeSequence(
        encodeSequence(encodeExplicit(0, encodeExplicit(0, encodeImplicit(6, Buffer.from(at('delta.crl')))))),
      ),
    };
    const person = await issue({ email: 'b@example.com', extensions: [freshest] }, root);
    const entry = { serialNumber: person.certificate.serialNumber, revokedAt: now };
    const complete = await issueCrl(root, [], { number: 5, nextUpdate: new Date(now.getTime() + 1000) });
    const { online } = network({
      'delta.crl': (await issueCrl(root, [entry], { number: 6, extensions: [delta(5)] })).der,
    });
    const later = { leaf: person.certificate, revocation: 'required', crls: [complete], intermediates: [] } as const;
    // The complete list has grown old, its delta continues it: a revocation in it counts.
    const report = await judge(online, { ...later, at: new Date(now.getTime() + 2000) });
    expect(report.revocation).toBe('revoked');
  });

  it('are kept in the cache of the caller', async () => {
    const kept = new Map<string, { content: Uint8Array; until: Date | undefined }>();
    const cache: OnlineCache = {
      get: (key) => Promise.resolve(kept.get(key)?.content),
      set: (key, content, until) => Promise.resolve(void kept.set(key, { content, until })),
    };
    const { asked, online } = withOcsp(
      { 'root/ocsp': responder(root, 'good'), 'lower/ocsp': responder(lower, 'good') },
      {
        'lower.crt': lower.certificate.der,
        'upper.crt': upper.certificate.der,
        'upper.crl': (await issueCrl(upper, [])).der,
      },
    );
    const first = await judge({ ...online, cache }, { revocation: 'required' });
    expect(first).toMatchObject({ valid: true, revocation: 'good' });
    expect([...kept.values()].filter(({ until }) => until !== undefined).length).toBe(3);
    const requests = asked.length;
    const second = await judge({ ...online, cache }, { revocation: 'required' });
    expect(second).toMatchObject({ valid: true, revocation: 'good' });
    // The responder that did not answer is asked again.
    expect(asked.length).toBe(requests + 1);
    // A spoiled cache costs a request and nothing more.
    for (const entry of kept.values()) entry.content = Buffer.from('spoiled');
    expect(await judge({ ...online, cache }, { revocation: 'required' })).toMatchObject({ valid: true });
    const broken: OnlineCache = {
      get: () => Promise.reject(new Error('gone')),
      set: () => Promise.reject(new Error('gone')),
    };
    expect(await judge({ ...online, cache: broken }, { revocation: 'required' })).toMatchObject({ valid: true });
  });
});

describe('the time for a validation', () => {
  const never = new Promise<never>(() => undefined);
  it.each<[string, Partial<OnlineInput>]>([
    ['a fetch that never answers', { fetch: () => never }],
    ['a name that never resolves', { resolve: () => never }],
    ['a body that never ends', { fetch: () => Promise.resolve({ ...reply(200, Buffer.alloc(0)), body: drip() }) }],
    ['a cache that never answers', { cache: { get: () => never, set: () => never } }],
  ])('ends with %s', async (_what, changes) => {
    const { online } = network({});
    const before = Date.now();
    const report = await judge({ ...online, milliseconds: 100, ...changes });
    expect(codes(report)).toEqual(['no-path']);
    expect(outcomes(report)).toEqual(['issuer timed-out']);
    expect(Date.now() - before).toBeLessThan(5_000);
  });
});

async function* drip(): AsyncGenerator<Uint8Array> {
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, 5));
    yield Buffer.alloc(1);
  }
}

describe('over real HTTP', async () => {
  const files = new Map<string, Uint8Array>();
  const server = createServer((request, response) => {
    const content = files.get(request.url ?? '');
    if (request.url === '/moved.crt') response.writeHead(301, { location: '/ca.crt' }).end();
    else response.writeHead(content ? 200 : 404).end(content);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  afterAll(() => server.close());
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const wish: Wish = {
    email: 'c@example.com',
    extensions: [
      authorityInfoAccess({ caIssuers: [`${origin}/moved.crt`] }),
      crlDistributionPoints([`${origin}/ca.crl`]),
    ],
  };
  const ca = await issue({ name: 'Local CA', ca: true }, root);
  const person = await issue(wish, ca);
  files.set('/ca.crt', ca.certificate.der);
  files.set('/ca.crl', (await issueCrl(ca, [])).der);
  const input = { leaf: person.certificate, revocation: 'required', crls: [await issueCrl(root, [])] } as const;

  it('an internal PKI is asked where its origin is allowed, and only there', async () => {
    const report = await judge({ fetch: globalThis.fetch, allow: [origin] }, input);
    expect(report).toMatchObject({ valid: true, revocation: 'good' });
    expect(outcomes(report)).toEqual(['issuer fetched', 'crl fetched']);
    expect(outcomes(await judge({ fetch: globalThis.fetch }, input))).toEqual(['issuer port-refused']);
  });
});
