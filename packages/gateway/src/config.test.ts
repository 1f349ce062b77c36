import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { describeConfig, parseGatewayConfig, resolveGatewayConfig } from './config.ts';
import { readSecret } from './read-secret.ts';

describe('the configuration', () => {
  it('needs no file', () => {
    const config = parseGatewayConfig('', '/srv/office');
    expect(config).toMatchObject({
      data: '/srv/office/data/gateway',
      spool: '/srv/office/data/gateway/spool',
      keys: '/srv/office/data/gateway/keys',
      outbound: { listen: { host: '127.0.0.1', port: 2525 }, downstream: { host: '127.0.0.1', port: 10025 } },
      inbound: { listen: { host: '127.0.0.1', port: 2526 }, downstream: { host: '127.0.0.1', port: 10026 } },
      authority: { url: 'http://127.0.0.1:8080', token: { env: 'CHANCERY_GATEWAY_TOKEN' }, refreshSeconds: 15 },
      maxMessageSize: 52_428_800,
      ruleSet: { version: 1, mode: 'first-match', rules: [] },
    });
  });

  it('reads rules in order, and leaves unsaid what is not said', () => {
    const { ruleSet } = parseGatewayConfig(
      `[gateway]
       name = "gw.example.com"
       outbound = { listen = "[::1]:25", downstream = { folder = "out" } }
       [[rule]]
       name = "partners"
       when = { recipientDomain = ["Partner.Example"], direction = "outbound" }
       do = { encrypt = "must" }
       [[rule]]
       name = "the rest"`,
      '/srv',
    );
    expect(ruleSet.rules).toEqual([
      {
        name: 'partners',
        enabled: 'on',
        when: { recipientDomain: ['Partner.Example'], direction: 'outbound' },
        do: { encrypt: 'must' },
      },
      {
        name: 'the rest',
        enabled: 'on',
        when: {},
        do: {},
      },
    ]);
  });

  it('delivers by MX where it is told to, and prints that as it was written', () => {
    const config = parseGatewayConfig(
      `[gateway.route.smarthost]
       port = 25
       [gateway.outbound]
       downstream = { mx = { resolver = "[::1]:5353", ca = ["root.pem"] } }`,
      '/srv',
    );
    expect(config.outbound.downstream).toEqual({
      mx: {
        ...{ resolver: { host: '::1', port: 5353 }, tls: 'opportunistic', mtaSts: true, prefer: 'ipv4', port: 25 },
        ...{ networks: [], ca: ['/srv/root.pem'], timeoutSeconds: 10 },
      },
    });
    expect(describeConfig(config)).toMatchObject({
      gateway: { outbound: { downstream: { mx: { resolver: '[::1]:5353' } } }, route: { smarthost: { port: 25 } } },
    });
  });

  it('resolves folders against the base directory and reads IPv6 addresses', () => {
    const config = parseGatewayConfig(
      '[gateway]\noutbound = { listen = "[::1]:25", downstream = { folder = "out" } }\ntrustAnchors = ["ca.pem"]',
      '/srv',
    );
    expect(config.outbound).toMatchObject({ listen: { host: '::1', port: 25 }, downstream: { folder: '/srv/out' } });
    expect(config.trustAnchors).toEqual(['/srv/ca.pem']);
  });

  it.each([
    ['not TOML', '[gateway\n', /my\.toml is not TOML/],
    [
      'a resolver elsewhere for deliveries by MX',
      '[gateway]\noutbound = { downstream = { mx = { resolver = "192.0.2.1:53" } } }',
      /gateway\.outbound\.downstream\.mx\.resolver: is an address of this machine/,
    ],
    [
      'our own mail by MX',
      '[gateway]\ninbound = { downstream = { mx = { resolver = "127.0.0.1:53" } } }',
      /gateway\.inbound\.downstream/,
    ],
    ['an unknown field', '[gateway]\nspol = "x"', /spol/],
    [
      'a wrong port',
      '[gateway]\noutbound = { listen = "127.0.0.1:99999" }',
      /gateway\.outbound\.listen: has a port above 65535/,
    ],
    ['an unknown action', '[[rule]]\nname = "x"\ndo = { encrypt = "allways" }', /rule\.0\.do\.encrypt/],
    ['an empty list', '[[rule]]\nname = "x"\nwhen = { recipientDomain = [] }', /rule\.0\.when\.recipientDomain/],
    [
      'a client that is no network',
      '[gateway]\noutbound = { clients = ["10.0.0.0/33"] }',
      /gateway\.outbound\.clients/,
    ],
    ...(
      [
        ['a resolver elsewhere', 'kind = "smimea"\nname = "dns"\nresolver = "192.0.2.1:53"', 'resolver'],
        [
          'a directory over HTTP',
          'kind = "http"\nname = "x"\ndomains = ["a.example"]\nurl = "http://a.example/{address}"',
          'url',
        ],
        [
          'an address in the host',
          'kind = "http"\nname = "x"\ndomains = ["a.example"]\nurl = "https://{address}.example/"',
          'url',
        ],
        ['a directory for everybody', 'kind = "ldap"\nname = "x"\nurl = "ldaps://a.example"\nbaseDn = ""', 'domains'],
        [
          'a password in the clear',
          'kind = "ldap"\nname = "x"\ndomains = ["a.example"]\nurl = "ldap://a.example"\nbaseDn = ""\nbindDn = "cn=x"\npassword = { env = "X" }',
          'url',
        ],
      ] as const
    ).map(([what, entry, field]): [string, string, RegExp] => [
      what,
      `[[gateway.recipients.source]]\n${entry}`,
      new RegExp(`gateway\\.recipients\\.source\\.0\\.${field}`),
    ]),
    [
      'a token that is not named',
      '[gateway]\nkeyStore = "pkcs11"',
      /gateway\.pkcs11: .*needs the table \[gateway\.pkcs11\]/,
    ],
    ['a DNS server by its name', '[gateway]\ndnsServers = ["[::1]:5353", "dns.example"]', /gateway\.dnsServers\.1/],
    ['a token in the file itself', '[gateway.authority]\ntoken = "secret"', /gateway\.authority\.token/],
  ])('names the field of %s', (_, toml, message) => {
    expect(() => parseGatewayConfig(toml, '/', 'my.toml')).toThrow(message);
    expect(() => parseGatewayConfig(toml, '/', 'my.toml')).toThrow(expect.objectContaining({ code: 'configuration' }));
  });

  it('is frozen throughout', () => {
    const config = resolveGatewayConfig({}, '/');
    expect(() => Object.assign(config.outbound.listen, { port: 1 })).toThrow(TypeError);
  });

  it('is printed without a secret', () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'config-'));
    writeFileSync(path.join(folder, 'token'), 'very-secret\n');
    const config = resolveGatewayConfig(
      { gateway: { authority: { url: 'http://user:hunter2@127.0.0.1:8080', token: { file: 'token' } } } },
      folder,
    );
    expect(readSecret(config.authority.token, folder)).toBe('very-secret');
    const printed = JSON.stringify(describeConfig(config));
    expect(printed).toContain('"token":{"file":"token"}');
    expect(printed).toContain('127.0.0.1:2525');
    expect(printed).not.toMatch(/very-secret|hunter2/);
  });

  it('says which secret is missing', () => {
    expect(() => readSecret({ env: 'CHANCERY_TEST_UNSET' }, '/')).toThrow(/CHANCERY_TEST_UNSET is not set/);
    expect(() => readSecret({ file: 'nowhere' }, '/srv')).toThrow(/\/srv\/nowhere cannot be read/);
  });
});
