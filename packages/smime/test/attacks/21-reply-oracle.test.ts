import { beforeAll, describe, expect, it } from 'vitest';
import {
  decodeBody,
  decryptContent,
  decryptMessage,
  encryptMessage,
  inspectMessage,
  scanMessage,
  signMessage,
  verifyMessage,
} from '../../src/index.ts';
import { type Holder, issue, mail, now } from '../office.ts';

describe('attack 21: somebody else’s ciphertext within a message, to be answered or passed on in the clear', () => {
  const secret = 'The password is swordfish.';
  let root: Holder;
  let bob: Holder;
  let mallory: Holder;
  let ciphertext: string;
  beforeAll(async () => {
    root = await issue({ ca: true });
    [bob, mallory] = await Promise.all([
      issue({ email: 'bob@example.org' }, root),
      issue({ email: 'mallory@example.org' }, root),
    ]);
    const sealed = await encryptMessage({ message: mail({ body: `${secret}\r\n` }), recipients: [bob.certificate] });
    const text = Buffer.from(sealed).toString('latin1');
    ciphertext = text.slice(text.indexOf('Content-Type:'));
  });
  const mixed = (part: string, type = 'mixed'): Buffer =>
    mail({
      from: 'mallory@example.org',
      contentType: `multipart/${type}; boundary=outer`,
      body: `--outer\r\nContent-Type: text/plain\r\n\r\nPlease answer.\r\n--outer\r\n${part}\r\n--outer--\r\n`,
    });

  /** Opens every ciphertext it finds, as mail programs did. */
  async function naive(message: Uint8Array): Promise<string> {
    const bytes = Buffer.from(message);
    const found: string[] = [];
    const walk = async (entity: ReturnType<typeof scanMessage>): Promise<void> => {
      if (entity.contentType.type === 'application/pkcs7-mime') {
        const opened = await decryptContent({ der: decodeBody(bytes, entity), keys: [bob.key] });
        found.push(Buffer.from(opened.content).toString());
      }
      for (const part of entity.parts) await walk(part);
    };
    await walk(scanMessage(bytes));
    return found.join('\n');
  }

  /** Everything that the engine gives for this message, as text. */
  async function everything(message: Uint8Array): Promise<string> {
    const report = await verifyMessage({ message, anchors: [root.certificate], at: now, keys: [bob.key] });
    const tree = await inspectMessage({ message, anchors: [root.certificate], at: now, keys: [bob.key] });
    const opened = await decryptMessage({ message, keys: [bob.key] }).then(
      ({ message: whole }) => Buffer.from(whole).toString(),
      () => '',
    );
    return JSON.stringify({
      report: { ...report, content: Buffer.from(report.content ?? []).toString() },
      tree,
      opened,
    });
  }

  it('the control: as the whole message it opens', async () => {
    const message = Buffer.from(`From: alice@example.org\r\nMIME-Version: 1.0\r\n${ciphertext}`, 'latin1');
    expect(await naive(message)).toContain(secret);
    expect(await everything(message)).toContain(secret);
  });

  for (const type of ['mixed', 'alternative', 'related', 'digest']) {
    it(`among the parts of multipart/${type}`, async () => {
      const message = mixed(ciphertext, type);
      expect(await naive(message)).toContain(secret);
      expect(await everything(message)).not.toContain(secret);
    });
  }

  it('in a forwarded message', async () => {
    const message = mixed(
      `Content-Type: message/rfc822\r\n\r\nFrom: alice@example.org\r\nMIME-Version: 1.0\r\n${ciphertext}`,
    );
    expect(await naive(message)).toContain(secret);
    expect(await everything(message)).not.toContain(secret);
  });

  it('as the only part of a multipart, and as the only message within a message', async () => {
    const sole = mail({
      contentType: 'multipart/mixed; boundary=outer',
      body: `--outer\r\n${ciphertext}\r\n--outer--\r\n`,
    });
    const within = mail({
      contentType: 'message/rfc822',
      body: `From: alice@example.org\r\nMIME-Version: 1.0\r\n${ciphertext}`,
    });
    for (const message of [sole, within]) {
      expect(await naive(message)).toContain(secret);
      expect(await everything(message)).not.toContain(secret);
    }
  });

  it('among parts that are signed as a whole, by whoever asks for an answer', async () => {
    for (const form of ['clear', 'opaque'] as const) {
      const message = await signMessage({ signers: [mallory], message: mixed(ciphertext), form, signingTime: now });
      const report = await verifyMessage({ message, anchors: [root.certificate], at: now, keys: [bob.key] });
      // The signature is right: it is over the ciphertext, which stays one.
      expect(report).toMatchObject({ verdict: 'valid', layers: [{ verdict: 'valid' }] });
      expect(await everything(message)).not.toContain(secret);
    }
  });

  it('among parts that are encrypted as a whole', async () => {
    const message = await encryptMessage({ message: mixed(ciphertext), recipients: [bob.certificate] });
    const text = await everything(message);
    expect(text).toContain('Please answer.');
    expect(text).not.toContain(secret);
  });

  it('where the root can be read in two ways', async () => {
    const message = Buffer.from(
      `From: alice@example.org\r\nMIME-Version: 1.0\r\nContent-Type: text/plain\r\n${ciphertext}`,
      'latin1',
    );
    const other = Buffer.from(
      `From: alice@example.org\r\nMIME-Version: 1.0\r\n${ciphertext.replace('\r\n', '\r\nContent-Type: text/plain\r\n')}`,
      'latin1',
    );
    for (const one of [message, other]) {
      expect(await everything(one)).not.toContain(secret);
      const report = await verifyMessage({ message: one, anchors: [root.certificate], at: now, keys: [bob.key] });
      expect(report.verdict).toBe('ambiguous');
    }
  });
});
