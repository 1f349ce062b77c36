/** Certificates that somebody damaged: what they have left is judged, in no time, and nothing is thrown but `SmimeError`. */
import { SmimeError } from '@chancery/smime';
import { describe, expect, it } from 'vitest';
import { describeCorpus } from '../../../smime/test/corpora.ts';
import type { LintFinding } from '../../src/ca/lints/lint.ts';
import { lintCertificate } from '../../src/ca/lints/lint-certificate.ts';
import {
  authority,
  der,
  type Forgery,
  forge,
  hex,
  individual,
  legacy,
  mailbox,
  mailboxName,
  name,
  organization,
  sequence,
  sponsor,
} from './forge.ts';

const KNOWN = [
  'keyUsage',
  'extendedKeyUsage',
  'basicConstraints',
  'subjectAltName',
  'issuerAltName',
  'certificatePolicies',
  'policyMappings',
  'policyConstraints',
  'nameConstraints',
  'crlDistributionPoints',
  'freshestCrl',
  'authorityInfoAccess',
  'subjectInfoAccess',
  'authorityKeyIdentifier',
  'subjectKeyIdentifier',
  'inhibitAnyPolicy',
  'smimeCapabilities',
  'ocspNoCheck',
];

describe('a malformed extension', () => {
  it.each(KNOWN)('%s is a finding, whatever it holds', (id) => {
    for (const value of [
      '',
      '05',
      '0500',
      '30',
      '30ff',
      '3003020100ff',
      '04820fff',
      '0308ff',
      '3005a003020101',
      '30800000',
      '1f0100',
    ]) {
      const certificate = forge({ extensions: { [id]: { value: hex(value) } } });
      const found = lintCertificate(certificate);
      const isValid = value === '0500' && id === 'ocspNoCheck';
      if (!isValid)
        expect(
          found.map(({ lint }) => lint),
          value,
        ).toContain('malformed-extension');
    }
  });
});

describe('what is no certificate', () => {
  it.each([
    ['nothing', ''],
    ['a number', '020101'],
    ['an empty sequence', '3000'],
    ['a certificate cut short', forge().subarray(0, 100).toString('hex')],
    ['a certificate with octets after it', `${forge().toString('hex')}00`],
  ])('is an error with a code: %s', (_what, octets) => {
    expect(() => lintCertificate(hex(octets))).toThrow(SmimeError);
  });

  it('is an error where it has more than a megabyte', () => {
    const certificate = forge({ extensionField: der(0xa3, sequence()), spki: Buffer.alloc(1_100_000) });
    expect(() => lintCertificate(certificate)).toThrow(SmimeError);
  });
});

describe('octets that change', () => {
  it('are survived: 6,000 damaged certificates of every profile, none slower than a second', () => {
    const seeds = [mailbox, organization, sponsor, individual, legacy, authority].map((base: Forgery) =>
      forge({}, base),
    );
    const { linted, slowest } = damage(seeds, 6_000);
    expect(linted).toBeGreaterThan(1_000);
    expect(slowest).toBeLessThan(1_000);
  });

  it('break one rule four thousand times, and are told twenty', () => {
    const names = Array.from({ length: 4_000 }, () => mailboxName('no mailbox'));
    const found = lintCertificate(forge({ extensions: { subjectAltName: { value: sequence(...names) } } }));
    const told = found.filter(({ lint }) => lint === 'alternative-name-mailboxes');
    expect(told).toHaveLength(21);
    expect(told.at(-1)?.message).toBe('the same is wrong 3980 times more');
  });
});

describe('text of the certificate', () => {
  it('cannot move the cursor, turn a line around or fill the screen', () => {
    const certificate = forge(
      { subject: name(['organizationIdentifier', `\u001b[2J\u202e${'A'.repeat(5_000)}`]) },
      organization,
    );
    const messages = lintCertificate(certificate).map(({ message }) => message);
    expect(messages.join('')).toContain('\\u{1b}[2J\\u{202e}AAA');
    expect(messages.join('')).not.toMatch(/[\p{Cc}\p{Cf}]/u);
    for (const message of messages) expect(message.length).toBeLessThan(450);
  });
});

describe('time', () => {
  it('is well under a millisecond of the processor for a certificate', () => {
    const seeds = [mailbox, organization, sponsor, individual, legacy, authority].map((base) => forge({}, base));
    const round = (): void => {
      for (const seed of seeds) lintCertificate(seed);
    };
    for (let warm = 0; warm < 50; warm++) round();
    const before = process.threadCpuUsage();
    for (let count = 0; count < 100; count++) round();
    const { user, system } = process.threadCpuUsage(before);
    expect((user + system) / 1_000 / (100 * seeds.length)).toBeLessThan(0.5);
  });
});

describeCorpus('zlint', "octets that change in zlint's certificates", (corpus) => {
  it('are survived: 20 damaged copies of each', () => {
    const seeds = [...corpus.names('testdata', /\.pem$/), ...corpus.names('testdata/smime', /\.pem$/)].map((file) =>
      corpus.der(file),
    );
    const { slowest } = damage(seeds, seeds.length * 20);
    expect(slowest).toBeLessThan(1_000);
  });
});

/** One to four octets changed in each copy, always the same ones: a failure can be had again. */
function damage(seeds: readonly Buffer[], copies: number): { linted: number; slowest: number } {
  let state = 0x2545f491;
  const random = (below: number): number => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
  let linted = 0;
  let slowest = 0;
  for (let copy = 0; copy < copies; copy++) {
    const damaged = Buffer.from(seeds[copy % seeds.length] as Buffer);
    for (let change = random(4); change >= 0; change--) damaged[random(damaged.length)] = random(256);
    const start = performance.now();
    let findings: LintFinding[] = [];
    try {
      findings = lintCertificate(damaged);
      linted++;
    } catch (error) {
      if (!(error instanceof SmimeError)) throw new Error(`${damaged.toString('hex')}: ${error}`, { cause: error });
    }
    slowest = Math.max(slowest, performance.now() - start);
    for (const { message, lint } of findings) if (message === '') throw new Error(`${lint} says nothing`);
  }
  return { linted, slowest };
}
