import { describe, expect, it } from 'vitest';
import { fromBase64, readCertificates, toBase64, toPem } from './files.ts';

describe('files', () => {
  it('carries every octet through base64, long inputs too', () => {
    const octets = Uint8Array.from({ length: 100_003 }, (_, index) => index % 256);
    expect(toBase64(octets)).toBe(Buffer.from(octets).toString('base64'));
    expect(Buffer.from(fromBase64(toBase64(octets))).equals(Buffer.from(octets))).toBe(true);
  });
  it('writes PEM in lines of 64', () => {
    const body = 'A'.repeat(128);
    expect(toPem('CERTIFICATE', body)).toBe(
      `-----BEGIN CERTIFICATE-----\n${'A'.repeat(64)}\n${'A'.repeat(64)}\n-----END CERTIFICATE-----\n`,
    );
    expect(toPem('X', 'AAAA')).toBe('-----BEGIN X-----\nAAAA\n-----END X-----\n');
  });
  it('finds certificates in PEM and DER, and nothing else', () => {
    const [one, two] = ['MAEA', 'MAEB'];
    const key = '-----BEGIN PRIVATE KEY-----\nMAEC\n-----END PRIVATE KEY-----\n';
    const pem = `issuer=/CN=X\n${toPem('CERTIFICATE', one)}${key}${toPem('CERTIFICATE', two).replaceAll('\n', '\r\n')}`;
    expect(readCertificates(new TextEncoder().encode(pem))).toEqual([one, two]);
    expect(readCertificates(fromBase64(one))).toEqual([one]);
    expect(readCertificates(new TextEncoder().encode(key))).toEqual([]);
  });
});
