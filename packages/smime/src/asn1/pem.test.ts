import { describe, expect, it } from 'vitest';
import { SmimeError } from '../errors.ts';
import { derToPem, pemBlocks, pemToDer } from './pem.ts';

const der = Buffer.from(Array.from({ length: 100 }, (_, i) => i));

describe('PEM', () => {
  it('writes lines of 64 characters and reads them back', () => {
    const text = derToPem(der, 'CERTIFICATE');
    expect(text.split('\n').every((line) => line.length <= 64)).toBe(true);
    expect(text.endsWith('-----END CERTIFICATE-----\n')).toBe(true);
    expect(pemToDer(text, 'CERTIFICATE')).toEqual(der);
  });

  it('finds several blocks between other text, with either line end', () => {
    const text = `subject=CN = x\n${derToPem(der, 'A')}noise\r\n${derToPem(der.subarray(3), 'B').replaceAll('\n', '\r\n')}`;
    expect(pemBlocks(text).map(({ label, der: { length } }) => [label, length])).toEqual([
      ['A', 100],
      ['B', 97],
    ]);
    expect(pemToDer(text, 'B')).toEqual(der.subarray(3));
  });

  it('skips RFC 1421 headers', () => {
    const text = derToPem(der, 'A').replace('-----BEGIN A-----\n', '-----BEGIN A-----\nProc-Type: 4,CLEAR\nX: y\n\n');
    expect(pemToDer(text)).toEqual(der);
  });

  it('refuses what is no PEM', () => {
    for (const text of [
      '',
      'hello',
      '-----BEGIN A-----\nAAAA',
      '-----BEGIN A-----\nAAA\n-----END A-----',
      '-----BEGIN A-----\n!!!!\n-----END A-----',
      '-----BEGIN \n',
    ]) {
      expect(() => pemToDer(text)).toThrow(expect.objectContaining({ code: 'malformed-pem' }));
    }
    expect(() => pemToDer(derToPem(der, 'A'), 'B')).toThrow(SmimeError);
  });
});
