/** Keys that are the same each time, and certificates for them. None of the keys is used for anything else. */
import { createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto';
import { encodeImplicit, encodeInteger, encodeOctetString, encodeOid, encodeSequence } from '../src/asn1/der.ts';
import {
  assembleSigned,
  authorityKeyIdentifier,
  basicConstraints,
  buildName,
  buildTbsCertificate,
  type Certificate,
  certificatePolicies,
  crlDistributionPoints,
  type DecryptionKey,
  type Extension,
  extendedKeyUsage,
  keyIdentifier,
  keyUsage,
  localDecrypter,
  nameConstraints,
  oids,
  parseCertificate,
  signatureAlgorithmFor,
  smimeCapabilities,
  subjectAltName,
  subjectKeyIdentifier,
} from '../src/index.ts';

/** The instant at which everything is judged. */
export const now = new Date('2026-06-15T12:00:00Z');
const day = 86_400_000;

export interface Person {
  readonly pkcs8: Buffer;
  readonly privateKey: KeyObject;
  readonly certificate: Certificate;
}

/** A hierarchy of one root and one CA under constraints, people who sign, and people who decrypt. */
export interface People {
  readonly root: Person;
  readonly ca: Person;
  readonly rsa: Person;
  readonly p256: Person;
  readonly ed25519: Person;
  readonly mlDsa: Person;
  readonly x25519: Person;
  readonly mlKem: Person;
  /** Of all of them who can decrypt. */
  readonly keys: readonly DecryptionKey[];
}

/** Certificates are made with Ed25519, whose signatures are the same each time. */
export function makePeople(): People {
  let serial = 0x4000;
  const certify = (name: string, pkcs8: Buffer, extensions: readonly Extension[], issuer?: Person): Person => {
    const privateKey = createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' });
    const spki = createPublicKey(privateKey).export({ format: 'der', type: 'spki' });
    const subject = buildName([
      { type: 'countryName', value: 'DE' },
      { type: 'organizationName', value: 'Prüfung' },
      { type: 'commonName', value: name },
    ]);
    const algorithm = signatureAlgorithmFor('ed25519', 'sha512');
    const tbs = buildTbsCertificate({
      serialNumber: (serial++).toString(16),
      signatureAlgorithm: algorithm,
      issuer: issuer?.certificate.subject ?? subject,
      subject,
      notBefore: new Date(now.getTime() - 30 * day),
      notAfter: new Date(now.getTime() + 300 * day),
      spki,
      extensions: [
        ...extensions,
        subjectKeyIdentifier(keyIdentifier(spki)),
        ...(issuer ? [authorityKeyIdentifier(keyIdentifier(issuer.certificate.spki))] : []),
      ],
    });
    const signature = sign(null, tbs, issuer?.privateKey ?? privateKey);
    return { pkcs8, privateKey, certificate: parseCertificate(assembleSigned(tbs, algorithm, signature)) };
  };
  const root = certify('Root', okp(oids.ed25519, 1), [
    basicConstraints({ ca: true }),
    keyUsage(['keyCertSign', 'cRLSign']),
  ]);
  const ca = certify(
    'CA',
    okp(oids.ed25519, 2),
    [
      basicConstraints({ ca: true, pathLength: 0 }),
      keyUsage(['keyCertSign', 'cRLSign']),
      nameConstraints({ permitted: { emails: ['example.org'] }, excluded: { emails: ['mallory@example.org'] } }),
      certificatePolicies([{ policy: '1.3.6.1.4.1.99999.1', cps: 'https://example.org/cps' }]),
    ],
    root,
  );
  const person = (name: string, pkcs8: Buffer, usage: 'sign' | 'decrypt' | 'both' | 'agree'): Person =>
    certify(
      name,
      pkcs8,
      [
        keyUsage([
          ...(usage === 'sign' || usage === 'both' ? (['digitalSignature'] as const) : []),
          ...(usage === 'decrypt' || usage === 'both' ? (['keyEncipherment'] as const) : []),
          ...(usage === 'agree' ? (['digitalSignature', 'keyAgreement'] as const) : []),
        ]),
        extendedKeyUsage([oids.emailProtection, oids.clientAuth]),
        subjectAltName({ emails: [`${name}@example.org`] }),
        certificatePolicies([{ policy: '1.3.6.1.4.1.99999.1' }]),
        crlDistributionPoints(['http://crl.example.org/ca.crl']),
        smimeCapabilities(),
      ],
      ca,
    );
  const rsa = person('alice', Buffer.from(rsaKey.join(''), 'base64'), 'both');
  const p256 = person('bob', p256Key(3), 'agree');
  const x25519 = person('carol', okp(oids.x25519, 4), 'agree');
  const mlKem = person('dave', bare(oids.mlKem768, encodeImplicit(0, Buffer.alloc(64, 5))), 'decrypt');
  return {
    root,
    ca,
    rsa,
    p256,
    ed25519: person('eve', okp(oids.ed25519, 6), 'sign'),
    mlDsa: person('frank', bare(oids.mlDsa44, encodeImplicit(0, Buffer.alloc(32, 7))), 'sign'),
    x25519,
    mlKem,
    keys: [rsa, p256, x25519, mlKem].map(({ privateKey, certificate }) => ({
      decrypter: localDecrypter(privateKey),
      certificate,
    })),
  };
}

/** PKCS#8 of an algorithm that is named by its identifier alone. */
const bare = (oid: string, key: Buffer): Buffer =>
  encodeSequence(encodeInteger(0), encodeSequence(encodeOid(oid)), encodeOctetString(key));

const okp = (oid: string, fill: number): Buffer => bare(oid, encodeOctetString(Buffer.alloc(32, fill)));

function p256Key(fill: number): Buffer {
  const algorithm = encodeSequence(encodeOid(oids.ecPublicKey), encodeOid(oids.prime256v1));
  const key = encodeSequence(encodeInteger(1), encodeOctetString(Buffer.alloc(32, fill)));
  return encodeSequence(encodeInteger(0), algorithm, encodeOctetString(key));
}

/** RSA cannot be made from a seed. */
const rsaKey = [
  'MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQC0ITXwtib7c530g/TqlOzAT86IAKkMSwg/pc1K5WpHyFphqpXuqh/i+7uBImUH',
  '7tYkaPy+LO5JTT9PM1EW99lno5fIRIdruw4Z6evaY3pp3WjUOf5tgp/MXyCSgD1EIB+IlhDBlwUEuTo+Uwc5T3GyxTPE8zpMS6nweaYInRQyyBLR',
  'ILBlV6k+trw3pfW0R0Kq8K3kq3IgD1owLNGYKO/B8tDy1AXUW/R8ZGnX/eUGpNfVKvPZfJXv+fD9UJq9BLpxHgYL5aYFoq0Yu+9IqH6KIVhigLEk',
  'EDG2Hzx7R/ZWt78Gueu/DcqFRUG7gflSrF++RVXGONUpFJnLCf/a2orRAgMBAAECggEAQAbaBIDKpHB5QdOxt7xN1yHG+MK7U/pLqUwHB8s6Ft/Z',
  'eIPJHXdtNCJkiMcwADzd8z06MWMJJBcIHN/RwAdDSLp2liH9vMZVgdKLGipn9b9UprMig8x9foiFrG1W2aNNciBdPmKuzvoEAOlEVROvB2tfNm96',
  'VmpCso6a/M7QwiePXg3+iMnTSYWCmC8EFLRbpFxl1jWdE7L5qwr55A/a2waY1Ej+AMjTWqgotHfSuBWE2CZ43oDGosQtQDZ9V8G30mAf0jCPT/mJ',
  'ZBMRn9s7t0iiU7jnjWVTYf7U0S17kqWNtYRS5QpjZvzxSZPglfgoJVeRbgl8+IX6w/qQxobUXQKBgQD5itnhBfFDE2uuym+LgbbZl16V+U1YS+GX',
  'W7iRxZOoX0JLDj8gf3Cb5OFryRUtZcGR/G4Ivto0ktyd72Qka6aP1Tsc9ILpV8ibDykBfFAe24H7+2QLqfdH7cTiz6CVYRXndFig/26XRh+yHnZu',
  'fNRIfZuGLWwugF7uCAOs1r3zzwKBgQC4yoUiy9RLCELMTmnPSveILgWc2j2zZHWHgisz9BqVCdtI4W36mUw6Uk4mqFEBZBHCVtEbGGsXOQQi57oi',
  'noY6TQbEXG2tUihBsStjqUeCdUlZvUnz+LVfdykIEtHd6JNG8D2o2PMT+jpWzZhFl5/eC/5utPozy/yHKAOwg3kfXwKBgQCykVLCPI9dkVsgNApI',
  'CSWAZVow9boMMhiXR/I2lezIsonszaAMsEUzuUA58iWuW799qOZQacoZjvJCLhk6GrKRAGQRn0LCmaealemg/4UR38APQeBgnFqwZQvbxfnCizuy',
  'acY2RzKrG2n4+uWCwN7jlMai6IQebov/x0ph9zTsbwKBgFfjaoLsMuIk4bBOMyD2ZNiOGvlJC0OBKizzCh1Bokr0TylQnoAr3Qd4EddtAmoI8DFg',
  'HUAn0vdOlNsNH4hLoUelTuyhkUB37NGhtCNIZcx0gBiAYOX6ijkHcap3WP2UGkgJByqBVMtRneGfEyc2QEDZr39z7/QmtsqJi4euYDM9AoGAGt2m',
  'J0lDRDGA6jpXuFrFffHSAu9FSg33Oc5oO5rD0+QveD1t8tEz7jEFtKt7Z4SJJFle+yd97JeO7LDwJslF+PLn8E6bH+TuwOuFhpbIdc75O1u5zmxT',
  '6CaLbS0W+fsLdj4UPvK0BTSZBMc5FLMP+IYejtZxD/VeoxGZqYb6DDg=',
];
