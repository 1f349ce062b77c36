/** Certificates of people outside: which source counts, how long it is waited for and believed, and what an explanation says. */
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { derToPem, parseCrl } from '@chancery/smime';
import { beforeAll, describe, expect, it } from 'vitest';
import type { OfficeView } from '../src/office.ts';
import { cached, lifetimes } from '../src/recipients/cached.ts';
import { openDomainCertificates } from '../src/recipients/domain-certificates.ts';
import { type LookupOptions, openLookup, type Ranked } from '../src/recipients/lookup.ts';
import type { PromptSource, SourceAnswer } from '../src/recipients/source.ts';
import { type Keys, makeCa, makeKeys, type TestCa } from './support/test-ca.ts';

let ca: TestCa;
let strangers: TestCa;
let keys: Keys;
let view: OfficeView;
const bob = 'bob@partner.example';
beforeAll(async () => {
  [ca, strangers] = await Promise.all([makeCa('Trusted'), makeCa('Strange')]);
  keys = makeKeys();
  view = await freshView();
});

const freshView = async (): Promise<OfficeView> => ({
  ...{
    organisation: 'Example Corp',
    domains: [],
    people: [],
    mailDomains: [],
    decisions: [],
    heldDecisions: [],
    heldMailEnded: null,
    personOf: () => undefined,
    domainHolder: () => undefined,
    isPartner: () => false,
    isAcme: () => false,
  },
  isOurs: (address) => address.endsWith('@example.com'),
  ...{
    anchors: [ca.root],
    ownAnchors: [ca.root],
    intermediates: [ca.issuing],
    crls: (await ca.crls()).map(parseCrl),
    renew: new Set(),
    rules: null,
  },
});

const leaf = async (emails = [bob], of = ca) => (await of.issue({ spki: keys.spki, emails, use: 'encryption' })).der;
const holds = (...certificates: Uint8Array[]): SourceAnswer => ({
  said: 'found',
  candidates: certificates.map((certificate) => ({ certificate, chain: [] })),
});
const nothing: SourceAnswer = { said: 'nothing' };
const down: SourceAnswer = { said: 'unknown', reason: 'down' };

/** @param after milliseconds until it answers */
function source(
  name: string,
  answer: SourceAnswer,
  { after = 0, ignoreFailures = false, domain = 'partner.example' } = {},
) {
  const asked: string[] = [];
  const it: PromptSource = {
    name,
    serves: (one) => one === domain,
    async find(address) {
      asked.push(address);
      await new Promise((resolve) => setTimeout(resolve, after));
      return answer;
    },
  };
  return { source: it, ignoreFailures, asked };
}

const lookup = (sources: readonly Ranked[], more: Partial<LookupOptions> = {}) =>
  openLookup({
    directory: { certificatesOf: async () => ({ certificates: [] }) },
    harvested: { pinnedFor: () => undefined },
    domains: { for: () => undefined },
    sources,
    now: Date.now,
    ...more,
  });

