import { beforeAll, describe, expect, it } from 'vitest';
import { encodeInteger, encodeOctetString, encodeSequence, encodeSetOf } from '../../src/asn1/der.ts';
import { encodeIssuerAndSerial } from '../../src/cms/identifier.ts';
import { verifyContent, verifyMessage } from '../../src/index.ts';
import { digestAlgorithm, signatureAlgorithmFor } from '../../src/keys/algorithms.ts';
import { attributes, opaque, signedData, text } from '../forge.ts';
import { codes, type Holder, issue, now } from '../office.ts';
import { readSigned, signatureHolds, signersOf } from './naive.ts';

describe('attack 13: the signed attributes of one message are offered as the content of another', () => {
  let root: Holder;
  let alice: Holder;
  beforeAll(async () => {
    root = await issue({ ca: true });
    alice = await issue({ email: 'alice@example.org' }, root);
  });

  /** A SignerInfo without signed attributes: the signature covers the content itself. */
  async function bareSignature(content: Uint8Array): Promise<Buffer> {
    const signature = await alice.signer.sign(content, 'sha256');
    const info = encodeSequence(
      encodeInteger(1),
      encodeIssuerAndSerial(alice.certificate),
      digestAlgorithm('sha256'),
      signatureAlgorithmFor('p256', 'sha256'),
      encodeOctetString(signature),
    );
    return signedData([info], [alice], content);
  }

  it('the control: content that is signed directly is valid', async () => {
    const report = await verifyMessage({
      message: opaque(await bareSignature(Buffer.from(text))),
      anchors: [root.certificate],
      at: now,
    });
    expect(report.verdict).toBe('valid');
  });

  it('is refused, though the signature over the octets is right', async () => {
    const set = encodeSetOf(attributes(text));
    const der = await bareSignature(set);
    // A signature without attributes is over the content: so it is, and whose content it was is not asked.
    const naive = signersOf(readSigned(der)).every((signer) => signatureHolds(signer, set));
    expect(naive).toBe(true);
    const report = await verifyContent({ der, anchors: [root.certificate], at: now });
    expect(report.valid).toBe(false);
    expect(report.signers[0]?.signature).toBe('invalid');
    expect(codes(report.signers[0]?.problems ?? [])).toContain('attributes-as-content');
  });
});
