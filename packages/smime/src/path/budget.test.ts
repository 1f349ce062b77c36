/** What a stranger may put into a message to keep a validation busy: each is done with within a second of processor time. */
import { randomBytes } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { issue, issueCrl, now, type Party } from '../../test/test-authority.ts';
import { encodeElement, encodeInteger, encodeNull, encodeOid, encodeSequence } from '../asn1/der.ts';
import { oids } from '../asn1/oids.ts';
import { limits } from '../limits.ts';
import { type Certificate, parseCertificate } from '../x509/certificate.ts';
import { certificatePolicies, crlDistributionPoints, nameConstraints, subjectAltName } from '../x509/extensions.ts';
import { type PathInput, type PathReport, validatePath } from './validate-path.ts';

const root = await issue({ name: 'Root' });

function judge(leaf: Party, intermediates: readonly Certificate[], changes: Partial<PathInput> = {}): PathReport {
  const before = process.cpuUsage();
  const report = validatePath({
    leaf: leaf.certificate,
    intermediates,
    anchors: [root.certificate],
    at: now,
    purpose: 'any',
    revocation: 'none',
    ...changes,
  });
  const { user, system } = process.cpuUsage(before);
  expect((user + system) / 1_000).toBeLessThan(1_000);
  return report;
}

const codes = ({ problems }: PathReport): string[] =>
  problems.filter(({ severity }) => severity === 'error').map(({ code }) => code);

/** The same certificate with other serial numbers: equal to look at, and none signed any more. */
function copies(of: Party, count: number): Certificate[] {
  const serial = Buffer.from(of.certificate.serialNumber, 'hex');
  return Array.from({ length: count }, (_, index) => {
    const der = Buffer.from(of.certificate.der);
    der.writeUInt32BE(0x40000001 + index, der.indexOf(serial));
    return parseCertificate(der);
  });
}

const policies = Array.from({ length: 30 }, (_, i) => `1.3.6.1.4.1.99999.${i}`);
const everyPolicy = certificatePolicies(policies);
/** Each policy to each: RFC 5280's tree grows thirtyfold with every CA. */
const everyMapping = {
  id: oids.policyMappings,
  critical: true,
  value: encodeSequence(
    ...policies.flatMap((from) => policies.map((to) => encodeSequence(encodeOid(from), encodeOid(to)))),
  ),
};

