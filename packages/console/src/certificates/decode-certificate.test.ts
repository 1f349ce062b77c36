import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { decodeCertificate } from './decode-certificate.ts';

const vector = (name: string) => new Uint8Array(readFileSync(new URL(`../../test/vectors/${name}`, import.meta.url)));

describe('decodeCertificate', () => {
  it('says of a leaf what Node says of it', () => {
    const octets = vector('openssl-leaf.der');
    const node = new X509Certificate(octets);
    const decoded = decodeCertificate(octets);
    expect(decoded.serialNumber).toBe(node.serialNumber.toLowerCase());
    expect(decoded.subject).toBe('CN=Ada Lovelace');
    expect(decoded.issuer).toBe('CN=Example Corp S/MIME CA 1, O=Example Corp, C=GB');
    expect(Date.parse(decoded.notAfter)).toBe(Date.parse(node.validTo));
    expect(Date.parse(decoded.notBefore)).toBe(Date.parse(node.validFrom));
    expect(decoded.publicKey).toBe('ECDSA, P-256');
    expect(decoded.signatureAlgorithm).toBe('ECDSA with SHA-256');
  });

  it('reads every extension', () => {
    const extensions = new Map(
      decodeCertificate(vector('openssl-leaf.der')).extensions.map(({ name, values, critical }) => [
        name,
        { values, critical },
      ]),
    );
    expect(extensions.get('Key usage')).toEqual({ values: ['digital signature'], critical: true });
    expect(extensions.get('Extended key usage')).toEqual({ values: ['e-mail protection'], critical: false });
    expect(extensions.get('Basic constraints')).toEqual({ values: ['an end entity'], critical: true });
    expect(extensions.get('Subject alternative names')?.values).toEqual([
      'e-mail ada@example.com',
      'e-mail a.lovelace@example.com',
    ]);
    expect(extensions.get('CRL distribution points')?.values).toEqual(['http://127.0.0.1:8080/crl/1.crl']);
    expect(extensions.get('Authority information access')?.values).toEqual([
      'OCSP: http://127.0.0.1:8080/ocsp',
      'issuer certificate: http://127.0.0.1:8080/ca/issuing.cer',
    ]);
    expect(extensions.get('Certificate policies')?.values).toEqual(['sponsor-validated, legacy (2.23.140.1.5.3.1)']);
    expect(extensions.get('Subject key identifier')?.values[0]).toMatch(/^[0-9a-f]{40}$/);
  });

  it('tells an authority and its path length', () => {
    const basic = decodeCertificate(vector('openssl-issuing.der')).extensions.find(
      ({ name }) => name === 'Basic constraints',
    );
    expect(basic?.values).toEqual(['an authority', 'path length 0']);
  });

  it('throws on anything that is no certificate', () => {
    const octets = vector('openssl-leaf.der');
    expect(() => decodeCertificate(octets.subarray(0, 100))).toThrow(RangeError);
    expect(() => decodeCertificate(Uint8Array.of(0x30, 0))).toThrow(RangeError);
  });
});
