import { generateKeyPairSync, X509Certificate } from 'node:crypto';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { issue, now } from '../../test/test-authority.ts';
import { encodeElement, encodeExplicit, encodeSequence, readOnly } from '../asn1/der.ts';
import { oids } from '../asn1/oids.ts';
import { SmimeError } from '../errors.ts';
import { signatureAlgorithmFor } from '../keys/algorithms.ts';
import { localSigner } from '../keys/local.ts';
import {
  assembleSigned,
  buildTbsCertificate,
  type Certificate,
  certificateEmails,
  fingerprint,
  isIssuedBy,
  parseCertificate,
  type TbsCertificateInput,
  verifyCertificateSignature,
} from './certificate.ts';
import {
  authorityInfoAccess,
  certificatePolicies,
  crlDistributionPoints,
  encodeExtensions,
  keyIdentifier,
  smimeCapabilities,
  subjectAltName,
} from './extensions.ts';
import { buildName, formatName, namesEqual } from './name.ts';

const ca = await issue({ name: 'Test CA', ca: true, pathLength: 0 });
const person = await issue(
  {
    name: 'Zoë Ångström',
    serialNumber: '00fedcba9876543210fedcba98',
    usage: ['digitalSignature', 'nonRepudiation'],
    purposes: [oids.emailProtection, oids.clientAuth],
    extensions: [
      subjectAltName({
        emails: ['zoe@example.com', 'zoë@example.com'],
        dns: ['example.com'],
        uris: ['https://example.com/'],
        userPrincipalNames: ['zoe@ad.example.com'],
      }),
      certificatePolicies(['1.3.6.1.4.1.99999.1', { policy: '1.3.6.1.4.1.99999.2', cps: 'https://example.com/cps' }]),
      crlDistributionPoints(['http://crl.example.com/a.crl', 'http://crl.example.com/b.crl']),
      authorityInfoAccess({ ocsp: ['http://ocsp.example.com/'], caIssuers: ['http://aia.example.com/ca.crt'] }),
      smimeCapabilities(),
    ],
  },
  ca,
);
const der = person.certificate.der;

