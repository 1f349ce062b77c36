import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { buffer } from 'node:stream/consumers';
import { SMTPServer } from 'smtp-server';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { type EscrowOffice, escrowOffice } from '../../test/escrow-office.ts';
import { operation, perform } from '../operation.ts';
import { system } from '../principal.ts';
import type { World } from '../world.ts';
import { type Notice, queueNotice } from './queue.ts';
import { sendDueNotices } from './send.ts';
import { smtpMail } from './smtp.ts';

let now = new Date('2026-03-01T12:00:00.000Z');
let office: EscrowOffice;
let server: SMTPServer;
let world: World;
const arrived: { to: string[]; message: string }[] = [];
let reply: string | undefined;
let user: string | undefined;

beforeAll(async () => {
  office = await escrowOffice({ clock: () => now });
  server = new SMTPServer({
    authOptional: true,
    allowInsecureAuth: true,
    logger: false,
    disableReverseLookup: true,
    onAuth: ({ username, password }, _session, done) => {
      user = username;
      if (password === 'of the office') done(null, { user: username });
      else done(Object.assign(new Error('535 no'), { responseCode: 535 }));
    },
    onData(stream, session, done) {
      void buffer(stream).then((message) => {
        if (reply !== undefined) {
          done(Object.assign(new Error(reply.slice(4)), { responseCode: Number(reply.slice(0, 3)) }));
          return;
        }
        arrived.push({
          to: session.envelope.rcptTo.map(({ address }) => address),
          message: message.toString('utf8'),
        });
        done();
      });
    },
  });
  server.on('error', () => undefined);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  world = { ...office.world, mail: mailTo('of the office') };
});
afterAll(async () => {
  await new Promise<void>((resolve) => server.close(() => resolve()));
  await office.close();
});

const port = () => (server.server.address() as { port: number }).port;
function mailTo(password: string) {
  process.env.NOTICES_TEST = password;
  const config = {
    host: '127.0.0.1',
    port: port(),
    tls: 'opportunistic' as const,
    from: 'PKI of Example Corp <pki@example.com>',
    user: 'chancery',
    password: { env: 'NOTICES_TEST' },
    timeoutSeconds: 5,
  };
  return smtpMail(config, office.home);
}

const tell = operation({
  action: 'test.tell',
  permission: 'system',
  input: z.object({ notice: z.custom<Notice>(), fail: z.boolean().default(false) }),
  subject: () => null,
  async run(tx, { notice, fail }, _by, world) {
    const id = await queueNotice(tx, world, notice);
    if (fail) throw new Error('after queueing');
    return { result: id, audit: {} };
  },
});
const queue = (more: Partial<Notice> = {}) =>
  perform(office.world, tell, system, {
    notice: { to: 'sam@example.com', subject: 'A key', text: 'It is asked for.\n', ...more },
  });
const rowOf = async (id: string) => (await office.query('SELECT * FROM notices WHERE id = $1', [id]))[0];

