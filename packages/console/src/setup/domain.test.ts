import { describe, expect, it } from 'vitest';
import { normaliseDomain, validDomain } from './domain.ts';

describe('domains', () => {
  it('reads what people type', () => {
    expect(normaliseDomain(' @Example.COM. ')).toBe('example.com');
  });
  it('tells a domain from anything else', () => {
    expect(validDomain('mail.example.co.uk')).toBe(true);
    expect(validDomain('xn--bcher-kva.example')).toBe(true);
    for (const wrong of ['example', 'a@b.example', '-a.example', 'a..example', 'a b.example', '']) {
      expect(validDomain(wrong)).toBe(false);
    }
  });
});
