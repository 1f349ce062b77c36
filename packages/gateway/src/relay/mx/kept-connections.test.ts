/** What is known of one kept connection holds for the next message too, or it is not used: over sockets, with servers of the test's own. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { SMTPServer } from 'smtp-server';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { keyDigest, makeTlsCa, readTls, type TlsCa } from '../../../test/support/tls-files.ts';
import { type Message, messageIn } from '../../large-message.ts';
import type { SmtpClient } from '../smtp-client.ts';
import { handOver } from './hand-over.ts';
import { type KeptConnection, type KeptConnections, keepConnections } from './kept-connections.ts';
import type { Owed, Shown } from './secure-host.ts';
import type { DanePromise } from './tlsa.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'kept-connections-'));
const host = 'mx.example.net';
const shown: Shown = { version: 'TLSv1.3', chain: [], objection: undefined };

describe('a connection', () => {
  beforeAll(() => void vi.useFakeTimers());
  afterAll(() => void vi.useRealTimers());

  const standIn = (key = 'a', openedAt = 0): KeptConnection & { quits: () => number } => {
    let quits = 0;
    const quit = () => {
      quits += 1;
    };
    const client = { usable: true, quit } as unknown as SmtpClient;
    return { key, client, shown, openedAt, messages: 1, counted: new Set(), quits: () => quits };
  };
  const any = () => true;

  it('is somebody’s or nobody’s, and closed when it was idle for two seconds', () => {
    const kept = keepConnections(() => 0);
    const [one, other] = [standIn(), standIn('b')];
    kept.keep(one);
    kept.keep(other);
    expect(kept.take('a', () => false)).toBeUndefined();
    expect(kept.take('a', any)).toBe(one);
    expect(kept.take('a', any)).toBeUndefined();
    vi.advanceTimersByTime(2_001);
    expect([one.quits(), other.quits()]).toEqual([0, 1]);
    expect(kept.take('b', any)).toBeUndefined();
  });
  it('serves a hundred messages and five minutes, beside ninety-nine others', () => {
    let now = 0;
    const kept = keepConnections(() => now);
    const worn = { ...standIn(), messages: 100 };
    kept.keep(worn);
    expect(worn.quits()).toBe(1);
    const all = Array.from({ length: 101 }, () => standIn());
    for (const one of all) kept.keep(one);
    expect(all.map((one) => one.quits())).toEqual([1, ...Array(100).fill(0)]);
    now = 300_000;
    const old = kept.take('a', any);
    expect(old).toBe(all.at(-1));
    kept.keep(old as KeptConnection);
    expect(all.at(-1)?.quits()).toBe(1);
    kept.close();
    expect(all.every((one) => one.quits() === 1)).toBe(true);
    const late = standIn('a', now);
    kept.keep(late);
    expect(late.quits()).toBe(1);
  });
});

describe('over sockets', () => {
  let trusted: TlsCa;
  let files: Awaited<ReturnType<TlsCa['issue']>>;
  let server: SMTPServer;
  let port: number;
  let connections = 0;
  let kept: KeptConnections;
  const messages: string[] = [];
  /** What the server does with a message or a recipient. */
  let onData: (session: { id: string }) => Error | undefined;
  let onRecipient: (session: { id: string }) => Error | undefined;

  const refusal = (responseCode: number, text = 'no') => Object.assign(new Error(text), { responseCode });
  const dane = (digest: Buffer): DanePromise => ({
    base: host,
    records: [{ usage: 3, selector: 'key', matching: 'sha256', data: digest }],
  });
  const own = () => Buffer.from(keyDigest(readFileSync(files.certificate)), 'hex');
  const enforce = { mode: 'enforce', mx: [host], maxAge: 86_400 } as const;

  async function start(secure = true) {
    const tls = secure && readTls(files);
    server = new SMTPServer({
      ...tls,
      ...{ authOptional: true, disableReverseLookup: true, disabledCommands: secure ? [] : ['STARTTLS'] },
      onConnect: (_session, done) => {
        connections += 1;
        done();
      },
      onRcptTo: (_address, session, done) => done(onRecipient(session)),
      onData: (stream, session, done) => {
        let text = '';
        stream.on('data', (chunk) => {
          text += chunk;
        });
        stream.on('end', () => {
          const no = onData(session);
          if (no === undefined) messages.push(text.trim());
          done(no);
        });
      },
    });
    server.on('error', () => undefined);
    await new Promise<void>((resolve) => void server.listen(port ?? 0, '127.0.0.1', resolve));
    port = (server.server.address() as { port: number }).port;
  }
  const cut = () => {
    for (const one of server.connections) one._socket.destroy();
  };
  async function stop() {
    cut();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  }
  /** One message of a domain, with what that is owed. */
  const send = (domain: string, text: string, more: Partial<Owed> = {}, large?: Message) => {
    const ca = [readFileSync(trusted.ca)];
    const nothing = { proven: true, promise: undefined, policy: undefined, least: 'opportunistic' } as const;
    const owed: Owed = { host, domain, ...nothing, ca, now: Date.now, ...more };
    return handOver(
      { address: '127.0.0.1', owed },
      {
        ...{ id: text, sender: 'a@example.com', recipients: [`b@${domain}`] },
        message:
          large ??
          Buffer.from(`x: y

${text}
`),
      },
      { name: 'gateway.example.com', port, kept, now: Date.now, log: { info() {}, warn() {}, error() {} } },
    );
  };
  const bodies = () => messages.map((one) => one.split('\n').at(-1));

  beforeAll(async () => {
    trusted = await makeTlsCa(folder, 'Root');
    files = await trusted.issue(host);
  });
  afterAll(() => rmSync(folder, { recursive: true }));
  afterEach(async () => {
    kept.close();
    await stop();
  });
  const prepare = async (secure = true) => {
    connections = 0;
    messages.length = 0;
    onData = onRecipient = () => undefined;
    kept = keepConnections(Date.now);
    await start(secure);
  };

  it('messages go over one connection, and those of another domain too where it is as secure as that one asks', async () => {
    await prepare();
    await send('one.example', '1');
    await send('one.example', '2');
    expect(await send('two.example', '3', { promise: dane(own()) })).toMatchObject({
      receipts: [{ outcome: 'accepted', reply: expect.stringContaining('TLSv1.3, DANE 3 1 1]') }],
    });
    expect(await send('three.example', '4', { policy: enforce })).toMatchObject({
      receipts: [{ outcome: 'accepted', reply: expect.stringContaining('TLSv1.3, MTA-STS]') }],
    });
    expect(connections).toBe(1);
    expect(bodies()).toEqual(['1', '2', '3', '4']);
  });

  it('a connection that did for one domain does for no other that asks for more', async () => {
    files = await (await makeTlsCa(folder, 'Strange Root')).issue(host);
    await prepare();
    await send('one.example', '1');
    expect(await send('two.example', '2', { promise: dane(Buffer.alloc(32)) })).toMatchObject({ kind: 'insecure' });
    expect(await send('three.example', '3', { policy: enforce })).toMatchObject({
      kind: 'insecure',
      reason: expect.stringContaining('UNABLE_TO_VERIFY_LEAF_SIGNATURE'),
    });
    // Asked for another name, it may show another certificate.
    await send('four.example', '4', { promise: { ...dane(own()), base: 'alias.example.net' } });
    expect(bodies()).toEqual(['1', '4']);
    expect(connections).toBe(4);
    // And what was good enough still is.
    await send('one.example', '5');
    expect(connections).toBe(4);
    files = await trusted.issue(host);
  });

  it('nothing is kept of one in the clear', async () => {
    await prepare(false);
    await send('one.example', '1');
    expect(await send('one.example', '2', { least: 'required' })).toMatchObject({ kind: 'insecure' });
    await send('one.example', '3');
    expect(connections).toBe(3);
    expect(bodies()).toEqual(['1', '3']);
  });

  it('a server that closed it, was started anew, or has had enough costs a connection and no message', async () => {
    await prepare();
    await send('one.example', '1');
    cut();
    await send('one.example', '2');
    expect(connections).toBe(2);
    await stop();
    await start();
    await send('one.example', '3');
    expect(connections).toBe(3);
    // As large providers say it of the second message.
    const seen = new Set<string>();
    onRecipient = ({ id }) => {
      if (seen.has(id)) return refusal(421, 'too many messages over this connection');
      seen.add(id);
      return undefined;
    };
    await send('one.example', '4');
    expect(await send('one.example', '5')).toMatchObject({ receipts: [{ outcome: 'accepted' }] });
    expect(bodies()).toEqual(['1', '2', '3', '4', '5']);
    expect(connections).toBe(4);
  });

  it('a large message is read again for another connection', async () => {
    await prepare();
    await send('one.example', '1');
    cut();
    const file = path.join(folder, 'large');
    const text = `Subject: large\r\n\r\n${`${'x'.repeat(76)}\r\n`.repeat(120_000)}2\r\n`;
    writeFileSync(file, text);
    const large = await messageIn({ file, from: 0, to: text.length });
    expect(await send('one.example', '2', {}, large)).toMatchObject({ receipts: [{ outcome: 'accepted' }] });
    expect(bodies()).toEqual(['1', '2']);
    expect(messages[1]).toBe(text.trim());
  });

  it('a message that may have arrived is not sent again, and one that is refused stays refused', async () => {
    await prepare();
    await send('one.example', '1');
    onData = () => {
      cut();
      return undefined;
    };
    expect(await send('one.example', '2')).toMatchObject({ uncertain: true, receipts: [{ outcome: 'later' }] });
    expect(bodies()).toEqual(['1', '2']);
    expect(connections).toBe(1);
    onData = () => refusal(554);
    for (const n of ['3', '4'])
      expect(await send('one.example', n)).toMatchObject({ receipts: [{ outcome: 'refused' }] });
    onData = () => undefined;
    onRecipient = () => refusal(550);
    for (const n of ['5', '6'])
      expect(await send('one.example', n)).toMatchObject({ receipts: [{ outcome: 'refused' }] });
    expect(connections).toBe(3);
    expect(bodies()).toEqual(['1', '2']);
  });
});
