import { parseCrl } from '@chancery/smime';
import { beforeAll, describe, expect, it } from 'vitest';
import type { OfficeView } from '../src/office.ts';
import { openDirectory } from '../src/recipients/directory.ts';
import { openLookup } from '../src/recipients/lookup.ts';
import { type Keys, makeCa, makeKeys, type TestCa } from './support/test-ca.ts';

let ours: TestCa;
let theirs: TestCa;
let keys: Keys;
const day = 24 * 60 * 60 * 1000;
beforeAll(async () => {
  [ours, theirs] = await Promise.all([makeCa('Ours'), makeCa('Theirs')]);
  keys = makeKeys();
});

async function viewOf(crlsEnd?: Date): Promise<OfficeView> {
  return {
    organisation: 'Example Corp',
    domains: ['example.com'],
    people: [],
    mailDomains: [],
    decisions: [],
    heldDecisions: [],
    heldMailEnded: null,
    personOf: () => undefined,
    domainHolder: () => undefined,
    isOurs: (address) => address.endsWith('@example.com'),
    isPartner: (address) => address === 'petra@partner.example',
    isAcme: () => false,
    anchors: [ours.root],
    ownAnchors: [ours.root],
    intermediates: [ours.issuing],
    crls: (await ours.crls(crlsEnd)).map(parseCrl),
    renew: new Set(),
    rules: null,
  };
}

const lookup = (published: readonly Uint8Array[] | 'down') =>
  openLookup({
    directory: {
      certificatesOf: async () => (published === 'down' ? { unknown: 'down' } : { certificates: published }),
    },
    harvested: { pinnedFor: () => undefined },
    domains: { for: () => undefined },
    sources: [],
    now: Date.now,
  });
const leaf = (more: object = {}, ca = ours) =>
  ca.issue({ spki: keys.spki, emails: ['ben@example.com'], use: 'encryption', ...more });

describe('a certificate of our own people', () => {
  const table: [string, () => Promise<readonly Uint8Array[] | 'down'>, string][] = [
    ['good', async () => [(await leaf()).der], 'good'],
    ['not there', async () => [], 'none'],
    ['not known for want of an answer', async () => 'down', 'unknown'],
    [
      'expired',
      async () => [
        (await leaf({ notBefore: new Date(Date.now() - 9 * day), notAfter: new Date(Date.now() - day) })).der,
      ],
      'none',
    ],
    ['not valid yet', async () => [(await leaf({ notBefore: new Date(Date.now() + day) })).der], 'none'],
    ['for signing only', async () => [(await leaf({ use: 'signing' })).der], 'none'],
    ["somebody else's", async () => [(await leaf({ emails: ['eve@example.com'] })).der], 'none'],
    ['of a CA that nobody trusts', async () => [(await leaf({}, theirs)).der], 'none'],
    ['garbage', async () => [Buffer.from('garbage')], 'none'],
    [
      'expired, with a good one behind it',
      async () => [
        (await leaf({ notBefore: new Date(Date.now() - 9 * day), notAfter: new Date(Date.now() - day) })).der,
        (await leaf()).der,
      ],
      'good',
    ],
  ];
  it.each(table)('that is %s', async (_, published, state) => {
    expect(await lookup(await published()).find('ben@example.com', await viewOf())).toMatchObject({ state });
  });

  it('that is revoked is none, and one whose revocation cannot be known is unknown', async () => {
    const certificate = await leaf();
    const found = lookup([certificate.der]);
    expect(await found.find('ben@example.com', await viewOf())).toMatchObject({ state: 'good' });
    expect(await found.find('ben@example.com', await viewOf(new Date(Date.now() - 1000)))).toMatchObject({
      state: 'unknown',
    });
    const withGarbage = lookup([certificate.der, Buffer.from('garbage')]);
    expect(await withGarbage.find('ben@example.com', await viewOf(new Date(Date.now() - 1000)))).toMatchObject({
      state: 'unknown',
    });
    ours.revoke(certificate);
    expect(await found.find('ben@example.com', await viewOf())).toMatchObject({
      state: 'none',
      reason: expect.stringMatching(/revoked/),
    });
  });
});

describe('a certificate of a partner', () => {
  it('is asked for and judged as one of our own; of anybody else outside nobody is asked', async () => {
    const certificate = await leaf({ emails: ['petra@partner.example'] });
    const found = lookup([certificate.der]);
    expect(await found.find('petra@partner.example', await viewOf())).toMatchObject({ state: 'good' });
    expect(await found.find('paul@partner.example', await viewOf())).toMatchObject({
      state: 'none',
      reason: 'none known',
    });
    expect(await lookup([]).find('petra@partner.example', await viewOf())).toMatchObject({ reason: 'none known' });
    expect(await lookup('down').find('petra@partner.example', await viewOf())).toMatchObject({ state: 'unknown' });
  });
});

describe('the directory', () => {
  it('asks once for many who ask at once, and again when the answer is old', async () => {
    let asked = 0;
    let clock = 0;
    const client = { gatewayRecipients: async () => ({ certificates: [], asked: asked++ }) };
    const directory = openDirectory(client, 1000, () => clock);
    await Promise.all(Array.from({ length: 10 }, () => directory.certificatesOf('ben@example.com')));
    await directory.certificatesOf('BEN@example.com');
    expect(asked).toBe(1);
    clock = 1001;
    await directory.certificatesOf('ben@example.com');
    expect(asked).toBe(2);
  });

  it('uses an answer for an hour when there is no newer one, and none that never was', async () => {
    let clock = 0;
    let down = false;
    const client = {
      gatewayRecipients: async () => {
        if (down) throw new Error('down');
        return { certificates: [{ serialNumber: '01', certificate: 'AAAA' }] };
      },
    };
    const directory = openDirectory(client, 0, () => clock);
    await directory.certificatesOf('ben@example.com');
    down = true;
    clock = 59 * 60 * 1000;
    expect(await directory.certificatesOf('ben@example.com')).toMatchObject({ certificates: [Buffer.alloc(3)] });
    expect(await directory.certificatesOf('eve@example.com')).toHaveProperty('unknown');
    clock = 61 * 60 * 1000;
    expect(await directory.certificatesOf('ben@example.com')).toHaveProperty('unknown');
  });

  it('does not ask for what no person of the office can have', async () => {
    const directory = openDirectory({ gatewayRecipients: () => Promise.reject(new Error('asked')) }, 0, () => 0);
    expect(await directory.certificatesOf('"odd one"@localhost')).toEqual({ certificates: [] });
  });
});