describe('a notice', () => {
  it('is kept where no mail is configured, and sent once there is', async () => {
    const id = await queue({ about: 'recovery:1' });
    await office.drain();
    await sendDueNotices(office.world);
    expect(await rowOf(id)).toMatchObject({ state: 'waiting', attempts: 0 });
    await sendDueNotices(world);
    expect(arrived).toHaveLength(1);
    expect(arrived[0]?.to).toEqual(['sam@example.com']);
    expect(arrived[0]?.message).toMatch(/^From: .*<pki@example\.com>/m);
    expect(arrived[0]?.message).toContain(`Message-ID: <${id}@example.com>`);
    expect(arrived[0]?.message).toContain('Auto-Submitted: auto-generated');
    expect(arrived[0]?.message).toContain('It is asked for.');
    expect(user).toBe('chancery');
    expect(await rowOf(id)).toMatchObject({ state: 'sent', body: 'It is asked for.\n' });
    expect(await office.trail(`notice:${id}`)).toEqual(['notice.send attempted', 'notice.send succeeded']);
    await sendDueNotices(world);
    expect(arrived).toHaveLength(1);
  });

  it('is not sent where what it tells of did not happen', async () => {
    await expect(
      perform(office.world, tell, system, { notice: { to: 'sam@example.com', subject: 'x', text: 'y' }, fail: true }),
    ).rejects.toThrow('after queueing');
    await sendDueNotices(world);
    expect(arrived).toHaveLength(1);
  });

  it('is tried again where the server cannot now, and given up where it says never', async () => {
    const id = await queue();
    reply = '451 later';
    await sendDueNotices(world);
    expect(await rowOf(id)).toMatchObject({ state: 'waiting', attempts: 1 });
    expect((await rowOf(id))?.last_error).toContain('451 later');
    await sendDueNotices(world);
    expect(await rowOf(id)).toMatchObject({ attempts: 1 });
    now = new Date(now.getTime() + 61_000);
    reply = '554 never';
    await sendDueNotices(world);
    reply = undefined;
    now = new Date(now.getTime() + 86_400_000);
    await sendDueNotices(world);
    expect(await rowOf(id)).toMatchObject({ state: 'failed', attempts: 2, sent_at: null });
  });

  it('waits where the office itself is not let in', async () => {
    const id = await queue();
    await sendDueNotices({ ...world, mail: mailTo('another') });
    expect(await rowOf(id)).toMatchObject({ state: 'waiting', attempts: 1 });
    now = new Date(now.getTime() + 61_000);
    await sendDueNotices(world);
    expect(await rowOf(id)).toMatchObject({ state: 'sent' });
  });

  it('goes to one address, whatever stands in it', async () => {
    const before = arrived.length;
    const ids = [await queue({ to: 'sam@example.com, eve@evil.example' }), await queue({ to: 'sam@a\r\nBcc: eve@b' })];
    const subject = await queue({ subject: 'A key\r\nBcc: eve@evil.example' });
    await sendDueNotices(world);
    for (const id of ids) expect(await rowOf(id)).toMatchObject({ state: 'failed' });
    expect(await rowOf(subject)).toMatchObject({ state: 'sent' });
    expect(arrived).toHaveLength(before + 1);
    expect(arrived.at(-1)?.message).not.toMatch(/^Bcc/im);
  });

  it('that is withheld stays', async () => {
    const before = arrived.length;
    const id = await queue({ withheld: true });
    await sendDueNotices(world);
    expect(await rowOf(id)).toMatchObject({ state: 'withheld' });
    expect(arrived).toHaveLength(before);
  });
});

describe('a notice with a secret', () => {
  it('lies sealed, and nowhere once it is sent', async () => {
    const text = 'Sign in: https://pki.example.com/#very-secret-indeed\n';
    const id = await queue({ text, secret: true });
    const everything = async () =>
      JSON.stringify([
        (await rowOf(id))?.body,
        String((await rowOf(id))?.sealed_body),
        await office.query('SELECT canonical FROM audit_records'),
        await office.query('SELECT * FROM jobs.job'),
        office.logged,
      ]);
    expect(await everything()).not.toContain('very-secret-indeed');
    await sendDueNotices(world);
    expect(arrived.at(-1)?.message).toContain('very-secret-indeed');
    expect(await rowOf(id)).toMatchObject({ state: 'sent', body: null, sealed_body: null });
    expect(await everything()).not.toContain('very-secret-indeed');
  });

  it('is erased and not sent once its time is over', async () => {
    const before = arrived.length;
    const id = await queue({ secret: true, expiresAt: new Date(now.getTime() + 60_000) });
    now = new Date(now.getTime() + 60_001);
    await sendDueNotices(world);
    expect(await rowOf(id)).toMatchObject({ state: 'failed', sealed_body: null });
    expect(arrived).toHaveLength(before);
  });
});

describe('the password of the mail server', () => {
  it('comes from a file that must be there', async () => {
    const config = {
      host: 'mail.example.com',
      port: 587,
      tls: 'required' as const,
      from: 'a@b',
      user: 'u',
      timeoutSeconds: 1,
    };
    expect(() => smtpMail({ ...config, password: { file: 'absent' } }, office.home)).toThrow('absent');
    await writeFile(path.join(office.home, 'mail.password'), 'secret\n');
    expect(() => smtpMail({ ...config, password: { file: 'mail.password' } }, office.home)).not.toThrow();
  });
});