describe('parseCertificate', () => {
  it('reads back every field that was asked for', () => {
    const certificate = parseCertificate(der);
    expect(certificate).toMatchObject({
      version: 3,
      serialNumber: 'fedcba9876543210fedcba98',
      keyKind: 'p256',
      extendedKeyUsage: [oids.emailProtection, oids.clientAuth],
      crlDistributionPoints: ['http://crl.example.com/a.crl', 'http://crl.example.com/b.crl'],
      ocspUrls: ['http://ocsp.example.com/'],
      caIssuerUrls: ['http://aia.example.com/ca.crt'],
      certificatePolicies: [
        { policy: '1.3.6.1.4.1.99999.1', cps: [] },
        { policy: '1.3.6.1.4.1.99999.2', cps: ['https://example.com/cps'] },
      ],
      basicConstraints: undefined,
    });
    expect([...(certificate.keyUsage ?? [])]).toEqual(['digitalSignature', 'nonRepudiation']);
    expect(certificate.subjectAltNames).toMatchObject({
      emails: ['zoe@example.com', 'zoë@example.com'],
      dns: ['example.com'],
      uris: ['https://example.com/'],
      userPrincipalNames: ['zoe@ad.example.com'],
    });
    expect(certificate.smimeCapabilities?.[0]).toEqual({ algorithm: oids.aes256Gcm });
    expect(certificate.notBefore < now && now < certificate.notAfter).toBe(true);
    expect(formatName(certificate.subject)).toBe('CN=Zoë Ångström');
    expect(Buffer.from(certificate.authorityKeyIdentifier?.keyIdentifier ?? [])).toEqual(
      Buffer.from(keyIdentifier(ca.signer.spki)),
    );
    expect(ca.certificate.basicConstraints).toEqual({ ca: true, pathLength: 0 });
  });

  it('says what OpenSSL says', () => {
    const theirs = new X509Certificate(der);
    const ours = parseCertificate(der);
    expect(ours.serialNumber).toBe(theirs.serialNumber.toLowerCase());
    expect(ours.notAfter).toEqual(theirs.validToDate);
    expect(fingerprint(der, 'sha256')).toBe(theirs.fingerprint256.replaceAll(':', '').toLowerCase());
    expect(ours.publicKey.equals(theirs.publicKey)).toBe(true);
    expect(theirs.verify(ca.certificate.publicKey)).toBe(true);
  });

  it('throws SmimeError for every prefix of a certificate', () => {
    for (let length = 0; length < der.length; length++) {
      expect(() => parseCertificate(der.subarray(0, length)), `prefix of ${length}`).toThrow(SmimeError);
    }
    expect(() => parseCertificate(Buffer.concat([der, Buffer.of(0)]))).toThrow(SmimeError);
  });

  it('throws SmimeError or reads a certificate, whichever octets are altered', () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(der.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 }),
        (changes) => {
          const altered = Buffer.from(der);
          for (const [at, value] of changes) altered[at] = value;
          let certificate: Certificate;
          try {
            certificate = parseCertificate(altered);
          } catch (error) {
            expect(error).toBeInstanceOf(SmimeError);
            return;
          }
          // Text of names is made late, and cannot fail any more.
          formatName(certificate.subject);
          namesEqual(certificate.issuer, ca.certificate.subject);
          const same = Buffer.from(certificate.tbs).equals(Buffer.from(person.certificate.tbs));
          // ECDSA signatures are malleable in their encoding; what was signed is not.
          if (!same) expect(verifyCertificateSignature(certificate, ca.certificate)).toBe(false);
        },
      ),
      { numRuns: 3_000 },
    );
  });

  it('refuses an extension that stands twice, and extensions before version 3', () => {
    const [extension] = person.certificate.extensions;
    if (!extension) throw new Error('no extension');
    expect(() => encodeExtensions([extension, extension])).toThrow(
      expect.objectContaining({ code: 'invalid-argument' }),
    );
    const fields = readOnly(readOnly(der, 'certificate').element(), 'tbs');
    const parts: Buffer[] = [];
    while (!fields.atEnd) parts.push(fields.element());
    const list = readOnly(parts.at(-1) ?? Buffer.alloc(0), 'wrapper', 0xa3).element();
    const first = readOnly(list, 'list').element();
    const content = readOnly(list, 'list');
    const all: Buffer[] = [];
    while (!content.atEnd) all.push(content.element());
    const rebuilt = (tbs: Buffer): Uint8Array =>
      assembleSigned(tbs, person.certificate.signatureAlgorithm, person.certificate.signature);
    const twice = rebuilt(encodeSequence(...parts.slice(0, -1), encodeExplicit(3, encodeSequence(...all, first))));
    expect(() => parseCertificate(twice)).toThrow(/stands twice/);
    const versionOne = rebuilt(encodeSequence(...parts.slice(1)));
    expect(() => parseCertificate(versionOne)).toThrow(/version 3/);
    expect(parseCertificate(rebuilt(encodeSequence(...parts))).serialNumber).toBe(person.certificate.serialNumber);
  });

  it('tells a negative serial number from a positive one', () => {
    const withSerial = (serial: Buffer): Uint8Array => {
      const fields = readOnly(readOnly(der, 'certificate').element(), 'tbs');
      const parts = [fields.element(), fields.element()];
      while (!fields.atEnd) parts.push(fields.element());
      parts[1] = encodeElement(2, serial);
      return assembleSigned(
        encodeSequence(...parts),
        person.certificate.signatureAlgorithm,
        person.certificate.signature,
      );
    };
    expect(parseCertificate(withSerial(Buffer.from('ff', 'hex'))).serialNumber).toBe('-ff');
    expect(parseCertificate(withSerial(Buffer.from('00ff', 'hex'))).serialNumber).toBe('ff');
    expect(parseCertificate(withSerial(Buffer.alloc(30, 0x11))).serialNumber).toBe('11'.repeat(30));
    expect(() => parseCertificate(withSerial(Buffer.alloc(5_000, 0x11)))).toThrow(
      expect.objectContaining({ code: 'limit-exceeded' }),
    );
  });
});