describe('sources', () => {
  it('count in their order, however fast they are, and are asked side by side', async () => {
    const first = source('first', holds(await leaf()), { after: 60 });
    const second = source('second', holds(await leaf()));
    expect(await lookup([first, second]).find(bob, view)).toMatchObject({ state: 'good', source: 'first' });
    expect(second.asked).toHaveLength(1);
    const bad = source(
      'bad',
      holds(await leaf([bob], strangers), await leaf(['eve@partner.example']), Buffer.from('no')),
    );
    expect(await lookup([bad, second]).find(bob, view)).toMatchObject({ state: 'good', source: 'second' });
    expect(await lookup([bad]).find(bob, view)).toMatchObject({
      state: 'none',
      reason: expect.stringMatching(/no path|not signed/),
    });
  });

  it('that say nothing are not those that do not answer: mail waits for these, and is never as if there were none', async () => {
    const silent = source('silent', down);
    expect(await lookup([source('a', nothing), silent]).find(bob, view)).toEqual({
      state: 'unknown',
      reason: 'silent: down',
    });
    expect(await lookup([silent, source('b', holds(await leaf()))]).find(bob, view)).toMatchObject({ state: 'good' });
    const ignored = source('ignored', down, { ignoreFailures: true });
    expect(await lookup([ignored]).find(bob, view)).toMatchObject({ state: 'none' });
    expect(await lookup([source('x', holds(await leaf()), { domain: 'other.example' })]).find(bob, view)).toMatchObject(
      {
        reason: 'none known',
      },
    );
  });

  it('are not asked where a pinned certificate is good, and are where it is not', async () => {
    const other = source('other', holds(await leaf()));
    const good = { pinnedFor: () => ({ certificate: pinned, chain: [] }) };
    let pinned = await leaf();
    expect(await lookup([other], { harvested: good }).find(bob, view)).toMatchObject({ source: 'pinned' });
    expect(other.asked).toEqual([]);
    const certificate = await ca.issue({ spki: keys.spki, emails: [bob], use: 'encryption' });
    ca.revoke(certificate);
    pinned = certificate.der;
    expect(await lookup([other], { harvested: good }).find(bob, await freshView())).toMatchObject({ source: 'other' });
    expect(await lookup([], { harvested: good }).find(bob, await freshView())).toMatchObject({
      state: 'none',
      reason: expect.stringMatching(/revoked/),
    });
  });

  it('may vouch for a certificate, in whole or by a digest; for its time, use and name they may not', async () => {
    const strange = await leaf([bob], strangers);
    const vouched = (...ders: Uint8Array[]): SourceAnswer => ({
      said: 'found',
      candidates: [],
      vouched: ders.map((certificate) => ({ certificate, chain: [] })),
    });
    expect(await lookup([source('dns', vouched(strange))]).find(bob, view)).toMatchObject({
      state: 'good',
      source: 'dns',
    });
    const day = 86_400_000;
    const wrong = await Promise.all([
      strangers.issue({ spki: keys.spki, emails: ['eve@partner.example'], use: 'encryption' }),
      strangers.issue({ spki: keys.spki, emails: [bob], use: 'signing' }),
      strangers.issue({
        spki: keys.spki,
        emails: [bob],
        use: 'encryption',
        notBefore: new Date(Date.now() - 9 * day),
        notAfter: new Date(Date.now() - day),
      }),
      strangers.issue({ spki: keys.spki, emails: [bob], use: 'encryption', notBefore: new Date(Date.now() + day) }),
    ]);
    for (const { der } of wrong)
      expect(await lookup([source('dns', vouched(der))]).find(bob, view)).toMatchObject({ state: 'none' });
    const digest = createHash('sha256').update(strange).digest();
    const dns = source('dns', {
      said: 'found',
      candidates: [],
      associations: [{ selector: 'certificate', matching: 'sha256', data: digest }],
    });
    expect(await lookup([dns]).find(bob, view)).toMatchObject({ state: 'none' });
    expect(await lookup([dns, source('ldap', holds(strange))]).find(bob, view)).toMatchObject({ state: 'good' });
    expect(await lookup([dns, source('ldap', holds(await leaf([bob], strangers)))]).find(bob, view)).toMatchObject({
      state: 'none',
    });
  });

  it('are believed for a time: longer what was found than what was not, and briefly that nobody answered', async () => {
    let clock = 0;
    const asked = async (answer: SourceAnswer, wait: number): Promise<number> => {
      clock = 0;
      const inner = source('x', answer);
      const one = cached(inner.source, () => clock);
      await Promise.all([one.find(bob), one.find('bob@PARTNER.example')]);
      clock = wait;
      await one.find(bob);
      return inner.asked.length;
    };
    const found = holds(await leaf());
    expect(await asked(found, lifetimes.found - 1)).toBe(1);
    expect(await asked(found, lifetimes.found)).toBe(2);
    expect(await asked({ ...found, lifetime: 60_000 } as SourceAnswer, 60_000)).toBe(2);
    expect(await asked({ ...found, lifetime: 1e12 } as SourceAnswer, lifetimes.longest)).toBe(2);
    expect(await asked({ ...nothing, lifetime: 0 }, lifetimes.shortest - 1)).toBe(1);
    expect(await asked(nothing, lifetimes.nothing - 1)).toBe(1);
    expect(await asked(down, lifetimes.unknown)).toBe(2);
  });
});

