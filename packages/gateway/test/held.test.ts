/** Mail for people without a certificate: held sealed, its recipient invited, sent encrypted once a signed reply has come, and otherwise returned. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  type Certificate,
  decryptMessage,
  derToPem,
  localDecrypter,
  signMessage,
  verifyMessage,
} from '@chancery/smime';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { readHeld, writeOrder } from '../src/held/held-store.ts';
import { until } from './support/next-server.ts';
import { type Keys, makeCa, makeKeys, type TestCa } from './support/test-ca.ts';
import { startTestGateway, type TestGateway } from './support/test-gateway.ts';

let office: TestGateway;
let partners: TestCa;
let anchors: string;
let ahead = 0;
const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined };
const hold = (more: object = {}) => ({ reason: 'waits for a certificate', hours: 48, invite: true, ...more });

beforeAll(async () => {
  partners = await makeCa('Partners');
  anchors = mkdtempSync(path.join(tmpdir(), 'anchors-'));
  writeFileSync(path.join(anchors, 'partners.pem'), derToPem(partners.root.der, 'CERTIFICATE'));
  office = await startTestGateway(
    [
      { name: 'invite', when: { recipientDomain: ['partner.example'] }, do: { encrypt: 'must', hold: hold() } },
      {
        name: 'review',
        when: { recipientDomain: ['press.example'] },
        do: { hold: hold({ reason: 'is reviewed', invite: false }) },
      },
    ],
    {
      now: () => Date.now() + ahead,
      resolve: async (name) => {
        throw Object.assign(new Error(name), { code: 'ENOTFOUND' });
      },
    },
    {
      trustAnchors: [path.join(anchors, 'partners.pem')],
      held: { languages: ['en', 'de'], everySeconds: 0.05 },
    },
  );
  await office.authority.addPerson({ address: 'anna@example.com', encryption: 'p256' });
  await until(() => office.gateway().health().signers.ready === 1);
  await office.ready();
});
afterAll(async () => {
  await office.stop();
  rmSync(anchors, { recursive: true });
});
beforeEach(() => {
  office.outside.delivered.length = 0;
  office.inside.delivered.length = 0;
});

let serial = 0;
const mail = (recipients: string[]) => ({
  sender: 'anna@example.com',
  recipients,
  message: `From: Anna <anna@example.com>\r\nTo: ${recipients.join(', ')}\r\nSubject: Plans of ours\r\nDate: Tue, 24 Nov 2026 03:00:00 +0000\r\nMessage-ID: <held-${++serial}@example.com>\r\n\r\nsecret plans\r\n`,
});
const folder = () => path.join(office.folder, 'held');
const held = () => readHeld(folder(), quiet);
const texts = () => office.outside.delivered.map(({ message }) => message.toString('latin1'));
const reply = async (address: string): Promise<{ keys: Keys; certificate: Certificate }> => {
  const keys = makeKeys('rsa');
  const certificate = await partners.issue({ spki: keys.spki, emails: [address], use: 'both' });
  const message = await signMessage({
    message: Buffer.from(
      `From: ${address}\r\nTo: anna@example.com\r\nSubject: Re: A message\r\nDate: Tue, 24 Nov 2026 04:00:00 +0000\r\nMessage-ID: <re-${++serial}@partner.example>\r\n\r\nHere you are.\r\n`,
    ),
    signers: [{ signer: keys.signer, certificate, chain: [partners.issuing] }],
    form: 'clear',
  });
  const answer = await office.send('inbound', {
    sender: address,
    recipients: ['anna@example.com'],
    message: Buffer.from(message),
  });
  expect(answer).toMatchObject({ code: 250 });
  return { keys, certificate };
};

describe('mail that is held', () => {
  it('lies sealed, invites whom it is for, and goes out encrypted once they have answered; also after a restart', async () => {
    const sent = mail(['bob@partner.example']);
    expect(await office.send('outbound', sent)).toMatchObject({ code: 250 });
    // Whoever was not told so repeats it: it is the same one.
    expect(await office.send('outbound', sent)).toMatchObject({ code: 250 });
    const [one, ...more] = await held();
    expect([one?.recipients, one?.rule, more]).toEqual([['bob@partner.example'], 'invite', []]);
    for (const name of readdirSync(office.folder, { recursive: true, withFileTypes: true })) {
      if (!name.isFile()) continue;
      const octets = readFileSync(path.join(name.parentPath, name.name)).toString('latin1');
      expect(octets.includes('secret plans') || octets.includes('Plans of ours'), name.name).toBe(false);
    }

    await until(() => office.outside.delivered.length > 0);
    await office.restart();
    await office.ready();
    expect(texts()).toHaveLength(1);
    const [invitation] = office.outside.delivered;
    expect(invitation).toMatchObject({ sender: 'anna@example.com', recipients: ['bob@partner.example'] });
    const report = await verifyMessage({
      message: invitation?.message ?? Buffer.alloc(0),
      anchors: [office.authority.ca.root],
      intermediates: [office.authority.ca.issuing],
    });
    expect(report).toMatchObject({ verdict: 'valid', covers: 'whole', from: ['anna@example.com'] });
    const [text] = texts();
    expect(text).toMatch(/^Auto-Submitted: auto-generated/m);
    expect(text).not.toMatch(/secret plans|Plans of ours/);
    const lines = /base64\r\n\r\n([\s\S]+?)\r\n--/.exec(text ?? '')?.[1] ?? '';
    expect(Buffer.from(lines, 'base64').toString('utf8')).toMatch(/signed with S\/MIME[\s\S]*mit S\/MIME signiert/);

    // Another one to the same person is one more mail that waits, and no second invitation.
    expect(await office.send('outbound', mail(['bob@partner.example']))).toMatchObject({ code: 250 });
    office.outside.delivered.length = 0;
    const { keys, certificate } = await reply('bob@partner.example');
    await until(() => office.outside.delivered.length === 2);
    expect(await held()).toEqual([]);
    for (const { message, recipients } of office.outside.delivered) {
      expect(recipients).toEqual(['bob@partner.example']);
      const opened = await decryptMessage({
        message,
        keys: [{ decrypter: localDecrypter(keys.privateKey), certificate }],
      });
      expect(Buffer.from(opened.message).toString('latin1')).toContain('secret plans');
    }
    // From now on nothing waits for them.
    office.outside.delivered.length = 0;
    expect(await office.send('outbound', mail(['bob@partner.example']))).toMatchObject({ code: 250 });
    await until(() => office.outside.delivered.length === 1);
    expect(texts()[0]).toMatch(/enveloped-data/);
  });

  it('keeps nobody else waiting, and is returned to its sender when its time ends', async () => {
    expect(await office.send('outbound', mail(['bob@partner.example', 'eve@partner.example']))).toMatchObject({
      code: 250,
    });
    await until(() => office.outside.delivered.length >= 2);
    expect((await held()).map(({ recipients }) => recipients)).toEqual([['eve@partner.example']]);
    ahead += 49 * 3_600_000;
    await until(() => office.inside.delivered.length > 0);
    const [notice] = office.inside.delivered.map(({ message }) => message.toString('latin1'));
    expect(notice).toMatch(/Final-Recipient: rfc822; eve@partner\.example/);
    expect(notice).toMatch(/No certificate came in time/);
    expect(notice).not.toContain('secret plans');
    await until(() => readdirSync(folder()).length === 0);
    ahead = 0;
  });

  it('is let go by an administrator as far as other rules allow, and dropped with notice to its sender', async () => {
    expect(await office.send('outbound', mail(['ed@press.example']))).toMatchObject({ code: 250 });
    expect(await office.send('outbound', mail(['pat@partner.example']))).toMatchObject({ code: 250 });
    const find = async (recipient: string) =>
      (await held()).find(({ recipients }) => recipients.includes(recipient))?.id ?? '';
    const order = async (recipient: string, act: 'release' | 'drop') => {
      const id = await find(recipient);
      await writeOrder(folder(), id, { act, by: 'Ada', note: 'case 7' });
      await until(() => !readdirSync(folder()).includes(`${id}.order`));
    };
    await until(() => office.outside.delivered.length === 1);
    await order('ed@press.example', 'release');
    await until(() => office.outside.delivered.length === 2);
    expect(texts()[1]).toContain('secret plans');
    // What must be encrypted is not sent in the clear for anybody's word.
    await order('pat@partner.example', 'release');
    expect(await find('pat@partner.example')).not.toBe('');
    expect(office.outside.delivered).toHaveLength(2);
    await order('pat@partner.example', 'drop');
    await until(() => office.inside.delivered.length > 0);
    expect(office.inside.delivered[0]?.message.toString('latin1')).toMatch(
      /held by a rule of your organisation, and not let go/,
    );
    expect(await held()).toEqual([]);
    await until(() => office.authority.journal.some(({ detail }) => detail.includes('dropped by Ada: case 7')));
  });
});
