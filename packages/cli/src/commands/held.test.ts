/** `chancery held` over REST against an office as it is started in earnest; the test speaks for the gateway. */
import { afterAll, afterEach, beforeAll, expect, it, vi } from 'vitest';
import { type Account, type RunningOffice, runningOffice } from '../../../authority/test/running-office.ts';
import { CommandError, exitCodes } from '../exit-codes.ts';
import { heldCommand } from './held.ts';

let office: RunningOffice;
let ada: Account;
let gateway: RunningOffice['local'];

beforeAll(async () => {
  office = await runningOffice();
  ada = await office.setUp();
  gateway = office.client((await ada.client.createGateway({ body: { name: 'gate' } })).token);
}, 120_000);
afterEach(() => vi.unstubAllEnvs());
afterAll(() => office.close());

const run = '11111111-1111-4111-8111-111111111111';
const standing = (digit: string, more: object = {}) => ({
  ...{ id: `${digit.repeat(8)}-0000-4000-8000-000000000000`, direction: 'inbound' as const, sender: 'eve@x.example' },
  ...{
    from: ['ceo@example.com'],
    recipients: ['anna@example.com'],
    moreRecipients: 0,
    reason: 'Macros',
    rule: 'macros',
  },
  ...{ messageId: '<1@x.example>', size: 1200, invited: false, problem: null, waitsFor: 'decision' as const },
  ...{ heldAt: `2026-06-0${digit}T00:00:00.000Z`, expiresAt: '2026-06-09T00:00:00.000Z' },
  authentication: { spf: 'pass', dkim: 'none', dmarc: 'fail' },
  ...more,
});
const report = (held: ReturnType<typeof standing>[], more: { gone?: string[]; done?: string[] } = {}) =>
  gateway.reportHeldMail({ body: { run, held, gone: [], done: [], complete: true, ...more } });
const first = standing('1');
const second = standing('2', { direction: 'outbound', sender: 'anna@example.com', recipients: ['bob@x.example'] });

/** What the command prints, as `by`. */
async function chancery(args: string[], by: Account = ada): Promise<string> {
  vi.stubEnv('CHANCERY_URL', office.authority.url);
  vi.stubEnv('CHANCERY_TOKEN', by.token);
  let printed = '';
  const write = vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    printed += String(text);
    return true;
  });
  try {
    await heldCommand().parseAsync(args, { from: 'user' });
  } finally {
    write.mockRestore();
  }
  return printed;
}

it('lists and shows what gateways hold, by address and way, for people and for scripts', async () => {
  expect(await chancery([])).toBe('Nothing is held.\n');
  await report([first, second]);
  const lines = (await chancery(['list'])).trim().split('\n');
  expect(lines).toHaveLength(3);
  expect(lines[1]).toMatch(new RegExp(`^${first.id}  in   eve@x.example .*Macros \\(macros\\).*a decision`));
  const { items } = JSON.parse(await chancery(['list', '--direction', 'outbound', '--json']));
  expect(items).toMatchObject([{ ...second, gateway: 'gate', decision: null }]);
  expect(await chancery(['list', '--search', 'nobody@'])).toBe('Nothing is held.\n');
  const shown = await chancery(['show', '1111']);
  expect(shown).toContain('Sender:          eve@x.example');
  expect(shown).toContain('SPF pass, DKIM none, DMARC fail');
  expect(JSON.parse(await chancery(['show', second.id, '--json']))).toMatchObject({ id: second.id });
});

it('decides on record, all or nothing, and says what came of it', async () => {
  await report([first, second]);
  for (const [id, message] of [
    ['9', /No gateway holds/],
    ['', /No gateway holds/],
  ] as const) {
    await expect(chancery(['release', first.id, id])).rejects.toThrow(message);
  }
  expect((await ada.client.heldMessage({ params: { id: first.id } })).decision).toBeNull();
  await expect(chancery(['release', '1111', '--wait', 'soon'])).rejects.toThrow('--wait takes seconds');

  await chancery(['release', '1111', '--note', 'asked by telephone']);
  const [decision] = (await gateway.gatewayConfiguration()).heldDecisions;
  expect(decision).toMatchObject({ message: first.id, act: 'release', note: 'asked by telephone' });
  const [record] = (await ada.client.auditRecords({ query: { action: 'held-mail.decide', limit: 1 } })).items;
  expect(record).toMatchObject({ subject: `held-mail:${first.id}`, actorName: 'Ada Ambrose', outcome: 'succeeded' });

  // The gateway has tried: one is gone, and another one it could not let go.
  const waiting = chancery(['reject', '1111', '2222', '--wait', '30', '--json']).catch((error: Error) => error);
  await vi.waitFor(async () => {
    const { heldDecisions } = await gateway.gatewayConfiguration();
    expect(heldDecisions.map(({ act }) => act)).toEqual(['refuse', 'refuse']);
    const done = heldDecisions.map(({ id }) => id);
    await report([{ ...second, problem: 'The next server refuses it.' } as never], { gone: [first.id], done });
  }, 10_000);
  const refused = await waiting;
  expect(refused).toBeInstanceOf(CommandError);
  expect(refused).toMatchObject({
    exitCode: exitCodes.refused,
    lines: [`${second.id}: The next server refuses it.`],
  });
  await expect(chancery(['show', first.id])).rejects.toMatchObject({ code: 'not-found' });
});

it('is decided by administrators alone; others see it', async () => {
  await report([second]);
  const otto = await office.invite(ada.client, 'Otto', ['auditor']);
  expect(await chancery(['show', '2222'], otto)).toContain('Waits for');
  await expect(chancery(['release', '2222'], otto)).rejects.toMatchObject({ code: 'forbidden' });
  await expect(chancery(['list'], { ...otto, token: 'of-nobody' })).rejects.toMatchObject({ code: 'unauthenticated' });
});
