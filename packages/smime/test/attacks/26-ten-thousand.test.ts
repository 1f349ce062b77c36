import { createPublicKey, pbkdf2Sync } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { DerReader, encodeElement, encodeInteger, encodeSetOf } from '../../src/asn1/der.ts';
import { encodeIssuerAndSerial } from '../../src/cms/identifier.ts';
import { encodeSignerInfo } from '../../src/cms/signed-data.ts';
import {
  assembleSigned,
  basicConstraints,
  buildName,
  buildTbsCertificate,
  type Certificate,
  decryptContent,
  encryptContent,
  keyUsage,
  limits,
  namesEqual,
  parseCertificate,
  SmimeError,
  signatureAlgorithmFor,
  subjectAltName,
  verifyMessage,
} from '../../src/index.ts';
import { digestAlgorithm } from '../../src/keys/algorithms.ts';
import { attributes, clear, signedData, signerInfo, text } from '../forge.ts';
import { codes, type Holder, issue, now } from '../office.ts';
import { readSigned, signatureHolds, signersOf } from './naive.ts';

describe('attack 26: ten thousand of everything', () => {
  let root: Holder;
  let alice: Holder;
  beforeAll(async () => {
    root = await issue({ ca: true });
    alice = await issue({ email: 'alice@example.org' }, root);
  });
  const verify = (message: Uint8Array) => verifyMessage({ message, anchors: [root.certificate], at: now });

  it('signers', async () => {
    const info = await signerInfo(alice, attributes(text));
    // Verifies one after another; a thousandth of them shows that each is work.
    const few = signersOf(readSigned(signedData(new Array<Buffer>(10).fill(info), [alice])));
    const naive = few.filter((signer) => signatureHolds(signer, text)).length;
    expect(naive).toBe(10);
    const report = await verify(clear(text, signedData(new Array<Buffer>(10_000).fill(info), [alice])));
    expect(report).toMatchObject({ verdict: 'invalid', signers: [] });
    expect(codes(report.problems)).toContain('malformed-signature');
  });

  it('certificates', async () => {
    const info = await signerInfo(alice, attributes(text));
    const report = await verify(clear(text, signedData([info], new Array<Holder>(10_000).fill(alice))));
    expect(report).toMatchObject({ verdict: 'invalid', signers: [] });
  });

  it('attributes', async () => {
    const info = await signerInfo(alice, new Array<Buffer>(10_000).fill(attributes(text)[0] as Buffer));
    expect((await verify(clear(text, signedData([info], [alice])))).verdict).toBe('invalid');
  });

  it('recipients: as many as the budget are read, one more is not', async () => {
    const rsa = await issue({ email: 'bob@example.org', kind: 'rsa' }, root);
    const recipients = new Array(limits.recipients).fill(rsa.certificate);
    await expect(
      encryptContent({ content: Buffer.from('x'), recipients: [...recipients, rsa.certificate] }),
    ).rejects.toMatchObject({ code: 'limit-exceeded' });
    const der = await encryptContent({ content: Buffer.from('x'), recipients });
    expect((await decryptContent({ der, keys: [rsa.key] })).recipients).toHaveLength(limits.recipients);
  });

  it('a signer whose certificate is its own issuer’s issuer', async () => {
    const a = await issue({ ca: true, name: 'A' });
    const b = await issue({ ca: true, name: 'B' }, a);
    const loop = await issue({ email: 'alice@example.org' }, b);
    const info = await signerInfo(loop, attributes(text));
    const report = await verify(clear(text, signedData([info], [loop, a, b])));
    expect(report.signers[0]).toMatchObject({ signature: 'valid', path: { valid: false } });
  });

  it('CAs that have all certified one another', async () => {
    const cas = await Promise.all(Array.from({ length: 9 }, (_, at) => issue({ ca: true, name: `CA ${at}` })));
    const mesh = (
      await Promise.all(
        cas.flatMap((subject) => cas.filter((issuer) => issuer !== subject).map((issuer) => cross(subject, issuer))),
      )
    ).map((certificate) => ({ ...alice, certificate }));
    const leaf = await issue({ email: 'alice@example.org' }, cas[0]);
    // Follows every issuer that is not on the path yet, and every issuer of that: nine factorial paths lead nowhere.
    let naive = 0;
    const walk = (at: Certificate, path: readonly Certificate[]): void => {
      if (++naive > 20_000) return;
      for (const { certificate } of mesh)
        if (namesEqual(certificate.subject, at.issuer) && !path.some((one) => namesEqual(one.subject, at.issuer)))
          walk(certificate, [...path, certificate]);
    };
    walk(leaf.certificate, []);
    expect(naive).toBeGreaterThan(20_000);
    const info = await signerInfo(leaf, attributes(text));
    const report = await verify(clear(text, signedData([info], [leaf, ...mesh])));
    expect(report.verdict).toBe('invalid');
    expect(report.signers[0]).toMatchObject({ signature: 'valid', path: { valid: false } });
    const [control] = await Promise.all([cross(cas[0] as Holder, root)]);
    const trusted = await verify(clear(text, signedData([info], [leaf, { ...alice, certificate: control }])));
    expect(trusted.verdict).toBe('valid');
  });

  it('two billion iterations between a password and its key', async () => {
    const recipient = { password: 'between us', iterations: 1_234 };
    const der = Buffer.from(await encryptContent({ content: Buffer.from('x'), recipients: [recipient] }));
    expect((await decryptContent({ der, keys: [recipient] })).content).toEqual(Buffer.from('x'));
    const bomb = withInteger(der, 1_234, 0x7fff_ffff);
    expect(bomb.equals(der)).toBe(false);
    const start = performance.now();
    pbkdf2Sync('between us', 'salt', 20_000, 32, 'sha256');
    const naive = ((performance.now() - start) * 0x7fff_ffff) / 20_000;
    expect(naive).toBeGreaterThan(60_000);
    const cpu = process.cpuUsage();
    await expect(decryptContent({ der: bomb, keys: [recipient] })).rejects.toThrow(SmimeError);
    const { user, system } = process.cpuUsage(cpu);
    expect((user + system) / 1_000).toBeLessThan(1_000);
  });

  it('an RSA key of 16,384 bits and an exponent as long: the signature is looked at, and takes no second', async () => {
    const number = (octets: number): string => Buffer.alloc(octets, 0xff).toString('base64url');
    for (const [n, e] of [
      [number(2_048), 'AQAB'],
      [number(2_048), number(2_048)],
    ] as const) {
      const spki = createPublicKey({ key: { kty: 'RSA', n, e }, format: 'jwk' }).export({
        format: 'der',
        type: 'spki',
      });
      const algorithm = signatureAlgorithmFor(root.signer.kind, 'sha256');
      const tbs = buildTbsCertificate({
        serialNumber: '4711',
        signatureAlgorithm: algorithm,
        issuer: root.certificate.subject,
        subject: buildName([{ type: 'commonName', value: 'Heavy' }]),
        notBefore: new Date(now.getTime() - 86_400_000),
        notAfter: new Date(now.getTime() + 86_400_000),
        spki,
        extensions: [subjectAltName({ emails: ['alice@example.org'] })],
      });
      const certificate = parseCertificate(assembleSigned(tbs, algorithm, await root.signer.sign(tbs, 'sha256')));
      const heavy = { ...alice, certificate };
      const info = encodeSignerInfo({
        issuerAndSerial: encodeIssuerAndSerial(certificate),
        digestAlgorithm: digestAlgorithm('sha256'),
        signedAttributes: encodeSetOf(attributes(text)),
        signatureAlgorithm: signatureAlgorithmFor('rsa', 'sha256'),
        signature: Buffer.alloc(2_048, 0x55),
      });
      const start = performance.now();
      const report = await verify(clear(text, signedData([info], [heavy])));
      expect(report.verdict).toBe('invalid');
      expect(report.signers[0]?.signature).not.toBe('valid');
      expect(performance.now() - start).toBeLessThan(1_000);
    }
  });
});

