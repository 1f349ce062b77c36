import type { VerifyReport } from '@chancery/smime';
import { describe, expect, it } from 'vitest';
import { headerFields } from '../header-block.ts';
import type { OfficeView } from '../office.ts';
import { distanceWithin, likeness, skeleton } from './look-alike.ts';
import { type Habit, type SignalFacts, senderSignals } from './sender-signals.ts';

const person = (name: string, address: string) => ({
  ...{ personId: '00000000-0000-4000-8000-000000000000', name, address, aliases: [] },
  ...{ signingKey: 'gateway' as const, decrypts: true },
});
const view: Partial<OfficeView> = {
  domains: ['example.com'],
  people: [
    person('Anna Muster', 'anna@example.com'),
    person('Jürgen Groß', 'j.gross@example.com'),
    person('Info', 'info@example.com'),
  ],
  isOurs: (address) => address.endsWith('@example.com'),
};
const report: VerifyReport = {
  ...{ verdict: 'unsigned', layers: [], signers: [], from: [], covers: 'none', content: undefined, problems: [] },
};

function codes(header: string, more: Partial<SignalFacts> = {}): string[] {
  const from = /<([^>]+)>/.exec(header);
  const facts: SignalFacts = {
    fields: headerFields(Buffer.from(`${header}\r\n\r\n`)),
    report: { ...report, from: [from?.[1] ?? ''] },
    ...{ encrypted: false, opened: false, authenticated: false, changed: undefined },
    authenticity: { dmarc: 'pass' },
    view: view as OfficeView,
    habitOf: () => undefined,
    correspondents: new Set(['customer-services.example', 'x.example']),
    ...more,
  };
  return senderSignals(facts).map(({ code }) => code);
}

describe('signals', () => {
  it.each([
    ['From: Bob <bob@x.example>', []],
    ['From: Anna Muster <anna@example.com>', []],
    ['From: Anna Muster <boss@mail.example>', ['colleague-name']],
    ['From: "Muster, Anna" <boss@mail.example>', ['colleague-name']],
    ['From: ANNA  MUSTER <boss@mail.example>', ['colleague-name']],
    ['From: =?utf-8?q?=D0=90nna_Muster?= <boss@mail.example>', ['colleague-name']],
    ['From: =?utf-8?q?J=C3=BCrgen_Gro=C3=9F?= <boss@mail.example>', ['colleague-name']],
    ['From: Jurgen Gross <boss@mail.example>', ['colleague-name']],
    ['From: =?utf-8?q?Anna_Mus=E2=80=8Bter?= <boss@mail.example>', ['colleague-name']],
    ['From: =?utf-8?q?Anna=E2=A0=80Mus=C2=ADter?= <boss@mail.example>', ['colleague-name']],
    ['From: =?utf-8?q?=E2=80=AEretsuM_annA?= <boss@mail.example>', ['colleague-name']],
    ['From: Info <info@mail.example>', []],
    ['From: "anna@example.com" <boss@mail.example>', ['address-in-name']],
    ['From: "boss@mail.example" <boss@mail.example>', []],
    ['From: Bob <bob@examp1e.com>', ['look-alike-domain']],
    ['From: Bob <bob@sub.examp1e.com>', ['look-alike-domain']],
    ['From: Bob <bob@customer-service.example>', ['look-alike-domain']],
    ['From: Bob <bob@x.example>\r\nReply-To: bob@y.example', ['reply-to-elsewhere']],
    ['From: Bob <bob@mail.x.example>\r\nReply-To: bob@x.example', []],
  ])('%s', (header, expected) => {
    expect(codes(header)).toEqual(expected);
  });

  it('tell of DMARC, of what was opened, and of old ciphers', () => {
    expect(codes('From: Bob <bob@x.example>', { authenticity: { dmarc: 'fail' } })).toEqual(['dmarc-fail']);
    const opened = { encrypted: true, opened: true, oldCipher: 'des-ede3-cbc' };
    expect(codes('From: Bob <bob@x.example>', opened)).toEqual(['not-authenticated', 'weak-cipher']);
  });

  it('tell of somebody who always signs, until they do not any more', () => {
    const of = (habit: Habit, more = {}) => codes('From: Bob <bob@x.example>', { habitOf: () => habit, ...more });
    expect(of({ signed: 3, unsigned: 0 })).toEqual(['signature-missing']);
    expect(of({ signed: 2, unsigned: 0 })).toEqual([]);
    expect(of({ signed: 3, unsigned: 3 })).toEqual([]);
    expect(
      of({ signed: 3, unsigned: 0 }, { report: { ...report, verdict: 'valid', from: ['bob@x.example'] } }),
    ).toEqual([]);
    // What is encrypted and shut may be signed within.
    expect(of({ signed: 3, unsigned: 0 }, { encrypted: true, report: undefined })).toEqual([]);
  });

  it('have reasons that end no line and are not long', () => {
    const facts = { changed: `${'x'.repeat(900)}\r\nX-Evil: 1` };
    const [signal] = senderSignals({
      ...{ fields: [], report, encrypted: false, opened: false, authenticated: false, authenticity: { dmarc: 'pass' } },
      ...{ view: view as OfficeView, habitOf: () => undefined, correspondents: new Set(), ...facts },
    });
    expect(signal?.reason).toHaveLength(300);
    expect(signal?.reason).not.toMatch(/[\r\n]/);
  });
});

describe('look-alike domains', () => {
  const own = { domain: 'example.com', own: true };
  it.each([
    ['examp1e.com', /other characters/],
    ['xn--exmple-4nf.com', /other characters/],
    ['exarnple.com', /other characters/],
    ['exmaple.com', /a letter/],
    ['examples.com', /a letter/],
    ['example.co', /another ending/],
    ['example-invoices.com', /has the name/],
    ['example.com', undefined],
    ['sample.org', undefined],
    ['expo.com', undefined],
  ])('%s', (domain, expected) => {
    if (expected === undefined) expect(likeness(domain, own)).toBeUndefined();
    else expect(likeness(domain, own)).toMatch(expected);
  });

  it('are looked for by shape and by letters', () => {
    expect(skeleton('раураӏ')).toBe(skeleton('paypal'));
    expect(skeleton('Müller')).toBe(skeleton('muller'));
    expect(distanceWithin('abcdef', 'abdcef', 1)).toBe(true);
    expect(distanceWithin('abcdef', 'badcfe', 2)).toBe(false);
    expect(distanceWithin('a'.repeat(5_000), 'b'.repeat(5_000), 2)).toBe(false);
  });
});
