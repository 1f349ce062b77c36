import { generateKeyPairSync, randomUUID } from 'node:crypto';
import type { KeyStoreHealth } from '@chancery/keystore';
import { buildName, buildRequest, localSigner } from '@chancery/smime';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { type EscrowOffice, escrowOffice, type OperatorPrincipal } from '../../test/escrow-office.ts';
import { applyProfile } from '../ca/change-profile.ts';
import { createAuthority } from '../ca/grow-hierarchy.ts';
import { claimant } from '../delivery/claim.ts';
import { makePersonSignInLink } from '../identity/person-sessions.ts';
import { errandsOfTick, tick } from '../jobs/scheduler.ts';
import { perform } from '../operation.ts';
import { system } from '../principal.ts';
import { newClaimLink } from '../ra/claim-link.ts';
import { issueSigning } from '../ra/enrollment.ts';
import { returnPerson, suspendPerson } from '../ra/offboarding.ts';
import { changePerson } from '../ra/onboarding.ts';
import { beginRollover } from '../ra/rollover.ts';
import { latestCheckpoint } from '../store/audit-tree.ts';
import { issuingAuthority, listAuthorities } from '../store/authorities.ts';
import type { Snapshot } from '../store/database.ts';
import { latestProfile } from '../store/profiles.ts';
import type { World } from '../world.ts';
import { announce } from './announce.ts';
import { tellConditions } from './conditions.ts';
import { changeNoticeSettings, changeNoticeTemplate } from './rules.ts';
import { sendDueNotices } from './send.ts';

const DAY = 86_400_000;
let now = new Date('2026-03-02T12:00:00.000Z');
let office: EscrowOffice;
let world: World;
let ada: OperatorPrincipal;
const mails: { to: string; subject: string; text: string; language?: string }[] = [];
const pass = (days: number) => {
  now = new Date(now.getTime() + days * DAY);
};
const read = <T>(run: (snapshot: Snapshot) => Promise<T>) => office.world.database.snapshot(run);
const to = (address: string) => mails.filter((mail) => mail.to === address).map(({ subject }) => subject);
const events = async (event: string) =>
  office.query('SELECT recipient, role, subject, body FROM notices WHERE event = $1 ORDER BY queued_at, recipient', [
    event,
  ]);
/** A minute of the office: what it does by itself, the jobs that follow, and where it then goes. */
const minute = async (more: Partial<World> = {}) => {
  now = new Date(now.getTime() + 60_000);
  await tick({ ...world, ...more });
  await office.drain();
  await sendDueNotices({ ...world, ...more });
};

beforeAll(async () => {
  office = await escrowOffice({
    clock: () => now,
    config: '[server]\npublicUrl = "https://pki.example.com"\n[renewal]\nperDay = 1000\n',
  });
  world = { ...office.world, announce, mail: { send: async (mail) => void mails.push({ ...mail }) } };
  ada = await office.operator('Ada', 'administrator');
  for (const id of ['signing', 'encryption']) {
    const profile = await read((snapshot) => latestProfile(snapshot, id));
    if (profile === undefined) throw new Error('expected a profile');
    const document = { ...profile.document, validityDays: 90, renewalDays: 30 };
    await perform(world, applyProfile, system, { id, document, expectedVersion: profile.version });
  }
});
afterAll(() => office.close());
beforeEach(() => {
  mails.length = 0;
});

/** Covered: with a signing key of their browser's, and the encryption key fetched. */
async function covered(address: string): Promise<string> {
  const id = await office.person(address);
  const link = await newClaimLink(world, ada, id);
  const signer = localSigner(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey);
  const request = await buildRequest({ subject: buildName([{ type: 'commonName', value: 'x' }]), signer });
  await issueSigning(world, await claimant(world, link.url.split('#')[1] ?? ''), {
    personId: id,
    csr: Buffer.from(request).toString('base64'),
    keyOrigin: 'browser',
  });
  await office.query('UPDATE escrowed_keys SET delivered_at = $2 WHERE person_id = $1', [id, now]);
  await office.query('UPDATE claims SET closed_at = $2 WHERE person_id = $1 AND closed_at IS NULL', [id, now]);
  return id;
}

