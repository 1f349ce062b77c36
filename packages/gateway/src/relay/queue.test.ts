import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openSpool, type Spool } from '../spool/spool.ts';
import type { Draft } from '../spool/spooled-message.ts';
import { type Queue, startQueue } from './queue.ts';
import type { MailTransport, Parcel, Receipt } from './transport.ts';

let folder: string;
let spool: Spool;
let queue: Queue | undefined;
let clock = 0;
const quiet = () => undefined;
const log = { info: quiet, warn: quiet, error: quiet };

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'queue-'));
  clock = 1_000_000;
  spool = await openSpool(folder, () => clock, log);
});
afterEach(async () => {
  await queue?.stop();
  queue = undefined;
  await rm(folder, { recursive: true, force: true });
});

type Say = (recipient: string, attempt: number) => [Receipt['outcome'], string];

function transport(say: Say) {
  const parcels: Parcel[] = [];
  const attempts = new Map<string, number>();
  const port: MailTransport = {
    async deliver(parcel) {
      parcels.push(parcel);
      return parcel.recipients.map((recipient) => {
        const attempt = (attempts.get(recipient) ?? 0) + 1;
        attempts.set(recipient, attempt);
        const [outcome, reply] = say(recipient, attempt);
        return { recipient, outcome, reply };
      });
    },
    close: async () => undefined,
  };
  return { port, parcels };
}

function start(outbound: MailTransport, inbound: MailTransport = outbound) {
  queue = startQueue({
    spool,
    transports: { outbound, inbound },
    retry: { firstSeconds: 0.005, longestSeconds: 0.02, expireSeconds: 60 },
    name: 'gateway.test',
    directionTo: (sender) => (sender.endsWith('@example.com') ? 'inbound' : 'outbound'),
    now: () => clock,
    log,
  });
  return queue;
}

async function until(condition: () => boolean) {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2));
}

const draft = (more: Partial<Draft> = {}): Draft => ({
  id: 'm1',
  direction: 'outbound',
  sender: 'anna@example.com',
  key: '',
  copies: [
    { recipients: ['b@x.example', 'c@x.example'], message: Buffer.from('Subject: hello\r\n\r\nsecret body\r\n') },
  ],
  mayBounce: true,
  journal: [],
  ...more,
});

describe('the queue', () => {
  it('tries again until the next server takes the message, and only for those it has not taken', async () => {
    const { port, parcels } = transport((recipient, attempt) =>
      recipient === 'b@x.example' || attempt === 4 ? ['accepted', '250 ok'] : ['later', '451 busy'],
    );
    await spool.commit(draft());
    start(port);
    await until(() => spool.waiting().length === 0);
    expect(parcels.map(({ recipients }) => recipients)).toEqual([
      ['b@x.example', 'c@x.example'],
      ['c@x.example'],
      ['c@x.example'],
      ['c@x.example'],
    ]);
    expect(parcels.every(({ message }) => message.toString() === 'Subject: hello\r\n\r\nsecret body\r\n')).toBe(true);
  });

  it('takes up what an earlier run left', async () => {
    await spool.commit(draft());
    await spool.record('m1', [{ recipient: 0, state: 'delivered', reply: '250' }]);
    spool = await openSpool(folder, () => clock, log);
    const { port, parcels } = transport(() => ['accepted', '250 ok']);
    start(port);
    await until(() => spool.waiting().length === 0);
    expect(parcels.map(({ recipients }) => recipients)).toEqual([['c@x.example']]);
  });

  it('tells the sender of a refused recipient, with the header and without the body, by the way to the sender', async () => {
    const out = transport((recipient) =>
      recipient === 'b@x.example' ? ['refused', '550 5.1.1 no such user'] : ['accepted', '250 ok'],
    );
    const into = transport(() => ['accepted', '250 ok']);
    await spool.commit(draft());
    start(out.port, into.port);
    await until(() => spool.waiting().length === 0);
    expect(into.parcels).toHaveLength(1);
    const [dsn] = into.parcels;
    expect(dsn).toMatchObject({ sender: '', recipients: ['anna@example.com'] });
    const text = dsn?.message.toString() ?? '';
    expect(text).toContain('Final-Recipient: rfc822; b@x.example');
    expect(text).toContain('Status: 5.1.1');
    expect(text).toContain('Diagnostic-Code: smtp; 550 5.1.1 no such user');
    expect(text).toContain('Subject: hello');
    expect(text).not.toContain('secret body');
    expect(text).not.toContain('c@x.example\r\n    ');
    expect(text).not.toMatch(/[^\r]\n/);
  });

  it.each([
    ['to a notification', { sender: '' }],
    ['to a sender who may be forged', { mayBounce: false }],
  ])('sends no notification in answer %s', async (_, more) => {
    const { port, parcels } = transport(() => ['refused', '550 no']);
    await spool.commit(draft(more));
    start(port);
    await until(() => spool.waiting().length === 0);
    expect(parcels).toHaveLength(1);
  });

  it('gives up when the time is over, and says so', async () => {
    const out = transport((_, attempt) => {
      if (attempt === 2) clock += 61_000;
      return ['later', '451 busy'];
    });
    const into = transport(() => ['accepted', '250 ok']);
    await spool.commit(draft());
    start(out.port, into.port);
    await until(() => into.parcels.length === 1 && spool.waiting().length === 0);
    const text = into.parcels[0]?.message.toString() ?? '';
    expect(text).toContain('Status: 5.4.7');
    expect(text).toContain('451 busy');
  });

  it('does not send octets that were damaged in the spool', async () => {
    const { port, parcels } = transport(() => ['accepted', '250 ok']);
    await spool.commit(draft());
    const damaged: Spool = {
      ...spool,
      read: async () => {
        throw new Error('not the octets');
      },
    };
    const good = spool;
    spool = damaged;
    start(port);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(parcels).toEqual([]);
    expect(good.waiting()).toHaveLength(1);
  });
});
