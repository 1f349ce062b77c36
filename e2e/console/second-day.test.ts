/**
 * A second day at the console, in Chromium: lists with rows in them, what a directory asks, the switch for managed phones, and a
 * certificate that its owner saves on their own page.
 */
import { createHash, generateKeyPairSync, randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type Client, createClient, type JournalEntry } from '@chancery/api';
import { buildName, buildRequest, localSigner, parseCertificate, pemBlocks } from '@chancery/smime';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { missing } from '../../interop/peers.ts';
import { OpenLdap } from '../../interop/people-directory.ts';
import { eventually } from '../support/mail.ts';
import { freePort, OfficeProcess } from '../support/office-process.ts';
import { setUpOffice } from '../support/operators.ts';
import { openBrowser, Visitor } from './browser.ts';
import { type ExampleDirectory, exampleDirectory, signInThere } from './example-directory.ts';

const STAFF = ['ines', 'jan', 'kim', 'lea', 'max', 'nora'].map((uid) => ({
  uid,
  name: `${uid[0]?.toUpperCase()}${uid.slice(1)} Staff`,
  mail: `${uid}@example.com`,
}));

describe.skipIf(missing('chromium') || missing('slapd'))('a second day at the console', () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'chancery-second-day-'));
  let provider: ExampleDirectory;
  let slapd: OpenLdap;
  let office: OfficeProcess;
  let local: Client;
  let browser: Browser;
  let olga: Visitor;
  let dora: Visitor;

  beforeAll(async () => {
    provider = await exampleDirectory();
    slapd = new OpenLdap(path.join(folder, 'slapd'), await freePort());
    slapd.create(STAFF);
    await slapd.start();
    const connector = generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey;
    writeFileSync(path.join(folder, 'connector.pem'), connector.export({ type: 'spki', format: 'pem' }));
    writeFileSync(path.join(folder, 'secret'), 'of a test');
    office = await OfficeProcess.prepare({
      authorityToml: `${provider.toml}[identity.ldap.staff]
mostLeaving = { people = 1, percent = 0 }
${slapd.toml()}
[devices.intune]
tenant = "example.onmicrosoft.example"
clientId = "11111111-2222-3333-4444-555555555555"
clientSecret = { file = "${path.join(folder, 'secret')}" }
connectorKey = "${path.join(folder, 'connector.pem')}"
keyName = "PFXEncryptionKey"
loginUrl = "http://127.0.0.1:9"
graphUrl = "http://127.0.0.1:9"
`,
    });
    provider.serve(office.url);
    provider.member('olga', 'pki-admins');
    provider.member('dora');
    await office.start();
    await setUpOffice(office.url, await office.setupToken());
    local = createClient({ baseUrl: office.url, token: office.localToken });
    await local.addPerson({ body: { address: 'dora@example.com', name: 'Dora Device' } });
    browser = await openBrowser();
    olga = await signedIn('olga', '/');
    await olga.page.getByRole('heading', { name: 'Overview' }).waitFor();
  });
  afterAll(async () => {
    await browser?.close();
    await office?.dispose();
    await provider?.stop();
    await slapd?.kill();
    rmSync(folder, { recursive: true, force: true });
  });

  async function signedIn(name: string, where: string): Promise<Visitor> {
    const visitor = await Visitor.enter(browser, office.url);
    await visitor.page.goto(where);
    await signInThere(visitor.page, name);
    return visitor;
  }

  const person = async (address: string) => {
    const { items } = await local.people({ query: { search: address, limit: 2 } });
    return items.find((one) => one.address === address);
  };

  it('lists what gateways hold, whom they know, and what they decided; a search and the keyboard narrow each', async () => {
    const { page } = olga;
    await eventually('Dora’s encryption certificate is made', async () =>
      (await local.certificates({ query: { limit: 1 } })).items.length > 0 ? true : undefined,
    );
    await fillLists(local, office.url);
    for (const [where, name, rows, search, none] of [
      ['/held-mail', 'held-mail', 'Held mail', 'Sender or recipient', 'No held mail matches'],
      ['/correspondents', 'correspondents', 'Correspondents', 'Address', 'Nobody matches'],
      ['/mail', 'mail', 'Mail decisions', 'Address, message id or rule', 'No decision matches'],
      [
        '/inventory',
        'inventory',
        'Certificates of people',
        'Search names, addresses, serial numbers',
        'Nothing matches',
      ],
      ['/inventory?list=coverage', 'coverage', 'Coverage', 'Search names and addresses', 'Nobody matches'],
      ['/people', 'people', 'People', 'Search people', 'Nobody matches'],
      ['/certificates', 'certificates', 'Certificates', 'Search certificates', 'No certificate matches'],
    ] as const) {
      await page.goto(where);
      await page.getByRole('table', { name: rows, exact: true }).waitFor();
      expect(await olga.lookAt(`${name}-full`)).toEqual([]);
      await page.getByRole('heading', { level: 1 }).click();
      await page.keyboard.press('/');
      await page.keyboard.type('nobody at all');
      await page.getByText(none).first().waitFor();
      expect(new URL(page.url()).search).toContain('nobody');
      await page.getByRole('searchbox', { name: search, exact: true }).fill('');
      await page.getByRole('table', { name: rows, exact: true }).waitFor();
      expect(new URL(page.url()).search).not.toContain('nobody');
    }
  });

  it('asks before many leave at once: whoever stays, stays, and whoever leaves, leaves', async () => {
    const { page } = olga;
    const follow = () => local.runDirectory({ params: { name: 'staff' } });
    await follow();
    await eventually('the staff have joined', async () =>
      (await person('nora@example.com')) === undefined ? undefined : true,
    );
    for (const uid of ['ines', 'jan', 'kim']) slapd.remove(uid);
    await page.goto('/sources');
    await page.getByRole('button', { name: 'Follow now' }).click();
    await page.getByText('3 people of 6 would leave at once').first().waitFor({ timeout: 60_000 });
    expect(await olga.lookAt('directory-asks')).toEqual([]);

    await page.getByRole('button', { name: 'See who' }).click();
    const who = page.getByRole('table', { name: 'Who would leave' });
    await who.getByText('Ines Staff').waitFor();
    await page.getByRole('button', { name: 'They stay' }).click();
    await page.getByText('3 people stay, though the directory says otherwise').first().waitFor();
    await eventually('the directory is followed again', async () => {
      const { items } = await local.directories();
      return items[0]?.state === 'done' ? true : undefined;
    });
    expect((await person('ines@example.com'))?.state).toBe('active');

    await page.reload();
    await page.getByRole('button', { name: 'See who' }).click();
    await who.getByText('Kim Staff').waitFor();
    await page.getByRole('button', { name: 'They leave' }).click();
    await eventually('all three have left', async () => {
      const states = await Promise.all(['ines', 'jan', 'kim'].map((uid) => person(`${uid}@example.com`)));
      return states.every((one) => one?.state === 'left') ? true : undefined;
    });
    expect((await person('lea@example.com'))?.state).toBe('active');
    const { items } = await local.auditRecords({ query: { action: 'directory.answer-drop', limit: 10 } });
    expect(items.map(({ details, actorName }) => [details.answer, actorName])).toEqual([
      ['confirmed', 'Olga Example'],
      ['dismissed', 'Olga Example'],
    ]);
  });

  it('lets the keys of one person go to phones that Intune manages, and no more of them once it is switched off', async () => {
    const { page } = olga;
    const id = (await person('dora@example.com'))?.id ?? '';
    const phone = async () => (await local.person({ params: { id } })).phone;
    await page.goto(`/people/${id}`);
    const allowed = page.getByRole('switch', { name: 'Their encryption keys go to phones that Intune manages' });
    await allowed.waitFor();
    expect(await allowed.isChecked()).toBe(false);
    await allowed.press('Space');
    await page.getByText('It holds from now on.').first().waitFor();
    await page.getByText('0 keys are there').waitFor();
    expect(await olga.lookAt('person-phone')).toEqual([]);
    expect((await phone())?.allowed).toBe(true);
    await page.reload();
    await allowed.waitFor();
    expect(await allowed.isChecked()).toBe(true);
    await allowed.press('Space');
    await page.getByText('0 keys are there').waitFor({ state: 'detached' });
    expect((await phone())?.allowed).toBe(false);
    const { items } = await local.auditRecords({ query: { subject: `person:${id}`, limit: 50 } });
    expect(items.filter(({ actorName }) => actorName === 'Olga Example').length).toBeGreaterThanOrEqual(2);
  });

  it('hands the certificate of a key of one’s own making to its owner, as a file with its chain', async () => {
    const card = localSigner(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey);
    const csr = await buildRequest({
      subject: buildName([{ type: 'commonName', value: 'Smart card 0815' }]),
      signer: card,
      emails: ['dora@example.com'],
    });
    dora = await signedIn('dora', '/me');
    const { page } = dora;
    await page.getByRole('heading', { name: 'A smart card' }).waitFor();
    await page
      .locator('input[type=file]')
      .setInputFiles({ name: 'card.csr', mimeType: 'application/pkcs10', buffer: Buffer.from(csr) });
    await page.getByRole('button', { name: 'Ask for the certificate' }).click();
    await page.getByText('It is with your organisation now').waitFor();

    await olga.page.goto('/devices');
    await olga.page.getByRole('button', { name: 'Decide on the request of Dora Device' }).click();
    await olga.page.getByLabel('How you know').fill('She showed the card.');
    await olga.page.getByRole('button', { name: 'Approve' }).click();
    await olga.page.getByRole('table', { name: 'Answered requests' }).getByText('Issued').waitFor();

    await page.reload();
    const save = page.getByRole('button', { name: /^Save the certificate/ });
    await save.waitFor();
    expect(await dora.lookAt('me-certificate')).toEqual([]);
    const [download] = await Promise.all([page.waitForEvent('download'), save.click()]);
    const [own, ...chain] = pemBlocks(readFileSync(await download.path(), 'utf8')).map(({ der }) =>
      parseCertificate(der),
    );
    expect(Buffer.from(own?.spki ?? []).equals(Buffer.from(card.spki))).toBe(true);
    expect(own?.subjectAltNames.emails).toEqual(['dora@example.com']);
    expect(chain.length).toBeGreaterThanOrEqual(1);
    const { items } = await local.certificates({ query: { search: 'dora@example.com', use: 'signing', limit: 10 } });
    expect(items.map(({ serialNumber }) => serialNumber)).toContain(own?.serialNumber);
  });

  it('had no error in any page', () => {
    expect([...olga.errors, ...dora.errors]).toEqual([]);
  });
});