describe('a renewal', () => {
  it('is told once to whom it needs, with a link; and once, when it is done, of what the office did by itself', async () => {
    const id = await covered('rosa@example.com');
    await perform(world, changePerson, ada, { id, attributes: { manager: 'mona@example.com' } });
    await minute();
    mails.length = 0;
    pass(78);
    for (let minutes = 0; minutes < 4; minutes++) await minute();
    // Her signing key is hers to make: one mail with the link. Her encryption key stays, and its certificate is new.
    expect(to('rosa@example.com').toSorted()).toEqual([
      'Renew your mail certificate',
      'The encryption certificate of rosa Example was renewed',
    ]);
    expect(mails.find(({ subject }) => subject.startsWith('Renew'))?.text).toContain('https://pki.example.com/claim#');
    expect((await events('certificate-expiring')).map(({ role }) => role)).toEqual(['operators']);
    // A week before the end she is reminded as the renewal reminds her, and by nothing else.
    pass(6);
    for (let minutes = 0; minutes < 3; minutes++) await minute();
    const reminders = to('rosa@example.com').filter((subject) => subject !== 'Renew your mail certificate');
    expect(reminders).toEqual(['The encryption certificate of rosa Example was renewed']);
    expect((await events('certificate-expiring')).map(({ recipient }) => recipient)).not.toContain('rosa@example.com');
  });

  it('of which no link can be mailed is told by the notice that it ends', async () => {
    await covered('nina@example.com');
    pass(84);
    const { mail: _none, ...silent } = world;
    await tellConditions(silent);
    expect((await events('certificate-expiring')).map(({ recipient }) => recipient)).toContain('nina@example.com');
  });
});

