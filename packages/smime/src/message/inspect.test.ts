import { beforeAll, describe, expect, it } from 'vitest';
import { codes, type Holder, issue, mail, now, replaced } from '../../test/office.ts';
import { certsOnly, derToPem, encryptMessage, type InspectNode, inspectMessage, signMessage } from '../index.ts';

let root: Holder;
let alice: Holder;
let encrypted: Uint8Array;
beforeAll(async () => {
  root = await issue({ ca: true });
  alice = await issue({ email: 'alice@example.org', kind: 'rsa' }, root);
  const signed = await signMessage({
    signers: [{ ...alice, chain: [root.certificate] }],
    message: mail(),
    form: 'opaque',
    signingTime: now,
  });
  encrypted = await encryptMessage({ message: signed, recipients: [alice.certificate] });
});

const kinds = (node: InspectNode): unknown[] => [node.kind, ...node.children.map(kinds)];

describe('inspecting', () => {
  it('opens every layer it has a key for, and judges what is signed', async () => {
    const tree = await inspectMessage({ message: encrypted, anchors: [root.certificate], keys: [alice.key], at: now });
    expect(kinds(tree)).toEqual([
      'mime',
      ['enveloped-data', ['mime', ['signed-data', ['mime'], ['certificate'], ['certificate']]]],
    ]);
    expect(tree.children[0]?.children[0]?.verdict).toBe('valid');
    expect(tree.verdict).toBe('unsigned');
    expect(JSON.parse(JSON.stringify(tree))).toEqual(tree);
  });

  it('stops at what it has no key for', async () => {
    const tree = await inspectMessage({ message: encrypted, at: now });
    expect(kinds(tree)).toEqual(['mime', ['enveloped-data']]);
    expect(tree.children[0]?.fields).toContainEqual({ label: 'Cipher', value: 'aes-256-cbc' });
  });

  it('shows a protected header, what stood outside in its place, and what contradicts it', async () => {
    const signed = await signMessage({
      signers: [alice],
      message: mail({ headers: ['Keywords: secret'] }),
      form: 'opaque',
      signingTime: now,
      headerProtection: 'baseline',
    });
    const message = await encryptMessage({ message: signed, recipients: [alice.certificate] });
    const inspect = (bytes: Uint8Array) =>
      inspectMessage({ message: bytes, anchors: [root.certificate], keys: [alice.key], at: now });
    const tree = await inspect(message);
    expect(tree.title).toBe('Meeting');
    expect(tree.fields).toEqual(
      expect.arrayContaining([
        { label: 'Protected header', value: 'RFC 9788, composed to be encrypted' },
        { label: 'Subject, protected', value: 'Meeting (signed-and-encrypted)' },
        { label: 'To, protected', value: 'Bob <bob@example.org> (signed-only)' },
        { label: 'Subject, put outside', value: '[...]' },
        { label: 'Keywords, put outside', value: 'nothing' },
      ]),
    );
    expect(codes(tree.problems)).not.toContain('outer-field-differs');
    const altered = await inspect(replaced(message, 'Subject: [...]', 'Subject: Pay at once'));
    expect(altered.fields).toContainEqual({ label: 'Delivered otherwise than composed', value: 'Subject' });
    expect(codes(altered.problems)).toContain('outer-field-differs');
    // Without a key nothing of it shows, and what is only signed shows without one.
    expect((await inspectMessage({ message })).title).toBe('[...]');
    expect((await inspectMessage({ message: signed })).fields).toContainEqual({
      label: 'Keywords, put outside',
      value: 'nothing',
    });
  });

  it('takes certificates and CMS, in DER and PEM', async () => {
    const { der } = alice.certificate;
    expect((await inspectMessage({ message: der })).kind).toBe('certificate');
    expect((await inspectMessage({ message: Buffer.from(derToPem(der, 'CERTIFICATE')) })).kind).toBe('certificate');
    expect(kinds(await inspectMessage({ message: certsOnly([alice.certificate]) }))).toEqual([
      'signed-data',
      ['certificate'],
    ]);
    const both = derToPem(der, 'CERTIFICATE') + derToPem(root.certificate.der, 'CERTIFICATE');
    expect(kinds(await inspectMessage({ message: Buffer.from(both) }))).toEqual([
      'mime',
      ['certificate'],
      ['certificate'],
    ]);
  });

  it('says what is wrong with what it cannot read', async () => {
    const cut = alice.certificate.der.subarray(0, 100);
    expect((await inspectMessage({ message: cut })).problems[0]).toMatchObject({
      code: 'malformed-asn1',
      severity: 'error',
    });
    expect(
      (await inspectMessage({ message: Buffer.from('-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n') }))
        .problems[0],
    ).toMatchObject({ code: 'malformed-pem' });
  });
});
