import { connect, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { ClientLimits } from '../config-smtp.ts';
import { type Answer, type Arrival, hasBareLineEnd, type Listener, type ListenerOptions, listen } from './listener.ts';
import { accepted } from './reply.ts';

const quiet = () => undefined;
const log = { info: quiet, warn: quiet, error: quiet };
const open: { listener?: Listener; sockets: Socket[] } = { sockets: [] };
afterEach(async () => {
  for (const socket of open.sockets.splice(0)) socket.destroy();
  await open.listener?.stop();
});

/** Speaks octets, reads whole replies. */
async function dial(port: number) {
  const socket = connect(port, '127.0.0.1');
  open.sockets.push(socket);
  let text = '';
  let wake = () => {};
  let ended = false;
  socket.setEncoding('latin1');
  socket.on('data', (chunk) => {
    text += chunk;
    wake();
  });
  socket.on('close', () => {
    ended = true;
    wake();
  });
  socket.on('error', () => undefined);
  const reply = async (): Promise<string> => {
    for (;;) {
      const whole = /^(?:\d{3}-[^\r\n]*\r\n)*\d{3} [^\r\n]*\r\n/.exec(text);
      if (whole !== null) {
        text = text.slice(whole[0].length);
        return whole[0].trimEnd();
      }
      if (ended) return 'closed';
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
  };
  await reply();
  const say = (octets: string | Buffer) => {
    socket.write(octets);
    return reply();
  };
  return { say, reply, socket, write: (octets: string | Buffer) => socket.write(octets) };
}

async function start(
  answer: (arrival: Arrival) => Promise<Answer> = async () => ({ reply: accepted('x') }),
  more: Partial<ListenerOptions> = {},
) {
  const arrivals: Arrival[] = [];
  const confirmed: string[] = [];
  open.listener = await listen(
    {
      host: '127.0.0.1',
      port: 0,
      name: 'gateway.test',
      maxMessageSize: 50 * 1024 * 1024,
      maxRecipients: 100,
      maxConnections: 20,
      trustedPeers: ['127.0.0.1'],
      clients: ['127.0.0.0/8'],
      limits: ClientLimits.parse({}),
      baseDirectory: '.',
      log,
      ...more,
    },
    {
      answer: (arrival) => {
        arrivals.push(arrival);
        return answer(arrival);
      },
      confirmed: (id) => void confirmed.push(id),
    },
  );
  const client = await dial(open.listener.port);
  return { arrivals, confirmed, client, listener: open.listener };
}

async function envelope(client: Awaited<ReturnType<typeof dial>>, ...recipients: string[]) {
  await client.say('EHLO client.test\r\n');
  await client.say('MAIL FROM:<anna@example.com>\r\n');
  for (const recipient of recipients.length > 0 ? recipients : ['b@x.example'])
    await client.say(`RCPT TO:<${recipient}>\r\n`);
  expect(await client.say('DATA\r\n')).toMatch(/^354 /);
}

describe('the listener', () => {
  it('hands over the octets of the message, dots unstuffed, and its envelope', async () => {
    const { client, arrivals } = await start();
    await envelope(client, 'b@x.example', 'C@x.example', 'b@X.example');
    const reply = await client.say('Subject: x\r\n\r\n..dot\r\nline\xe9\r\n.\r\n');
    expect(reply).toBe('250 2.6.0 Accepted as x');
    expect(arrivals).toHaveLength(1);
    expect(arrivals[0]?.message.toString('latin1')).toBe('Subject: x\r\n\r\n.dot\r\nline\xc3\xa9\r\n');
    expect(arrivals[0]).toMatchObject({ sender: 'anna@example.com', recipients: ['b@x.example', 'C@x.example'] });
    expect(arrivals[0]?.client).toMatchObject({ address: '127.0.0.1', helo: 'client.test' });
  });

  it('keeps the envelope of a message whose answer takes longer than the connection', async () => {
    let finish = () => {};
    const gate = new Promise<void>((resolve) => {
      finish = resolve;
    });
    const { client, arrivals } = await start(async () => {
      await gate;
      return { reply: accepted('x') };
    });
    await envelope(client, 'b@x.example');
    client.write('Subject: x\r\n\r\nbody\r\n.\r\nRSET\r\nMAIL FROM:<other@example.com>\r\n');
    while (arrivals.length === 0) await new Promise((resolve) => setImmediate(resolve));
    finish();
    expect(await client.reply()).toMatch(/^250 2\.6\.0/);
    expect(arrivals[0]).toMatchObject({ sender: 'anna@example.com', recipients: ['b@x.example'] });
  });

  const smuggled =
    'MAIL FROM:<admin@example.com>\r\nRCPT TO:<victim@x.example>\r\nDATA\r\nSubject: evil\r\n\r\nx\r\n.\r\n';
  it.each([
    ['LF.LF', '\n.\n'],
    ['LF.CRLF', '\n.\r\n'],
    ['CRLF.LF', '\r\n.\n'],
    ['CR.CR', '\r.\r'],
    ['CR.CRLF', '\r.\r\n'],
    ['CRLF.CR', '\r\n.\r'],
    ['CRLF NUL . CRLF', '\r\n\0.\r\n'],
  ])('a message cannot be split by %s', async (_, end) => {
    const { client, arrivals } = await start();
    await envelope(client);
    const reply = await client.say(`Subject: x\r\n\r\nbody${end}${smuggled}`);
    expect(reply).toMatch(end.includes('\0') ? /^550 5\.6\.0 / : /^550 5\.6\.11 /);
    expect(arrivals).toHaveLength(0);
    expect(await client.say('NOOP\r\n')).toMatch(/^250 /);
  });

  it('reads the same message however its octets are cut into segments', async () => {
    const text = Buffer.from('Subject: x\r\n\r\n..\r\n...\r\nbody\r\n..\r\n.\r\n', 'latin1');
    const { client, arrivals } = await start();
    for (const size of [1, 2, 3, 5, 7]) {
      await envelope(client);
      for (let at = 0; at < text.length; at += size) {
        client.write(text.subarray(at, at + size));
        await new Promise((resolve) => setImmediate(resolve));
      }
      expect(await client.reply()).toMatch(/^250 /);
    }
    expect(new Set(arrivals.map(({ message }) => message.toString('latin1')))).toEqual(
      new Set(['Subject: x\r\n\r\n.\r\n..\r\nbody\r\n.\r\n']),
    );
  });

  it('refuses 60 MB: by announcement at once, by its octets at their end, and goes on', async () => {
    const { client, arrivals } = await start();
    await client.say('EHLO client.test\r\n');
    expect(await client.say(`MAIL FROM:<a@example.com> SIZE=${60 * 1024 * 1024}\r\n`)).toBe(
      '552 5.3.4 The message is larger than the 50 MiB that this gateway takes',
    );
    await envelope(client);
    const line = Buffer.alloc(1024 * 1024, `${'x'.repeat(76)}\r\n`, 'latin1');
    client.write('Subject: big\r\n\r\n');
    for (let sent = 0; sent < 60; sent++) {
      if (!client.write(line)) await new Promise((resolve) => client.socket.once('drain', resolve));
    }
    expect(await client.say('\r\n.\r\n')).toBe(
      '552 5.3.4 The message is larger than the 50 MiB that this gateway takes',
    );
    expect(arrivals).toHaveLength(0);
    await envelope(client);
    expect(await client.say('Subject: small\r\n\r\nx\r\n.\r\n')).toMatch(/^250 /);
  });

  it('takes nothing from a client that goes away before the end', async () => {
    const { client, arrivals, listener } = await start();
    await envelope(client);
    client.write('Subject: half\r\n\r\nbody\r\n');
    client.socket.end();
    await client.reply();
    const second = await dial(listener.port);
    expect(await second.say('NOOP\r\n')).toMatch(/^250/);
    expect(arrivals).toHaveLength(0);
  });

  it('answers 451 when something of ours fails, without telling what', async () => {
    const { client } = await start(async () => {
      throw new Error('password of the key store is hunter2');
    });
    await envelope(client);
    const reply = await client.say('Subject: x\r\n\r\nx\r\n.\r\n');
    expect(reply).toMatch(/^451 4\.7\.5 /);
    expect(reply).not.toContain('hunter2');
  });

  it('confirms when the client goes on, not before', async () => {
    const { client, confirmed } = await start(async () => ({ reply: accepted('x'), confirms: 'x' }));
    await envelope(client);
    await client.say('Subject: x\r\n\r\nx\r\n.\r\n');
    expect(confirmed).toEqual([]);
    await client.say('NOOP\r\n');
    expect(confirmed).toEqual(['x']);
    await client.say('QUIT\r\n');
    expect(confirmed).toEqual(['x']);
  });

  it('does not confirm to a client that had left before the reply', async () => {
    let left = () => {};
    const gone = new Promise<void>((resolve) => {
      left = resolve;
    });
    const { client, listener, confirmed } = await start(async () => {
      await gone;
      return { reply: accepted('x'), confirms: 'x' };
    });
    await envelope(client);
    client.write('Subject: x\r\n\r\nx\r\n.\r\n');
    await new Promise((resolve) => setTimeout(resolve, 20));
    client.socket.resetAndDestroy();
    const second = await dial(listener.port);
    await second.say('NOOP\r\n');
    left();
    await second.say('NOOP\r\n');
    expect(confirmed).toEqual([]);
  });

  it('believes XFORWARD of a trusted peer only', async () => {
    const forward = 'XFORWARD NAME=mail.x.example ADDR=198.51.100.7 HELO=mail.x.example\r\n';
    const trusted = await start();
    await trusted.client.say('EHLO mta.test\r\n');
    expect(await trusted.client.say(forward)).toMatch(/^250 /);
    await trusted.client.say('MAIL FROM:<a@x.example>\r\n');
    await trusted.client.say('RCPT TO:<b@example.com>\r\n');
    await trusted.client.say('DATA\r\n');
    await trusted.client.say('Subject: x\r\n\r\nx\r\n.\r\n');
    expect(trusted.arrivals[0]?.client).toMatchObject({ address: '198.51.100.7', helo: 'mail.x.example' });
    await trusted.listener.stop();

    const other = await start(undefined, { trustedPeers: [] });
    await other.client.say('EHLO mta.test\r\n');
    expect(await other.client.say(forward)).toMatch(/^5/);
  });

  it('takes mail for its domains only, once it knows them, and for any from a trusted peer', async () => {
    const { client, listener } = await start(undefined, { trustedPeers: [] });
    await client.say('EHLO x\r\n');
    await client.say('MAIL FROM:<a@x.example>\r\n');
    const to = (address: string) => client.say(`RCPT TO:<${address}>\r\n`);
    expect(await to('b@outside.example')).toMatch(/^250 /);
    listener.takeFor(['example.com', 'xn--mnchen-3ya.example']);
    expect(await to('b@outside.example')).toBe('550 5.7.1 This gateway takes no mail for outside.example');
    expect(await to('b@sub.example.com')).toMatch(/^550 5\.7\.1 /);
    // Which server would read what in it is not ours to know: to us it is one of our own addresses.
    expect(await to('b%outside.example@example.com')).toMatch(/^250 /);
    expect(await to('B@EXAMPLE.com')).toMatch(/^250 /);
    expect(await to('b@m\u00fcnchen.example')).toMatch(/^250 /);
    await listener.stop();

    const trusted = await start();
    trusted.listener.takeFor(['example.com']);
    await trusted.client.say('EHLO x\r\n');
    await trusted.client.say('MAIL FROM:<a@x.example>\r\n');
    expect(await trusted.client.say('RCPT TO:<b@outside.example>\r\n')).toMatch(/^250 /);
  });

  it('takes mail from its clients only', async () => {
    const refused = start(undefined, { clients: ['192.0.2.0/24', '2001:db8::1'] });
    const { client } = await refused;
    expect(await client.say('EHLO x\r\n')).toBe('closed');
  });

  it('ends a connection that is only kept open', async () => {
    const { client, listener } = await start();
    await client.say('EHLO x\r\n');
    await listener.stop();
    expect(await client.reply()).toMatch(/^421 /);
  });

  it('says which program to stop when the port is taken', async () => {
    const { listener } = await start();
    const again = listen(
      {
        host: '127.0.0.1',
        port: listener.port,
        name: 'x',
        maxMessageSize: 1000,
        maxRecipients: 1,
        maxConnections: 1,
        trustedPeers: [],
        clients: [],
        limits: ClientLimits.parse({}),
        baseDirectory: '.',
        log,
      },
      { answer: async () => ({ reply: accepted('x') }), confirmed: () => undefined },
    );
    await expect(again).rejects.toMatchObject({
      code: 'port-in-use',
      message: expect.stringContaining(`${listener.port}`),
    });
  });
});

describe('hasBareLineEnd', () => {
  it.each([
    ['', false],
    ['a\r\nb\r\n', false],
    ['\r\n\r\n', false],
    ['\n', true],
    ['\r', true],
    ['a\r\n\nb', true],
    ['a\r\r\nb', true],
    ['a\r\nb\r', true],
  ])('%j: %s', (text, expected) => {
    expect(hasBareLineEnd(Buffer.from(text))).toBe(expected);
  });
});
