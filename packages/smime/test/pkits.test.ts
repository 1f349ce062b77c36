/** NIST PKITS, 2011 edition: 249 cases of RFC 5280 path validation with their own expectations. */
import { expect, it } from 'vitest';
import { SmimeError } from '../src/errors.ts';
import { type PathReport, validatePath } from '../src/path/validate-path.ts';
import { parseCertificate } from '../src/x509/certificate.ts';
import { parseCrl } from '../src/x509/crl.ts';
import { describeCorpus } from './corpora.ts';

interface Case {
  readonly id: string;
  readonly title: string;
  readonly certs: readonly [string, ...string[]];
  readonly crls: readonly string[];
  readonly initial_policy_set: readonly string[];
  readonly initial_explicit_policy: boolean;
  readonly initial_policy_mapping_inhibit: boolean;
  readonly initial_inhibit_any_policy: boolean;
  readonly expected: 'valid' | 'invalid';
  readonly user_constrained_policy_set: readonly string[];
}

describeCorpus('pkits', 'PKITS', (corpus) => {
  const edition = 'v1.0.1-2011';
  const at = new Date('2011-04-15T00:00:00Z');
  const cases = Object.values(corpus.json<Case[] | Record<string, Case[]>>('pkits_expected.json')).flat();

  const judge = ({ certs, crls, ...input }: Case): Pick<PathReport, 'valid' | 'policies'> => {
    try {
      const [anchor, ...path] = certs.map((name) => parseCertificate(corpus.bytes(`${edition}/certs/${name}`)));
      const leaf = path.pop();
      if (!anchor || !leaf) throw new Error('a case without certificates');
      return validatePath({
        leaf,
        intermediates: path,
        anchors: [anchor],
        at,
        purpose: 'any',
        crls: crls.map((name) => parseCrl(corpus.bytes(`${edition}/crls/${name}`))),
        revocation: 'required',
        // The DSA certificates are signed with SHA-1: cryptography and policy are scored apart.
        legacy: true,
        policy: {
          acceptable: input.initial_policy_set.map(policyOid),
          explicitPolicy: input.initial_explicit_policy,
          inhibitMapping: input.initial_policy_mapping_inhibit,
          inhibitAny: input.initial_inhibit_any_policy,
        },
      });
    } catch (error) {
      // A certificate or CRL that cannot be read makes no valid path.
      if (error instanceof SmimeError) return { valid: false, policies: [] };
      throw error;
    }
  };

  it('has all of its 249 cases', () => {
    expect(cases.length).toBe(249);
  });

  it.each(cases.map((entry) => [entry.id, entry.title, entry] as const))('%s %s', (_id, _title, entry) => {
    const { valid, policies } = judge(entry);
    expect(valid).toBe(entry.expected === 'valid');
    if (valid) expect(policies.toSorted()).toEqual(entry.user_constrained_policy_set.map(policyOid).toSorted());
  });
});

const policyOid = (name: string): string =>
  name === 'anyPolicy' ? '2.5.29.32.0' : name.replace(/^NIST-test-policy-/, '2.16.840.1.101.3.2.1.48.');
