/** A vault in use is shared anew in the officers' browsers: one has a new share key, one leaves, and no key moves. */
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { missing } from '../../interop/peers.ts';
import { eventually } from '../support/mail.ts';
import { OfficeProcess } from '../support/office-process.ts';
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
  const visitors: Visitor[] = [];

  beforeAll(async () => {
    office = await OfficeProcess.prepare();
    await office.start();
    browser = await openBrowser();
    admin = await setUpOffice(office.url, await office.setupToken());
    // Passkeys are bound to a host name; an address is none.
    const url = office.url.replace('//127.0.0.1:', '//localhost:');
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

  it('had no error in any page', () => {
    expect(visitors.flatMap((visitor) => visitor.errors)).toEqual([]);
  });
});
