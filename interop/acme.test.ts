/** npm's acme-client gets a partner a certificate, with the mails of it going through our own gateway both ways. */
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createClient } from '@chancery/api';
import { type RunningGateway, resolveGatewayConfig, startGateway } from '@chancery/gateway';
import { decryptMessage, derToPem, localDecrypter, parseCertificate, pemBlocks, verifyMessage } from '@chancery/smime';
import { Client, crypto } from 'acme-client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { feed } from '../e2e/support/command.ts';
import { arrived, eventually, send, sendRaw } from '../e2e/support/mail.ts';
import { freePort } from '../e2e/support/office-process.ts';
import { csr, ecKey, MailDomain, readChallenge, replyTo } from '../packages/authority/test/acme-partner.ts';
import { type RunningOffice, runningOffice } from '../packages/authority/test/running-office.ts';
import { nameSecret } from '../packages/authority/test/watched.ts';

const ADDRESS = 'petra@partner.example';
const CSV = `address,name,signing_key
acme@example.com,Certificate office,gateway
anna@example.com,Anna Ahlers,gateway
`;

describe('a partner with acme-client', () => {
  const scratch = mkdtempSync(path.join(tmpdir(), 'chancery-acme-'));
  const outside = path.join(scratch, 'outside');
  const partner = new MailDomain('partner.example');
  const resolve = async (name: string, type: string) => {
    const found = type === 'TXT' ? partner.records[name] : undefined;
    if (found === undefined) throw Object.assign(new Error(name), { code: 'ENOTFOUND' });
    return [[found]];
  };
  let office: RunningOffice;
  let gateway: RunningGateway;

  beforeAll(async () => {
    mkdirSync(outside);
    const port = await freePort();
    office = await runningOffice({
      config: `[server]
port = 0
[mail]
host = "127.0.0.1"
port = ${port}
tls = "never"
from = "Office <acme@example.com>"
[acme]
address = "acme@example.com"
`,
      resolve,
    });
    await office.setUp();
    await office.local.importPeople({ body: { csv: CSV } });
    process.env.CHANCERY_TEST_ACME_GATEWAY = (await office.local.createGateway({ body: { name: 'gateway' } })).token;
    gateway = await startGateway(
      resolveGatewayConfig(
        {
          gateway: {
            name: 'gateway.example.com',
            data: path.join(scratch, 'gateway'),
            outbound: { listen: `127.0.0.1:${port}`, downstream: { folder: outside } },
            inbound: { listen: '127.0.0.1:0', downstream: { folder: path.join(scratch, 'inside') } },
            authority: {
              url: office.authority.url,
              token: { env: 'CHANCERY_TEST_ACME_GATEWAY' },
              refreshSeconds: 0.2,
            },
            directoryCacheSeconds: 0,
          },
        },
        scratch,
      ),
      { log: { info: () => {}, warn: () => {}, error: () => {} }, resolve },
    );
    await eventually('the gateway signs for the office', async () =>
      gateway.health().signers.ready === 2 ? true : undefined,
    );
  });
  afterAll(async () => {
    delete process.env.CHANCERY_TOKEN;
    await gateway?.stop();
    await office?.close();
    rmSync(scratch, { recursive: true, force: true });
  });

  it('is given a certificate, is written to encrypted, and gives the certificate up', async () => {
    const key = await office.local.createAcmeKey({ body: { name: 'Partner Ltd', addresses: ['partner.example'] } });
    nameSecret(Buffer.from(key.macKey, 'latin1'));
    const client = new Client({
      directoryUrl: key.url,
      accountKey: await crypto.createPrivateEcdsaKey(),
      externalAccountBinding: { kid: key.id, hmacKey: key.macKey },
      backoffMin: 100,
      backoffMax: 500,
    });
    await client.createAccount({ termsOfServiceAgreed: true, contact: [`mailto:${ADDRESS}`] });
    const order = await client.createOrder({ identifiers: [{ type: 'email', value: ADDRESS }] });
    const [authorization] = await client.getAuthorizations(order);
    const challenge = authorization?.challenges[0];
    if (challenge === undefined) throw new Error('No challenge');
    expect({ ...challenge }).toMatchObject({ type: 'email-reply-00', from: 'acme@example.com' });

    const mail = await arrived(outside, (message) => message.includes(ADDRESS));
    const { items } = await office.local.authorities();
    const der = (role: string) => Buffer.from(items.find((one) => one.role === role)?.certificate ?? '', 'base64');
    const anchors = [parseCertificate(der('root'))];
    const report = await verifyMessage({
      message: mail,
      anchors,
      intermediates: [parseCertificate(der('issuing'))],
      revocation: 'if-present',
    });
    // RFC 8823 3.1: signed, here by our own gateway in the name of the office.
    expect(report).toMatchObject({ verdict: 'valid', from: ['acme@example.com'] });
    const received = readChallenge(mail.toString('latin1'));
    expect(received.raw).toMatch(/^Auto-Submitted: auto-generated; type=acme/m);
    const first = received.subject.slice('ACME: '.length);

    // It knows no challenge by mail: what it signs for one of HTTP is the same.
    const known: Parameters<Client['getChallengeKeyAuthorization']>[0] = {
      ...challenge,
      type: 'http-01',
      token: `${first}${challenge.token}`,
    };
    const authorized = await client.getChallengeKeyAuthorization(known);
    const response = createHash('sha256').update(authorized).digest('base64url');
    const reply = replyTo(received, { from: ADDRESS, response });
    const hand = (message: Buffer | string) => sendRaw(gateway.inboundPort, ADDRESS, ['acme@example.com'], message);
    await expect(hand(reply)).rejects.toMatchObject({ responseCode: 550, response: expect.stringContaining('DKIM') });
    await client.completeChallenge(challenge);
    const signed = await partner.sign(reply);
    await hand(signed);
    await expect(hand(signed)).rejects.toMatchObject({ responseCode: 550 });
    await client.waitForValidStatus(challenge);

    const own = ecKey();
    const request = derToPem(Buffer.from(await csr(own, [ADDRESS]), 'base64url'), 'CERTIFICATE REQUEST');
    const pem = await client.getCertificate(await client.finalizeOrder(order, request));
    const [certificate] = pemBlocks(pem).map((block) => parseCertificate(block.der));
    if (certificate === undefined) throw new Error('No certificate');
    expect(certificate.subjectAltNames.emails).toEqual([ADDRESS]);

    // Their mail is encrypted to it from now on, by a gateway that was told nothing else.
    const write = async (subject: string) => {
      await send(gateway.outboundPort, { from: 'anna@example.com', to: ADDRESS, subject, text: 'The offer.' });
      return arrived(outside, (message) => message.includes(`Subject: ${subject}`));
    };
    let count = 0;
    const encrypted = await eventually('Petra is written to encrypted', async () => {
      const sent = await write(`Offer ${++count}`);
      return sent.includes('The offer.') ? undefined : sent;
    });
    const opened = await decryptMessage({
      message: encrypted,
      keys: [{ certificate, decrypter: localDecrypter(own) }],
    });
    expect(Buffer.from(opened.message).toString()).toContain('The offer.');

    await client.revokeCertificate(pem, { reason: 4 });
    await eventually('she is written to in the clear again', async () =>
      (await write(`Offer ${++count}`)).includes('The offer.') ? true : undefined,
    );
    process.env.CHANCERY_TOKEN = office.authority.localToken;
    const cli = (...args: string[]) => feed(['acme', ...args, '--url', office.authority.url], '');
    expect((await cli('orders')).stdout).toMatch(
      new RegExp(`Partner Ltd +valid +${certificate.serialNumber} +${ADDRESS}`),
    );
    expect(await cli('create', 'Us', 'example.com')).toMatchObject({ code: 2, stdout: '' });
    await client.updateAccountKey(await crypto.createPrivateEcdsaKey());
    await client.updateAccount({ contact: [] });
    expect(await cli('revoke', key.id, '--certificates', '--json')).toMatchObject({ code: 0 });
    expect((await cli('list')).stdout).toMatch(/Partner Ltd +revoked +revoked/);
    await expect(client.createOrder({ identifiers: [{ type: 'email', value: ADDRESS }] })).rejects.toThrow(/account/i);
    const { items: journal } = await createClient({
      baseUrl: office.authority.url,
      token: office.authority.localToken,
    }).journal({ query: { search: 'acme@example.com' } });
    expect(
      journal
        .filter(({ recipient }) => recipient === 'acme@example.com')
        .map(({ outcome }) => outcome)
        .sort(),
    ).toEqual(['refused', 'refused', 'verified']);
  });
});
