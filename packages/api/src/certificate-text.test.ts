import { describe, expect, it } from 'vitest';
import { CertificateText } from './certificate-text.ts';

/** Octets that begin as a certificate does, of that length, and no two alike. */
function certificate(length: number, seed = 1): Buffer {
  const der = Buffer.alloc(length, 0);
  for (let index = 12; index < length; index++) der[index] = (index * 31 + seed * 17) & 0xff;
  der.set([0x30, 0x82, (length - 4) >> 8, (length - 4) & 0xff, 0x30, 0x82, (length - 8) >> 8, (length - 8) & 0xff]);
  der.set([0xa0, 0x03, 0x02, 0x01], 8);
  return der;
}
const lines = (base64: string, width: number, newline = '\r\n') =>
  base64.replace(new RegExp(`.{${width}}`, 'g'), `$&${newline}`);
const one = certificate(700).toString('base64');
const two = certificate(1001, 2).toString('base64');
const three = certificate(1502, 3).toString('base64');

/** In pieces of that many characters. */
function found(text: string, pieces = text.length): string[] {
  const reader = new CertificateText();
  const all: string[] = [];
  for (let at = 0; at < text.length; at += pieces)
    all.push(...reader.push(text.slice(at, at + pieces)).map(({ base64 }) => base64));
  return [...all, ...reader.end().map(({ base64 }) => base64)];
}

const pem = (base64: string, label = 'CERTIFICATE') =>
  `-----BEGIN ${label}-----\n${lines(base64, 64, '\n')}\n-----END ${label}-----\n`;

const texts: Record<string, [string, string[]]> = {
  'a PEM bundle with words between': [`subject=x\n${pem(one)}issuer=y\n${pem(two)}`, [one, two]],
  'PEM as OpenSSL marks trust, with octets after the certificate': [
    pem(Buffer.concat([certificate(700), Buffer.from('3006', 'hex')]).toString('base64'), 'TRUSTED CERTIFICATE'),
    [one],
  ],
  'certutil -view … csv, in German': [
    `"Anforderungs-ID","Antragsteller","Bin\u00e4rzertifikat"\r\n"12","EXAMPLE\\ada","-----BEGIN CERTIFICATE-----\r\n${lines(one, 64)}\r\n-----END CERTIFICATE-----\r\n"\r\n"13","EXAMPLE\\ben","${lines(two, 64)}"\r\n`,
    [one, two],
  ],
  'JSON of EJBCA, with escaped slashes': [
    JSON.stringify({ certificates: [{ certificate: one, serial_number: '1F' }, { base64Cert: two }] }).replaceAll(
      '/',
      '\\/',
    ),
    [one, two],
  ],
  'JSON with PEM in it': [JSON.stringify([{ pem: pem(one) }, { pem: pem(two) }]), [one, two]],
  'base64 of base64': [`{"certificate":"${Buffer.from(one).toString('base64')}","x":"${two}"}`, [one, two]],
  'base64 of base64, of every length': [
    [700, 701, 702, 703, 704, 705]
      .map((length) => `{"certificate":"${Buffer.from(certificate(length).toString('base64')).toString('base64')}"}`)
      .join(),
    [700, 701, 702, 703, 704, 705].map((length) => certificate(length).toString('base64')),
  ],
  LDIF: [
    `dn: cn=a\nuserCertificate;binary:: ${lines(one, 76, '\n ')}\nmail: a@example.com\n\nuserCertificate:: ${two}\n`,
    [one, two],
  ],
  'all of them on one line each': [`${one}\n${two}\n${three}\n`, [one, two, three]],
  'requests and lists beside': [
    `"MIIC${'A'.repeat(800)}","${Buffer.concat([Buffer.from('30820200020100', 'hex'), Buffer.alloc(600)]).toString('base64')}",${one}`,
    [one],
  ],
  'nothing at all': ['x'.repeat(10_000), []],
  'words that only look so': ['xMII MIIx MII= TUlJ MII', []],
};

describe('certificates in text', () => {
  it.each(Object.entries(texts))('are found in %s', (_, [text, wanted]) => {
    expect(found(text)).toEqual(wanted);
  });

  it.each([1, 7, 61, 500])('are the same where it comes in pieces of %i characters', (pieces) => {
    for (const [text, wanted] of Object.values(texts)) expect(found(text, pieces)).toEqual(wanted);
  });

  it('say so where a block is cut off', () => {
    const reader = new CertificateText();
    expect(reader.push(`${pem(one).slice(0, 300)}`)).toEqual([]);
    expect(reader.end()).toEqual([]);
    expect(reader.broken).toBe(1);
  });

  it('keep memory and time in bounds, whatever it is', () => {
    const reader = new CertificateText();
    const noise = 'MII -----BEGIN CERTIFICATE----- MIIDaaaa TUlJ='.repeat(20_000);
    const started = performance.now();
    for (let turn = 0; turn < 4; turn++) reader.push(noise);
    reader.end();
    expect(performance.now() - started).toBeLessThan(10_000);
  });
});
