import { execFileSync, spawnSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  assembleSigned,
  basicConstraints,
  buildName,
  buildTbsCertificate,
  certificatePolicies,
  derToPem,
  localSigner,
  type Name,
  type Signer,
  signatureAlgorithmFor,
} from '@chancery/smime';
import { afterAll, describe, expect, it } from 'vitest';
import { BatchCase } from '../batch.ts';
import { validateCase } from './path-batch.ts';
import { CertificateReader } from './path-input.ts';

const command = path.resolve(import.meta.dirname, '../../bin/chancery.js');
const folder = mkdtempSync(path.join(tmpdir(), 'chancery-path-'));
afterAll(() => rmSync(folder, { recursive: true }));

const policy = '1.3.6.1.4.1.99999.1';
let serial = 1;

interface Issuer {
  readonly signer: Signer;
  readonly subject: Name;
}

async function issue(name: string, issuer?: Issuer, days = 365) {
  const signer = localSigner(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey);
  const by = issuer ?? { signer, subject: buildName([{ type: 'commonName', value: name }]) };
  const algorithm = signatureAlgorithmFor('p256', 'sha256');
  const subject = buildName([{ type: 'commonName', value: name }]);
  const tbs = buildTbsCertificate({
    serialNumber: (serial++).toString(16),
    signatureAlgorithm: algorithm,
    issuer: by.subject,
    subject,
    notBefore: new Date('2026-01-01T00:00:00Z'),
    notAfter: new Date(Date.UTC(2026, 0, 1 + days)),
    spki: signer.spki,
    extensions: [
      ...(name === 'Leaf' ? [] : [basicConstraints({ ca: true })]),
      ...(issuer ? [certificatePolicies([policy])] : []),
    ],
  });
  const der = Buffer.from(assembleSigned(tbs, algorithm, await by.signer.sign(tbs, 'sha256')));
  const file = path.join(folder, `${serial}.crt`);
  writeFileSync(file, der);
  return { signer, subject, der, file, text: der.toString('base64') };
}

const root = await issue('Root');
const middle = await issue('Middle', root);
const namesake = await issue('Middle', root);
const brief = await issue('Middle', root, 10);
const leaf = await issue('Leaf', middle);
const pem = path.join(folder, 'bundle.pem');
writeFileSync(
  pem,
  `Two of the same name\n${derToPem(namesake.der, 'CERTIFICATE')}${derToPem(middle.der, 'CERTIFICATE')}`,
);

const usual = {
  leaf: leaf.file,
  anchors: [root.text],
  intermediates: [middle.text],
  at: '2026-06-01T00:00:00Z',
};
const reader = new CertificateReader();
const answer = (changes: object) => validateCase(new BatchCase({ ...usual, ...changes }), reader);

describe('a case of chancery path validate --batch', () => {
  it('takes paths to DER and PEM, base64 and PEM text', () => {
    const valid = { valid: true, problem: null, code: null, clause: null, policies: [policy] };
    expect(answer({})).toEqual(valid);
    expect(answer({ leaf: leaf.text, intermediates: [pem] })).toEqual(valid);
    expect(answer({ leaf: derToPem(leaf.der, 'CERTIFICATE'), anchors: [root.file] })).toEqual(valid);
    expect(answer({ leaf: root.text })).toMatchObject({ valid: true });
  });

  it('finds the way among namesakes and past what cannot be read', () => {
    const broken = middle.der.subarray(0, 200).toString('base64');
    for (const intermediates of [
      [namesake.text, brief.text, middle.text],
      [middle.text, brief.text, namesake.text],
      [broken, 'AAAA', 'no certificate', middle.text],
      [leaf.text, root.text, middle.text, middle.text],
    ]) {
      expect(answer({ intermediates })).toMatchObject({ valid: true });
    }
    expect(answer({ anchors: [broken, root.text], crls: [broken, 'AAAA'] })).toMatchObject({ valid: true });
  });

  it('says why not', () => {
    expect(answer({ at: '2027-06-01' })).toMatchObject({ valid: false, code: 'expired', policies: [] });
    expect(answer({ at: '2025-06-01T12:00:00+02:00' })).toMatchObject({
      code: 'not-yet-valid',
      clause: 'RFC 5280 section 6.1.3 (a)',
    });
    expect(answer({ anchors: [], intermediates: [] })).toMatchObject({ code: 'no-path' });
    expect(answer({ intermediates: [namesake.text] })).toMatchObject({ code: 'certificate-signature-invalid' });
    expect(answer({ revocation: 'required' })).toMatchObject({ code: 'revocation-unknown' });
    expect(answer({ initialPolicySet: ['1.2.3'], requireExplicitPolicy: true })).toMatchObject({
      code: 'policy-not-acceptable',
    });
    expect(answer({ initialPolicySet: [policy, '1.2.3'], requireExplicitPolicy: true })).toMatchObject({
      policies: [policy],
    });
  });

  it.each([
    [{ leaf: middle.der.subarray(0, 100).toString('base64') }, 'malformed-certificate'],
    [{ leaf: 'AAAA' }, 'malformed-certificate'],
    [{ leaf: 'x'.repeat(10_000) }, 'malformed-certificate'],
    [{ leaf: '' }, 'unusable-input'],
    [{ leaf: undefined }, 'unusable-input'],
    [{ leaf: 7 }, 'unusable-input'],
    [{ leaf: folder }, 'unusable-input'],
    [{ leaf: '/no/such/file' }, 'unusable-input'],
    [{ crls: ['missing.crl'] }, 'unusable-input'],
    [{ anchors: 'root' }, 'unusable-input'],
    [{ at: 'yesterday' }, 'unusable-input'],
    [{ purpose: 'web' }, 'unusable-input'],
    [{ initialPolicySet: ['some policy'] }, 'unusable-input'],
    [{ requireExplicitPolicy: 'yes' }, 'unusable-input'],
  ])('answers %j with a problem', (changes, code) => {
    expect(answer(changes)).toEqual({
      valid: false,
      problem: expect.stringMatching(/./),
      code,
      clause: code === 'unusable-input' ? null : 'RFC 5280 section 4.1',
      policies: [],
    });
  });
});

