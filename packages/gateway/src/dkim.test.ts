import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { dkimVerdicts } from '../test/support/dkim-verdicts.ts';
import { wholeOf } from '../test/support/whole.ts';
import { openDkim } from './dkim.ts';

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 });
const ed25519 = generateKeyPairSync('ed25519');
process.env.TEST_DKIM_RSA = pemOf(rsa.privateKey);
process.env.TEST_DKIM_ED = pemOf(ed25519.privateKey);
const keys = [
  { domain: 'example.com', selector: 'r', key: { env: 'TEST_DKIM_RSA' } },
  { domain: 'example.com', selector: 'e', key: { env: 'TEST_DKIM_ED' } },
];
const records: Record<string, string> = {
  'r._domainkey.example.com': `v=DKIM1; k=rsa; p=${rsa.publicKey.export({ type: 'spki', format: 'der' }).toString('base64')}`,
  // RFC 8463 4: the bare key.
  'e._domainkey.example.com': `v=DKIM1; k=ed25519; p=${ed25519.publicKey.export({ type: 'spki', format: 'der' }).subarray(-32).toString('base64')}`,
};

const verdicts = (message: Buffer) => dkimVerdicts(message, new Map(Object.entries(records)));

const headers = [
  'From: Änna <anna@Example.com>',
  'To: b@x.example,\r\n\tc@x.example',
  'Subject:  a  b ',
  'Date: Tue, 24 Nov 2026 03:00:00 +0000',
];
const mail = (body: string) => Buffer.from(`${headers.join('\r\n')}\r\n\r\n${body}`);

describe('DKIM', () => {
  const sign = openDkim(keys, '.', Date.now);

  it('signs with every key of the domain of the author, whatever the body ends in', async () => {
    for (const body of ['', '\r\n', '\r\n\r\n', 'text', 'text \r\n', 'a\r\n\r\n\r\n', `${'x'.repeat(5000)}\r\n`]) {
      const signed = await wholeOf(await sign(mail(body)));
      expect(signed.subarray(-mail(body).length)).toEqual(mail(body));
      expect(await verdicts(signed), JSON.stringify(body.slice(0, 9))).toEqual(['pass', 'pass']);
    }
  });

  it('breaks with any change: body, a field, and a second From or Subject put before', async () => {
    const signed = (await wholeOf(await sign(mail('text\r\n')))).toString('latin1');
    for (const changed of [
      signed.replace('text', 'test'),
      signed.replace('Subject:  a', 'Subject:  c'),
      `From: boss@example.com\r\n${signed}`,
      `Subject: pay\r\n${signed}`,
      signed.replace('\r\nDate:', '\r\nReply-To: x@evil.example\r\nDate:'),
    ]) {
      const results = await verdicts(Buffer.from(changed, 'latin1'));
      expect(results).toHaveLength(2);
      expect(results).not.toContain('pass');
    }
  });

  it('leaves mail of other authors alone, and refuses weak keys', async () => {
    for (const from of ['x@other.example', 'a@example.com, b@example.com', '"@example.com" <x@other.example>']) {
      const other = Buffer.from(mail('x').toString().replace('Änna <anna@Example.com>', from));
      if (from.includes(',')) continue;
      expect(await sign(other)).toBe(other);
    }
    process.env.TEST_DKIM_WEAK = pemOf(generateKeyPairSync('rsa', { modulusLength: 1024 }).privateKey);
    const weak = [{ domain: 'example.com', selector: 'w', key: { env: 'TEST_DKIM_WEAK' } }];
    expect(() => openDkim(weak, '.', Date.now)).toThrow(/2048/);
  });
});

function pemOf(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' }).toString();
}
