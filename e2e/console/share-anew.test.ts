/**
 * A vault's life in the officers' browsers: shared anew, where one has a new share key, one leaves, and no key moves; replaced by
 * another, whose officers hear its fingerprint; and a person who gets their key back from it.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { encryptMessage, parseCertificate, readPkcs12 } from '@chancery/smime';
import type { Browser, Download, Page } from 'playwright-core';
import PostalMime from 'postal-mime';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { missing } from '../../interop/peers.ts';
import { arrived, eventually } from '../support/mail.ts';
import { freePort, OfficeProcess } from '../support/office-process.ts';
import { inviteAndSignIn, type SignedIn, setUpOffice } from '../support/operators.ts';
import { openBrowser, Visitor } from './browser.ts';
import { accept, deal, makeShareKeyInPasskey, plugInAuthenticator, readFingerprint } from './share-keys.ts';

/** Their passkeys need no help on the page. */
const passkey = { show: async () => {} };

describe.skipIf(missing('chromium'))('a vault that is shared anew', () => {
  let office: OfficeProcess;
  let browser: Browser;
  let ada: Visitor;
  let admin: SignedIn;
  let officers: readonly [Visitor, Visitor, Visitor];
  /** Of the same three. */
  let ids: readonly [string, string, string];
  const visitors: Visitor[] = [];

  beforeAll(async () => {
    const ports = [await freePort(), await freePort(), await freePort()] as const;
    // The office's own mail goes through the gateway into its folder.
    const mail = `[mail]\nhost = "127.0.0.1"\nport = ${ports[2]}\ntls = "never"\nfrom = "PKI <pki@example.com>"\n`;
    office = new OfficeProcess(ports, { authorityToml: mail });
    await office.start();
    browser = await openBrowser();
    admin = await setUpOffice(office.url, await office.setupToken());
    // Passkeys are bound to a host name; an address is none.
    const url = nameOf(office.url);
    const enter = async ({ token }: SignedIn) => {
      const visitor = await Visitor.enter(browser, url);
      await visitor.page.context().addCookies([{ name: 'chancery_session', value: token, url }]);
      visitors.push(visitor);
      return visitor;
    };
    ada = await enter(admin);
    const invited = [];
    for (const name of ['Olga Berger', 'Oskar Iversen', 'Lena Marsh']) {
      invited.push(
        await inviteAndSignIn(office.url, admin.client, {
          name,
          address: `${name.toLowerCase().replace(' ', '.')}@example.com`,
          roles: ['recovery-officer'],
        }),
      );
    }
    const [olga, oskar, lena] = invited as [SignedIn, SignedIn, SignedIn];
    officers = [await enter(olga), await enter(oskar), await enter(lena)];
    ids = [olga.id, oskar.id, lena.id];
    await admin.client.openCeremony({
      body: { kind: 'found', threshold: 2, officers: invited.map(({ id }) => id), dealers: [] },
    });
  });
  afterAll(async () => {
    await browser?.close();
    await office?.dispose();
  });

  it('is founded with passkeys alone', { timeout: 400_000 }, async () => {
    for (const officer of officers) {
      await plugInAuthenticator(officer);
      await officer.page.goto('/vault');
      await makeShareKeyInPasskey(officer);
    }
    for (const officer of officers) await deal(officer, passkey);
    for (const [at, officer] of officers.entries()) {
      await accept(officer, passkey, at === 2 ? /the vault is live/ : /You have accepted\./);
    }
  });

  it('stays as it is when the ceremony is abandoned', async () => {
    const { page } = ada;
    await page.goto('/vault');
    const before = await readFingerprint(ada);
    await page.getByRole('button', { name: 'Share anew' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByText('Any 2 of the 3 officers open a key together.').waitFor();
    expect(await ada.lookAt('vault-share-anew')).toEqual([]);
    await dialog.getByRole('button', { name: 'Invite them to share anew' }).click();
    await page.getByText('Waiting for Olga Berger and Oskar Iversen to deal').waitFor();
    await page.getByRole('button', { name: 'Abandon' }).click();
    await dialog.getByLabel('Reason').fill('Lena leaves, and deals before she does');
    await dialog.getByRole('button', { name: 'Abandon the ceremony' }).click();
    await page
      .getByRole('table', { name: 'Past ceremonies' })
      .getByText('Lena leaves, and deals before she does')
      .waitFor();
    expect(await readFingerprint(ada)).toBe(before);
  });

  it('is dealt on with the share keys of then, and accepted with those of now', { timeout: 400_000 }, async () => {
    const [olga, oskar, lena] = officers;
    const { page } = ada;
    await olga.page.getByRole('button', { name: 'Make a new one' }).click();
    await makeShareKeyInPasskey(olga);
    await page.getByRole('button', { name: 'Share anew' }).click();
    const dialog = page.getByRole('dialog');
    const holders = dialog.getByRole('group', { name: 'Who will hold a share' });
    const dealers = dialog.getByRole('group', { name: 'Who deals the shares of now on' });
    await holders.getByRole('checkbox', { name: 'Lena Marsh' }).uncheck();
    await dialog.getByText('Both are needed').waitFor();
    await dealers.getByRole('checkbox', { name: 'Oskar Iversen' }).uncheck();
    await dialog.getByRole('button', { name: 'Invite them to share anew' }).click();
    await dialog.getByText('Choose exactly 2 of those who hold a share').waitFor();
    await dealers.getByRole('checkbox', { name: 'Lena Marsh' }).check();
    await dialog.getByRole('button', { name: 'Invite them to share anew' }).click();
    await page.getByText('Waiting for Olga Berger and Lena Marsh to deal').waitFor();
    expect(await ada.lookAt('vault-shared-anew')).toEqual([]);
    await deal(olga, passkey);
    await deal(lena, passkey);
    for (const { page: screen } of [olga, oskar]) {
      await screen.getByRole('checkbox', { name: /see the same sixty digits/ }).waitFor();
    }
    const anew = await readFingerprint(olga);
    expect(await readFingerprint(oskar)).toBe(anew);
    // A new transcript, though the vault key is the same.
    expect(anew).not.toBe(await readFingerprint(ada));
    await accept(olga, passkey, /You have accepted\./);
    await accept(oskar, passkey, /the vault is live/);
    await page.getByText('2: shared anew once').waitFor();
    await page.getByText('Every officer who is left is needed').waitFor();
    await page.getByRole('row', { name: /Shared anew, epoch 2 Complete/ }).waitFor();
    expect(await ada.lookAt('vault-epoch-2')).toEqual([]);
  });

  it('is shown to open, by two passkeys in a drill', { timeout: 200_000 }, async () => {
    const [olga, oskar] = officers;
    const { page } = ada;
    await admin.client.importPeople({
      body: {
        csv: 'address,name,aliases,external_id,signing_key,gateway_decrypts\nanna@example.com,Anna Becker,,1,device,false\n',
      },
    });
    await eventually('a certificate', async () => {
      const { items } = await admin.client.certificates({ query: { use: 'encryption' } });
      return items.length === 1 ? true : undefined;
    });
    await page.getByRole('button', { name: 'Begin a drill' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByLabel('How many keys').fill('5');
    await dialog.getByRole('button', { name: 'Begin the drill' }).click();
    await page.getByText('0 of 1 keys proven to open').waitFor();
    for (const officer of [olga, oskar]) {
      const { page: screen } = officer;
      await screen.goto('/vault');
      await screen.getByRole('button', { name: 'Contribute' }).waitFor();
      if (officer === olga) expect(await olga.lookAt('vault-drill')).toEqual([]);
      await screen.getByRole('button', { name: 'Contribute' }).click();
      await screen.getByText('Your part is done.').waitFor({ timeout: 60_000 });
    }
    await page.getByText(/1 of 1 keys, 100 per cent/).waitFor({ timeout: 60_000 });
    await page.getByRole('button', { name: 'A share key is lost' }).click();
    await dialog.getByRole('checkbox', { name: 'Olga Berger' }).check();
    await dialog.getByText('No quorum is left').waitFor();
    expect(await ada.lookAt('vault-share-key-lost')).toEqual([]);
    await dialog.getByRole('button', { name: 'Found a new vault' }).click();
    await dialog.getByText('Every key is moved').waitFor();
  });

  it('is replaced; until its key has moved its officers decide: mail is decrypted, and no key leaves', {
    timeout: 200_000,
  }, async () => {
    const [olga, oskar, lena] = officers;
    await admin.client.openCeremony({
      body: { kind: 'found', threshold: 2, officers: [ids[1], ids[2]], dealers: [] },
    });
    for (const officer of [oskar, lena]) {
      await officer.page.goto('/vault');
      await deal(officer, passkey);
    }
    await accept(oskar, passkey, /You have accepted\./);
    await accept(lena, passkey, /the vault is live/);

    const [person] = (await admin.client.people({ query: { search: 'anna' } })).items;
    const [summary] = (await admin.client.certificates({ query: { use: 'encryption' } })).items;
    const detail = await admin.client.certificate({ params: { serialNumber: summary?.serialNumber ?? '' } });
    const mail = Buffer.from(
      await encryptMessage({
        message: Buffer.from('From: a@b.example\r\nTo: anna@example.com\r\nSubject: Hi\r\n\r\nOnly this leaves.\r\n'),
        recipients: [parseCertificate(Buffer.from(detail.der, 'base64'))],
        cipher: 'aes-256-gcm',
      }),
    );
    const sha256 = createHash('sha256').update(mail).digest('hex');
    const request = await ask(person?.id ?? '', { kind: 'decrypt', messages: [{ sha256, name: 'one.eml' }] });
    for (const officer of [olga, oskar]) {
      await officer.page.goto(request);
      await officer.page.getByText('These keys still lie in the vault before').waitFor();
      if (officer === olga) expect(await olga.lookAt('recovery-vault-before')).toEqual([]);
      await approve(officer.page);
    }
    const { page } = ada;
    await page.goto(request);
    await page.locator('input[type=file]').setInputFiles({ name: 'one.eml', mimeType: 'message/rfc822', buffer: mail });
    const file = await downloads(page, () =>
      page.getByRole('button', { name: 'Decrypt and save the messages' }).click(),
    );
    expect(readFileSync(await file.path(), 'utf8')).toContain('Only this leaves.');
    expect(await ada.lookAt('recovery-decrypted')).toEqual([]);
  });

  it('gives its keys to the new one, whose fingerprint an officer hears who has no part in it', {
    timeout: 200_000,
  }, async () => {
    const [olga, oskar, lena] = officers;
    await olga.page.goto('/vault');
    const contribute = olga.page.getByRole('button', { name: 'Contribute' });
    await contribute.waitFor({ timeout: 60_000 });
    expect(await contribute.isDisabled()).toBe(true);
    await lena.page.goto('/vault');
    expect(await readFingerprint(olga)).toBe(await readFingerprint(lena));
    expect(await olga.lookAt('vault-rewrap')).toEqual([]);
    await olga.page.getByRole('checkbox', { name: /has read the same sixty digits/ }).check();
    await oskar.page.goto('/vault');
    for (const { page: screen } of [olga, oskar]) {
      await screen.getByRole('button', { name: 'Contribute' }).click();
      await screen.getByText('Your part is done.').waitFor({ timeout: 60_000 });
    }
    await eventually('the keys to have moved', async () =>
      (await admin.client.vault()).keys.elsewhere === 0 ? true : undefined,
    );
    await oskar.page.getByRole('heading', { name: 'Moving keys into this vault' }).waitFor({ state: 'detached' });
  });

  it('sends a person the link to their key, who changes one passkey for another', { timeout: 200_000 }, async () => {
    const [, oskar, lena] = officers;
    const [person] = (await admin.client.people({ query: { search: 'anna' } })).items;
    const request = await ask(person?.id ?? '', { kind: 'owner' });
    for (const officer of [oskar, lena]) {
      await officer.page.goto(request);
      await approve(officer.page);
    }
    const { page } = ada;
    await page.goto(request);
    await page.getByRole('button', { name: 'Send the link' }).click();
    await page.getByText(/Anna Becker gets a link at anna@example\.com/).waitFor();
    expect(await ada.lookAt('recovery-to-owner')).toEqual([]);
    const mail = await arrived(office.mailbox, (one) => one.includes('Collect your recovered encryption keys'));
    const { text = '' } = await PostalMime.parse(mail);
    const link = /\S+\/claim#\S+/.exec(text)?.[0] ?? '';

    const anna = await Visitor.enter(browser, nameOf(office.url));
    visitors.push(anna);
    const unplug = await plugInAuthenticator(anna);
    await anna.page.goto(nameOf(link));
    const password = (await anna.page.getByRole('group', { name: 'password' }).textContent()) ?? '';
    const collected = await downloads(anna.page, () =>
      anna.page.getByRole('button', { name: 'Download my encryption key' }).click(),
    );
    expect((await readPkcs12(readFileSync(await collected.path()), password)).keys).toHaveLength(1);
    await anna.page.getByRole('button', { name: 'Make a passkey for my own page' }).click();
    await anna.page.getByLabel('What do you call it?').fill('Old key');
    await anna.page.getByRole('button', { name: 'Make the passkey' }).click();
    await anna.page.getByRole('button', { name: 'Use it once' }).click();
    await anna.page.getByText(/With this passkey you sign in to your own page/).waitFor();

    await anna.page.goto('/me');
    await anna.page.getByRole('button', { name: 'Sign in with my passkey' }).click();
    await anna.page.getByRole('button', { name: 'Add another passkey' }).click();
    await anna.page.getByRole('button', { name: 'Show a passkey that I have' }).click();
    await anna.page.getByLabel('What do you call it?').fill('New key');
    await unplug();
    await plugInAuthenticator(anna);
    await anna.page.getByRole('button', { name: 'Make the passkey' }).click();
    await anna.page.getByRole('button', { name: 'Use it once' }).click();
    await anna.page.getByText('The passkey signs you in, and opens your keys.').waitFor();
    await anna.page.getByRole('button', { name: 'Remove Old key' }).click();
    expect(await anna.lookAt('me-passkeys')).toEqual([]);
    await anna.page.getByRole('button', { name: 'Remove Old key for good' }).click();
    await anna.page.getByText('The passkey “Old key” is removed.').waitFor();
    // The one that is left opens what the other opened.
    await anna.page.getByRole('button', { name: 'Set up another device' }).click();
    await anna.page.getByLabel('What do you call the new device?').fill('My new phone');
    const whole = await downloads(anna.page, () =>
      anna.page.getByRole('button', { name: 'Only save the file of keys' }).click(),
    );
    const word = (await anna.page.getByRole('group', { name: 'password' }).textContent()) ?? '';
    expect((await readPkcs12(readFileSync(await whole.path()), word)).keys).toHaveLength(1);
  });

  /** @returns the page of the request */
  async function ask(
    personId: string,
    delivery: Parameters<SignedIn['client']['requestRecovery']>[0]['body']['delivery'],
  ): Promise<string> {
    const body = { personId, reason: 'other' as const, explanation: 'a test', delivery };
    return `/recovery/${(await admin.client.requestRecovery({ body })).id}`;
  }

  it('had no error in any page', () => {
    expect(visitors.flatMap((visitor) => visitor.errors)).toEqual([]);
  });
});

const nameOf = (url: string) => url.replace('//127.0.0.1:', '//localhost:');

/** On the page of a request, with a passkey. */
async function approve(page: Page): Promise<void> {
  await page.getByRole('button', { name: 'Approve' }).click();
  await page.getByText('Your approval is recorded.').waitFor({ timeout: 120_000 });
}

async function downloads(page: Page, act: () => Promise<void>): Promise<Download> {
  const [download] = await Promise.all([page.waitForEvent('download'), act()]);
  return download;
}