describe('verifyCertificateSignature', () => {
  it('is true for the issuer alone', async () => {
    const other = await issue({ name: 'Test CA', ca: true });
    expect(verifyCertificateSignature(person.certificate, ca.certificate)).toBe(true);
    expect(verifyCertificateSignature(person.certificate, other.certificate)).toBe(false);
    expect(verifyCertificateSignature(person.certificate, person.certificate)).toBe(false);
    expect(isIssuedBy(person.certificate, ca.certificate)).toBe(true);
    expect(isIssuedBy(person.certificate, other.certificate)).toBe(false);
  });

  it('is false, not an error, for a key that cannot be loaded', () => {
    const spki = encodeSequence(encodeSequence(Buffer.from('06052b81040022', 'hex')), Buffer.from('030200ff', 'hex'));
    const strange = parseCertificate(build({ spki }));
    expect(verifyCertificateSignature(person.certificate, strange)).toBe(false);
    expect(() => strange.publicKey).toThrow(expect.objectContaining({ code: 'unsupported' }));
  });
});

describe('certificateEmails', () => {
  it('takes the alternative names and the subject, each once', () => {
    const subject = buildName([
      { type: 'commonName', value: 'x' },
      { type: 'emailAddress', value: 'old@example.com' },
      { type: 'emailAddress', value: 'a@example.com' },
    ]);
    const certificate = parseCertificate(
      build({ subject, extensions: [subjectAltName({ emails: ['a@example.com', 'b@example.com'] })] }),
    );
    expect(certificateEmails(certificate)).toEqual(['a@example.com', 'b@example.com', 'old@example.com']);
  });
});

describe('buildTbsCertificate', () => {
  it('refuses a serial number that RFC 5280 forbids, and a validity that never was', () => {
    for (const serialNumber of ['0', '00', '-01', `${'80'.repeat(20)}01`, 'xyz', '']) {
      expect(() => build({ serialNumber }), serialNumber).toThrow(
        expect.objectContaining({ code: 'invalid-argument' }),
      );
    }
    expect(() => build({ notAfter: new Date(0) })).toThrow(expect.objectContaining({ code: 'invalid-argument' }));
    expect(() => build({ notAfter: new Date(Number.NaN) })).toThrow(SmimeError);
  });

  it('writes times beyond 2049 as GeneralizedTime', () => {
    const notAfter = new Date('2051-01-01T00:00:00Z');
    const certificate = build({ notAfter });
    expect(Buffer.from(certificate).includes('20510101000000Z')).toBe(true);
    expect(parseCertificate(certificate).notAfter).toEqual(notAfter);
  });

  it('makes RSA and Ed25519 certificates that OpenSSL verifies', async () => {
    for (const { privateKey } of [
      generateKeyPairSync('rsa', { modulusLength: 2048 }),
      generateKeyPairSync('ed25519'),
    ]) {
      const signer = localSigner(privateKey);
      const algorithm = signatureAlgorithmFor(signer.kind, 'sha256');
      const subject = buildName([{ type: 'commonName', value: 'Root' }]);
      const tbs = buildTbsCertificate({
        ...template(),
        signatureAlgorithm: algorithm,
        subject,
        issuer: subject,
        spki: signer.spki,
      });
      const certificate = assembleSigned(tbs, algorithm, await signer.sign(tbs, 'sha256'));
      const theirs = new X509Certificate(certificate);
      expect(theirs.verify(theirs.publicKey)).toBe(true);
    }
  });
});

function template(): TbsCertificateInput {
  const name = buildName([{ type: 'commonName', value: 'Someone' }]);
  return {
    serialNumber: '4711',
    signatureAlgorithm: signatureAlgorithmFor('p256', 'sha256'),
    issuer: name,
    subject: name,
    notBefore: new Date('2026-01-01T00:00:00Z'),
    notAfter: new Date('2027-01-01T00:00:00Z'),
    spki: person.signer.spki,
    extensions: [],
  };
}

function build(changes: Partial<TbsCertificateInput>): Uint8Array {
  const input = { ...template(), ...changes };
  return assembleSigned(buildTbsCertificate(input), input.signatureAlgorithm, Buffer.alloc(64));
}