describe("a domain's certificate", () => {
  it('stands for every address of the domain, by its path or by the word of the administrator', async () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'domain-'));
    const file = (name: string, ...ders: Uint8Array[]) => {
      writeFileSync(path.join(folder, name), ders.map((der) => derToPem(der, 'CERTIFICATE')).join(''));
      return path.join(folder, name);
    };
    const authority = ['domain-confidentiality-authority@partner.example'];
    const ours = file('ours.pem', await leaf(authority));
    const theirs = file('theirs.pem', await leaf(authority, strangers), strangers.issuing.der);
    const with_ = (domain: string, certificate: string, trust: 'path' | 'as-given' = 'path') => ({
      domains: openDomainCertificates([{ domain, certificate, trust }]),
    });
    expect(await lookup([], with_('partner.example', ours)).find('anyone@Partner.example', view)).toMatchObject({
      state: 'good',
      source: 'domain',
      domain: 'partner.example',
    });
    expect(await lookup([], with_('partner.example', ours)).find('a@sub.partner.example', view)).toMatchObject({
      state: 'none',
    });
    expect(await lookup([], with_('.partner.example', ours)).find('a@sub.partner.example', view)).toMatchObject({
      state: 'good',
    });
    expect(await lookup([], with_('partner.example', theirs)).find(bob, view)).toMatchObject({ state: 'none' });
    expect(await lookup([], with_('partner.example', theirs, 'as-given')).find(bob, view)).toMatchObject({
      state: 'good',
    });
    // One that does not stand any more is not the end: their own certificates may.
    const own = source('own', holds(await leaf()));
    expect(await lookup([own], with_('partner.example', theirs)).find(bob, view)).toMatchObject({ source: 'own' });
    expect(() => with_('elsewhere.example', ours)).toThrow(/names nobody of elsewhere\.example/);
    expect(() => with_('partner.example', path.join(folder, 'none.pem'))).toThrow(/cannot be used/);
    rmSync(folder, { recursive: true });
  });
});

describe('an explanation', () => {
  it('says of each source what it said, and of each certificate why it is not used', async () => {
    const strange = await leaf([bob], strangers);
    const explained = await lookup([
      source('first', holds(strange, Buffer.from('garbage'))),
      source('silent', down, { ignoreFailures: true }),
      source('second', holds(await leaf())),
      source('elsewhere', nothing, { domain: 'other.example' }),
    ]).explain(bob, view);
    expect(explained).toMatchObject({
      address: bob,
      state: 'good',
      reason: null,
      uses: { source: 'second', subject: expect.any(String) },
    });
    expect(explained.sources.map(({ source: name, said }) => `${name} ${said}`)).toEqual([
      'pinned nothing',
      'first found',
      'silent unknown',
      'second found',
      'elsewhere not-asked',
    ]);
    const [, first] = explained.sources;
    expect(first?.certificates.map(({ state, reason }) => [state, reason])).toEqual([
      ['none', expect.stringMatching(/path|signed/)],
      ['none', expect.stringMatching(/cannot be read/)],
    ]);
    expect(await lookup([source('silent', down)]).explain(bob, view)).toMatchObject({ state: 'unknown', uses: null });
    const ours = await lookup([]).explain('ann@example.com', view);
    expect(ours).toMatchObject({ state: 'none', sources: [{ source: 'directory', said: 'nothing' }] });
  });
});
