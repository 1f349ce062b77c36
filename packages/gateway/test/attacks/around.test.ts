/** What a stranger says around a message, through a running gateway: in the envelope, in greetings, and by what comes back when it is not delivered. */
import { randomBytes } from 'node:crypto';
import { encryptMessage } from '@chancery/smime';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { mail, replaced } from '../../../smime/test/office.ts';
import { headerFields } from '../../src/header-block.ts';
import { type Attacked, startAttacked } from '../support/attacked.ts';
import { dialogue } from '../support/dialogue.ts';
import { until } from '../support/next-server.ts';
import { startTestGateway, type TestGateway } from '../support/test-gateway.ts';

let at: Attacked;
beforeAll(async () => {
  at = await startAttacked({}, async (name, type) => {
    if (name === 'mallory.example' && type === 'TXT') return [['v=spf1 +all']];
    throw Object.assign(new Error('no such name'), { code: 'ENOTFOUND' });
  });
});
afterAll(() => at.stop());
beforeEach(() => {
  at.office.inside.delivered.length = 0;
  at.office.outside.delivered.length = 0;
  at.office.inside.onMessage = () => undefined;
});

/** From a public address, as the server in front tells it. */
const says = (more: { helo?: string; rcpt?: string } = {}) => [
  'EHLO mta.example',
  `XFORWARD ADDR=8.8.4.4 HELO=${more.helo ?? 'mta.mallory.example'}`,
  'MAIL FROM:<me@mallory.example>',
  `RCPT TO:${more.rcpt ?? '<anna@example.com>'}`,
  'DATA',
];
const handIn = (message: Uint8Array | string, more?: Parameters<typeof says>[0]) =>
  dialogue(at.office.gateway().inboundPort, says(more), message);

/** What comes back, without what is ever another: dates, numbers, and the message's own id. */
const comesBack = async () => {
  await until(() => at.office.outside.delivered.length > 0);
  const text = at.office.outside.delivered[0]?.message.toString('latin1') ?? '';
  return text.replace(/[0-9a-f]{24,}|[0-9a-f-]{36}|\d\d:\d\d:\d\d/g, '#');
};

it('a gateway that faces the Internet takes mail for its own people only', async () => {
  const office = await startTestGateway([], {}, { trustedPeers: [], inbound: { domains: ['lists.example'] } });
  try {
    await office.authority.addPerson({ address: 'anna@example.com', encryption: 'p256' });
    await office.heard();
    const { inboundPort } = office.gateway();
    const to = async (recipient: string) =>
      dialogue(
        inboundPort,
        ['EHLO mta.example', 'MAIL FROM:<me@mallory.example>', `RCPT TO:<${recipient}>`, 'DATA'],
        mail({ from: 'me@mallory.example' }),
      );
    expect(`${await to('victim@outside.example')}`).toContain(
      '550 5.7.1 This gateway takes no mail for outside.example',
    );
    expect(`${await to('victim@example.com.outside.example')}`).toContain('no mail for example.com.outside.example');
    expect(`${await to('anna@example.com')}`).not.toContain('5.7.1');
    expect(`${await to('all@lists.example')}`).not.toContain('5.7.1');
    const reached = office.inside.delivered.flatMap(({ recipients }) => recipients);
    expect(new Set(reached)).toEqual(new Set(['anna@example.com', 'all@lists.example']));
  } finally {
    await office.stop();
  }
});

describe('what comes back to a stranger', () => {
  const sealed = async (altered: boolean) => {
    const letter = replaced(mail({ from: 'me@mallory.example' }), 'Subject: Meeting', 'Subject: The price');
    const message = Buffer.from(
      await encryptMessage({
        message: letter,
        recipients: [at.anna.certificate],
        cipher: 'aes-256-gcm',
        headerProtection: 'baseline',
      }),
    );
    if (!altered) return message;
    const within = message.length - 100;
    message.write(message[within] === 0x41 ? 'B' : 'A', within, 'latin1');
    return message;
  };

  it('says nothing of what was within, nor whether it could be opened: asked for at once', async () => {
    const told: string[] = [];
    for (const altered of [false, true]) {
      at.office.outside.delivered.length = 0;
      const replies = await handIn(await sealed(altered), { rcpt: '<anna@example.com> NOTIFY=SUCCESS' });
      expect(replies.at(-2)).toMatch(/^250 /);
      await until(() => at.office.inside.delivered.length > told.length);
      expect(/opened=(yes|no)/.exec(at.office.inside.delivered.at(-1)?.message.toString() ?? '')?.[1]).toBe(
        altered ? 'no' : 'yes',
      );
      await new Promise((resolve) => setTimeout(resolve, 100));
      told.push(at.office.outside.delivered[0]?.message.toString('latin1') ?? 'nothing');
    }
    expect(told).toEqual(['nothing', 'nothing']);
  });

  it('the same, where it is not delivered', async () => {
    const told: string[] = [];
    for (const altered of [false, true]) {
      at.office.outside.delivered.length = 0;
      let attempts = 0;
      at.office.inside.onMessage = () => (attempts++ === 0 ? '451 busy' : '552 5.2.2 mailbox full');
      expect((await handIn(await sealed(altered))).at(-2)).toMatch(/^250 /);
      told.push(await comesBack());
    }
    expect(told[0]).toMatch(/mailbox full/);
    expect(told[0]).not.toMatch(/price|X-Chancery|Authentication-Results|opened/);
    expect(told[1]).toBe(told[0]);
  });
});

