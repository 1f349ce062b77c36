import { beforeAll, describe, expect, it } from 'vitest';
import {
  authorityInfoAccess,
  crlDistributionPoints,
  type OnlineInput,
  type OnlineResponse,
  validatePathOnline,
} from '../../src/index.ts';
import { type Holder, issue, now } from '../office.ts';

/** What a stranger's certificate may want us to ask, and why it is not asked. */
const hostile: readonly (readonly [string, string])[] = [
  ['http://127.0.0.1/', 'address-refused'],
  ['http://127.1/', 'address-refused'],
  ['http://2130706433/', 'address-refused'],
  ['http://0x7f000001/', 'address-refused'],
  ['http://0x7f.0x0.0x0.0x1/', 'address-refused'],
  ['http://0177.0.0.1/', 'address-refused'],
  ['http://017700000001/', 'address-refused'],
  ['http://%31%32%37.0.0.1/', 'address-refused'],
  ['http://0/', 'address-refused'],
  ['http://[::1]/', 'address-refused'],
  ['http://[0:0:0:0:0:0:0:1]/', 'address-refused'],
  ['http://[::ffff:127.0.0.1]/', 'address-refused'],
  ['http://[::ffff:7f00:1]/', 'address-refused'],
  ['http://[::ffff:a9fe:a9fe]/', 'address-refused'],
  ['http://[64:ff9b::7f00:1]/', 'address-refused'],
  ['http://[2002:7f00:1::]/', 'address-refused'],
  ['http://[fe80::1]/', 'address-refused'],
  ['http://[fd00:ec2::254]/latest/meta-data/', 'address-refused'],
  ['http://[ff02::1]/', 'address-refused'],
  ['http://169.254.169.254/latest/meta-data/', 'address-refused'],
  ['http://2852039166/latest/meta-data/', 'address-refused'],
  ['http://100.100.100.200/latest/meta-data/', 'address-refused'],
  ['http://168.63.129.16/', 'address-refused'],
  ['http://10.0.0.1/', 'address-refused'],
  ['http://172.20.1.1/', 'address-refused'],
  ['http://192.168.0.1/', 'address-refused'],
  ['http://224.0.0.1/', 'address-refused'],
  ['http://255.255.255.255/', 'address-refused'],
  ['http://localhost/', 'name-refused'],
  ['http://LOCALHOST./', 'name-refused'],
  ['http://db.localhost/', 'name-refused'],
  ['http://printer.local/', 'name-refused'],
  ['http://metadata.google.internal/computeMetadata/v1/', 'name-refused'],
  ['http://intranet/', 'name-refused'],
  ['http://loop.evil.example/', 'address-refused'],
  ['http://half.evil.example/', 'address-refused'],
  ['http://nowhere.evil.example/', 'name-unresolved'],
  ['http://pki.example.com:22/', 'port-refused'],
  ['https://pki.example.com:80/', 'port-refused'],
  ['http://user:secret@pki.example.com/', 'credentials-refused'],
  ['http://pki.example.com@127.0.0.1/', 'credentials-refused'],
  ['ftp://pki.example.com/', 'scheme-refused'],
  ['ldap://pki.example.com/', 'scheme-refused'],
  ['file:///etc/passwd', 'scheme-refused'],
  ['gopher://pki.example.com/_GET', 'scheme-refused'],
  ['data:application/pkix-cert;base64,MAA=', 'scheme-refused'],
  ['javascript:alert(1)', 'scheme-refused'],
  ['//127.0.0.1/', 'malformed-url'],
  ['http://', 'malformed-url'],
  ['http://1.2.3.4.5/', 'malformed-url'],
  [`http://pki.example.com/${'a'.repeat(3_000)}`, 'malformed-url'],
];

/** What the names of these tests resolve to. */
const addresses: Readonly<Record<string, readonly string[]>> = {
  'pki.example.com': ['8.8.8.8', '2606:4700:4700::1111'],
  'loop.evil.example': ['127.0.0.1'],
  'half.evil.example': ['8.8.8.8', '::ffff:10.0.0.1'],
};

