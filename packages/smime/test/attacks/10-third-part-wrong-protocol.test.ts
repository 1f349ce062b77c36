import { beforeAll, describe, expect, it } from 'vitest';
import { verifyMessage } from '../../src/index.ts';
import { attributes, clear, signedData, signerInfo, text } from '../forge.ts';
import { codes, type Holder, issue, now, replaced } from '../office.ts';
import { soundSigners } from './naive.ts';

describe('attack 10: a multipart/signed that is not what it should be', () => {
  let root: Holder;
  let cms: Buffer;
  beforeAll(async () => {
    root = await issue({ ca: true });
    const alice = await issue({ email: 'alice@example.org' }, root);
    cms = signedData([await signerInfo(alice, attributes(text))], [alice]);
  });
  const verify = (message: Uint8Array) => verifyMessage({ message, anchors: [root.certificate], at: now });

  /** Finds the signature by its type and the content by being the other part, whatever the frame says. */
  const naive = async (message: Uint8Array): Promise<boolean> =>
    (await soundSigners(message, root.certificate)) !== undefined;

  it('the control is valid', async () => {
    expect((await verify(clear(text, cms))).verdict).toBe('valid');
    expect(await naive(clear(text, cms))).toBe(true);
    expect(await naive(replaced(clear(text, cms), 'Pay 10', 'Pay 99'))).toBe(false);
  });

  it('a third part', async () => {
    const message = clear(text, cms, { after: '\r\n--b\r\nContent-Type: text/plain\r\n\r\nPay Mallory.\r\n' });
    expect(await naive(message)).toBe(true);
    const report = await verify(message);
    expect(report.verdict).toBe('invalid');
    expect(codes(report.problems)).toContain('signed-third-part');
  });

  it('another protocol, or none', async () => {
    for (const protocol of ['protocol="application/pgp-signature"; ', '']) {
      const message = clear(text, cms, {
        header: `Content-Type: multipart/signed; ${protocol}micalg=sha-256; boundary="b"`,
      });
      expect(await naive(message)).toBe(true);
      const report = await verify(message);
      expect(report.verdict).toBe('invalid');
      expect(codes(report.problems)).toContain('wrong-protocol');
    }
  });

  it('the signature first and the content second', async () => {
    const swapped = replaced(
      clear(text, cms),
      /--b\r\n([\s\S]*?)\r\n--b\r\n([\s\S]*)\r\n--b--/,
      '--b\r\n$2\r\n--b\r\n$1\r\n--b--',
    );
    expect(await naive(swapped)).toBe(true);
    const report = await verify(swapped);
    expect(report.verdict).toBe('invalid');
    expect(codes(report.problems)).toContain('wrong-signature-type');
  });

  it('no end', async () => {
    const message = replaced(clear(text, cms), '--b--', '');
    expect(await naive(message)).toBe(true);
    const report = await verify(message);
    expect(report.verdict).toBe('invalid');
    expect(codes(report.problems)).toContain('signed-not-closed');
  });

  it('one part, and none', async () => {
    const one = replaced(clear(text, cms), /\r\n--b\r\nContent-Type: application[\s\S]*?\r\n--b--/, '\r\n--b--');
    for (const message of [one, replaced(one, /\r\n--b\r\n[\s\S]*?\r\n--b--/, '\r\n--b--')]) {
      const report = await verify(message);
      expect(report.verdict).toBe('invalid');
      expect(codes(report.problems)).toContain('signed-parts-missing');
    }
  });

  it('a micalg that nobody knows is borne', async () => {
    const report = await verify(replaced(clear(text, cms), 'micalg=sha-256', 'micalg=unknown'));
    expect(report.verdict).toBe('valid');
  });

  it('a micalg that names another digest is not valid, and changes nothing in what is computed', async () => {
    const message = replaced(clear(text, cms), 'micalg=sha-256', 'micalg=md5');
    expect(await naive(message)).toBe(true);
    const report = await verify(message);
    expect(report.verdict).toBe('invalid');
    expect(codes(report.signers[0]?.problems ?? [])).toContain('micalg-mismatch');
    expect(report.signers[0]?.digestAlgorithm).toBe('SHA-256');
  });
});
