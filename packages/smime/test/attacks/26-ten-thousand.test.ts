import { createPublicKey } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { encodeSetOf } from '../../src/asn1/der.ts';
import { encodeIssuerAndSerial } from '../../src/cms/identifier.ts';
import { encodeSignerInfo } from '../../src/cms/signed-data.ts';
import {
  assembleSigned,
  buildName,
  buildTbsCertificate,
  decryptContent,
  encryptContent,
  limits,
  parseCertificate,
  signatureAlgorithmFor,
  subjectAltName,
  verifyMessage,
} from '../../src/index.ts';
import { digestAlgorithm } from '../../src/keys/algorithms.ts';
import { attributes, clear, signedData, signerInfo, text } from '../forge.ts';
import { codes, type Holder, issue, now } from '../office.ts';

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
