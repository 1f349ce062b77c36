/** A gateway whose keys are in a token: what it does while that is out, and that it goes on by itself afterwards. */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { decryptMessage, encryptMessage, localDecrypter, verifyMessage } from '@chancery/smime';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dkimRecords } from '../packages/gateway/src/index.ts';
import { dkimVerdicts } from '../packages/gateway/test/support/dkim-verdicts.ts';
import { until } from '../packages/gateway/test/support/next-server.ts';
import { startTestGateway, type TestGateway } from '../packages/gateway/test/support/test-gateway.ts';
import { missing } from './peers.ts';
import { makePullableToken, type PullableToken } from './softhsm.ts';

const dkim = [
  { domain: 'example.com', selector: 'rsa', key: { generate: 'rsa-2048' } },
  { domain: 'example.com', selector: 'edwards', key: { generate: 'ed25519' } },
] as const;

describe.skipIf(missing('softhsm'))('a gateway on a token', { timeout: 60_000 }, () => {
  const dns = new Map<string, string>();
  let token: PullableToken;
  let gateway: TestGateway;
  beforeAll(async () => {
    token = makePullableToken();
    process.env.CHANCERY_TEST_PIN = token.pin;
    gateway = await startTestGateway(
      [{ name: 'newsletter', when: { recipientDomain: ['plain.example'] }, do: { sign: 'never', encrypt: 'never' } }],
      {
        resolve: async (name, type) => {
          if (type !== 'TXT' || !dns.has(name)) throw Object.assign(new Error(name), { code: 'ENOTFOUND' });
          return [[dns.get(name) ?? '']];
        },
      },
      {
        dkim: [...dkim],
        keyStore: 'pkcs11',
        pkcs11: { module: token.module, token: token.label, pin: { env: 'CHANCERY_TEST_PIN' } },
        openKeySeconds: 0,
      },
    );
    await gateway.authority.addPerson({ address: 'anna@example.com' });
    await gateway.authority.addPerson({ address: 'ben@example.com', encryption: 'p256' });
    await until(() => gateway.gateway().health().signers.ready === 2);
    await gateway.ready();
  }, 60_000);
  afterAll(async () => {
    await gateway?.stop();
    token?.remove();
  });

  let count = 0;
  const toRob = (domain = 'partner.example') => ({
    sender: 'anna@example.com',
    recipients: [`rob@${domain}`],
    message: Buffer.from(
      `From: anna@example.com\r\nTo: rob@${domain}\r\nSubject: ${++count}\r\nMessage-ID: <${count}@example.com>\r\n\r\nhello\r\n`,
    ),
  });
  const toBen = async () => ({
    sender: 'rob@partner.example',
    recipients: ['ben@example.com'],
    message: Buffer.from(
      await encryptMessage({
        message: Buffer.from(
          `From: rob@partner.example\r\nTo: ben@example.com\r\nSubject: ${++count}\r\nMessage-ID: <${count}@partner.example>\r\n\r\nfor Ben alone\r\n`,
        ),
        recipients: [gateway.authority.encryptionKeyOf('ben@example.com').certificate],
      }),
    ),
  });
  const last = (server: TestGateway['inside']) => server.delivered.at(-1)?.message.toString('latin1') ?? '';

  it('signs and opens with keys that never were in a file', async () => {
    expect(existsSync(path.join(gateway.folder, 'keys'))).toBe(false);
    expect(await gateway.send('outbound', toRob())).toMatchObject({ code: 250 });
    await until(() => gateway.outside.delivered.length === 1);
    const message = gateway.outside.delivered[0]?.message ?? Buffer.alloc(0);
    expect(await verifyMessage({ message, anchors: [gateway.authority.ca.root] })).toMatchObject({ verdict: 'valid' });
    expect(await gateway.send('inbound', await toBen())).toMatchObject({ code: 250 });
    expect(last(gateway.inside)).toContain('for Ben alone');
  });

  it('puts off what needs them while the token is out, passes on what does not, and goes on when it is back', async () => {
    const [mail, sealed] = [toRob(), await toBen()];
    const before = { out: gateway.outside.delivered.length, into: gateway.inside.delivered.length };
    token.pull();
    expect(await gateway.send('outbound', mail)).toMatchObject({
      code: 451,
      reply: expect.stringContaining('what holds it does not answer'),
    });
    expect(await gateway.send('inbound', sealed)).toMatchObject({ code: 451 });
    expect(await gateway.send('outbound', toRob('plain.example'))).toMatchObject({ code: 250 });
    expect(gateway.outside.delivered).toHaveLength(before.out + 1);
    expect(gateway.inside.delivered).toHaveLength(before.into);
    expect(gateway.events.map(({ event }) => event)).toContain('keys.token-lost');

    token.putBack();
    expect(await gateway.send('outbound', mail)).toMatchObject({ code: 250 });
    await until(() => gateway.outside.delivered.length === before.out + 2);
    expect(last(gateway.outside)).toContain('multipart/signed');
    expect(await gateway.send('inbound', sealed)).toMatchObject({ code: 250 });
    expect(last(gateway.inside)).toContain('for Ben alone');
  });

  it('makes its DKIM keys there, and signs with them once they are in the DNS', async () => {
    const records = await dkimRecords({ dkim: [...dkim], data: gateway.folder, baseDirectory: gateway.folder });
    for (const { name, text = '' } of records) dns.set(name, text);
    // It looks at its start, and then once a minute.
    await gateway.restart();
    await until(() => gateway.events.filter(({ event }) => event === 'dkim.in-use').length === 2);
    expect(await gateway.send('outbound', toRob())).toMatchObject({ code: 250 });
    await until(() => last(gateway.outside).includes('DKIM-Signature'));
    const message = gateway.outside.delivered.at(-1)?.message ?? Buffer.alloc(0);
    expect(await dkimVerdicts(message, dns)).toEqual(['pass', 'pass']);
  });

  it('starts without the token, and serves when that comes', async () => {
    token.pull();
    await gateway.restart();
    const mail = toRob();
    expect(await gateway.send('outbound', mail)).toMatchObject({ code: 451 });
    token.putBack();
    expect(await gateway.send('outbound', mail)).toMatchObject({ code: 250 });
    // The same keys as before: nobody was asked for another certificate.
    expect(gateway.authority.issued).toHaveLength(2);
    expect(gateway.events.map(({ event }) => event)).not.toContain('enrolment.key-lost');
    const { keys, certificate } = gateway.authority.encryptionKeyOf('ben@example.com');
    const toColleague = { ...toRob(), recipients: ['ben@example.com'] };
    expect(await gateway.send('outbound', toColleague)).toMatchObject({ code: 250 });
    await until(() => last(gateway.outside).includes('enveloped-data'));
    const opened = await decryptMessage({
      message: gateway.outside.delivered.at(-1)?.message ?? Buffer.alloc(0),
      keys: [{ decrypter: localDecrypter(keys.privateKey), certificate }],
    });
    expect(Buffer.from(opened.message).toString('latin1')).toContain('hello');
  });
});
