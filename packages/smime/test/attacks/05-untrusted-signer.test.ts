import { beforeAll, describe, expect, it } from 'vitest';
import { nameConstraints, oids, parseCertificate, signMessage, verifyMessage } from '../../src/index.ts';
import { codes, type Holder, type HolderInput, issue, mail, now } from '../office.ts';
import { chainsByName, digestMatches, readSigned, signatureHolds, signersOf, takeSigned } from './naive.ts';

describe('attack 5: the mathematics is right and the certificate is not', () => {
  let root: Holder;
  beforeAll(async () => {
    root = await issue({ ca: true });
  });

  /** The signature holds, and names lead up to a root: whether anybody signed the certificates, and for what, is not asked. */
  function naive(message: Uint8Array): boolean {
    const taken = takeSigned(message);
    if (taken === undefined) return false;
    const data = readSigned(taken.cms);
    const others = data.certificates.map((der) => parseCertificate(der));
    return signersOf(data).every(
      (signer) =>
        signatureHolds(signer, taken.content) &&
        digestMatches(signer, taken.content) &&
        signer.certificate !== undefined &&
        chainsByName(signer.certificate, others, root.certificate),
    );
  }

  async function verdictOn(input: HolderInput, issuer: Holder, chain: readonly Holder[] = []) {
    const signer = await issue({ email: 'alice@example.org', ...input }, issuer);
    const message = await signMessage({
      signers: [{ ...signer, chain: chain.map(({ certificate }) => certificate) }],
      message: mail(),
      form: 'clear',
      signingTime: now,
    });
    expect(naive(message)).toBe(true);
    const report = await verifyMessage({ message, anchors: [root.certificate], at: now });
    expect(report.signers[0]?.signature).toBe('valid');
    return {
      verdict: report.verdict,
      pathValid: report.signers[0]?.path.valid,
      problems: codes([...(report.signers[0]?.path.problems ?? []), ...(report.signers[0]?.problems ?? [])]),
    };
  }

  it('the control is valid', async () => {
    expect(await verdictOn({}, root)).toMatchObject({ verdict: 'valid', pathValid: true });
  });

  it('from a CA that nobody trusts, even one of the same name', async () => {
    const impostor = await issue({ ca: true });
    expect(await verdictOn({}, impostor, [impostor])).toMatchObject({ verdict: 'invalid', pathValid: false });
  });

  it('expired, and not yet valid', async () => {
    expect(await verdictOn({ notAfter: new Date(now.getTime() - 1000) }, root)).toMatchObject({
      verdict: 'invalid',
      pathValid: false,
    });
    expect(await verdictOn({ notBefore: new Date(now.getTime() + 1000) }, root)).toMatchObject({
      verdict: 'invalid',
      pathValid: false,
    });
  });

  it('for another purpose', async () => {
    expect(await verdictOn({ purposes: [oids.serverAuth] }, root)).toMatchObject({
      verdict: 'invalid',
      pathValid: false,
    });
    expect(await verdictOn({ usage: ['keyEncipherment'] }, root)).toMatchObject({
      verdict: 'invalid',
      pathValid: false,
    });
  });

  it('issued by a person', async () => {
    const mallory = await issue({ email: 'mallory@example.org' }, root);
    expect(await verdictOn({}, mallory, [mallory])).toMatchObject({ verdict: 'invalid', pathValid: false });
  });

  it('outside the name constraints of its CA', async () => {
    const constrained = await issue(
      { ca: true, name: 'Constrained', extensions: [nameConstraints({ permitted: { emails: ['example.com'] } })] },
      root,
    );
    expect(await verdictOn({}, constrained, [constrained])).toMatchObject({ verdict: 'invalid', pathValid: false });
  });

  it('with a key that is too short', async () => {
    const report = await verdictOn({ kind: 'rsa', bits: 1024 }, root);
    expect(report.verdict).toBe('invalid');
    expect(report.problems).toContain('weak-key');
  });
});