describe('a letter', () => {
  it('goes whatever the rules say, in the language of whom it is for, and to nobody else', async () => {
    const id = await office.person('heidi@example.com');
    await perform(world, changePerson, ada, { id, attributes: { language: 'de-CH', manager: 'mona@example.com' } });
    await perform(world, changeNoticeSettings, ada, {
      settings: { events: { 'sign-in-link': { person: 'off', webhook: true, console: true } }, mostPerHour: 1 },
      expectedVersion: 0,
      note: '',
    } as never);
    await perform(world, makePersonSignInLink, system, { personId: id });
    await perform(world, makePersonSignInLink, system, { personId: id });
    await sendDueNotices(world);
    const links = mails.filter(({ subject }) => subject === 'Ihr Link zum Anmelden');
    expect(links.map((mail) => [mail.to, mail.language])).toEqual([
      ['heidi@example.com', 'de'],
      ['heidi@example.com', 'de'],
    ]);
    const tokens = links.map(({ text }) => /https:\/\/pki\.example\.com\/me#([\w-]{43})/.exec(text)?.[1] ?? '');
    expect(new Set(tokens).size).toBe(2);
    const everything = JSON.stringify([
      await office.query('SELECT * FROM notices'),
      await office.query('SELECT * FROM console_notices'),
      await office.query('SELECT canonical FROM audit_records'),
      office.logged,
    ]);
    for (const token of tokens) expect(everything).not.toContain(token);
    expect(await office.query(`SELECT 1 FROM console_notices WHERE event = 'sign-in-link'`)).toEqual([]);
  });

  it('has words of the office’s own, in which its link cannot be left out', async () => {
    const change = (text: string) =>
      perform(world, changeNoticeTemplate, ada, {
        event: 'sign-in-link',
        language: 'fr',
        content: { subject: 'Connexion', text },
        expectedVersion: 0,
      });
    await expect(change('Bonjour {name}\n')).rejects.toMatchObject({ code: 'invalid-request' });
    await expect(change('{signInLink} {claimLink}\n')).rejects.toMatchObject({ code: 'invalid-request' });
    await change('Voici : {signInLink}\n');
    const id = await office.person('fleur@example.com');
    await perform(world, changePerson, ada, { id, attributes: { language: 'fr' } });
    await perform(world, makePersonSignInLink, system, { personId: id });
    await sendDueNotices(world);
    expect(mails.find(({ subject }) => subject === 'Connexion')?.text).toMatch(
      /^Voici : https:\/\/pki\.example\.com\/me#/,
    );
  });
});

describe('a server of others that never answers', () => {
  it('delays no checkpoint and no other minute of the office', async () => {
    let asked = 0;
    let giveUp = () => {};
    const hanging = {
      send: () => {
        asked += 1;
        // What comes after the first is not the question.
        return asked > 1 ? Promise.resolve() : new Promise<void>((resolve) => (giveUp = resolve));
      },
    };
    await perform(world, makePersonSignInLink, system, { personId: await office.person('hang@example.com') });
    const errand = errandsOfTick['due-notices'];
    if (errand === undefined) throw new Error('expected an errand');
    const under = errand({ ...world, mail: hanging });
    for (let tries = 0; asked === 0 && tries < 500; tries++) await new Promise((resolve) => setTimeout(resolve, 10));
    expect(asked).toBe(1);
    const size = async () => (await read(latestCheckpoint))?.size ?? 0;
    const before = await size();
    await tick({ ...world, mail: hanging });
    expect(await size()).toBeGreaterThan(before);
    giveUp();
    await under;
  });
});

describe('what concerns the office as a whole', () => {
  it('is told of a suspension and a return, and not again by whoever looks', async () => {
    const id = await office.person('sven@example.com');
    await perform(world, suspendPerson, ada, { id });
    await tellConditions(world);
    await perform(world, returnPerson, ada, { id });
    expect((await events('person-suspended')).filter(({ role }) => role === 'person')).toHaveLength(1);
    const [returned] = (await events('person-returned')).filter(({ role }) => role === 'person');
    expect(returned).toMatchObject({ recipient: 'sven@example.com', subject: 'sven Example is here again' });
    // As a source says it: nobody's operation, found by looking.
    await office.query(`UPDATE people SET state = 'suspended', suspended_at = $2 WHERE id = $1`, [
      await office.person('sara@example.com'),
      now,
    ]);
    for (let looks = 0; looks < 2; looks++) await tellConditions(world);
    const told = await events('person-suspended');
    expect(told.filter(({ recipient }) => recipient === 'sara@example.com')).toHaveLength(1);
  });

  it('is told of a device that waits for a decision, once; the inbox begins with a capital', async () => {
    const id = randomUUID();
    await office.query(
      `INSERT INTO device_enrolments (id, protocol, label, use, profile, person_id, request, subject, key_algorithm, spki_sha256,
         signer_sha256, transaction_id, proof, state, requested_at)
       VALUES ($1, 'scep', 'default', 'signing', 'signing', $2, '\\x00', 'CN=x', 'P-256', $3, $3, $4, 'static', 'waiting', $5)`,
      [id, await office.person('dev@example.com'), Buffer.alloc(32, 7), id, now],
    );
    for (let looks = 0; looks < 2; looks++) await tellConditions(world);
    expect(await events('approval-pending')).toMatchObject([
      { recipient: 'ada@example.com', subject: 'A device of dev Example waits for somebody to decide' },
    ]);
    const inbox = await office.query('SELECT body, event FROM console_notices');
    expect(inbox.find(({ event }) => event === 'approval-pending')?.body).toMatch(/^A device of dev Example/);
    expect(inbox.find(({ event }) => event === 'certificate-expiring')?.body).toMatch(/^The certificate of /);
  });

  it('is told of a token that is gone, once a day, and not of one that is back within a minute', async () => {
    const since = { lost: now, name: 'pkcs11:office' };
    const health = async (): Promise<KeyStoreHealth[]> => [
      {
        name: since.name,
        state: 'unavailable',
        since: since.lost,
        device: undefined,
        sessions: { free: 0, total: 4 },
        lastError: { at: since.lost, message: 'CKR_DEVICE_REMOVED' },
      },
    ];
    const keyStore = Object.assign(Object.create(office.world.keyStore), { health });
    await tellConditions({ ...world, keyStore });
    expect(await events('token-trouble')).toEqual([]);
    now = new Date(now.getTime() + 120_000);
    for (let looks = 0; looks < 2; looks++) await tellConditions({ ...world, keyStore });
    expect(await events('token-trouble')).toMatchObject([
      { recipient: 'ada@example.com', body: expect.stringContaining('CKR_DEVICE_REMOVED') },
    ]);
    pass(1);
    await tellConditions({ ...world, keyStore });
    expect(await events('token-trouble')).toHaveLength(2);
  });

  it('is told of an authority that ends, in three stages, and of a rollover', async () => {
    const authorities = await read(listAuthorities);
    const before = await read(issuingAuthority);
    const root = authorities.find(({ role }) => role === 'root');
    await perform(world, createAuthority, ada, { title: 'Issuing CA 2', key: 'p256', parentId: root?.id ?? '' });
    await perform(world, beginRollover, ada, { authorityId: before.id, perDay: 24 });
    expect(await events('rollover-begun')).toMatchObject([
      { recipient: 'ada@example.com', subject: expect.stringMatching(/^A rollover from \S+ to \S+ has begun$/) },
    ]);
    const { notAfter } = before.certificate;
    const ending = async (daysBefore: number) => {
      now = new Date(notAfter.getTime() - daysBefore * DAY);
      await tellConditions(world);
      await tellConditions(world);
      return (await events('authority-ending')).filter(({ subject }) => String(subject).includes(before.slug)).length;
    };
    expect([await ending(91), await ending(89), await ending(29), await ending(6)]).toEqual([0, 1, 2, 3]);
  });
});