describe('a message that begins with', () => {
  it.each([' X-Chancery-Verdict: valid', 'no field at all'])('%j does not change a field of ours', async (line) => {
    const letter = `${line}\r\nFrom: me@mallory.example\r\nMessage-ID: <${line.length}@x>\r\n\r\nHi\r\n`;
    expect((await handIn(letter)).at(-2)).toMatch(/^250 /);
    const { message } = at.office.inside.delivered[0] ?? {};
    const fields = headerFields(message ?? Buffer.alloc(0));
    const [loop] = fields.filter(({ name }) => name === 'x-chancery-gateway');
    expect(loop?.value).toMatch(/^inbound [\w-]{43}$/);
    // It comes back, and is known.
    expect((await handIn(message ?? '')).at(-2)).toMatch(/^554 5\.4\.6/);
  });
});

describe('an address', () => {
  it.each(['"anna"@example.com', '"an\\na"@example.com', 'anna@EXAMPLE.com', '@relay.example:anna@example.com'])(
    'written as %s is that of the same person',
    async (written) => {
      const sealed = await at.encrypted(mail({ from: 'me@mallory.example', headers: [`X-Written: ${written}`] }));
      expect((await handIn(sealed, { rcpt: `<${written}>` })).at(-2)).toMatch(/^250 /);
      await until(() => at.office.inside.delivered.length > 0);
      const [delivered] = at.office.inside.delivered;
      expect(delivered?.recipients).toEqual(['anna@example.com']);
      expect(delivered?.message.toString()).toMatch(/opened=yes/);
    },
  );
});

describe('a server that others hand mail in through, too', () => {
  const value = randomBytes(16).toString('hex');
  let shared: TestGateway;
  beforeAll(async () => {
    process.env.CHANCERY_TEST_ORIGIN = value;
    const origin = { header: 'X-Example-Origin', value: { env: 'CHANCERY_TEST_ORIGIN' } };
    shared = await startTestGateway([], {}, { outbound: { origin } });
    await shared.authority.addPerson({ address: 'anna@example.com' });
    await until(() => shared.gateway().health().signers.ready === 1);
  });
  afterAll(() => shared.stop());

  const asAnna = (extra: string) =>
    shared.send('outbound', {
      sender: 'anna@example.com',
      recipients: ['bob@partner.example'],
      message: `${extra}From: anna@example.com\r\nTo: bob@partner.example\r\nMessage-ID: <${extra.length}@x>\r\n\r\nPay me.\r\n`,
    });

  it('has nothing signed for them, whatever they call themselves', async () => {
    for (const field of ['', 'X-Example-Origin: \r\n', `X-Example-Origin: ${value}0\r\n`, `X-Other: ${value}\r\n`])
      expect(await asAnna(field)).toMatchObject({
        code: 550,
        reply: expect.stringMatching(/5\.7\.1 .*nothing was sent/),
      });
    expect(shared.outside.delivered).toEqual([]);
  });

  it('has mail of ours signed, and the field leaves with none of it', async () => {
    expect(await asAnna(`x-example-origin: ${value}\r\n`)).toMatchObject({ code: 250 });
    await until(() => shared.outside.delivered.length > 0);
    const text = shared.outside.delivered[0]?.message.toString() ?? '';
    expect(text).toMatch(/multipart\/signed/);
    expect(text).not.toMatch(new RegExp(`${value}|x-example-origin`, 'i'));
  });
});
