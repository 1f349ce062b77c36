import { describe, expect, it } from 'vitest';
import { groupsOf, readFile } from './read-file.ts';

/** Octets that begin as a certificate does. */
const der = Buffer.concat([Buffer.from('3082012230820116a0030201', 'hex'), Buffer.alloc(282, 7)]);
const base64 = der.toString('base64');
const pem = `-----BEGIN CERTIFICATE-----\n${base64}\n-----END CERTIFICATE-----\n`;

describe('a file for an import', () => {
  it('is DER, PEM, or an export in either encoding; what stands in it twice counts once', async () => {
    for (const content of [der, pem, `${pem}${pem}`, Buffer.from(`\ufeff"id","${pem}"`, 'utf16le')])
      expect(await readFile(new Blob([content]))).toEqual({ certificates: [base64], broken: 0, pkcs7: 0 });
  });

  it('says what in it could not be read', async () => {
    const text = `${pem.slice(0, 100)}\n${pem.replaceAll('CERTIFICATE', 'PKCS7')}`;
    expect(await readFile(new Blob([text]))).toMatchObject({ certificates: [], broken: 1, pkcs7: 1 });
    expect(await readFile(new Blob([]))).toEqual({ certificates: [], broken: 0, pkcs7: 0 });
  });

  it('goes in groups that lose nothing', () => {
    const all = Array.from({ length: 401 }, (_, index) => index);
    expect([...groupsOf(all)].map(({ length }) => length)).toEqual([200, 200, 1]);
    expect([...groupsOf(all)].flat()).toEqual(all);
  });
});
