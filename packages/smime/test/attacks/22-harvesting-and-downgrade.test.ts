import { beforeAll, describe, expect, it } from 'vitest';
import { encodeOid, encodeSequence, encodeSetOf } from '../../src/asn1/der.ts';
import { encodeAttribute } from '../../src/cms/attributes.ts';
import { readContentInfo } from '../../src/cms/content-info.ts';
import { encodeIssuerAndSerial } from '../../src/cms/identifier.ts';
import { readSignedData } from '../../src/cms/signed-data.ts';
import {
  type Certificate,
  certificateEmails,
  oids,
  parseCertificate,
  type SignerReport,
  verifyMessage,
} from '../../src/index.ts';
import { attributes, clear, signedData, signerInfo, text } from '../forge.ts';
import { codes, type Holder, issue, now, replaced } from '../office.ts';

describe('attack 22: a message that teaches whom and how to encrypt', () => {
  let root: Holder;
  let alice: Holder;
  let aliceToo: Holder;
  let mallory: Holder;
  beforeAll(async () => {
    root = await issue({ ca: true });
    [alice, aliceToo, mallory] = await Promise.all([
      issue({ email: 'alice@example.org' }, root),
      issue({ email: 'alice@example.org', kind: 'rsa' }, root),
      issue({ email: 'mallory@example.org' }, root),
    ]);
  });
  const tripleDesOnly = encodeAttribute(
    oids.smimeCapabilities,
    encodeSequence(encodeSequence(encodeOid(oids.desEde3Cbc))),
  );
  const preferring = (holder: Holder): Buffer => {
    const value = encodeIssuerAndSerial(holder.certificate);
    value[0] = 0xa0;
    return encodeAttribute(oids.encryptionKeyPreference, value);
  };
  const signerOf = async (message: Uint8Array): Promise<SignerReport | undefined> =>
    (await verifyMessage({ message, anchors: [root.certificate], at: now })).signers[0];

  /** Takes every certificate that came along, by the addresses in it, and every capability that is stated anywhere. */
  function naive(cms: Uint8Array): { certificates: Map<string, Certificate>; weakens: boolean } {
    const data = readSignedData(readContentInfo(cms).content);
    const certificates = new Map(
      data.certificates
        .map((der) => parseCertificate(der))
        .map((one) => [certificateEmails(one)[0] ?? '', one] as const),
    );
    const stated = data.signers.flatMap((signer) => [
      ...(signer.signedAttributes?.list ?? []),
      ...signer.unsignedAttributes,
    ]);
    const weakens = stated.some(
      ({ type, values }) =>
        type === oids.smimeCapabilities && values.some((value) => value.includes(encodeOid(oids.desEde3Cbc))),
    );
    return { certificates, weakens };
  }

  it('the control: what a right signature covers is reported', async () => {
    const cms = signedData(
      [await signerInfo(alice, [...attributes(text), tripleDesOnly, preferring(aliceToo)])],
      [alice, aliceToo],
    );
    const signer = await signerOf(clear(text, cms));
    expect(signer?.capabilities?.map(({ algorithm }) => algorithm)).toEqual([oids.desEde3Cbc]);
    expect(signer?.encryptionCertificate?.serialNumber).toBe(aliceToo.certificate.serialNumber);
  });

  it('another’s certificate that merely came along is not offered', async () => {
    const cms = signedData([await signerInfo(mallory, attributes(text))], [mallory, alice]);
    expect(naive(cms).certificates.has('alice@example.org')).toBe(true);
    const signer = await signerOf(clear(text, cms, { from: 'mallory@example.org' }));
    expect(signer?.emails).toEqual(['mallory@example.org']);
    expect(signer?.encryptionCertificate).toBeUndefined();
  });

  it('nor one that the signer prefers, and that is not his', async () => {
    const cms = signedData([await signerInfo(mallory, [...attributes(text), preferring(alice)])], [mallory, alice]);
    expect(naive(cms).certificates.has('alice@example.org')).toBe(true);
    const signer = await signerOf(clear(text, cms, { from: 'mallory@example.org' }));
    expect(signer?.encryptionCertificate).toBeUndefined();
    expect(codes(signer?.problems ?? [])).toContain('encryption-certificate-of-another');
  });

  it('capabilities that are not signed are not heard', async () => {
    const unsigned = encodeSetOf([tripleDesOnly]);
    unsigned[0] = 0xa1;
    const cms = signedData([await signerInfo(alice, attributes(text), { unsigned })], [alice]);
    expect(naive(cms).weakens).toBe(true);
    const signer = await signerOf(clear(text, cms));
    expect(signer).toMatchObject({ signature: 'valid' });
    expect(signer?.capabilities).toBeUndefined();
  });

  it('nor those of a signature that does not hold', async () => {
    const cms = signedData(
      [await signerInfo(alice, [...attributes(text), tripleDesOnly, preferring(aliceToo)])],
      [alice, aliceToo],
    );
    expect(naive(cms)).toMatchObject({ weakens: true });
    const signer = await signerOf(replaced(clear(text, cms), 'Pay 10 euros', 'Pay 99 euros'));
    expect(signer).toMatchObject({ signature: 'invalid' });
    expect(signer?.capabilities).toBeUndefined();
    expect(signer?.encryptionCertificate).toBeUndefined();
  });
});