describe('a path validation stays within its budget', () => {
  it('in loops', async () => {
    const [a, b] = [await issue({ name: 'A', ca: true }), await issue({ name: 'B', ca: true })];
    const loop = [
      (await issue({ name: 'A', ca: true, of: a }, b)).certificate,
      (await issue({ name: 'B', ca: true, of: b }, a)).certificate,
    ];
    const leaf = await issue({ email: 'a@example.com' }, a);
    expect(codes(judge(leaf, [...loop, a.certificate, b.certificate]))).toEqual(['no-path']);
    // With a way out that is forged, so that names alone do not end the search.
    const stranger = await issue({ name: 'Root' });
    const forged = (await issue({ name: 'B', ca: true, of: b }, stranger)).certificate;
    expect(codes(judge(leaf, [...loop, forged]))).toEqual(['no-path']);
    const real = (await issue({ name: 'B', ca: true, of: b }, root)).certificate;
    expect(judge(leaf, [...loop, forged, real]).path.length).toBe(4);
  });

  it('with ten thousand certificates of the name that is looked for', async () => {
    const middle = await issue({ name: 'Middle', ca: true, serialNumber: '40000000' }, root);
    const namesake = await issue({ name: 'Middle', ca: true, serialNumber: '40000000' }, root);
    const leaf = await issue({ email: 'a@example.com' }, middle);
    const crowd = copies(namesake, limits.pathPool - 1);
    // Its key identifier singles it out.
    expect(judge(leaf, [...crowd, middle.certificate])).toMatchObject({ valid: true });
    const alike = await issue({ name: 'Middle', ca: true, of: middle, serialNumber: '40000000' }, root);
    expect(codes(judge(leaf, copies(alike, limits.pathPool)))).toContain('path-budget-exhausted');
  });

  it('with policies mapped each to each, ten CAs deep', async () => {
    const extensions = [everyPolicy, everyMapping];
    const cas: Party[] = [root];
    for (let i = 0; i < 10; i++) cas.push(await issue({ name: `CA ${i}`, ca: true, extensions }, cas.at(-1)));
    const leaf = await issue({ email: 'a@example.com', extensions: [everyPolicy] }, cas.at(-1));
    const report = judge(
      leaf,
      cas.map(({ certificate }) => certificate),
      { policy: { explicitPolicy: true } },
    );
    expect(codes(report)).toEqual([]);
    expect(report.policies.toSorted()).toEqual(policies.toSorted());
  });

  it('with a thousand paths through CAs with many constraints, mappings and distribution points', async () => {
    const extensions = [
      everyPolicy,
      everyMapping,
      nameConstraints({ excluded: { emails: Array.from({ length: 4_000 }, (_, i) => `h${i}.example.org`) } }),
      crlDistributionPoints(Array.from({ length: 60 }, (_, i) => `http://crl.example.com/${i}`)),
    ];
    const certificates: Certificate[] = [];
    let above = root;
    for (let i = 0; i < 10; i++) {
      const ca = await issue({ name: `CA ${i}`, ca: true, extensions }, above);
      const twin = await issue({ name: `CA ${i}`, ca: true, extensions, of: ca }, above);
      certificates.push(ca.certificate, twin.certificate);
      above = ca;
    }
    const leaf = await issue({ email: 'a@h7.example.org', extensions: [everyPolicy] }, above);
    const crls = await Promise.all(Array.from({ length: 64 }, (_, number) => issueCrl(above, [], { number })));
    const report = judge(leaf, certificates, { crls, revocation: 'required' });
    expect(report.valid).toBe(false);
    expect(codes(report)).toContain('path-budget-exhausted');
    expect(report.problems.length).toBeLessThan(100);
  });

  it('with thousands of names against thousands of constraints', async () => {
    const excluded = Array.from({ length: 4_000 }, (_, i) => `h${i}.example.org`);
    const narrow = await issue(
      { name: 'Narrow', ca: true, extensions: [nameConstraints({ excluded: { emails: excluded } })] },
      root,
    );
    const emails = Array.from({ length: 4_000 }, (_, i) => `a${i}@example.com`);
    const leaf = await issue({ name: 'x', extensions: [subjectAltName({ emails })] }, narrow);
    const report = judge(leaf, [narrow.certificate]);
    expect(codes(report)).toEqual(['malformed-extension']);
    expect(report.problems[0]?.message).toContain('too many names');
  });

  it('with keys of 16,384 bits', async () => {
    const modulus = Buffer.concat([Buffer.of(0x80), randomBytes(2_046), Buffer.of(1)]);
    const key = encodeSequence(encodeInteger(modulus), encodeInteger(Buffer.from('fedcba9876543211', 'hex')));
    const spki = encodeSequence(
      encodeSequence(encodeOid(oids.rsaEncryption), encodeNull),
      encodeElement(0x03, Buffer.of(0), key),
    );
    const slow = await issue({ name: 'Slow', ca: true, spki, serialNumber: '40000000' }, root);
    // A signature of the right length is needed to make verification begin.
    const rsa = encodeSequence(encodeOid(oids.sha256WithRsa), encodeNull);
    const plain = (await issue({ email: 'a@example.com' }, slow)).certificate;
    const leaf = { ...plain, signatureAlgorithm: rsa, signature: Buffer.alloc(2_048, 1) };
    const report = judge({ ...slow, certificate: leaf }, copies(slow, 500));
    expect(codes(report)).toContain('path-budget-exhausted');
  });
});
