/** The certificates of OpenSSL's own tests of path validation; the file names say what is wrong with each. */
import { expect, it } from 'vitest';
import { SmimeError } from '../src/errors.ts';
import { validatePath } from '../src/path/validate-path.ts';
import { type Certificate, parseCertificate } from '../src/x509/certificate.ts';
import { describeCorpus } from './corpora.ts';

/** Leaf, anchor, what stands between; then the code of the first error, or nothing where the path is valid. */
const expected: readonly (readonly [leaf: string, anchor: string, between: string, code?: string])[] = [
  ['ee-cert', 'root-cert', 'ca-cert'],
  ['ee-cert', 'ca-cert', ''],
  ['ee-cert', 'root-cert', '', 'no-path'],
  ['ee-cert', 'root-cert', 'ca-nonca', 'not-a-ca'],
  ['ee-cert', 'root-cert', 'ca-nonbc', 'not-a-ca'],
  ['ee-cert', 'root-cert', 'ca-expired', 'expired'],
  ['ee-cert', 'root-cert', 'ca-cert2', 'certificate-signature-invalid'],
  ['ee-cert', 'root-cert', 'ca-name2', 'no-path'],
  ['ee-cert', 'root-cert2', 'ca-cert', 'no-path'],
  ['ee-cert', 'root-name2', 'ca-cert', 'no-path'],
  ['ee-cert', 'root-nonca', 'ca-cert', 'not-a-ca'],
  ['ee-expired', 'root-cert', 'ca-cert', 'expired'],
  ['ee-name2', 'root-cert', 'ca-cert', 'no-path'],
  ['ee-cert-md5', 'root-cert', 'ca-cert', 'weak-signature'],
  ['ee-cert-768', 'root-cert', 'ca-cert', 'weak-key'],
  ['ee-cert-1024', 'root-cert', 'ca-cert', 'weak-key'],
  ['ee-cert-3072', 'root-cert', 'ca-cert'],
  ['ee-cert-8192', 'root-cert', 'ca-cert'],
  ['ee-cert-crit-unknown-ext', 'root-cert', 'ca-cert', 'unknown-critical-extension'],
  ['ee-cert-noncrit-unknown-ext', 'root-cert', 'ca-cert'],
  ['ee-cert-ec-explicit', 'root-cert', 'ca-cert-ec-named', 'explicit-curve'],
  ['ee-cert-ec-named-explicit', 'root-cert', 'ca-cert-ec-explicit', 'explicit-curve'],
  ['ee-cert-ec-named-named', 'root-cert', 'ca-cert-ec-named'],
  ['ee-pss-sha256-cert', 'root-cert', 'ca-cert'],
  ['ee-pss-sha1-cert', 'root-cert', 'ca-cert', 'weak-signature'],
  ['ee-pss-cert', 'root-cert', 'ca-pss-cert'],
  ['ee-pss-wrong1.5-cert', 'root-cert', 'ca-pss-cert', 'certificate-signature-invalid'],
  ['ee-ed25519', 'root-ed25519', ''],
  ['alt1-cert', 'root-cert', 'ncca1-cert'],
  ['alt2-cert', 'root-cert', 'ncca2-cert'],
  ['alt3-cert', 'root-cert', 'ncca1-cert ncca3-cert'],
  ['goodcn1-cert', 'root-cert', 'ncca1-cert'],
  ['badalt1-cert', 'root-cert', 'ncca1-cert', 'name-constraints'],
  ['badalt2-cert', 'root-cert', 'ncca2-cert', 'name-constraints'],
  ['badalt3-cert', 'root-cert', 'ncca1-cert', 'name-constraints'],
  ['badalt4-cert', 'root-cert', 'ncca1-cert', 'name-constraints'],
  ['badalt5-cert', 'root-cert', 'ncca1-cert', 'name-constraints'],
  // What is bad about these two is a common name, which OpenSSL reads as a host name and RFC 5280 does not.
  ['badalt6-cert', 'root-cert', 'ncca1-cert'],
  ['badalt7-cert', 'root-cert', 'ncca1-cert'],
  ['badalt8-cert', 'root-cert', 'ncca1-cert ncca3-cert', 'name-constraints'],
  ['badalt9-cert', 'root-cert', 'ncca1-cert ncca3-cert', 'name-constraints'],
  ['badalt10-cert', 'root-cert', 'ncca1-cert ncca3-cert', 'name-constraints'],
  ['some-names1', 'many-constraints', ''],
  ['some-names2', 'many-constraints', ''],
  ['some-names3', 'many-constraints', ''],
  ['many-names2', 'many-constraints', '', 'malformed-extension'],
  // No address is constrained, so that none is compared; OpenSSL counts names and constraints of every kind.
  ['many-names1', 'many-constraints', ''],
  ['many-names3', 'many-constraints', ''],
];

describeCorpus('openssl-cms', 'OpenSSL: paths', (corpus) => {
  const certificate = (name: string): Certificate => parseCertificate(corpus.der(`test-certs/${name}.pem`));

  it.each(expected.map((entry) => [...entry.slice(0, 3), entry] as const))('%s under %s through "%s"', (...args) => {
    const [leaf, anchor, between, code] = args.at(-1) as (typeof expected)[number];
    const { valid, problems } = validatePath({
      leaf: certificate(leaf),
      anchors: [certificate(anchor)],
      intermediates: between === '' ? [] : between.split(' ').map(certificate),
      at: new Date('2022-01-01T00:00:00Z'),
      purpose: 'any',
      revocation: 'none',
    });
    expect(problems.find(({ severity }) => severity === 'error')?.code).toBe(code);
    expect(valid).toBe(code === undefined);
  });

  it('refuses what cannot be read with an error of its own', () => {
    const refused: string[] = [];
    for (const name of corpus.names('test-certs', /\.pem$/)) {
      if (!corpus.text(name).startsWith('-----BEGIN CERTIFICATE-----')) continue;
      try {
        parseCertificate(corpus.der(name));
      } catch (error) {
        refused.push(error instanceof SmimeError ? (name.split('/')[1] as string) : `${name}: ${String(error)}`);
      }
    }
    expect(refused).toEqual(['ee-cert-policies-bad.pem']);
  });
});