describe('chancery path validate', () => {
  const run = (...args: string[]) =>
    spawnSync(process.execPath, [command, 'path', 'validate', ...args], { encoding: 'utf8' });

  it('exits with 0, 1 or 2', { timeout: 60_000 }, () => {
    const options = ['--trust', root.file, '--untrusted', pem, '--at', '2026-06-01'];
    const valid = run(leaf.file, ...options, '--policy', policy, '--require-explicit-policy', '--json');
    expect(valid.status).toBe(0);
    expect(JSON.parse(valid.stdout)).toMatchObject({
      valid: true,
      policies: [policy],
      path: ['CN=Leaf', 'CN=Middle', 'CN=Root'],
    });
    const invalid = run(leaf.file, ...options, '--revocation', 'required');
    expect(invalid.status).toBe(1);
    expect(invalid.stdout).toMatch(/^not valid\n/);
    expect(run(pem.replace('.pem', '.none'), ...options).status).toBe(2);
    expect(run(leaf.file, ...options, '--policy', 'any').status).toBe(2);
  });
});

const pkits = path.join(process.env.CHANCERY_CORPORA ?? '../shared/corpora', 'pkits');

interface PkitsCase {
  readonly id: string;
  readonly certs: readonly string[];
  readonly crls: readonly string[];
  readonly initial_policy_set: readonly string[];
  readonly initial_explicit_policy: boolean;
  readonly initial_policy_mapping_inhibit: boolean;
  readonly initial_inhibit_any_policy: boolean;
  readonly expected: 'valid' | 'invalid';
  readonly user_constrained_policy_set: readonly string[];
}

describe.skipIf(!existsSync(pkits))(`chancery path validate --batch on ${pkits}`, () => {
  const oid = (name: string): string =>
    name === 'anyPolicy' ? '2.5.29.32.0' : name.replace(/^NIST-test-policy-/, '2.16.840.1.101.3.2.1.48.');
  const file = (...names: string[]): string => path.join(pkits, 'v1.0.1-2011', ...names);

  it('judges all 249 cases of PKITS in one process', { timeout: 120_000 }, () => {
    const cases = JSON.parse(readFileSync(path.join(pkits, 'pkits_expected.json'), 'utf8')) as PkitsCase[];
    const lines = cases.map((one) => {
      const [anchor = '', ...others] = one.certs.map((name) => file('certs', name));
      return JSON.stringify({
        id: one.id,
        leaf: others.at(-1),
        intermediates: others.slice(0, -1),
        anchors: [anchor],
        crls: one.crls.map((name) => file('crls', name)),
        at: '2011-04-15T00:00:00Z',
        initialPolicySet: one.initial_policy_set.map(oid),
        requireExplicitPolicy: one.initial_explicit_policy,
        inhibitPolicyMapping: one.initial_policy_mapping_inhibit,
        inhibitAnyPolicy: one.initial_inhibit_any_policy,
        revocation: 'required',
        legacy: true,
      });
    });
    const output = execFileSync(process.execPath, [command, 'path', 'validate', '--batch'], {
      input: `${lines.join('\n')}\n{"id":"broken","leaf":\n`,
      encoding: 'utf8',
      maxBuffer: 1 << 24,
    });
    const answers = output
      .split('\n')
      .filter((line) => line !== '')
      .map(
        (line) => JSON.parse(line) as { id: string | null; valid: boolean; problem: string | null; policies: string[] },
      );
    expect(answers.length).toBe(250);
    expect(answers.pop()).toMatchObject({ id: null, problem: expect.stringContaining('not JSON') });
    const summary = (id: string | null, valid: boolean, policies: readonly string[]): string =>
      `${id} ${valid} ${valid ? policies.toSorted().join(' ') : ''}`;
    expect(answers.map(({ id, valid, policies }) => summary(id, valid, policies))).toEqual(
      cases.map((one) => summary(one.id, one.expected === 'valid', one.user_constrained_policy_set.map(oid))),
    );
    for (const { valid, problem } of answers) expect(problem === null).toBe(valid);
  });
});
