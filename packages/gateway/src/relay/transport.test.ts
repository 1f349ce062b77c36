import { mkdtemp, readdir, readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { type NextServer, startNextServer } from '../../test/support/next-server.ts';
import { type MailTransport, openTransport } from './transport.ts';

let next: NextServer | undefined;
let transport: MailTransport | undefined;
afterEach(async () => {
  await transport?.close();
  await next?.stop();
});

const parcel = {
  id: 'm1',
  sender: 'anna@example.com',
  recipients: ['b@x.example', 'c@x.example'],
  message: Buffer.from('Subject: x\r\n\r\n.dot\r\n..\r\nnot utf-8: \xff\xfe\r\n\r\n', 'latin1'),
};

async function start() {
  next = await startNextServer();
  transport = openTransport({ host: '127.0.0.1', port: next.port, tls: 'never', ca: [] }, 'gateway.test', '.');
  return { next, transport };
}

describe('delivery by SMTP', () => {
  it('brings the octets exactly, again and again over one connection', async () => {
    const { next, transport } = await start();
    for (let time = 0; time < 3; time++) {
      const receipts = await transport.deliver(parcel);
      expect(receipts.map(({ recipient, outcome }) => [recipient, outcome])).toEqual([
        ['b@x.example', 'accepted'],
        ['c@x.example', 'accepted'],
      ]);
    }
    expect(next.delivered).toHaveLength(3);
    expect(next.delivered.every(({ message }) => message.equals(parcel.message))).toBe(true);
    expect(next.delivered[0]).toMatchObject({ sender: parcel.sender, recipients: parcel.recipients });
  });

  it('tells recipients apart', async () => {
    const { next, transport } = await start();
    next.onRecipient = (address) => (address.startsWith('b@') ? '550 5.1.1 no such user' : undefined);
    expect(await transport.deliver(parcel)).toMatchObject([
      { recipient: 'b@x.example', outcome: 'refused', reply: expect.stringContaining('5.1.1') },
      { recipient: 'c@x.example', outcome: 'accepted' },
    ]);
    next.onRecipient = () => '450 4.2.1 busy';
    expect((await transport.deliver(parcel)).map(({ outcome }) => outcome)).toEqual(['later', 'later']);
    next.onRecipient = () => undefined;
    next.onMessage = () => '554 5.6.0 not this';
    expect((await transport.deliver(parcel)).map(({ outcome }) => outcome)).toEqual(['refused', 'refused']);
    next.onMessage = () => '451 4.3.0 not now';
    expect((await transport.deliver(parcel)).map(({ outcome }) => outcome)).toEqual(['later', 'later']);
  });

  it('sends a notification from nobody', async () => {
    const { next, transport } = await start();
    await transport.deliver({ ...parcel, sender: '' });
    expect(next.delivered[0]?.sender).toBe('');
  });

  it('puts off what a server that is not there, or goes away, has not taken', async () => {
    const { next, transport } = await start();
    next.onMessage = () => {
      throw new Error('unreached');
    };
    await next.stop();
    expect((await transport.deliver(parcel)).map(({ outcome }) => outcome)).toEqual(['later', 'later']);
  });

  it('does not go on in the clear when TLS is required and not offered', async () => {
    const { next } = await start();
    const strict = openTransport({ host: '127.0.0.1', port: next.port, tls: 'required', ca: [] }, 'gateway.test', '.');
    expect((await strict.deliver(parcel)).map(({ outcome }) => outcome)).toEqual(['later', 'later']);
    expect(next.delivered).toEqual([]);
    await strict.close();
  });

  it('leaves no connection open', async () => {
    const { next, transport } = await start();
    await transport.deliver(parcel);
    await transport.close();
    const socket = connect(next.port, '127.0.0.1');
    await new Promise((resolve) => socket.once('data', resolve));
    socket.destroy();
  });
});

describe('delivery into a folder', () => {
  it('keeps envelope and octets, one file a message', async () => {
    const folder = path.join(await mkdtemp(path.join(tmpdir(), 'folder-')), 'mail');
    const into = openTransport({ folder }, 'gateway.test', '.');
    expect((await into.deliver(parcel)).map(({ outcome }) => outcome)).toEqual(['accepted', 'accepted']);
    expect(await readdir(folder)).toEqual(['m1.eml']);
    const head = 'X-Sender: <anna@example.com>\r\nX-Receiver: <b@x.example>\r\nX-Receiver: <c@x.example>\r\n';
    expect(await readFile(path.join(folder, 'm1.eml'))).toEqual(Buffer.concat([Buffer.from(head), parcel.message]));
    // Whoever writes a second envelope into a message has it sent to nobody.
    const forged = 'X-Receiver: <mallory@x.example>\r\nx-sender :<mallory@x.example>\r\n';
    const message = Buffer.concat([Buffer.from(forged), parcel.message]);
    await into.deliver({ ...parcel, id: 'm2', message });
    expect(await readFile(path.join(folder, 'm2.eml'))).toEqual(Buffer.concat([Buffer.from(head), parcel.message]));
  });
});
