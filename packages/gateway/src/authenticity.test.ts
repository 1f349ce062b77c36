import { createHash, generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { judgeAuthenticity, type Resolve } from './authenticity.ts';

const quiet = () => undefined;
const log = { info: quiet, warn: quiet, error: quiet };

/** DNS with these TXT records and nothing else. */
const dns =
  (records: Record<string, string>): Resolve =>
  async (name, type) => {
    const found = type === 'TXT' ? records[name] : undefined;
    if (found === undefined) throw Object.assign(new Error(`${type} ${name}`), { code: 'ENOTFOUND' });
    return [[found]];
  };

const message = Buffer.from(
  'From: Bob <bob@x.example>\r\nTo: anna@example.com\r\nSubject: hi\r\nDate: Tue, 24 Nov 2026 03:00:00 +0000\r\nMessage-ID: <1@x.example>\r\n\r\nbody\r\n',
);
const from = (address: string) => ({
  client: { address, helo: 'mail.x.example', name: '' },
  sender: 'bob@x.example',
  message,
});
const judge = (arrival: Parameters<typeof judgeAuthenticity>[0], resolve: Resolve, timeout = 5_000) =>
  judgeAuthenticity(arrival, { name: 'gw.test', resolve, timeout, log });
const never: Resolve = () => new Promise(() => undefined);

describe('authenticity', () => {
  it('asks DNS nothing for mail from our own network', async () => {
    for (const address of ['127.0.0.1', '::1', '10.1.2.3', '192.168.0.1', 'fd00::1', '::ffff:10.1.2.3', 'unknown']) {
      expect(await judge(from(address), never)).toMatchObject({ spf: 'none', dmarc: 'none', senderVouched: false });
    }
  });

  it('passes a client that the sender and DMARC vouch for', async () => {
    const records = { 'x.example': 'v=spf1 ip4:93.184.216.34 -all', '_dmarc.x.example': 'v=DMARC1; p=reject' };
    const found = await judge(from('93.184.216.34'), dns(records));
    expect(found).toMatchObject({ spf: 'pass', dmarc: 'pass', senderVouched: true });
    expect(found.results.join('; ')).toMatch(/spf=pass.*dmarc=pass/);
  });

  it('fails a client that they do not', async () => {
    const records = { 'x.example': 'v=spf1 ip4:93.184.216.34 -all', '_dmarc.x.example': 'v=DMARC1; p=reject' };
    const found = await judge(from('93.184.216.35'), dns(records));
    expect(found).toMatchObject({ spf: 'fail', dmarc: 'fail', senderVouched: false });
  });

  it('judges a DKIM signature also when the client says nothing', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    const { dkimSign } = await import('mailauth');
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    const key = { signingDomain: 'x.example', selector: 's1', privateKey: pem };
    const { signatures } = await dkimSign(message, { ...key, ...{ signatureData: [key] } });
    const records = {
      's1._domainkey.x.example': `v=DKIM1; k=rsa; p=${publicKey.export({ type: 'spki', format: 'der' }).toString('base64')}`,
      '_dmarc.x.example': 'v=DMARC1; p=reject',
    };
    const signed = Buffer.concat([Buffer.from(signatures), message]);
    const good = await judge({ ...from('127.0.0.1'), message: signed }, dns(records));
    expect(good).toMatchObject({ spf: 'none', dmarc: 'pass' });
    const altered = Buffer.from(signed.toString().replace('body', 'b0dy'));
    expect(await judge({ ...from('127.0.0.1'), message: altered }, dns(records))).toMatchObject({ dmarc: 'fail' });
  });

  it('has no result in its words that is none, whatever a stranger calls themselves', async () => {
    const selector = `s=x ${'y'.repeat(880)}`;
    const altered = `DKIM-Signature: v=1; a=rsa-sha256; d=x.example; ${selector}; i=x; h=from; bh=abc=; b=abc=\r\n`;
    const client = { address: '93.184.216.34', helo: 'x;smime=pass', name: '' };
    const octets = Buffer.concat([Buffer.from(altered), message]);
    const { results } = await judge({ client, sender: '', message: octets }, dns({}));
    expect(results.join('; ')).toMatch(/dkim=neutral.*spf=none.*smtp\.helo=/);
    expect(results.join('; ')).not.toMatch(/smime=pass/);
    for (const result of results) expect(result.replace(/"[^"]*"|\([^()]*\)/g, '')).not.toMatch(/["();]/);
  });

  it('looks at some signatures, however many there are', async () => {
    const none = createHash('sha256').digest('base64');
    const fields = Array.from(
      { length: 1000 },
      (_, n) => `DKIM-Signature: v=1; a=rsa-sha256; d=d${n}.example; s=x; l=0; h=from; bh=${none}; b=YWJj\r\n`,
    );
    const asked: string[] = [];
    const octets = Buffer.concat([Buffer.from(fields.join('')), message]);
    const found = await judge({ ...from('127.0.0.1'), message: octets }, async (name) => {
      asked.push(name);
      throw Object.assign(new Error(name), { code: 'ENOTFOUND' });
    });
    expect(found.dkim).toHaveLength(20);
    expect(asked.filter((name) => name.includes('_domainkey'))).toHaveLength(20);
  });

  it('never waits longer than it may, and never fails', async () => {
    expect(await judge(from('93.184.216.34'), never, 30)).toMatchObject({ spf: 'temperror', dmarc: 'temperror' });
    const broken: Resolve = () => {
      throw new Error('no resolver');
    };
    expect(await judge(from('93.184.216.34'), broken)).toMatchObject({ senderVouched: false });
  });
});
