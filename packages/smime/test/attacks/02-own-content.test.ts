import { beforeAll, describe, expect, it } from 'vitest';
import {
  DerReader,
  encodeElement,
  encodeExplicit,
  encodeInteger,
  encodeOctetString,
  encodeOid,
  encodeSequence,
  encodeSetOf,
} from '../../src/asn1/der.ts';
import { readSignedData, type SignerInfo } from '../../src/cms/signed-data.ts';
import { oids, verifyMessage } from '../../src/index.ts';
import { digestAlgorithm } from '../../src/keys/algorithms.ts';
import { attributes, clear, opaque, signedData, signerInfo, text } from '../forge.ts';
import { codes, type Holder, issue, now, replaced } from '../office.ts';
import { digestMatches, readSigned, signatureHolds, signersOf, takeSigned } from './naive.ts';

describe('attack 2: the signature beside a content carries content of its own', () => {
  let root: Holder;
  let alice: Holder;
  beforeAll(async () => {
    root = await issue({ ca: true });
    alice = await issue({ email: 'alice@example.org' }, root);
  });
  const verify = (message: Uint8Array) => verifyMessage({ message, anchors: [root.certificate], at: now });

  /** Verifies the content that the object carries where there is one, and shows what stands beside it. */
  function naive(message: Uint8Array): boolean {
    const taken = takeSigned(message);
    if (taken === undefined) return false;
    const data = readSigned(taken.cms);
    const content = data.content;
    return signersOf(data).every(
      (signer) =>
        signatureHolds(signer, content ?? taken.content) &&
        // Where there is nothing, nothing differs.
        (content === undefined && taken.content === '' ? true : digestMatches(signer, content ?? taken.content)),
    );
  }

  it('the control is valid, and a naive check takes it too', async () => {
    const message = clear(text, signedData([await signerInfo(alice, attributes(text))], [alice]));
    expect((await verify(message)).verdict).toBe('valid');
    expect(naive(message)).toBe(true);
    expect(naive(replaced(message, 'Pay 10', 'Pay 99'))).toBe(false);
  });

  it('is never valid, though the signature over its own content is right', async () => {
    const cms = signedData([await signerInfo(alice, attributes(text))], [alice], text);
    expect((await verify(opaque(cms))).verdict).toBe('valid');
    const message = clear('Content-Type: text/plain\r\n\r\nPay 10000 euros to Mallory.\r\n', cms);
    expect(naive(message)).toBe(true);
    const report = await verify(message);
    expect(report.verdict).toBe('invalid');
    expect(codes(report.problems)).toContain('detached-signature-with-content');
    expect(report.signers[0]?.signature).toBe('invalid');
  });

  it('nor with the same content twice', async () => {
    const message = clear(text, signedData([await signerInfo(alice, attributes(text))], [alice], text));
    expect(naive(message)).toBe(true);
    const report = await verify(message);
    expect(report.verdict).toBe('invalid');
    expect(codes(report.problems)).toContain('detached-signature-with-content');
  });

  it('an opaque message without content is not valid either', async () => {
    const message = opaque(signedData([await signerInfo(alice, attributes(text))], [alice]));
    expect(naive(message)).toBe(true);
    const report = await verify(message);
    expect(report.verdict).toBe('invalid');
    expect(codes(report.problems)).toContain('content-missing');
  });

  it('an element beside the content, within the object', async () => {
    const other = 'Content-Type: text/plain\r\n\r\nPay 10000 euros to Mallory.\r\n';
    const info = await signerInfo(alice, attributes(text));
    const certificates = encodeElement(0xa0, alice.certificate.der);
    const object = (...contents: string[]): Buffer =>
      encodeSequence(
        encodeOid(oids.signedData),
        encodeExplicit(
          0,
          encodeSequence(
            encodeInteger(1),
            encodeSetOf([digestAlgorithm('sha256')]),
            encodeSequence(
              encodeOid(oids.data),
              encodeElement(0xa0, ...contents.map((one) => encodeOctetString(Buffer.from(one)))),
            ),
            certificates,
            encodeSetOf([info]),
          ),
        ),
      );
    /** Verifies the first and shows the last, which is the same in all honest objects. */
    const shownBy = (cms: Buffer): string | undefined => {
      const data = new DerReader(cms).enter();
      data.skip();
      const signed = data.enter(0xa0).enter();
      signed.skip();
      signed.skip();
      const encapsulated = signed.enter();
      encapsulated.skip();
      const contents: Buffer[] = [];
      for (const inner = encapsulated.enter(0xa0); !inner.atEnd; ) contents.push(inner.octetString());
      const signer = { info: readSigned(object(text)).signers[0] as SignerInfo, certificate: alice.certificate };
      const [first] = contents;
      const right = first && signatureHolds(signer, first) && digestMatches(signer, first);
      return right ? contents.at(-1)?.toString() : undefined;
    };
    expect(shownBy(object(text))).toBe(text);
    expect((await verify(opaque(object(text)))).verdict).toBe('valid');
    for (const contents of [
      [text, other],
      [text, ''],
      [other, text],
    ]) {
      const cms = object(...contents);
      expect(shownBy(cms)).toBe(contents[0] === text ? contents[1] : undefined);
      expect(() => readSigned(cms)).toThrow('the encapsulated content has octets after its end');
      const report = await verify(opaque(cms));
      expect(report.verdict).toBe('invalid');
      expect(codes(report.problems)).toContain('malformed-signature');
      expect(report.content).toBeUndefined();
    }
  });

  it('an object beside the object, within one ContentInfo', async () => {
    const cms = signedData([await signerInfo(alice, attributes(text))], [alice], text);
    const [type, explicit] = elementsOf(new DerReader(cms).content(0x30)) as [Buffer, Buffer];
    const inner = new DerReader(explicit).content(0xa0);
    /** Verifies what stands first, and cares for nothing after it. */
    const first = (object: Buffer): boolean => {
      const outer = new DerReader(object).enter();
      outer.skip();
      const data = readSignedData(outer.enter(0xa0));
      return signersOf(data).every((signer) => signatureHolds(signer, text) && digestMatches(signer, text));
    };
    expect((await verify(opaque(encodeSequence(type, explicit)))).verdict).toBe('valid');
    for (const object of [
      encodeSequence(type, encodeElement(0xa0, inner, inner)),
      encodeSequence(type, encodeElement(0xa0, inner, encodeOctetString(Buffer.from('Pay Mallory.')))),
      encodeSequence(type, explicit, explicit),
    ]) {
      expect(first(object)).toBe(true);
      const report = await verify(opaque(object));
      expect(report.verdict).not.toBe('valid');
      expect(report.signers).toEqual([]);
    }
  });
});

function elementsOf(content: Buffer): Buffer[] {
  const elements: Buffer[] = [];
  for (const reader = new DerReader(content); !reader.atEnd; ) elements.push(reader.element());
  return elements;
}