/** The subject's name and key, certified by another CA. */
async function cross(subject: Holder, issuer: Holder): Promise<Certificate> {
  const algorithm = signatureAlgorithmFor(issuer.signer.kind, 'sha256');
  const tbs = buildTbsCertificate({
    serialNumber: '4712',
    signatureAlgorithm: algorithm,
    issuer: issuer.certificate.subject,
    subject: subject.certificate.subject,
    notBefore: new Date(now.getTime() - 86_400_000),
    notAfter: new Date(now.getTime() + 86_400_000),
    spki: subject.signer.spki,
    extensions: [basicConstraints({ ca: true }), keyUsage(['keyCertSign', 'cRLSign'])],
  });
  return parseCertificate(assembleSigned(tbs, algorithm, await issuer.signer.sign(tbs, 'sha256')));
}

/** One INTEGER replaced wherever it stands, with the lengths around it. */
function withInteger(der: Buffer, from: number, to: number): Buffer {
  const out: Buffer[] = [];
  for (const reader = new DerReader(der); !reader.atEnd; ) {
    const identifier = reader.peek();
    if ((identifier & 0x20) !== 0) {
      out.push(encodeElement(identifier, withInteger(reader.content(identifier), from, to)));
      continue;
    }
    const element = reader.element();
    out.push(element.equals(encodeInteger(from)) ? encodeInteger(to) : element);
  }
  return Buffer.concat(out);
}
