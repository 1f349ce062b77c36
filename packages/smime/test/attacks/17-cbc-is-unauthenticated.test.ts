import { beforeAll, describe, expect, it } from 'vitest';
import {
  decodeBody,
  decryptContent,
  encryptContent,
  encryptMessage,
  scanMessage,
  signMessage,
  verifyMessage,
} from '../../src/index.ts';
import { encodeBase64Lines } from '../../src/mime/transfer-encoding.ts';
import { codes, type Holder, issue, mail, now } from '../office.ts';
import { openStepByStep } from './naive.ts';

describe('attack 17: CBC text can be altered by whoever guesses a block', () => {
  let root: Holder;
  let bob: Holder;
  let alice: Holder;
  beforeAll(async () => {
    root = await issue({ ca: true });
    bob = await issue({ email: 'bob@example.org', kind: 'rsa' }, root);
    alice = await issue({ email: 'alice@example.org' }, root);
  });
  const content = Buffer.from('Content-type: text/plain\r\n\r\nThe secret stands here.\r\n');

  /** A mail program of 2018: what its key opens it shows, with the padlock that stands for nobody else having had a hand in it. */
  const naive = (message: Uint8Array): { shown: string; padlock: boolean } => ({
    shown: openStepByStep(objectIn(message), bob).toString('latin1'),
    padlock: true,
  });

  it('a gadget goes through, and the result is called unauthenticated', async () => {
    const der = altered(await encryptContent({ content, recipients: [bob.certificate] }), content);
    const opened = await decryptContent({ der, keys: [bob.key] });
    expect(Buffer.from(opened.content).toString()).toContain('Content-type: htxt/plain');
    expect(opened.authenticated).toBe(false);
  });

  it('the message: a mail program shows what the attacker wrote under its padlock, the verdict is unsigned and says why', async () => {
    const honest = await encryptMessage({ message: mail(), recipients: [bob.certificate] });
    const sent = naive(honest);
    expect(sent.shown).toContain('The meeting is on Friday.');
    const forged = withObject(honest, altered(objectIn(honest), Buffer.from(sent.shown, 'latin1')));
    expect(naive(forged)).toEqual({ shown: gadgetOf(sent.shown), padlock: true });
    for (const message of [honest, forged]) {
      const report = await verifyMessage({ message, keys: [bob.key], anchors: [root.certificate], at: now });
      expect(report.verdict).toBe('unsigned');
      expect(report.layers[0]).toMatchObject({ kind: 'enveloped-data', authenticated: false });
      expect(codes(report.layers[0]?.problems ?? [])).toContain('unauthenticated-cipher');
    }
  });

  it('the same around a signature: the padlock stays, the signature does not', async () => {
    for (const form of ['clear', 'opaque'] as const) {
      const signed = await signMessage({ message: mail(), signers: [alice], form, signingTime: now });
      const honest = await encryptMessage({ message: signed, recipients: [bob.certificate] });
      const judge = (message: Uint8Array) =>
        verifyMessage({ message, keys: [bob.key], anchors: [root.certificate], at: now });
      expect((await judge(honest)).verdict).toBe('valid');
      const { shown } = naive(honest);
      const forged = withObject(honest, altered(objectIn(honest), Buffer.from(shown, 'latin1')));
      expect(naive(forged)).toEqual({ shown: gadgetOf(shown), padlock: true });
      expect((await judge(forged)).verdict).not.toBe('valid');
    }
  });

  it('the same in GCM fails', async () => {
    const der = Buffer.from(await encryptContent({ content, recipients: [bob.certificate], cipher: 'aes-256-gcm' }));
    expect((await decryptContent({ der, keys: [bob.key] })).authenticated).toBe(true);
    const at = der.length - 40;
    der[at] = (der[at] as number) ^ 1;
    await expect(decryptContent({ der, keys: [bob.key] })).rejects.toMatchObject({ code: 'decryption-failed' });
  });
});

const gadget = Buffer.from('Content-type: ht');
const gadgetOf = (text: string): string => gadget.toString('latin1') + text.slice(gadget.length);

/** The first block is known: changing the IV writes any text in its place (EFAIL, 2018, section 4.2). */
function altered(object: Uint8Array, known: Buffer): Buffer {
  const der = Buffer.from(object);
  const iv = ivOf(der);
  for (let i = 0; i < 16; i++) der[iv + i] = (der[iv + i] as number) ^ (known[i] as number) ^ (gadget[i] as number);
  return der;
}

/** Offset of the IV: it follows the cipher's identifier and the header of its OCTET STRING. */
function ivOf(der: Buffer): number {
  const identifier = Buffer.from('060960864801650304012a', 'hex');
  const at = der.indexOf(identifier);
  if (at < 0) throw new Error('the cipher identifier does not stand in the object');
  return at + identifier.length + 2;
}

const objectIn = (message: Uint8Array): Buffer => Buffer.from(decodeBody(message, scanMessage(message)));

/** The same header around another object. */
function withObject(message: Uint8Array, object: Uint8Array): Buffer {
  const header = Buffer.from(message.subarray(0, scanMessage(message).bodyStart));
  return Buffer.concat([header, encodeBase64Lines(Buffer.from(object))]);
}
