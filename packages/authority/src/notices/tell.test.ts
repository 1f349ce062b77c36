import { createHmac, randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { text as readAll } from 'node:stream/consumers';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { type EscrowOffice, escrowOffice, type OperatorPrincipal } from '../../test/escrow-office.ts';
import { holdCertificate, releaseCertificate, revokeCertificate } from '../ca/revoke.ts';
import { parseAuthorityConfig } from '../config.ts';
import { operation, perform } from '../operation.ts';
import { system } from '../principal.ts';
import { newClaimLink } from '../ra/claim-link.ts';
import { removePerson } from '../ra/offboarding.ts';
import { changePerson } from '../ra/onboarding.ts';
import { welcomePeople } from '../ra/welcome.ts';
import type { World } from '../world.ts';
import { announce } from './announce.ts';
import { tellConditions } from './conditions.ts';
import { describeNotice } from './describe.ts';
import { foldDueDigests } from './digest.ts';
import { changeMyNotices, inboxEvents, readInboxItems } from './preferences.ts';
import { changeNoticeSettings, changeNoticeTemplate } from './rules.ts';
import { sendDueNotices } from './send.ts';
import { type Happening, tell } from './tell.ts';

let now = new Date('2026-03-02T12:00:00.000Z');
let office: EscrowOffice;
let world: World;
let ada: OperatorPrincipal;
let hook: Server;
const mails: { id: string; to: string; subject: string; text: string; html?: string; language?: string }[] = [];
const posts: { headers: Record<string, unknown>; body: string }[] = [];
let answer = 204;

beforeAll(async () => {
  hook = createServer((request, reply) => {
    void readAll(request).then((body) => {
      posts.push({ headers: request.headers, body });
      reply.writeHead(answer).end();
    });
  });
  hook.listen(0, '127.0.0.1');
  await once(hook, 'listening');
  const { port } = hook.address() as { port: number };
  process.env.HOOK_TEST = 'whsec_c2VjcmV0IG9mIGEgdGVzdA==';
  office = await escrowOffice({
    clock: () => now,
    config: `[server]\npublicUrl = "https://pki.example.com"\n
      [notices.webhook.siem]\nurl = "http://127.0.0.1:${port}/in"\nprivate = true\nsecret = { env = "HOOK_TEST" }\nevents = ["person-left"]
      [notices.webhook.careless]\nurl = "https://127.0.0.1:${port}/in"\nsecret = { env = "HOOK_TEST" }\nevents = ["person-left"]`,
  });
  world = { ...office.world, announce, mail: { send: async (mail) => void mails.push({ ...mail }) } };
  ada = await office.operator('Ada', 'administrator');
});
afterAll(async () => {
  hook.close();
  await office.close();
});
beforeEach(() => {
  mails.length = 0;
  posts.length = 0;
});

const rows = (where: string) => office.query(`SELECT * FROM notices WHERE ${where} ORDER BY queued_at, recipient`);
const serialOf = async (personId: string) =>
  (await office.query('SELECT serial_number FROM certificates WHERE person_id = $1', [personId]))[0]
    ?.serial_number as string;
const tellIt = operation({
  action: 'test.tell',
  permission: 'system',
  input: z.object({ happenings: z.array(z.custom<Happening>()), fail: z.boolean().default(false) }),
  subject: () => null,
  async run(tx, { happenings, fail }, _by, its) {
    const told = await tell(tx, its, happenings);
    if (fail) throw new Error('after telling');
    return { result: told, audit: {} };
  },
});
const happen = (...happenings: Happening[]) => perform(world, tellIt, system, { happenings });
const settle = (settings: object, expectedVersion: number) =>
  perform(world, changeNoticeSettings, ada, { settings, expectedVersion, note: 'a test' } as never);

describe('what happens', () => {
  it('is told to whom it concerns, each in their language, in the transaction in which it happens', async () => {
    const id = await office.person('heidi@example.com');
    await perform(world, changePerson, ada, { id, attributes: { language: 'de-CH', manager: 'mona@example.com' } });
    await office.drain();
    const serialNumber = await serialOf(id);
    await perform(world, revokeCertificate, ada, { serialNumber, reason: 'keyCompromise' } as never);
    const told = await rows(`event = 'certificate-revoked'`);
    expect(told.map(({ recipient, role, state, digest }) => [recipient, role, state, digest])).toEqual([
      ['ada@example.com', 'operators', 'gathering', 'daily'],
      ['heidi@example.com', 'person', 'waiting', null],
    ]);
    await sendDueNotices(world);
    expect(mails).toHaveLength(1);
    expect(mails[0]).toMatchObject({
      to: 'heidi@example.com',
      subject: 'Zertifikate von heidi Example wurden gesperrt',
      language: 'de',
    });
    expect(mails[0]?.text).toContain(
      'am 2. März 2026 von Ada gesperrt: jemand anders hat möglicherweise den Schlüssel',
    );
    expect(mails[0]?.html).toContain('<html lang="de">');
    const inbox = await office.query(`SELECT * FROM console_notices WHERE about = $1`, [`certificate:${serialNumber}`]);
    expect(inbox).toMatchObject([{ subject: 'Certificates of heidi Example were revoked', person_id: id }]);
    expect(inbox[0]?.body).not.toContain('Dear');
  });

  it('is told once, and not where it did not happen', async () => {
    const key = randomUUID();
    const event = {
      event: 'target-down',
      key,
      facts: { target: 'ldap', count: '1', since: now, detail: 'x' },
    } as const;
    await expect(perform(world, tellIt, system, { happenings: [event], fail: true })).rejects.toThrow('after telling');
    expect(await rows(`once LIKE '${key}%'`)).toEqual([]);
    expect(await happen(event, event)).toBe(1);
    const [one, two] = await Promise.all([happen(event), happen({ ...event, key: `${key}2` })]);
    expect([one, two]).toEqual([0, 1]);
    expect(await rows(`once LIKE '${key} %'`)).toHaveLength(1);
  });

  it('may happen again: held, released, held', async () => {
    const id = await office.person('hans@example.com');
    const serialNumber = await serialOf(id);
    for (const change of [holdCertificate, releaseCertificate, holdCertificate]) {
      now = new Date(now.getTime() + 1000);
      await perform(world, change, ada, { serialNumber } as never);
    }
    const told = await rows(`recipient = 'hans@example.com'`);
    expect(told.map(({ event }) => event)).toEqual(['certificate-held', 'certificate-released', 'certificate-held']);
  });

  it('is not kept from happening by notices that fail', async () => {
    const id = await office.person('gus@example.com');
    const serialNumber = await serialOf(id);
    await office.query('ALTER TABLE notice_events RENAME TO gone');
    await perform(world, revokeCertificate, ada, { serialNumber, reason: 'superseded' } as never);
    await office.query('ALTER TABLE gone RENAME TO notice_events');
    expect(
      (await office.query('SELECT revoked_at FROM certificates WHERE serial_number = $1', [serialNumber]))[0]
        ?.revoked_at,
    ).not.toBeNull();
    expect(await office.trail(`certificate:${serialNumber}`)).toContain('certificate.revoke succeeded');
    expect(office.logged.map(({ event }) => event)).toContain('notice.not-queued');
  });
});

describe('a webhook', () => {
  it('is signed, tried again with the same id, and told of what its owner asked for', async () => {
    const id = await office.person('lea@example.com');
    await perform(world, changePerson, ada, { id, attributes: { manager: 'mona@example.com' } });
    await perform(world, removePerson, ada, { id });
    answer = 503;
    await sendDueNotices(world);
    answer = 204;
    now = new Date(now.getTime() + 61_000);
    await sendDueNotices(world);
    expect(posts).toHaveLength(2);
    const [first, second] = posts;
    expect(second?.headers['webhook-id']).toBe(first?.headers['webhook-id']);
    const { headers, body } = second as (typeof posts)[number];
    const mac = createHmac('sha256', 'secret of a test');
    mac.update(`${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`);
    expect(headers['webhook-signature']).toBe(`v1,${mac.digest('base64')}`);
    expect(JSON.parse(body)).toMatchObject({
      id: headers['webhook-id'],
      type: 'person-left',
      data: { person: { id, address: 'lea@example.com' }, facts: { by: 'Ada' } },
    });
    // Whoever has left is told nothing; their manager is.
    expect(mails.map(({ to }) => to)).toContain('mona@example.com');
    expect(mails.map(({ to }) => to)).not.toContain('lea@example.com');
  });

  it('reaches no private address unless it is said to be there', async () => {
    const [row] = await rows(`recipient = 'careless'`);
    expect(row).toMatchObject({ state: 'waiting', attempts: 2 });
    expect(row?.last_error).toContain('127.0.0.1 is at an address that is not public');
    expect(() =>
      parseAuthorityConfig('[notices.webhook.a]\nurl = "http://siem.example.com"\nsecret = { env = "X" }', '/x'),
    ).toThrow('notices.webhook.a.url: is https, or private = true');
  });
});

describe('a welcome', () => {
  it('takes the link to its owner, sealed until it is sent, and a minute after an officer could have had it', async () => {
    await office.query('UPDATE claims SET closed_at = now() WHERE closed_at IS NULL');
    const id = await office.person('nina@example.com');
    await perform(world, changePerson, ada, { id, attributes: { language: 'no' } });
    await office.drain();
    await welcomePeople(world);
    expect(await rows(`event = 'welcome'`)).toEqual([]);
    now = new Date(now.getTime() + 61_000);
    await welcomePeople({ ...world, mail: undefined } as never);
    expect(await rows(`event = 'welcome'`)).toEqual([]);
    await welcomePeople(world);
    await welcomePeople(world);
    const [row, ...more] = await rows(`event = 'welcome'`);
    expect(more).toEqual([]);
    expect(row).toMatchObject({ recipient: 'nina@example.com', body: null, channel: 'mail' });
    await sendDueNotices(world);
    const link = /https:\/\/pki\.example\.com\/claim#(\S+)/.exec(mails[0]?.text ?? '')?.[1] ?? '';
    expect(link.length).toBeGreaterThan(20);
    expect(mails[0]?.subject).toBe('Nøklene dine til signert og kryptert e-post');
    const everything = JSON.stringify([
      await office.query('SELECT * FROM notices'),
      await office.query('SELECT * FROM console_notices'),
      await office.query('SELECT canonical FROM audit_records'),
      office.logged,
    ]);
    expect(everything).not.toContain(link);
    // An officer's link later is another one, of a fresh key.
    expect((await newClaimLink(world, ada, id)).url).not.toContain(link);
  });
});

describe('the rules', () => {
  it('have versions, and hold: off, quiet, urgent, ceilings', async () => {
    const person = await office.person('rita@example.com');
    const held = (n: number): Happening => ({
      event: 'certificate-held',
      key: randomUUID(),
      personId: person,
      facts: { use: 'signing', by: `n${n}` },
    });
    await settle({ events: { 'certificate-held': { operators: 'off', webhook: false } }, mostPerHour: 2 }, 0);
    await happen(held(1), held(2), held(3));
    const told = await rows(`recipient = 'rita@example.com'`);
    expect(told.map(({ state, digest }) => [state, digest]).sort()).toEqual([
      ['gathering', 'daily'],
      ['waiting', null],
      ['waiting', null],
    ]);
    await expect(settle({}, 0)).rejects.toMatchObject({ code: 'conflict' });

    now = new Date('2026-03-03T22:10:00.000Z');
    await settle({ quiet: { from: 20, to: 6, days: [] }, mostPerMinute: 1 }, 1);
    await happen(held(4), { event: 'authority-trouble', key: randomUUID(), facts: { authority: 'a', detail: 'b' } });
    mails.length = 0;
    await sendDueNotices(world);
    // What was due before, one a minute; and nothing of tonight but what is urgent.
    expect(mails).toHaveLength(1);
    const [waiting] = await rows(`recipient = 'rita@example.com' AND queued_at = '2026-03-03T22:10:00Z'`);
    expect((waiting as { next_attempt_at: Date }).next_attempt_at.toISOString()).toBe('2026-03-04T06:00:00.000Z');
    expect(describeNotice(world, waiting as never).why).toBe('Waits for the end of the quiet hours.');
    const [urgent] = await rows(`event = 'authority-trouble' AND queued_at = '2026-03-03T22:10:00Z'`);
    expect((urgent as { next_attempt_at: Date }).next_attempt_at.getTime()).toBe(now.getTime());
    await settle({}, 2);
    const versions = await office.query('SELECT version, author, note FROM notice_settings ORDER BY version');
    expect(versions.at(-1)).toEqual({ version: 3, author: 'Ada', note: 'a test' });
  });

  it('gather into one mail, once', async () => {
    now = new Date('2026-03-05T08:01:00.000Z');
    await foldDueDigests(world);
    await foldDueDigests(world);
    const digests = await rows(`event = 'digest' AND recipient = 'ada@example.com'`);
    expect(digests).toHaveLength(1);
    expect(digests[0]?.body).toContain('- 2 March 2026: Certificates of heidi Example were revoked');
    const folded = await rows(`state = 'folded' AND recipient = 'ada@example.com'`);
    expect(folded.length).toBeGreaterThan(3);
    expect(folded.every(({ folded_into }) => folded_into === digests[0]?.id)).toBe(true);
    expect(await rows(`state = 'gathering' AND digest = 'daily'`)).toEqual([]);
    mails.length = 0;
    await sendDueNotices(world);
    expect(mails.filter(({ to }) => to === 'ada@example.com')).toHaveLength(
      1 +
        (
          await rows(
            `recipient = 'ada@example.com' AND state = 'sent' AND event <> 'digest' AND sent_at = '2026-03-05T08:01:00Z'`,
          )
        ).length,
    );
  });
});

describe('the texts', () => {
  it('are changed by who may, with versions; what cannot be used is refused', async () => {
    const change = (content: { subject: string; text: string } | null, expectedVersion: number) =>
      perform(world, changeNoticeTemplate, ada, { event: 'person-left', language: 'en', content, expectedVersion });
    await expect(change({ subject: 'x', text: '{password}' }, 0)).rejects.toMatchObject({ code: 'invalid-request' });
    await change({ subject: 'Gone: {person}', text: 'Dear {name},\n\n{person} is gone.\n' }, 0);
    const auditor = await office.operator('Otto', 'auditor');
    await expect(
      perform(world, changeNoticeTemplate, auditor, {
        event: 'person-left',
        language: 'en',
        content: null,
        expectedVersion: 1,
      }),
    ).rejects.toMatchObject({ code: 'forbidden' });
    const id = await office.person('gone@example.com');
    await perform(world, removePerson, ada, { id });
    expect((await rows(`person_id = '${id}'`))[0]?.subject).toBe('Gone: gone Example');
    await change(null, 1);
    await expect(change(null, 1)).rejects.toMatchObject({ code: 'conflict' });
  });
});

describe('people and operators', () => {
  it('do without what they may do without, and nothing else', async () => {
    const id = await office.person('mute@example.com');
    const me = { kind: 'person', id, name: 'x', signedIn: true } as const;
    const wish = (muted: string[]) =>
      perform(world, changeMyNotices, me, { personId: id, language: 'fr', muted } as never);
    await expect(wish(['certificate-revoked'])).rejects.toMatchObject({ code: 'invalid-request' });
    await wish(['certificate-renewed']);
    await expect(
      perform(world, changeMyNotices, { ...me, id: randomUUID() }, { personId: id, language: null, muted: [] }),
    ).rejects.toMatchObject({ code: 'forbidden' });
    const facts = { use: 'signing', until: now };
    await happen(
      { event: 'certificate-renewed', key: randomUUID(), personId: id, facts },
      { event: 'certificate-held', key: randomUUID(), personId: id, facts: { use: 'signing', by: '' } },
    );
    const told = await rows(`recipient = 'mute@example.com'`);
    expect(told.map(({ event, language }) => [event, language])).toEqual([['certificate-held', 'fr']]);
    expect(told[0]?.body).toContain('par Example Corp');
  });

  it('have an inbox of what is theirs to know, and read it for themselves', async () => {
    expect(inboxEvents({ ...ada, roles: ['recovery-officer'] })).toEqual(['recovery-waiting']);
    expect(inboxEvents({ ...ada, roles: ['auditor'] })).toEqual(['key-recovered', 'trail-unwitnessed']);
    const [{ id } = { id: '' }] = await office.query('SELECT id FROM console_notices LIMIT 1');
    await perform(world, readInboxItems, ada, { ids: [id as string] });
    await perform(world, readInboxItems, ada, { ids: [id as string] });
    expect(await office.query('SELECT operator_id FROM console_notice_reads')).toEqual([{ operator_id: ada.id }]);
  });
});

describe('what comes to be', () => {
  it('is found once a minute, and told once', async () => {
    const id = await office.person('slow@example.com');
    await newClaimLink(world, ada, id);
    const gone = await office.person('quiet@example.com');
    await office.query(`UPDATE people SET state = 'left', left_at = $1 WHERE id = $2`, [
      new Date(now.getTime() + 12 * 86_400_000),
      gone,
    ]);
    await office.query(`INSERT INTO directory_syncs (name, outcome, question)
      VALUES ('ad', 'asking', '{"askedAt": "2026-03-01T00:00:00.000Z", "known": 500, "losses": [{}, {}]}')`);
    now = new Date(now.getTime() + 12 * 86_400_000);
    await office.query(
      `INSERT INTO publications (target, serial_number, wanted, state, error, attempts, updated_at)
      SELECT 'directory', serial_number, true, 'failed', 'no route to host', 9, $1 FROM certificates WHERE person_id = $2`,
      [now, id],
    );
    await tellConditions(world);
    const events = async () => (await office.query('SELECT event FROM notice_events')).map(({ event }) => event);
    const found = await events();
    // No list was made in these days: the clock jumped.
    expect(found).toEqual(
      expect.arrayContaining(['link-lapsing', 'target-down', 'authority-trouble', 'person-left', 'people-drop']),
    );
    const [down] = await rows(`event = 'target-down' AND about = 'target:directory'`);
    expect(down?.body).toContain('no route to host');
    expect((await rows(`event = 'people-drop'`))[0]?.body).toContain('2 / 500');
    await tellConditions(world);
    expect(await events()).toHaveLength(found.length);
    expect((await office.query(`SELECT 1 FROM audit_records WHERE action = 'notice.tell'`)).length).toBe(1);
  });
});
