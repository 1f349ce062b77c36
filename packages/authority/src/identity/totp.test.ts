import { describe, expect, it } from 'vitest';
import { base32, totpStep, totpUri } from './totp.ts';

/** RFC 6238 appendix B: this secret, SHA-1; the last six of the eight digits given there. */
const SECRET = base32(Buffer.from('12345678901234567890'));
const at = (seconds: number) => new Date(seconds * 1000);

describe('totpStep', () => {
  it.each([
    [59, '287082'],
    [1_111_111_109, '081804'],
    [1_111_111_111, '050471'],
    [1_234_567_890, '005924'],
    [2_000_000_000, '279037'],
    [20_000_000_000, '353130'],
  ])('takes the code of RFC 6238 at %d s', (seconds, code) => {
    expect(totpStep(SECRET, code, at(seconds), null)).toBe(Math.floor(seconds / 30));
  });

  it('takes the step before and after, and says which', () => {
    expect(totpStep(SECRET, '287082', at(59 + 30), null)).toBe(1);
    expect(totpStep(SECRET, '287082', at(59 - 30), null)).toBe(1);
    expect(totpStep(SECRET, '287082', at(59 + 60), null)).toBeUndefined();
  });

  it('refuses a wrong code, and a code of a step that was taken', () => {
    expect(totpStep(SECRET, '000000', at(59), null)).toBeUndefined();
    expect(totpStep(SECRET, '287082', at(59), 1)).toBeUndefined();
    expect(totpStep(SECRET, '287082', at(59), 2)).toBeUndefined();
    expect(totpStep(SECRET, '287082', at(59), 0)).toBe(1);
  });
});

describe('totpUri', () => {
  it('says issuer, label and secret', () => {
    const uri = new URL(totpUri(SECRET, 'Chancery Example Corp', 'ada@example.com'));
    expect(uri.protocol).toBe('otpauth:');
    expect(uri.searchParams.get('secret')).toBe(SECRET);
    expect(uri.searchParams.get('issuer')).toBe('Chancery Example Corp');
  });
});
