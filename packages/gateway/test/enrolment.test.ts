import { readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { verifyMessage } from '@chancery/smime';
import { afterEach, describe, expect, it } from 'vitest';
import { until } from './support/next-server.ts';
import { startTestGateway, type TestGateway } from './support/test-gateway.ts';

let office: TestGateway;
afterEach(() => office.stop());

const mail = (to: string) => ({
  sender: 'anna@example.com',
  recipients: [to],
  message: `From: anna@example.com\r\nTo: ${to}\r\nSubject: x\r\nMessage-ID: <${Math.random()}@example.com>\r\n\r\nplans\r\n`,
});
const calls = () => ({
  own: office.authority.calls.get('enrolGateway') ?? 0,
  people: office.authority.calls.get('gatewaySigning') ?? 0,
});
const keysIn = async () =>
  (await readdir(path.join(office.folder, 'keys'))).filter((name) => !name.startsWith('.')).length;

describe('enrolment', () => {
  it('happens once: a restart uses the same keys and certificates', async () => {
    office = await startTestGateway();
    await office.authority.addPerson({ address: 'anna@example.com' });
    await until(() => office.gateway().health().signers.ready === 1);
    await office.ready();
    expect(calls()).toEqual({ own: 1, people: 1 });
    const keys = await keysIn();
    await office.restart();
    await office.ready();
    expect(calls()).toEqual({ own: 1, people: 1 });
    expect(await keysIn()).toBe(keys);
  });

  it('of someone new comes about with their first mail', async () => {
    office = await startTestGateway([], {}, { authority: { refreshSeconds: 3600 } });
    await office.ready();
    await office.authority.addPerson({ address: 'anna@example.com' });
    await new Promise((resolve) => setTimeout(resolve, 2_100));
    expect(await office.send('outbound', mail('x@stranger.example'))).toMatchObject({ code: 250 });
    await until(() => office.outside.delivered.length === 1);
    expect(office.outside.delivered[0]?.message.toString()).toContain('multipart/signed');
  });

  it('goes on with another key when the answer for the first was lost', async () => {
    office = await startTestGateway();
    await office.ready();
    office.authority.lostAnswers = 1;
    await office.authority.addPerson({ address: 'anna@example.com' });
    await until(() => office.gateway().health().signers.ready === 1);
    expect(office.authority.lostAnswers).toBe(0);
    await office.send('outbound', mail('x@stranger.example'));
    await until(() => office.outside.delivered.length === 1);
    expect(office.outside.delivered[0]?.message.toString()).toContain('multipart/signed');
  });

  it('is renewed in good time before its end, and the old key goes on until then', async () => {
    let ahead = 0;
    const now = () => Date.now() + ahead;
    office = await startTestGateway([], { now });
    await office.authority.addPerson({ address: 'anna@example.com' });
    await until(() => office.gateway().health().signers.ready === 1);
    expect(calls()).toEqual({ own: 1, people: 1 });
    ahead = 355 * 24 * 60 * 60 * 1000;
    await until(() => calls().own === 2 && calls().people === 2);
    expect(office.gateway().health().signers).toEqual({ ready: 1, awaited: 0 });
  });
});

describe('a certificate that the authority wants replaced', () => {
  it('is, once, long before its end, and the old one goes on until the new one is there', async () => {
    office = await startTestGateway();
    await office.authority.addPerson({ address: 'anna@example.com' });
    await office.authority.addPerson({ address: 'ben@example.com' });
    await until(() => office.gateway().health().signers.ready === 2);
    const anna = office.authority.issued.find(({ subjectAltNames }) =>
      subjectAltNames.emails.includes('anna@example.com'),
    );
    if (anna === undefined) throw new Error('nothing was issued');
    office.authority.renew.push(anna.serialNumber);
    await until(() => calls().people === 3);
    expect(office.gateway().health().signers).toEqual({ ready: 2, awaited: 0 });
    expect(office.authority.issued.at(-1)?.subjectAltNames.emails).toEqual(['anna@example.com']);
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(calls()).toEqual({ own: 1, people: 3 });
  });
});

describe('a key that the key store has lost', () => {
  it('is replaced, and mail is put off only until then', async () => {
    office = await startTestGateway();
    await office.authority.addPerson({ address: 'anna@example.com' });
    await until(() => office.gateway().health().signers.ready === 1);
    await office.restart(async () => {
      const keys = path.join(office.folder, 'keys');
      for (const name of await readdir(keys)) if (name.endsWith('.key')) await rm(path.join(keys, name));
    });
    let reply = await office.send('outbound', mail('x@stranger.example'));
    expect(reply).toMatchObject({ code: 451 });
    reply = await office.send('outbound', mail('x@stranger.example'));
    expect(reply).toMatchObject({ code: 250 });
    await until(() => office.outside.delivered.length === 1);
    expect(office.outside.delivered[0]?.message.toString()).toContain('multipart/signed');
    expect(calls().people).toBe(2);
  });
});

describe('a signing certificate', () => {
  it('that is revoked signs no more, and another takes its place', async () => {
    office = await startTestGateway();
    await office.authority.addPerson({ address: 'anna@example.com' });
    await until(() => office.gateway().health().signers.ready === 1);
    const [first] = office.authority.issued;
    if (first === undefined) throw new Error('nothing was issued');
    office.authority.ca.revoke(first);
    await until(() => calls().people === 2);
    await until(() => office.gateway().health().signers.ready === 1);
    await office.send('outbound', mail('x@stranger.example'));
    await until(() => office.outside.delivered.length === 1);
    const message = office.outside.delivered[0]?.message ?? Buffer.alloc(0);
    const report = await verifyMessage({ message, anchors: [office.authority.ca.root] });
    expect(report.verdict).toBe('valid');
    expect(report.signers[0]?.certificate?.serialNumber).not.toBe(first.serialNumber);
  });

  it('is made anew when a person gets another address', async () => {
    office = await startTestGateway();
    await office.authority.addPerson({ address: 'anna@example.com' });
    await until(() => office.gateway().health().signers.ready === 1);
    office.authority.addAlias('anna@example.com', 'a.becker@example.com');
    await until(() => calls().people === 2);
    expect(office.authority.issued.at(-1)?.subjectAltNames.emails).toEqual([
      'anna@example.com',
      'a.becker@example.com',
    ]);
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(calls().people).toBe(2);
  });
});

describe('an authority that does not answer', () => {
  it('puts off all mail of a gateway that never had an answer', async () => {
    office = await startTestGateway([], { fetch: async () => Promise.reject(new Error('unreachable')) });
    expect(office.gateway().health()).toMatchObject({ configured: false, authorityAnsweredAt: null });
    for (const direction of ['outbound', 'inbound'] as const) {
      expect(await office.send(direction, mail('x@stranger.example'))).toMatchObject({
        code: 451,
        reply: expect.stringContaining('4.7.5'),
      });
    }
  });

  it('stops no mail of one that had an answer once, and signs it still', async () => {
    office = await startTestGateway();
    await office.authority.addPerson({ address: 'anna@example.com' });
    await until(() => office.gateway().health().signers.ready === 1);
    office.authority.down = true;
    await office.restart();
    expect(office.gateway().health()).toMatchObject({
      configured: true,
      authorityAnsweredAt: null,
      signers: { ready: 1 },
    });
    expect(await office.send('outbound', mail('x@stranger.example'))).toMatchObject({ code: 250 });
    await until(() => office.outside.delivered.length === 1);
    expect(office.outside.delivered[0]?.message.toString()).toContain('multipart/signed');
    expect(office.authority.journal).toEqual([]);
    office.authority.down = false;
    await until(() => office.authority.journal.length === 1);
  });

  it('makes a certificate unknown, not good, once its CRL has ended', async () => {
    office = await startTestGateway();
    office.authority.crlsEnd = new Date(Date.now() - 1000);
    await office.authority.addPerson({ address: 'anna@example.com' });
    await office.authority.addPerson({ address: 'ben@example.com', encryption: 'p256' });
    await until(() => office.gateway().health().signers.ready === 2);
    expect(await office.send('outbound', mail('ben@example.com'))).toMatchObject({ code: 451 });
    expect(office.outside.delivered).toEqual([]);
  });
});

describe('a second gateway on the same folder', () => {
  it('is told so', async () => {
    office = await startTestGateway();
    await expect(startTestGateway([], {}, { data: office.folder })).rejects.toMatchObject({ code: 'folder-in-use' });
  });
});
