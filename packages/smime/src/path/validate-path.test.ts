import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { issue, issueCrl, now, type Party, type Wish } from '../../test/test-authority.ts';
import { encodeNull, encodeOid, encodeSequence } from '../asn1/der.ts';
import { oids } from '../asn1/oids.ts';
import { limits } from '../limits.ts';
import { type Certificate, parseCertificate } from '../x509/certificate.ts';
import { certificatePolicies, nameConstraints, ocspNoCheck } from '../x509/extensions.ts';
import { sameMailbox } from '../x509/mailbox.ts';
import { parseName } from '../x509/name.ts';
import { type PathInput, validatePath } from './validate-path.ts';

const root = await issue({ name: 'Root' });
const middle = await issue({ name: 'Issuing CA', ca: true, pathLength: 0 }, root);
const email = 'alice@example.com';
const alice = await issue({ email, purposes: [oids.emailProtection] }, middle);

const judge = (leaf: Party, changes: Partial<PathInput> = {}) =>
  validatePath({
    leaf: leaf.certificate,
    intermediates: [middle.certificate],
    anchors: [root.certificate],
    at: now,
    purpose: 'email-signing',
    revocation: 'none',
    ...changes,
  });
const codes = (report: ReturnType<typeof validatePath>): string[] =>
  report.problems.filter(({ severity }) => severity === 'error').map(({ code }) => code);
const under = async (ca: Wish, leaf: Wish, changes: Partial<PathInput> = {}) => {
  const issuer = await issue({ name: 'Sub', ca: true, ...ca }, root);
  return judge(await issue({ email, ...leaf }, issuer), { intermediates: [issuer.certificate], ...changes });
};