describe('attack 29: addresses in certificates that lead inside', () => {
  let root: Holder;
  beforeAll(async () => {
    root = await issue({ ca: true });
  });

  async function judge(
    urls: readonly string[],
    changes: Partial<OnlineInput> = {},
    kind: 'issuer' | 'status' = 'issuer',
  ) {
    const asked: string[] = [];
    const missing = await issue({ ca: true, name: 'Missing' }, root);
    const extensions =
      kind === 'issuer'
        ? [authorityInfoAccess({ caIssuers: urls })]
        : [authorityInfoAccess({ ocsp: urls }), crlDistributionPoints(urls)];
    const { certificate } = await issue({ email: 'a@example.org', extensions }, kind === 'issuer' ? missing : root);
    const online: OnlineInput = {
      resolve: (host) => Promise.resolve(addresses[host] ?? []),
      fetch: (url) => {
        asked.push(url);
        return Promise.resolve(answer(200));
      },
      ...changes,
    };
    const input = { anchors: [root.certificate], intermediates: [], at: now, purpose: 'any' } as const;
    const report = await validatePathOnline(
      { ...input, leaf: certificate, revocation: kind === 'issuer' ? 'none' : 'required' },
      online,
    );
    expect(report.valid).toBe(false);
    return { asked, outcomes: report.fetched.map(({ outcome }) => outcome) };
  }

  it.each(hostile)('%s', async (url, outcome) => {
    expect(await judge([url])).toEqual({ asked: [], outcomes: [outcome] });
    // OCSP and CRL addresses are judged by the same guard; CRLs are looked for by HTTP alone.
    const { asked, outcomes } = await judge([url], {}, 'status');
    expect(asked).toEqual([]);
    expect(new Set(outcomes)).toEqual(new Set([outcome]));
  });

  it('a guard that looks at the text alone lets most of them through', () => {
    const naive = (url: string): boolean =>
      /^https?:/.test(url) && !/127\.0\.0\.1|localhost|\/\/(10|192\.168)\./.test(url);
    expect(hostile.filter(([url]) => naive(url)).length).toBeGreaterThan(25);
  });

  it('a good address is asked, with the addresses that were judged', async () => {
    const seen: (readonly string[])[] = [];
    const fetch: OnlineInput['fetch'] = (_url, { addresses }) => {
      seen.push(addresses);
      return Promise.resolve(answer(404));
    };
    await judge(['http://pki.example.com/ca.crt', 'http://8.8.8.8/ca.crt', 'https://pki.example.com:443/ca.crt'], {
      fetch,
    });
    expect(seen).toEqual([addresses['pki.example.com'], ['8.8.8.8'], addresses['pki.example.com']]);
  });

  it.each([
    ['http://169.254.169.254/', 'address-refused'],
    ['//127.0.0.1/', 'address-refused'],
    ['http://loop.evil.example/', 'address-refused'],
    ['file:///etc/passwd', 'scheme-refused'],
    ['http://pki.example.com:8080/', 'port-refused'],
  ])('a redirect to %s is not followed', async (location, outcome) => {
    for (const status of [301, 302, 303, 307, 308]) {
      const asked: string[] = [];
      const fetch: OnlineInput['fetch'] = (url) => {
        asked.push(url);
        return Promise.resolve(answer(status, location));
      };
      expect((await judge(['http://pki.example.com/ca.crt'], { fetch })).outcomes).toEqual([outcome]);
      expect(asked).toEqual(['http://pki.example.com/ca.crt']);
    }
  });

  it('redirects without end, and chains of addresses without end, stop', async () => {
    let count = 0;
    const fetch: OnlineInput['fetch'] = () => Promise.resolve(answer(302, `http://pki.example.com/${count++}`));
    expect((await judge(['http://pki.example.com/ca.crt'], { fetch })).outcomes).toEqual(['too-many-redirects']);
    expect(count).toBe(4);
    count = 0;
    const urls = Array.from({ length: 50 }, (_, i) => `http://pki.example.com/${i}`);
    expect((await judge(urls, { fetch })).outcomes.length).toBeLessThanOrEqual(3);
    expect((await judge(urls, { fetch, requests: 5 })).outcomes).toEqual([
      'too-many-redirects',
      'too-many-requests',
      'too-many-requests',
    ]);
  });

  it('names are not asked for where nobody resolves them, unless the caller says that it guards them', async () => {
    const { resolve: _, ...online } = { resolve: undefined };
    const unresolved = { ...online, fetch: () => Promise.resolve(answer(404)) };
    const report = async (changes: Partial<OnlineInput>) => {
      const { certificate } = await issue(
        {
          email: 'a@example.org',
          extensions: [authorityInfoAccess({ caIssuers: ['http://pki.example.com/', 'http://127.0.0.1/'] })],
        },
        await issue({ ca: true, name: 'Missing' }, root),
      );
      const input = {
        leaf: certificate,
        anchors: [root.certificate],
        intermediates: [],
        at: now,
        purpose: 'any',
        revocation: 'none',
      } as const;
      return (await validatePathOnline(input, { ...unresolved, ...changes })).fetched.map(({ outcome }) => outcome);
    };
    expect(await report({})).toEqual(['name-unresolved', 'address-refused']);
    expect(await report({ unresolvedNames: 'allow' })).toEqual(['status-404', 'address-refused']);
    expect(await report({ allow: ['http://127.0.0.1'] })).toEqual(['name-unresolved', 'status-404']);
  });
});

function answer(status: number, location?: string): OnlineResponse {
  return { status, headers: { get: (name) => (name === 'location' ? (location ?? null) : null) }, body: null };
}
