/** Rules for mail that comes in: what is held waits sealed until somebody decides at the office, what goes on is changed, and nobody outside learns which. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { decryptMessage, encryptMessage, localDecrypter, signMessage } from '@chancery/smime';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type NextServer, startNextServer, until } from './support/next-server.ts';
import { type Keys, makeCa, makeKeys, type TestCa } from './support/test-ca.ts';
import { startTestGateway, type TestGateway } from './support/test-gateway.ts';

let office: TestGateway;
let archive: NextServer;
let strangers: TestCa;
let ahead = 0;

beforeAll(async () => {
  archive = await startNextServer();
  strangers = await makeCa('Strangers');
  office = await startTestGateway(
    [
      {
        name: 'macros',
        when: { direction: 'inbound', header: { name: 'X-Test', contains: 'hold' } },
        do: { hold: { reason: 'Macros are looked at first', hours: 24 } },
      },
      {
        name: 'archive',
        when: { direction: 'inbound', recipient: ['dora@example.com'] },
        do: { route: 'archive', reencrypt: 'all', addHeaders: [{ name: 'X-Shelf', value: 'seven' }] },
      },
      {
        name: 'outside',
        when: { direction: 'inbound', recipient: ['anna@example.com'] },
        do: {
          subjectTag: '[außen]',
          addHeaders: [{ name: 'X-From-Outside', value: 'yes' }],
          removeHeaders: ['X-Internal-*'],
          removeAttachments: ['*.exe'],
          banner: 'signals',
        },
      },
    ],
    {
      now: () => Date.now() + ahead,
      resolve: async (name) => {
        throw Object.assign(new Error(name), { code: 'ENOTFOUND' });
      },
    },
    { held: { everySeconds: 0.05 }, route: { archive: { port: archive.port, tls: 'never' } } },
  );
  await office.authority.addPerson({ address: 'anna@example.com', encryption: 'rsa', decrypts: true });
  await office.authority.addPerson({ address: 'ben@example.com', encryption: 'rsa', decrypts: true });
  await office.authority.addPerson({ address: 'dora@example.com', encryption: 'rsa', decrypts: false });
  await until(() => office.gateway().health().signers.ready === 3);
  await office.ready();
});
afterAll(async () => {
  await office.stop();
  await archive.stop();
});
beforeEach(() => {
  for (const { delivered } of [office.inside, office.outside, archive]) delivered.length = 0;
  ahead = 0;
});

let serial = 0;
const mail = ({ to = 'ben@example.com', extra = '', body = 'Dear Ben,\r\n\r\nour offer\r\n' } = {}) =>
  Buffer.from(
    `${extra}From: Eve <eve@x.example>\r\nTo: ${to}\r\nSubject: An offer\r\nDate: Tue, 24 Nov 2026 03:00:00 +0000\r\nMessage-ID: <q-${++serial}@x.example>\r\n${body.startsWith('Content-') ? '' : '\r\n'}${body}`,
  );
const send = (message: Uint8Array, to = ['ben@example.com']) =>
  office.send('inbound', { sender: 'eve@x.example', recipients: to, message: Buffer.from(message) });
const heldNow = () => [...office.authority.held.values()];
const oneHeld = async () => {
  await until(() => heldNow().length === 1);
  return heldNow()[0];
};
let decisions = 0;
const decide = async (message: string, act: 'release' | 'refuse') => {
  const id = `00000000-0000-4000-8000-${String(++decisions).padStart(12, '0')}`;
  office.authority.heldDecisions = [{ id, message, act, by: 'Ada', note: 'case 7' }];
  await until(() => office.authority.heldDecisions.length === 0);
};
const delivered = async (of: NextServer = office.inside) => {
  await until(() => of.delivered.length > 0);
  return of.delivered.map(({ message }) => message.toString('latin1'))[0] ?? '';
};
const recordOf = async (part: string) => {
  await until(() => office.authority.journal.some(({ detail }) => detail.includes(part)));
  return office.authority.journal.find(({ detail }) => detail.includes(part));
};
const withFile = (name: string) =>
  `Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nour offer\r\n--b\r\nContent-Type: application/octet-stream; name="${name}"\r\nContent-Disposition: attachment; filename="${name}"\r\n\r\nMZ payload\r\n--b--\r\n`;

describe('a rule that holds mail from outside', () => {
  it('takes it, keeps it sealed, tells the office why and not what, and hands it on when somebody lets it go', async () => {
    const message = mail({ extra: 'X-Test: hold\r\n' });
    const first = await send(message);
    expect(first).toMatchObject({ code: 250 });
    // Whoever was not told so repeats it: it is the same one.
    expect(await send(message)).toMatchObject({ code: 250 });
    const held = await oneHeld();
    expect(held).toMatchObject({
      ...{ direction: 'inbound', sender: 'eve@x.example', from: ['eve@x.example'], recipients: ['ben@example.com'] },
      ...{ reason: 'Macros are looked at first', rule: 'macros', waitsFor: 'decision', problem: null },
      authentication: { spf: 'none', dkim: 'none', dmarc: 'none' },
    });
    expect(JSON.stringify(held)).not.toMatch(/offer/);
    for (const name of readdirSync(path.join(office.folder, 'held')))
      expect(readFileSync(path.join(office.folder, 'held', name)).toString('latin1'), name).not.toMatch(/offer/);
    expect((await recordOf('Macros are looked at first'))?.outcome).toBe('quarantined');
    expect(office.inside.delivered).toEqual([]);

    await decide(held?.id ?? '', 'release');
    const text = await delivered();
    expect(text).toMatch(/^Authentication-Results: gateway\.example\.com; smime=none/m);
    expect(text).toContain('our offer');
    await until(() => heldNow().length === 0);
    expect(readdirSync(path.join(office.folder, 'held'))).toEqual([]);
    expect(office.outside.delivered).toEqual([]);
  });

  it('keeps it where the next server refuses it after all, and says so', async () => {
    await send(mail({ extra: 'X-Test: hold\r\n' }));
    const { id = '' } = (await oneHeld()) ?? {};
    office.inside.onMessage = () => '550 5.2.2 Mailbox full';
    await decide(id, 'release');
    await until(() => heldNow()[0]?.problem !== null);
    expect(heldNow()[0]?.problem).toMatch(/released by Ada: case 7, and not sent: 5\.2\.2 Mailbox full/);
    office.inside.onMessage = () => undefined;
    await decide(id, 'release');
    expect(await delivered()).toContain('our offer');
  });

  it('returns it to nobody whose own domain does not vouch for them, and tells its reader when its time ends', async () => {
    await send(mail({ extra: 'X-Test: hold\r\n' }));
    await decide((await oneHeld())?.id ?? '', 'refuse');
    await until(() => heldNow().length === 0);
    expect((await recordOf('dropped by Ada: case 7'))?.direction).toBe('inbound');

    await send(mail({ extra: 'X-Test: hold\r\n' }));
    await oneHeld();
    ahead = 25 * 3_600_000;
    const notice = await delivered();
    expect(notice).toMatch(/^Subject: A message to you was held/m);
    const words = Buffer.from(notice.slice(notice.indexOf('base64\r\n\r\n') + 10), 'base64').toString('utf8');
    expect(words).toMatch(/From: eve@x\.example\r\nHeld since: .*\r\nBecause: Macros are looked at first/);
    expect(words).not.toMatch(/offer/);
    await until(() => heldNow().length === 0);
    expect(office.outside.delivered).toEqual([]);
  });
});

describe('a rule that changes mail from outside', () => {
  it('tags, labels and strips it, and puts its banner above the text', async () => {
    const extra = 'X-Internal-Route: forged\r\nReply-To: eve@elsewhere.example\r\n';
    await send(mail({ to: 'anna@example.com', extra, body: withFile('virus.exe') }), ['anna@example.com']);
    const text = await delivered();
    expect(text).toMatch(/^Subject: =\?utf-8\?B\?W2F1w59lbl0g\?=\r\n An offer/m);
    expect(text).toMatch(/^X-From-Outside: yes/m);
    expect(text).not.toMatch(/X-Internal-Route|MZ payload/);
    expect(text).toContain(Buffer.from('The file “virus.exe” was taken out').toString('base64').slice(0, 40));
    const record = await recordOf('removes files named *.exe');
    expect(record).toMatchObject({ rule: 'outside', outcome: 'plain', verdict: 'unsigned' });
    expect(record?.detail).toMatch(/worth a second look: an answer goes elsewhere/);
    expect(record?.judged).toMatchObject({
      ...{ signature: 'unsigned', from: ['eve@x.example'], encrypted: false, handling: 'whole' },
      signals: [{ code: 'reply-to-elsewhere', severity: 'notice' }],
    });
  });

  it('sends it by another next server, encrypted again, for some of its readers alone', async () => {
    await send(mail({ to: 'ben@example.com, dora@example.com' }), ['ben@example.com', 'dora@example.com']);
    expect(await delivered()).not.toMatch(/X-Shelf/);
    const text = await delivered(archive);
    expect(text).toMatch(/^X-Shelf: seven/m);
    expect(text).not.toContain('our offer');
    const { keys, certificate } = office.authority.encryptionKeyOf('dora@example.com');
    const [sent] = archive.delivered;
    const opened = await decryptMessage({
      message: sent?.message ?? Buffer.alloc(0),
      keys: [{ decrypter: localDecrypter(keys.privateKey), certificate }],
    });
    expect(Buffer.from(opened.message).toString('latin1')).toContain('our offer');
    expect(office.inside.delivered.map(({ recipients }) => recipients)).toEqual([['ben@example.com']]);
  });
});

describe('a file that is to be taken out', () => {
  const body = withFile('virus.exe');
  const to = 'anna@example.com';
  const signedBy = async (keys: Keys, message: Uint8Array) => {
    const certificate = await strangers.issue({ spki: keys.spki, emails: ['eve@x.example'], use: 'both' });
    const signers = [{ signer: keys.signer, certificate, chain: [strangers.issuing] }];
    return signMessage({ message, signers, form: 'clear' });
  };
  const sealed = (message: Uint8Array, cipher: 'aes-256-gcm' | 'aes-256-cbc' = 'aes-256-gcm') =>
    encryptMessage({ message, recipients: [office.authority.encryptionKeyOf(to).certificate], cipher });

  it('is taken out of what was opened; what is signed, or cannot be relied on, waits, and its sender hears the same', async () => {
    expect(await send(await sealed(mail({ to, body })), [to])).toMatchObject({ code: 250 });
    expect(await delivered()).not.toContain('MZ payload');
    office.inside.delivered.length = 0;

    const broken = Buffer.from(await sealed(mail({ to, body }), 'aes-256-cbc')).toString('latin1');
    const halfway = broken.indexOf('\r\n\r\n') + 400;
    const altered = `${broken.slice(0, halfway)}${broken[halfway] === 'A' ? 'B' : 'A'}${broken.slice(halfway + 1)}`;
    const replies = [];
    for (const message of [
      await signedBy(makeKeys('rsa'), mail({ to, body })),
      await sealed(await signedBy(makeKeys('rsa'), mail({ to, body }))),
      // Nothing shows that it was not altered, whether or not it opens and whatever is in it.
      await sealed(mail({ to }), 'aes-256-cbc'),
      Buffer.from(altered, 'latin1'),
    ])
      replies.push(await send(message, [to]));
    expect(replies.map((one) => JSON.stringify(one).replace(/[0-9a-f-]{36}/, 'ID'))).toEqual(
      Array.from({ length: 4 }, () => JSON.stringify({ code: 250, reply: '250 2.6.0 Accepted as ID' })),
    );
    await until(() => heldNow().length === 4);
    expect(office.inside.delivered).toEqual([]);
    expect(heldNow().map(({ reason }) => reason)).toEqual([
      ...[expect.stringMatching(/has signed this/), expect.stringMatching(/has signed this/)],
      ...[expect.stringMatching(/cannot be relied on/), expect.stringMatching(/cannot be relied on/)],
    ]);
    // A person's word lets it go as it is.
    await decide(heldNow()[0]?.id ?? '', 'release');
    expect(await delivered()).toContain('MZ payload');
    for (const { id } of heldNow()) await decide(id, 'refuse');
    await until(() => heldNow().length === 0);
  });
});