describe('validatePath', () => {
  it('finds the path and names it leaf first', () => {
    const report = judge(alice, { email });
    expect(report).toMatchObject({ valid: true, problems: [], revocation: 'not-checked' });
    expect(report.path).toEqual([alice.certificate, middle.certificate, root.certificate]);
  });

  it('accepts a leaf that is itself an anchor, and nothing else without a path', async () => {
    const alone = await issue({ email, ca: false });
    expect(judge(alone, { anchors: [alone.certificate] })).toMatchObject({ valid: true, path: [alone.certificate] });
    expect(codes(judge(alone))).toEqual(['self-signed']);
    expect(codes(judge(alice, { intermediates: [] }))).toEqual(['no-path']);
    expect(codes(judge(alice, { anchors: [] }))).toEqual(['no-path']);
  });

  it('rejects a certificate that an impostor of the same name and key identifier signed', async () => {
    const impostor = await issue({ name: 'Issuing CA', ca: true });
    const forged = await issue({ email, extensions: [] }, { ...impostor, certificate: middle.certificate });
    expect(codes(judge(forged))).toEqual(['certificate-signature-invalid']);
    expect(codes(judge(forged, { intermediates: [middle.certificate, impostor.certificate] }))).toEqual(['no-path']);
  });

  it('heeds the validity of every certificate', async () => {
    const past = new Date(now.getTime() - 1000);
    const future = new Date(now.getTime() + 1000);
    expect(codes(await under({}, { notAfter: past }))).toEqual(['expired']);
    expect(codes(await under({}, { notBefore: future }))).toEqual(['not-yet-valid']);
    expect(codes(await under({ notAfter: past }, {}))).toEqual(['expired']);
    expect(codes(judge(alice, { at: new Date('2028-01-01') }))).toEqual(['expired', 'expired', 'expired']);
  });

  it('lets only CAs issue, only as deep as they may, and only with the key usage for it', async () => {
    const person = await issue({ email: 'mallory@example.com', usage: ['digitalSignature', 'keyCertSign'] }, middle);
    const victim = await issue({ email: 'ceo@example.com' }, person);
    expect(codes(judge(victim, { intermediates: [middle.certificate, person.certificate] }))).toEqual([
      'not-a-ca',
      'path-too-long',
    ]);
    const below = await issue({ name: 'Below', ca: true }, middle);
    const deep = await issue({ email }, below);
    expect(codes(judge(deep, { intermediates: [middle.certificate, below.certificate] }))).toEqual(['path-too-long']);
    expect(codes(await under({ usage: ['cRLSign'] }, {}))).toEqual(['ca-key-usage']);
  });

  it('heeds the purpose', async () => {
    expect(codes(await under({}, { purposes: [oids.serverAuth] }))).toEqual(['extended-key-usage']);
    expect(codes(await under({}, { purposes: [oids.serverAuth] }, { purpose: 'any' }))).toEqual([]);
    expect(codes(await under({}, { purposes: [oids.anyExtendedKeyUsage] }))).toEqual([]);
    expect(codes(await under({ purposes: [oids.serverAuth] }, {}))).toEqual(['ca-extended-key-usage']);
    expect(codes(await under({}, { usage: ['keyAgreement'] }))).toEqual(['key-usage']);
    expect(codes(await under({}, { usage: ['keyAgreement'] }, { purpose: 'email-encryption' }))).toEqual([]);
    expect(codes(await under({}, { usage: ['digitalSignature'] }, { purpose: 'email-encryption' }))).toEqual([
      'key-usage',
    ]);
  });

  it('heeds the address', () => {
    expect(codes(judge(alice, { email: 'bob@example.com' }))).toEqual(['email-mismatch']);
    expect(codes(judge(alice, { email: 'Alice@EXAMPLE.com' }))).toEqual([]);
    expect(sameMailbox('a@example.com', 'a@example.com.evil')).toBe(false);
  });

  it('rejects a critical extension that it does not know', async () => {
    const strange = { id: '1.3.6.1.4.1.99999.7', critical: true, value: encodeNull };
    expect(codes(await under({}, { extensions: [strange] }))).toEqual(['unknown-critical-extension']);
    expect(codes(await under({ extensions: [strange] }, {}))).toEqual(['unknown-critical-extension']);
    expect(codes(await under({}, { extensions: [{ ...strange, critical: false }] }))).toEqual([]);
  });

  it('reports a malformed extension instead of throwing', async () => {
    const broken = { id: oids.nameConstraints, critical: true, value: Buffer.from('30ff', 'hex') };
    expect(codes(await under({ extensions: [broken] }, {}))).toEqual(['malformed-extension']);
  });

  describe('under name constraints', () => {
    it.each([
      [{ permitted: { emails: ['example.com'] } }, []],
      [{ permitted: { emails: ['alice@example.com'] } }, []],
      [{ permitted: { emails: ['bob@example.com', '.example.com'] } }, ['name-constraints']],
      [{ permitted: { emails: ['.com'] } }, []],
      [{ permitted: { dns: ['example.org'] } }, []],
      [{ excluded: { emails: ['EXAMPLE.com'] } }, ['name-constraints']],
      [{ excluded: { emails: ['example.org'] } }, []],
      [{ permitted: { emails: ['example.com'] }, excluded: { emails: ['alice@example.com'] } }, ['name-constraints']],
    ])('%j gives %j', async (constraints, expected) => {
      expect(codes(await under({ extensions: [nameConstraints(constraints)] }, {}))).toEqual(expected);
    });

    it('stops before the work explodes', async () => {
      const many = nameConstraints({
        excluded: { emails: Array.from({ length: 4_000 }, (_, i) => `h${i}.example.org`) },
      });
      const names = Array.from({ length: 300 }, (_, i) => `a${i}@example.com`);
      const { subjectAltName } = await import('../x509/extensions.ts');
      const issuer = await issue({ name: 'Sub', ca: true, extensions: [many] }, root);
      const leaf = await issue({ name: 'x', extensions: [subjectAltName({ emails: names })] }, issuer);
      expect(4_000 * names.length).toBeGreaterThan(limits.nameConstraintChecks);
      expect(codes(judge(leaf, { intermediates: [issuer.certificate] }))).toEqual(['malformed-extension']);
    });
  });

  it('demands a policy where it is told to', async () => {
    const policy = '1.3.6.1.4.1.99999.1';
    const stated = { extensions: [certificatePolicies([policy])] };
    const demand = { policy: { acceptable: [policy], explicitPolicy: true } };
    expect(codes(await under(stated, stated, demand))).toEqual([]);
    expect(codes(await under(stated, {}, demand))).toEqual(['policy-not-acceptable']);
    expect(codes(await under(stated, stated, { policy: { acceptable: ['1.2.3'], explicitPolicy: true } }))).toEqual([
      'policy-not-acceptable',
    ]);
    expect(codes(await under({ extensions: [certificatePolicies([oids.anyPolicy])] }, stated, demand))).toEqual([]);
  });

  it('warns of a certificate that is not DER, though its signature holds', async () => {
    const { certificate } = await issue({ email }, middle);
    // The outer length in one octet more than it needs.
    const inner = certificate.der.subarray(4);
    const ber = Buffer.concat([
      Buffer.from('3083', 'hex'),
      Buffer.of(0, inner.length >> 8, inner.length & 0xff),
      inner,
    ]);
    const report = judge({ ...alice, certificate: parseCertificate(ber) });
    expect(report).toMatchObject({ valid: true, problems: [{ code: 'not-der', severity: 'warning' }] });
  });

  it('checks revocation up to the anchor', async () => {
    const rootCrl = await issueCrl(root, []);
    const middleCrl = await issueCrl(middle, []);
    const required = { revocation: 'required' } as const;
    expect(judge(alice, { ...required, crls: [rootCrl, middleCrl] })).toMatchObject({
      valid: true,
      revocation: 'good',
    });
    expect(codes(judge(alice, { ...required, crls: [middleCrl] }))).toEqual(['revocation-unknown']);
    expect(judge(alice, { revocation: 'leaf-required', crls: [middleCrl] })).toMatchObject({
      valid: true,
      revocation: 'unknown',
    });
    expect(codes(judge(alice, { revocation: 'leaf-required', crls: [rootCrl] }))).toEqual(['revocation-unknown']);
    expect(judge(alice, { revocation: 'if-present', crls: [middleCrl] })).toMatchObject({
      valid: true,
      revocation: 'unknown',
    });
    const revokedMiddle = await issueCrl(root, [
      { serialNumber: middle.certificate.serialNumber, revokedAt: now, reason: 'cACompromise' },
    ]);
    const unchecked = await issue({ email, extensions: [ocspNoCheck()] }, middle);
    expect(codes(judge(unchecked, { ...required, crls: [rootCrl] }))).toEqual(['revocation-unknown']);
    for (const revocation of ['required', 'if-present'] as const) {
      expect(judge(alice, { revocation, crls: [revokedMiddle, middleCrl] })).toMatchObject({
        valid: false,
        revocation: 'revoked',
      });
    }
  });

  it('believes a CRL only from whoever has a path to the same anchor', async () => {
    // The CA has two keys of one name; the second signs its CRLs.
    const ca = await issue({ name: 'Two keys', ca: true, usage: ['keyCertSign'] }, root);
    const leaf = await issue({ email }, ca);
    const otherRoot = await issue({ name: 'Other root' });
    const required = { revocation: 'required', anchors: [root.certificate, otherRoot.certificate] } as const;
    const rootCrl = await issueCrl(root, []);
    for (const [issuer, valid] of [
      [root, true],
      [otherRoot, false],
    ] as const) {
      const crlKey = await issue({ name: 'Two keys', ca: true, usage: ['cRLSign'] }, issuer);
      const report = judge(leaf, {
        ...required,
        intermediates: [ca.certificate, crlKey.certificate],
        crls: [rootCrl, await issueCrl(otherRoot, []), await issueCrl(crlKey, [])],
      });
      expect(report.valid).toBe(valid);
      if (!valid) expect(codes(report)).toEqual(['revocation-unknown']);
    }
  });

  it('takes an unknown critical qualifier, an absent issuer or a curve of its own for an error', async () => {
    const qualified = {
      id: oids.certificatePolicies,
      critical: true,
      value: encodeSequence(
        encodeSequence(encodeOid('1.2.3.4'), encodeSequence(encodeSequence(encodeOid('1.2.3.5'), encodeNull))),
      ),
    };
    expect(codes(await under({}, { extensions: [qualified] }))).toEqual(['unknown-policy-qualifier']);
    expect(codes(await under({}, { extensions: [{ ...qualified, critical: false }] }))).toEqual([]);
    const nobody = await issue({ subject: parseName(encodeSequence()), ca: true });
    expect(codes(judge(await issue({ email }, nobody), { anchors: [nobody.certificate] }))).toEqual(['no-issuer']);
    const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256', paramEncoding: 'explicit' });
    const spki = publicKey.export({ format: 'der', type: 'spki' });
    expect(codes(await under({}, { spki }, { purpose: 'any' }))).toEqual(['explicit-curve']);
    expect(codes(await under({}, { spki }, { purpose: 'any', legacy: true }))).toEqual(['explicit-curve']);
  });

  it('takes weak keys and signatures for errors, under legacy for warnings', async () => {
    const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 1024 });
    const spki = publicKey.export({ format: 'der', type: 'spki' });
    const report = await under({}, { spki });
    expect(codes(report)).toEqual(['weak-key']);
    expect(await under({}, { spki }, { legacy: true })).toMatchObject({
      valid: true,
      problems: [{ code: 'weak-key', severity: 'warning' }],
    });
  });
});

