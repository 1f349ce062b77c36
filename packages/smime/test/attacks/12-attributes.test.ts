import { createHash, createPublicKey, verify } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  encodeElement,
  encodeOctetString,
  encodeOid,
  encodeSequence,
  encodeSetOf,
  encodeTime,
} from '../../src/asn1/der.ts';
import { encodeAttribute } from '../../src/cms/attributes.ts';
import { encodeIssuerAndSerial } from '../../src/cms/identifier.ts';
import { encodeSignerInfo, type SignerInfo } from '../../src/cms/signed-data.ts';
import { oids, signatureAlgorithmFor, verifyMessage } from '../../src/index.ts';
import { digestAlgorithm } from '../../src/keys/algorithms.ts';
import { attributes, clear, digestOf, signedData, signerInfo, text } from '../forge.ts';
import { codes, type Holder, issue, now } from '../office.ts';
import { digestMatches, readSigned, signatureHolds, signersOf, takeSigned } from './naive.ts';

describe('attack 12: attributes', () => {
  let root: Holder;
  let alice: Holder;
  let twin: Holder;
  beforeAll(async () => {
    root = await issue({ ca: true });
    alice = await issue({ email: 'alice@example.org' }, root);
    twin = await issue({ email: 'alice@example.org' }, root);
  });

  /** The signature over the attributes holds, and one of the digests that stand in any of them is right. */
  function naive(message: Uint8Array): boolean {
    const taken = takeSigned(message);
    if (taken === undefined) return false;
    const data = readSigned(taken.cms);
    const people = [alice, twin].map(({ certificate }) => certificate);
    return signersOf(data).every(
      (signer) =>
        digestMatches(signer, taken.content) &&
        // Any certificate of the same name does.
        people.some((certificate) => signatureHolds({ ...signer, certificate }, taken.content)),
    );
  }

  async function judge(signed: readonly Uint8Array[], change: Parameters<typeof signerInfo>[2] = {}) {
    const message = clear(text, signedData([await signerInfo(alice, signed, change)], [alice, twin]));
    const report = await verifyMessage({ message, anchors: [root.certificate], at: now });
    // Nothing of what follows makes it suspicious, but for a digest that is not there at all.
    expect(naive(message)).toBe(signed.some((attribute) => Buffer.from(attribute).includes(digestOf(text))));
    return {
      verdict: report.verdict,
      signature: report.signers[0]?.signature,
      problems: codes(report.signers[0]?.problems ?? []),
      report,
    };
  }
  const contentType = encodeAttribute(oids.contentType, encodeOid(oids.data));
  const digest = encodeAttribute(oids.messageDigest, encodeOctetString(digestOf(text)));
  const wrongDigest = encodeAttribute(oids.messageDigest, encodeOctetString(digestOf('something else')));

  it('the control is valid', async () => {
    expect(await judge(attributes(text))).toMatchObject({ verdict: 'valid', problems: [] });
  });

  it('content-type missing, twice, with two values, or of another type', async () => {
    expect((await judge([digest])).problems).toContain('content-type-attribute-absent');
    expect((await judge([contentType, contentType, digest])).problems).toContain('content-type-attribute-repeated');
    const two = encodeSequence(
      encodeOid(oids.contentType),
      encodeSetOf([encodeOid(oids.data), encodeOid(oids.signedData)]),
    );
    expect((await judge([two, digest])).problems).toContain('content-type-attribute-repeated');
    expect(await judge([encodeAttribute(oids.contentType, encodeOid(oids.signedData)), digest])).toMatchObject({
      verdict: 'invalid',
      signature: 'invalid',
      problems: ['content-type-attribute-wrong'],
    });
  });

  it('message-digest missing, or twice in either order', async () => {
    expect(await judge([contentType])).toMatchObject({ verdict: 'invalid', problems: ['message-digest-absent'] });
    for (const pair of [
      [digest, wrongDigest],
      [wrongDigest, digest],
      [digest, digest],
    ]) {
      expect(await judge([contentType, ...pair])).toMatchObject({
        verdict: 'invalid',
        problems: ['message-digest-repeated'],
      });
    }
    const two = encodeSequence(
      encodeOid(oids.messageDigest),
      encodeSetOf([encodeOctetString(digestOf(text)), encodeOctetString(digestOf('x'))]),
    );
    expect((await judge([contentType, two])).problems).toContain('message-digest-repeated');
  });

  it('unsigned attributes change nothing, whatever they claim', async () => {
    const capabilities = encodeAttribute(
      oids.smimeCapabilities,
      encodeSequence(encodeSequence(encodeOid(oids.desCbc))),
    );
    const binding = encodeAttribute(oids.signingCertificateV2, encodeSequence());
    const { verdict, report } = await judge(attributes(text), {
      unsigned: encodeElement(0xa1, capabilities, binding),
    });
    expect(verdict).toBe('valid');
    expect(report.signers[0]?.capabilities).toBeUndefined();
  });

  it('those that must be signed are not believed elsewhere, and make the signature suspect', async () => {
    const later = encodeAttribute(oids.signingTime, encodeTime(new Date('2031-01-01T00:00:00Z')));
    for (const attribute of [wrongDigest, later, contentType]) {
      const { verdict, problems, report } = await judge(attributes(text), { unsigned: encodeElement(0xa1, attribute) });
      expect(verdict).toBe('invalid');
      expect(problems).toContain('attribute-not-signed');
      expect(report.signers[0]?.signingTime).toBeUndefined();
    }
  });

  it('the order of a BER writer is accepted, since the set is the same', async () => {
    for (const order of [
      [digest, contentType],
      [contentType, digest],
    ])
      expect((await judge(order, { order: 'as-given' })).verdict).toBe('valid');
  });

  it('what is re-encoded as DER before it is verified is what stands there, and nothing that was sorted away', async () => {
    const time = (text: string): Buffer => encodeAttribute(oids.signingTime, encodeTime(new Date(text)));
    const signedSet = [contentType, digest, time('2026-06-15T11:59:00Z')];
    const earlier = time('2020-01-01T00:00:00Z');
    /** Keeps attributes in a table by their type, verifies its re-encoding, and shows the time that stands first. */
    const fromTable = (info: SignerInfo): string | undefined => {
      const list = info.signedAttributes?.list ?? [];
      const table = new Map(list.map(({ type, values }) => [type, encodeAttribute(type, values[0] as Buffer)]));
      const octets = encodeSetOf([...table.values()]);
      const holds = verify('sha256', octets, createPublicKey(alice.privateKey), info.signature);
      const first = list.find(({ type }) => type === oids.signingTime);
      return holds ? first?.values[0]?.subarray(2).toString('latin1') : undefined;
    };
    const shown = async (...set: Buffer[]) => {
      const der = encodeSetOf(signedSet);
      const info = encodeSignerInfo({
        issuerAndSerial: encodeIssuerAndSerial(alice.certificate),
        digestAlgorithm: digestAlgorithm('sha256'),
        signedAttributes: encodeElement(0x31, ...set),
        signatureAlgorithm: signatureAlgorithmFor('p256', 'sha256'),
        signature: await alice.signer.sign(der, 'sha256'),
      });
      const cms = signedData([info], [alice]);
      const [signer] = readSigned(cms).signers;
      const { verdict, signers } = await verifyMessage({
        message: clear(text, cms),
        anchors: [root.certificate],
        at: now,
      });
      return { naive: signer && fromTable(signer), verdict, time: signers[0]?.signingTime?.toISOString().slice(0, 4) };
    };
    expect(await shown(...signedSet)).toEqual({ naive: '260615115900Z', verdict: 'valid', time: '2026' });
    // A relay may send them in another order: the signature is over their DER.
    expect(await shown(...[...signedSet].reverse())).toEqual({
      naive: '260615115900Z',
      verdict: 'valid',
      time: '2026',
    });
    for (const set of [
      [earlier, ...signedSet],
      [contentType, earlier, digest, signedSet[2] as Buffer],
    ]) {
      const { naive: fooled, verdict } = await shown(...set);
      expect(fooled).toBe('200101000000Z');
      expect(verdict).toBe('invalid');
    }
  });

  it('a signature shown with another certificate of the same name', async () => {
    expect(await judge(attributes(text), { shown: twin })).toMatchObject({ verdict: 'invalid', signature: 'invalid' });
  });

  it('the ESS signing certificate names another certificate', async () => {
    const bound = (holder: Holder) =>
      encodeAttribute(
        oids.signingCertificateV2,
        encodeSequence(
          encodeSequence(
            encodeSequence(encodeOctetString(createHash('sha256').update(holder.certificate.der).digest())),
          ),
        ),
      );
    expect((await judge([...attributes(text), bound(alice)])).verdict).toBe('valid');
    expect(await judge([...attributes(text), bound(twin)])).toMatchObject({
      verdict: 'invalid',
      problems: ['signing-certificate-mismatch'],
    });
  });

  it('the protected algorithm identifiers differ', async () => {
    const protection = (hash: string) =>
      encodeAttribute(
        oids.cmsAlgorithmProtect,
        encodeSequence(encodeSequence(encodeOid(hash)), encodeElement(0xa1, encodeOid(oids.ecdsaWithSha256))),
      );
    expect((await judge([...attributes(text), protection(oids.sha256)])).verdict).toBe('valid');
    expect(await judge([...attributes(text), protection(oids.sha512)])).toMatchObject({
      verdict: 'invalid',
      problems: ['algorithm-protection-mismatch'],
    });
  });
});
