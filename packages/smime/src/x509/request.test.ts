import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { describeCorpus } from '../../test/corpora.ts';
import { oids } from '../asn1/oids.ts';
import { SmimeError } from '../errors.ts';
import { localSigner } from '../keys/local.ts';
import { extendedKeyUsage } from './extensions.ts';
import { buildName, formatName } from './name.ts';
import { buildRequest, parseRequest, verifyRequestSignature } from './request.ts';

const subject = buildName([{ type: 'commonName', value: 'Alice' }]);

describe('certification requests', () => {
  for (const [kind, { privateKey }] of [
    ['rsa', generateKeyPairSync('rsa', { modulusLength: 2048 })],
    ['p384', generateKeyPairSync('ec', { namedCurve: 'P-384' })],
    ['ed25519', generateKeyPairSync('ed25519')],
  ] as const) {
    it(`are built, read and proven with ${kind}`, async () => {
      const der = await buildRequest({
        subject,
        signer: localSigner(privateKey),
        emails: ['alice@example.com'],
        challengePassword: 'geheim ü',
        extensions: [extendedKeyUsage([oids.emailProtection])],
      });
      const request = parseRequest(der);
      expect(formatName(request.subject)).toBe('CN=Alice');
      expect(request).toMatchObject({ keyKind: kind, emails: ['alice@example.com'], challengePassword: 'geheim ü' });
      expect(request.extensions.map(({ id }) => id)).toEqual([oids.subjectAltName, oids.extendedKeyUsage]);
      expect(verifyRequestSignature(request)).toBe(true);
      // A request for somebody else's key proves nothing.
      const other = localSigner(generateKeyPairSync('ec', { namedCurve: 'P-384' }).privateKey);
      const forged = await buildRequest({ subject, signer: { ...localSigner(privateKey), spki: other.spki } });
      expect(verifyRequestSignature(parseRequest(forged))).toBe(false);
      for (let length = 0; length < der.length; length += 3)
        expect(() => parseRequest(der.subarray(0, length))).toThrow(SmimeError);
    });
  }
});

describeCorpus('pyca-vectors', 'requests that others made', (corpus) => {
  const verdict = (name: string): string => {
    try {
      return verifyRequestSignature(parseRequest(corpus.der(`x509/requests/${name}`))) ? 'proven' : 'unproven';
    } catch (error) {
      return error instanceof SmimeError ? error.code : 'crash';
    }
  };
  it.each([
    ['rsa_sha256.pem', 'proven'],
    ['ec_sha256.pem', 'proven'],
    ['ec_sha256_old_header.pem', 'proven'],
    ['dsa_sha1.pem', 'proven'],
    ['san_rsa_sha1.pem', 'proven'],
    ['challenge.pem', 'proven'],
    ['freeipa-bad-critical.pem', 'proven'],
    ['invalid_signature.pem', 'unproven'],
    ['rsa_md4.pem', 'unproven'],
    ['bad-version.pem', 'unexpected-structure'],
    ['two_basic_constraints.pem', 'unexpected-structure'],
    ['long-form-attribute.pem', 'malformed-asn1'],
    ['zero-element-attribute.pem', 'malformed-asn1'],
  ])('%s: %s', (name, expected) => {
    expect(verdict(name)).toBe(expected);
  });

  it('keep their challenge password', () => {
    expect(parseRequest(corpus.der('x509/requests/challenge.pem')).challengePassword).toBe('challenge me!');
  });
});