describe('the search for a path', () => {
  it('goes round dead ends: an expired cross-certificate and a rolled-over key', async () => {
    const otherRoot = await issue({ name: 'Other root' });
    const expiredCross = await issue(
      { name: 'Issuing CA', ca: true, of: middle, notAfter: new Date(now.getTime() - 1000) },
      root,
    );
    const strangeCross = await issue({ name: 'Issuing CA', ca: true, of: middle }, otherRoot);
    for (const intermediates of [
      [expiredCross, strangeCross, middle],
      [middle, strangeCross, expiredCross],
    ]) {
      const report = judge(alice, { intermediates: intermediates.map(({ certificate }) => certificate) });
      expect(report.valid).toBe(true);
      expect(report.path[1]).toBe(middle.certificate);
    }
  });

  describe('through a mesh of nine CAs that all certify one another', async () => {
    const cas: Party[] = [];
    for (let i = 0; i < 9; i++) cas.push(await issue({ name: `Mesh ${i}` }));
    const mesh: Certificate[] = [];
    for (const issuer of cas)
      for (const subject of cas)
        if (issuer !== subject)
          mesh.push((await issue({ name: `Mesh ${cas.indexOf(subject)}`, ca: true, of: subject }, issuer)).certificate);
    const leaf = await issue({ email }, cas[0]);
    const exit = (issuer: Party) => issue({ name: 'Mesh 8', ca: true, ...(cas[8] && { of: cas[8] }) }, issuer);

    it('finds the one way out', async () => {
      const report = judge(leaf, { intermediates: [...mesh, (await exit(root)).certificate] });
      expect(report).toMatchObject({ valid: true, problems: [] });
      expect(report.path.length).toBe(4);
    });

    it('verifies nothing where no name leads to an anchor', () => {
      expect(codes(judge(leaf, { intermediates: mesh }))).toEqual(['no-path']);
    });

    it('gives up within its budget where the way out is forged', async () => {
      const impostor = await issue({ name: 'Root' });
      const report = judge(leaf, { intermediates: [...mesh, (await exit(impostor)).certificate] });
      expect(codes(report)).toEqual(['no-path', 'path-budget-exhausted']);
    });
  });
});
