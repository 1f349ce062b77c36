import { rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { decryptMessage, headerValue, localDecrypter, scanMessage, verifyMessage } from '@chancery/smime';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { until } from './support/next-server.ts';
import { startTestGateway, type TestGateway } from './support/test-gateway.ts';

let office: TestGateway;
beforeAll(async () => {
  office = await startTestGateway([
    { name: 'partners', when: { recipientDomain: ['partner.example'] }, do: { encrypt: 'must' } },
    {
      name: 'opaque',
      when: { header: { name: 'X-Form', contains: 'opaque' } },
      do: { form: 'opaque', encrypt: 'never' },
    },
    { name: 'header', when: { header: { name: 'X-Header', contains: 'baseline' } }, do: { header: 'baseline' } },
    {
      name: 'header, not signed',
      when: { header: { name: 'X-Header', contains: 'unsigned' } },
      do: { header: 'baseline', sign: 'never' },
    },
  ]);
  await office.authority.addPerson({
    address: 'anna@example.com',
    aliases: ['anna.b@example.com'],
    encryption: 'p256',
  });
  await office.authority.addPerson({ address: 'ben@example.com', encryption: 'rsa' });
  await office.authority.addPerson({ address: 'dora@example.com', signingKey: 'device', encryption: 'p256' });
  await office.gateway();
  await until(() => office.gateway().health().signers.ready === 2);
  await office.ready();
});
afterAll(() => office.stop());
beforeEach(() => {
  office.outside.delivered.length = 0;
  office.inside.delivered.length = 0;
  office.authority.down = false;
});

let serial = 0;
const mail = (
  recipients: string[],
  { from = 'anna@example.com', extra = '', body = 'Dear all,\r\n\r\nsecret plans\r\n' } = {},
) => ({
  sender: from,
  recipients,
  message: `From: Somebody <${from}>\r\nTo: ${recipients.join(', ')}\r\nSubject: Plans\r\nDate: Tue, 24 Nov 2026 03:00:00 +0000\r\nMessage-ID: <${++serial}@example.com>\r\n${extra}\r\n${body}`,
});
const arrivals = async (count: number) => {
  await until(() => office.outside.delivered.length >= count);
  return office.outside.delivered;
};
const keyOf = (address: string) => {
  const { keys, certificate } = office.authority.encryptionKeyOf(address);
  return { decrypter: localDecrypter(keys.privateKey), certificate };
};
const verify = async (message: Uint8Array) =>
  verifyMessage({ message, anchors: [office.authority.ca.root], intermediates: [office.authority.ca.issuing] });

describe('mail on its way out', () => {
  it('is signed and encrypted to every recipient', async () => {
    expect(await office.send('outbound', mail(['ben@example.com', 'dora@example.com']))).toMatchObject({ code: 250 });
    const [delivered] = await arrivals(1);
    const text = delivered?.message.toString('latin1') ?? '';
    expect(delivered?.recipients).toEqual(['ben@example.com', 'dora@example.com']);
    expect(text).toMatch(/smime-type="?enveloped-data/);
    expect(text).not.toContain('secret plans');
    expect(text).toMatch(/^Received: from /);
    for (const reader of ['ben@example.com', 'dora@example.com']) {
      const opened = await decryptMessage({ message: delivered?.message ?? Buffer.alloc(0), keys: [keyOf(reader)] });
      const report = await verify(opened.message);
      expect(report).toMatchObject({ verdict: 'valid', covers: 'whole', from: ['anna@example.com'] });
      expect(report.signers[0]).toMatchObject({ signature: 'valid', identity: 'match' });
      expect(Buffer.from(report.content ?? []).toString('latin1')).toContain('secret plans');
    }
  });

  it('has its header protected where a rule says so', async () => {
    for (const [rule, to, subject, intent, verdict] of [
      ['baseline', 'ben@example.com', '[...]', 'cipher', 'valid'],
      ['baseline', 'x@stranger.example', 'Plans', 'clear', 'valid'],
      ['unsigned', 'ben@example.com', '[...]', 'cipher', 'unsigned'],
    ] as const) {
      office.outside.delivered.length = 0;
      expect(await office.send('outbound', mail([to], { extra: `X-Header: ${rule}\r\n` }))).toMatchObject({
        code: 250,
      });
      const [delivered] = await arrivals(1);
      const message = delivered?.message ?? Buffer.alloc(0);
      expect(headerValue(scanMessage(message), 'subject')).toBe(subject);
      const report = await verifyMessage({
        message,
        anchors: [office.authority.ca.root],
        intermediates: [office.authority.ca.issuing],
        keys: [keyOf('ben@example.com')],
      });
      expect(report).toMatchObject({ verdict, protectedHeaders: { scheme: 'rfc9788', intent, differing: [] } });
      expect(report.protectedHeaders?.fields).toContainEqual(
        expect.objectContaining({ name: 'subject', value: 'Plans' }),
      );
    }
  });

  it('that is an object already goes out without a protected header, and is not held back', async () => {
    const object = mail(['x@stranger.example'], {
      extra: 'X-Header: baseline\r\nContent-Type: application/pkcs7-mime; smime-type=certs-only\r\n',
      body: 'MAAA\r\n',
    });
    expect(await office.send('outbound', object)).toMatchObject({ code: 250 });
    expect((await arrivals(1))[0]?.message.toString('latin1')).not.toContain('hp=');
  });

  it('is signed from an alias too', async () => {
    await office.send('outbound', mail(['x@stranger.example'], { from: 'anna.b@example.com' }));
    const [delivered] = await arrivals(1);
    expect(await verify(delivered?.message ?? Buffer.alloc(0))).toMatchObject({
      verdict: 'valid',
      from: ['anna.b@example.com'],
    });
  });

  it('is only signed, clear, when one recipient has no certificate', async () => {
    await office.send('outbound', mail(['ben@example.com', 'x@stranger.example']));
    const [delivered] = await arrivals(1);
    expect(delivered?.message.toString('latin1')).toContain('multipart/signed');
    expect(delivered?.message.toString('latin1')).toContain('secret plans');
    expect(await verify(delivered?.message ?? Buffer.alloc(0))).toMatchObject({ verdict: 'valid' });
  });

  it('is signed opaque where a rule says so', async () => {
    await office.send('outbound', mail(['ben@example.com'], { extra: 'X-Form: opaque\r\n' }));
    const [delivered] = await arrivals(1);
    expect(delivered?.message.toString('latin1')).toMatch(/smime-type="?signed-data/);
    expect(await verify(delivered?.message ?? Buffer.alloc(0))).toMatchObject({ verdict: 'valid' });
  });

  it('goes out in two forms where one recipient must and another cannot have it encrypted', async () => {
    const { keys, certificate } = office.authority.encryptionKeyOf('ben@example.com');
    expect(certificate.keyKind).toBe('rsa');
    expect(keys.signer.kind).toBe('rsa');
    const reply = await office.send('outbound', mail(['ben@example.com', 'x@partner.example']));
    expect(reply).toMatchObject({ code: 550, reply: expect.stringContaining('5.7.10') });
    expect(office.outside.delivered).toEqual([]);
  });

  it('gives a hidden recipient an envelope of their own', async () => {
    const hidden = mail(['ben@example.com']);
    await office.send('outbound', { ...hidden, recipients: ['ben@example.com', 'dora@example.com'] });
    const delivered = await arrivals(2);
    expect(delivered.map(({ recipients }) => recipients.join()).sort()).toEqual([
      'ben@example.com',
      'dora@example.com',
    ]);
    for (const { message, recipients } of delivered) {
      const opened = await decryptMessage({ message, keys: [keyOf(recipients[0] ?? '')] });
      expect(opened.recipients).toHaveLength(1);
    }
  });

  it.each([
    ['one recipient', ['x@partner.example']],
    ['one of several', ['ben@example.com', 'x@partner.example']],
  ])('is refused with 5.7.10 when encryption is required and impossible for %s', async (_, recipients) => {
    const reply = await office.send('outbound', mail(recipients));
    expect(reply).toMatchObject({ code: 550, reply: expect.stringMatching(/5\.7\.10 .*x@partner\.example/) });
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(office.outside.delivered).toEqual([]);
    await until(() =>
      office.authority.journal.some(
        ({ outcome, recipient }) => outcome === 'refused' && recipient === 'x@partner.example',
      ),
    );
  });

  it('passes untouched what the client encrypted, and does not sign for someone else', async () => {
    await office.send('outbound', mail(['dora@example.com']));
    const [first] = await arrivals(1);
    const encrypted = (first?.message.toString('latin1') ?? '').replace(/^Received:[\s\S]*?(?=From:)/, '');
    office.outside.delivered.length = 0;
    await office.send('outbound', { sender: 'anna@example.com', recipients: ['dora@example.com'], message: encrypted });
    const [second] = await arrivals(1);
    expect(second?.message.toString('latin1').endsWith(encrypted)).toBe(true);

    office.outside.delivered.length = 0;
    const forged = mail(['x@stranger.example']);
    await office.send('outbound', { ...forged, sender: 'ben@example.com' });
    const [plain] = await arrivals(1);
    expect(plain?.message.toString('latin1')).not.toContain('multipart/signed');
  });

  it('does not take a false label for encryption', async () => {
    const extra =
      'MIME-Version: 1.0\r\nContent-Type: application/pkcs7-mime; smime-type=enveloped-data\r\nContent-Transfer-Encoding: base64\r\n';
    const reply = await office.send(
      'outbound',
      mail(['x@partner.example'], { extra, body: `${Buffer.from('secret plans').toString('base64')}\r\n` }),
    );
    expect(reply).toMatchObject({ code: 550, reply: expect.stringContaining('5.7.10') });
  });

  it('encrypts around the signature of a client, and leaves it whole', async () => {
    await office.send('outbound', mail(['x@stranger.example']));
    const [signed] = await arrivals(1);
    const message = (signed?.message.toString('latin1') ?? '').replace(/^Received:[\s\S]*?(?=From:)/, '');
    office.outside.delivered.length = 0;
    await office.send('outbound', { sender: 'anna@example.com', recipients: ['ben@example.com'], message });
    const [delivered] = await arrivals(1);
    const opened = await decryptMessage({
      message: delivered?.message ?? Buffer.alloc(0),
      keys: [keyOf('ben@example.com')],
    });
    expect(await verify(opened.message)).toMatchObject({ verdict: 'valid' });
    expect(
      Buffer.from(opened.message)
        .toString('latin1')
        .match(/multipart\/signed/g),
    ).toHaveLength(1);
  });

  it('is put off, and never sent in the clear, while the authority is down and a certificate unknown', async () => {
    office.authority.down = true;
    const reply = await office.send('outbound', mail(['dora@example.com']));
    // Answers of the last hour stand in for an authority that is down; a recipient never asked for has none.
    expect(reply).toMatchObject({ code: 250 });
    const unknown = await office.send('outbound', mail(['never.asked@example.com']));
    expect(unknown).toMatchObject({ code: 451, reply: expect.stringContaining('4.7.5') });
    await arrivals(1);
    expect(office.outside.delivered.every(({ message }) => !message.includes('secret plans'))).toBe(true);
  });

  it('that comes round again is refused as a loop', async () => {
    await office.send('outbound', mail(['x@stranger.example']));
    const [delivered] = await arrivals(1);
    const again = await office.send('outbound', {
      sender: 'anna@example.com',
      recipients: ['x@stranger.example'],
      message: delivered?.message ?? '',
    });
    expect(again).toMatchObject({ code: 554, reply: expect.stringContaining('5.4.6') });
  });

  it('survives a next server that is down', async () => {
    office.outside.onMessage = () => '451 4.3.0 not now';
    expect(await office.send('outbound', mail(['x@stranger.example']))).toMatchObject({ code: 250 });
    await until(() => office.events.some(({ event }) => event === 'relay.deferred'));
    await office.restart();
    expect(office.outside.delivered).toEqual([]);
    office.outside.onMessage = () => undefined;
    await arrivals(1);
    await until(() => office.gateway().health().spool.waiting === 0);
    expect(office.outside.delivered).toHaveLength(1);
  });

  it('stays with the client when the spool cannot be written', async () => {
    const spool = path.join(office.folder, 'spool');
    await rename(spool, `${spool}.away`);
    await writeFile(spool, 'no folder');
    const put = mail(['x@stranger.example']);
    expect(await office.send('outbound', put)).toMatchObject({ code: 452, reply: expect.stringContaining('4.3.1') });
    await rm(spool);
    await rename(`${spool}.away`, spool);
    expect(await office.send('outbound', put)).toMatchObject({ code: 250 });
    await arrivals(1);
  });

  it('tells the sender when the next server refuses, without the text of the message', async () => {
    office.outside.onRecipient = (address) => (address.startsWith('x@') ? '550 5.1.1 no such user' : undefined);
    await office.send('outbound', mail(['x@stranger.example']));
    await until(() => office.inside.delivered.length === 1);
    office.outside.onRecipient = () => undefined;
    const [dsn] = office.inside.delivered;
    expect(dsn).toMatchObject({ sender: '', recipients: ['anna@example.com'] });
    expect(dsn?.message.toString()).toContain('Diagnostic-Code: smtp; 550 5.1.1 no such user');
    expect(dsn?.message.toString()).not.toContain('secret plans');
  });

  it('leaves a record of every decision with the authority, without its text', async () => {
    await office.send('outbound', mail(['ben@example.com']));
    const id = `<${serial}@example.com>`;
    await until(() => office.authority.journal.some(({ messageId }) => messageId === id));
    const entry = office.authority.journal.find(({ messageId }) => messageId === id);
    expect(entry).toMatchObject({
      direction: 'outbound',
      sender: 'anna@example.com',
      recipient: 'ben@example.com',
      rule: 'default',
      outcome: 'signed-encrypted',
      verdict: null,
    });
    expect(JSON.stringify(office.authority.journal)).not.toMatch(/secret plans|Plans/);
  });
});

describe('the rules of the office', () => {
  const closed = (refuse: string) => ({
    rules: [
      { name: 'closed', when: { recipientDomain: ['closed.example', 'partner.example'] }, do: { refuse } },
      { name: 'strict', enabled: 'shadow', do: { encrypt: 'must' } },
    ],
  });
  const applied = async (version: number | null, problem = false) =>
    until(() => {
      const last = office.authority.applied.at(-1);
      return last?.version === version && (last.problem !== null) === problem;
    });

  it('hold after those of the file, from the next message on, and stand in each record', async () => {
    office.authority.rules = { version: 5, document: closed('Not there') };
    await applied(5);
    expect(office.authority.applied.at(-1)).toEqual({ version: 5, source: 'both', ownRules: 4, problem: null });
    const refused = mail(['b@closed.example']);
    expect(await office.send('outbound', refused)).toMatchObject({
      code: 550,
      reply: expect.stringContaining('Not there'),
    });
    // The file's own rule says that it must be encrypted, and stands first.
    expect(await office.send('outbound', mail(['x@partner.example']))).toMatchObject({
      reply: expect.not.stringContaining('Not there'),
    });
    await office.send('outbound', mail(['x@stranger.example'], { extra: 'Sensitivity: internal\r\n' }));
    const entryTo = (recipient: string) =>
      office.authority.journal.find((one) => one.recipient === recipient && one.ruleSet === 5);
    await until(() => entryTo('b@closed.example') !== undefined && entryTo('x@stranger.example') !== undefined);
    expect(entryTo('b@closed.example')).toMatchObject({ rule: 'closed', outcome: 'refused' });
    const signed = entryTo('x@stranger.example');
    expect(signed).toMatchObject({
      outcome: 'signed',
      shadow: [{ rule: 'strict', outcome: 'refused' }],
      facts: { certificate: 'none', protection: 'none', headers: [{ name: 'sensitivity', value: 'internal' }] },
    });
    expect(JSON.stringify(signed)).not.toMatch(/Plans|secret/);
  });

  it('that cannot be read are not applied by half: the last ones stay, and the office is told', async () => {
    office.authority.rules = { version: 6, document: { rules: [{ name: 'new', when: { moon: 'full' }, do: {} }] } };
    await applied(5, true);
    expect(office.authority.applied.at(-1)?.problem).toMatch(
      /^Version 6 cannot be read by this release: rules\.0\.when/,
    );
    expect(await office.send('outbound', mail(['b@closed.example']))).toMatchObject({ code: 550 });
    office.authority.rules = null;
    await applied(null);
    expect(await office.send('outbound', mail(['b@closed.example']))).toMatchObject({ code: 250 });
  });
});