/** What a gateway would report: two messages that it holds, two correspondents, and what it decided about some mail. */
async function fillLists(local: Client, url: string): Promise<void> {
  const gateway = createClient({
    baseUrl: url,
    token: (await local.createGateway({ body: { name: 'gate-1' } })).token,
  });
  const at = (hours: number) => new Date(Date.now() + hours * 3_600_000).toISOString();
  const held = {
    ...{
      moreRecipients: 0,
      messageId: '<1@x.example>',
      size: 12_000,
      problem: null,
      heldAt: at(-5),
      expiresAt: at(60),
    },
  };
  await gateway.reportHeldMail({
    body: {
      ...{ run: randomUUID(), gone: [], done: [], complete: true },
      held: [
        {
          ...held,
          ...{ id: randomUUID(), direction: 'inbound', sender: 'eve@x.example', from: ['ceo@example.com'] },
          ...{
            recipients: ['anna@example.com', 'ben@example.com'],
            reason: 'Macros are looked at first',
            rule: 'macros',
          },
          ...{ waitsFor: 'decision', invited: false },
          authentication: { spf: 'pass', dkim: 'none', dmarc: 'fail' },
        },
        {
          ...held,
          ...{ id: randomUUID(), direction: 'outbound', sender: 'anna@example.com', from: ['anna@example.com'] },
          ...{ recipients: ['bob@partner.example'], reason: 'No certificate is known', rule: 'secret' },
          ...{ waitsFor: 'certificate', invited: true, authentication: null },
        },
      ],
    },
  });
  // Any certificate will do: nobody writes to them here.
  const [issued] = (await local.certificates({ query: { limit: 1 } })).items;
  const { der: certificate } = await local.certificate({ params: { serialNumber: issued?.serialNumber ?? '' } });
  await gateway.reportCorrespondents({
    body: {
      done: [],
      correspondents: ['bob@partner.example', 'carol@elsewhere.example'].map((address, index) => ({
        ...{ address, signed: 3, unsigned: index },
        certificates: [
          {
            ...{
              certificate,
              sha256: createHash('sha256').update(certificate, 'base64').digest('hex'),
              state: 'pinned' as const,
            },
            ...{
              firstSeen: at(-900),
              lastSeen: at(-20),
              message: '<m@x.example>',
              replacedBy: null,
              capabilities: null,
            },
            approved: { how: 'first' as const, by: null, at: at(-900) },
          },
        ],
        encryption: index === 0 ? { state: 'good', reason: null } : { state: 'none', reason: 'It has ended' },
      })),
    },
  });
  const entry = (more: Partial<JournalEntry>): JournalEntry => ({
    ...{
      id: randomUUID(),
      at: at(-1),
      direction: 'outbound',
      messageId: '<2@example.com>',
      sender: 'anna@example.com',
    },
    ...{
      recipient: 'bob@partner.example',
      rule: 'secret',
      outcome: 'signed-encrypted',
      verdict: null,
      detail: 'with his key',
    },
    ...more,
  });
  await gateway.writeJournal({
    body: {
      entries: [
        entry({}),
        entry({ outcome: 'refused', recipient: 'zoe@nowhere.example', detail: 'no certificate is known' }),
        entry({
          direction: 'inbound',
          sender: 'bob@partner.example',
          recipient: 'anna@example.com',
          outcome: 'verified',
          verdict: 'valid',
        }),
      ],
    },
  });
}
