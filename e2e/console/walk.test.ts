/** A first day at the console, in Chromium: set-up, import, claim, ceremony, inspect, revoke, recovery, audit; axe on every page. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { derToPem, readPkcs12 } from '@chancery/smime';
import { verifyRecordFile } from '@chancery/trail';
import * as OTPAuth from 'otpauth';
import type { Browser, Download } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { missing } from '../../interop/peers.ts';
import { outsideOffice } from '../../packages/authority/test/outside-office.ts';
import { arrived, eventually, send } from '../support/mail.ts';
import { OfficeProcess } from '../support/office-process.ts';
import { openBrowser, Visitor } from './browser.ts';
import { Google } from './google.ts';
import {
  accept,
  deal,
  type HeldShareKey,
  makeShareKeyInFile,
  makeShareKeyInPasskey,
  plugInAuthenticator,
  readFingerprint,
} from './share-keys.ts';

const CSV = `address,name,aliases,external_id,signing_key,gateway_decrypts
anna@example.com,Anna Becker,anna.becker@example.com,E1,gateway,true
dora@example.com,Dora Device,,E2,device,false
`;

describe.skipIf(missing('chromium'))('the console', () => {
  let office: OfficeProcess;
  let browser: Browser;
  let google: Google;
  let ada: Visitor;
  const visitors: Visitor[] = [];
  /** @param named by a host name, as passkeys need it; else by an address */
  const enter = async (named = false) => {
    const visitor = await Visitor.enter(browser, named ? nameOf(office.url) : office.url);
    visitors.push(visitor);
    return visitor;
  };

  beforeAll(async () => {
    google = await Google.serve();
    office = await OfficeProcess.prepare({ authorityToml: google.toml });
    await office.start();
    browser = await openBrowser();
    ada = await enter();
  });
  afterAll(async () => {
    await browser?.close();
    await office?.dispose();
    google?.close();
  });

  it('before set-up, says how to begin', async () => {
    await ada.page.goto('/');
    await ada.page.getByRole('heading', { name: 'This office is not set up yet' }).waitFor();
    expect(await ada.lookAt('not-set-up')).toEqual([]);
  });

  it('is set up through the link, with a password and an authenticator app', async () => {
    const { page } = ada;
    await page.goto(`/setup#${await office.setupToken()}`);
    await page.getByLabel('Organisation', { exact: true }).fill('Example Corp');
    await page.getByLabel('Mail domains').fill('example.com');
    await page.keyboard.press('Enter');
    expect(await ada.lookAt('set-up')).toEqual([]);
    await page.getByRole('button', { name: 'Continue' }).click();
    await page.getByLabel('Your name').fill('Ada Ambrose');
    await page.getByLabel('Your e-mail address').fill('ada@example.com');
    await page.getByRole('button', { name: 'Continue' }).click();
    await chooseCredential(ada, 'Set up the office');
    await page.getByRole('heading', { name: 'Overview' }).waitFor();
  });

  it('shows an empty office that says what to do', async () => {
    expect(await ada.lookAt('overview-empty')).toEqual([]);
    for (const [path, name] of PAGES.slice(0, 4)) {
      await ada.page.goto(path);
      await ada.page.getByRole('heading', { level: 1 }).waitFor();
      await ada.page.waitForLoadState('networkidle');
      expect(await ada.lookAt(`${name}-empty`)).toEqual([]);
    }
  });

  it('imports people: shows wrong lines beside their reason, then what would change, then does it', async () => {
    const { page } = ada;
    await page.goto('/people/import');
    const choose = (csv: string) =>
      page
        .locator('input[type=file]')
        .setInputFiles({ name: 'people.csv', mimeType: 'text/csv', buffer: Buffer.from(csv) });
    await choose(`${CSV}nobody,Eve,,,,\n`);
    await page.getByRole('table', { name: 'Lines that cannot be imported' }).getByText('4', { exact: true }).waitFor();
    expect(await ada.lookAt('import-refused')).toEqual([]);
    await choose(CSV);
    await page.getByRole('table', { name: 'What would change' }).getByText('dora@example.com').waitFor();
    expect(await ada.lookAt('import')).toEqual([]);
    await page.getByRole('button', { name: 'Import 2 people' }).click();
    await page.waitForURL(/\/people$/);
    await page.getByText('Dora Device').waitFor();
  });

  it('imports certificates of another office: a picture of what would become of them, then does it', async () => {
    const { page } = ada;
    await page.goto('/certificates/imported');
    await page.getByText('Nothing was imported').waitFor();
    expect(await ada.lookAt('imported-empty')).toEqual([]);
    await page.getByRole('link', { name: 'Import', exact: true }).click();
    const old = await outsideOffice('Old Office CA');
    const issued = await Promise.all([
      old.issue(['dora@example.com'], { name: 'Dora Device' }),
      old.issue(['dora@example.com'], { name: 'Dora Device', from: -900, until: -200 }),
      old.issue(['anna@example.com', 'anna.becker@example.com'], { usage: ['digitalSignature'] }),
      old.issue(['stranger@elsewhere.example'], { name: 'A Stranger' }),
      old.issue(['anna@example.com', 'dora@example.com']),
    ]);
    const rows = [...issued, old.authority].map(
      ({ certificate }, index) => `"${index}","EXAMPLE\\user","${derToPem(certificate, 'CERTIFICATE')}"`,
    );
    expect(await ada.lookAt('import-certificates-empty')).toEqual([]);
    await page.locator('input[type=file]').setInputFiles({
      name: 'issued.csv',
      mimeType: 'text/csv',
      buffer: Buffer.from(`"Request ID","Requester Name","Binary Certificate"\r\n${rows.join('\r\n')}\r\n`),
    });
    await page.getByText('3 to import').waitFor();
    await page.getByText('1 for nobody here').waitFor();
    await page.getByText('2 refused').waitFor();
    expect(await ada.lookAt('import-certificates')).toEqual([]);
    await page.getByRole('button', { name: 'Import 3 certificates' }).click();
    await page.getByText('3 imported').waitFor();
    expect(await ada.lookAt('import-certificates-done')).toEqual([]);
    await page.getByRole('link', { name: 'See what was imported' }).click();
    await page
      .getByRole('table', { name: 'Certificates of other offices' })
      .getByText('Old Office CA')
      .first()
      .waitFor();
    expect(await ada.lookAt('imported')).toEqual([]);
    await page.getByRole('link', { name: 'dora@example.com' }).first().click();
    await page.getByRole('heading', { name: 'From another office' }).waitFor();
    expect(await ada.lookAt('person-imported')).toEqual([]);
  });

  it('invites three recovery officers, who choose their own credentials', async () => {
    for (const name of ['Otto', 'Olga', 'Oskar']) {
      const { page } = ada;
      await page.goto('/operators');
      await page.getByRole('button', { name: 'Invite operator' }).click();
      const dialog = page.getByRole('dialog');
      await dialog.getByLabel('Name').fill(`${name} Officer`);
      await dialog.getByLabel('E-mail address').fill(`${name.toLowerCase()}@example.com`);
      await dialog.getByLabel('Recovery officer').check();
      await dialog.getByRole('button', { name: 'Make the invitation link' }).click();
      const link = await dialog.getByRole('group', { name: 'invitation link' }).textContent();
      const officer = await enter(true);
      await officer.page.goto(nameOf(link ?? ''));
      await chooseCredential(officer, /Accept/);
      await officer.page.getByRole('heading', { name: 'Overview' }).waitFor();
      officers.push(officer);
    }
    await ada.page.goto('/operators');
    await ada.page.getByText('Olga Officer').waitFor();
    expect(await ada.lookAt('operators')).toEqual([]);
  });

  it('says that nothing can be recovered before the officers have founded the vault', async () => {
    const { page } = ada;
    await page.goto('/recovery');
    await page.getByText('No key can be recovered yet').waitFor();
    await page.getByRole('link', { name: 'Go to the vault' }).click();
    await page.getByRole('heading', { name: 'Keys are kept, but none can be recovered yet' }).waitFor();
    expect(await ada.lookAt('vault-provisional')).toEqual([]);
    await page.getByRole('button', { name: 'Invite officers to found the vault' }).click();
    const dialog = page.getByRole('dialog');
    await dialog.getByText('Any 2 of the 3 officers open a key together.').waitFor();
    expect(await ada.lookAt('vault-invite')).toEqual([]);
    await dialog.getByRole('button', { name: 'Invite them' }).click();
    await page.getByText('Waiting for Olga Officer, Oskar Officer and Otto Officer to make a share key.').waitFor();
    expect(await ada.lookAt('vault-ceremony')).toEqual([]);
  });

  it('tells an officer whose authenticator has no PRF to take another', async () => {
    const [, olga] = officers;
    if (olga === undefined) throw new Error('there are three officers');
    const unplug = await plugInAuthenticator(olga, false);
    await olga.page.goto('/vault');
    await olga.page.getByRole('radio', { name: 'In a passkey' }).check();
    await olga.page.getByRole('button', { name: 'Make the passkey' }).click();
    await olga.page.getByText(/This authenticator cannot give a share key/).waitFor();
    await unplug();
  });

  it('makes share keys: one in a file, two in passkeys', { timeout: 400_000 }, async () => {
    const [otto, olga, oskar] = officers;
    if (otto === undefined || olga === undefined || oskar === undefined) throw new Error('there are three officers');
    await otto.page.goto('/vault');
    await otto.page.getByRole('radio', { name: 'In a file under a passphrase' }).check();
    expect(await otto.lookAt('vault-share-key-file')).toEqual([]);
    shareKeys.set(otto, await makeShareKeyInFile(otto, 'seven words make a good passphrase'));
    for (const officer of [olga, oskar]) {
      await plugInAuthenticator(officer);
      await officer.page.goto('/vault');
      await officer.page.getByRole('radio', { name: 'In a passkey' }).check();
      if (officer === olga) expect(await officer.lookAt('vault-share-key-passkey')).toEqual([]);
      shareKeys.set(officer, await makeShareKeyInPasskey(officer));
    }
  });

  it('founds the vault: each deals, all see the same fingerprint, each accepts', { timeout: 400_000 }, async () => {
    for (const [officer, key] of shareKeys) {
      await officer.page.getByRole('button', { name: 'Deal', exact: true }).waitFor();
      expect(await officer.lookAt('vault-deal')).toEqual([]);
      await deal(officer, key);
    }
    const fingerprints = await Promise.all(officers.map(readFingerprint));
    expect(new Set(fingerprints).size).toBe(1);
    expect(fingerprints[0]).toMatch(/^(\d{5} ){11}\d{5}$/);
    for (const [at, [officer, key]] of [...shareKeys].entries()) {
      expect(await officer.page.getByRole('button', { name: 'Accept' }).count()).toBe(0);
      if (at === 0) expect(await officer.lookAt('vault-compare')).toEqual([]);
      await accept(officer, key, at === shareKeys.size - 1 ? /the vault is live/ : /You have accepted\./);
    }
    await ada.page.goto('/vault');
    await ada.page.getByText('In use').waitFor();
    await ada.page.getByRole('table', { name: 'Past ceremonies' }).waitFor();
    expect(await readFingerprint(ada)).toBe(fingerprints[0]);
    expect(await ada.lookAt('vault')).toEqual([]);
    // An officer's screen follows without being touched.
    await officers[0]?.page.getByText('In use').waitFor();
  });

  it('hands Dora her keys on the claim page: the signing key is made in her browser', async () => {
    const { page } = ada;
    await eventually('Dora is certified', async () => {
      await page.goto('/certificates');
      await page.getByRole('heading', { name: 'Certificates' }).waitFor();
      await page.waitForLoadState('networkidle');
      return (await page.getByText('dora@example.com').count()) > 0 ? true : undefined;
    });
    await page.goto('/people');
    await page.getByText('Dora Device').click();
    await page.getByRole('button', { name: 'Claim link' }).click();
    await page.getByRole('button', { name: 'Make the link' }).click();
    const link = page.getByRole('group', { name: 'claim link', exact: true });
    await link.waitFor();
    const url = await link.textContent();

    dora = await enter(true);
    await plugInAuthenticator(dora);
    await dora.page.goto(nameOf(url ?? ''));
    await dora.page.getByRole('button', { name: 'Make my signing key' }).waitFor();
    expect(await dora.lookAt('claim')).toEqual([]);
    const password = (await dora.page.getByRole('group', { name: 'password' }).textContent()) ?? '';
    const signing = await downloads(dora, () => dora.page.getByRole('button', { name: 'Make my signing key' }).click());
    const encryption = await downloads(dora, () =>
      dora.page.getByRole('button', { name: 'Download my encryption key' }).click(),
    );
    for (const file of [signing, encryption]) {
      const { keys } = await readPkcs12(readFileSync(await file.path()), password);
      expect(keys).toHaveLength(1);
    }
    await dora.page.getByRole('button', { name: 'Make a passkey for my own page' }).click();
    await dora.page.getByLabel('What do you call it?').fill('Security key');
    await dora.page.getByRole('button', { name: 'Make the passkey' }).click();
    await dora.page.getByRole('button', { name: 'Use it once' }).click();
    await dora.page.getByText(/With this passkey you sign in to your own page, and set up another device/).waitFor();
    expect(await dora.lookAt('claimed')).toEqual([]);
    await dora.page.getByRole('checkbox').last().check();
    await dora.page.getByRole('button', { name: 'Finish' }).click();
    await dora.page.getByText('All done').waitFor();
    expect(dora.errors).toEqual([]);
  });

  it('shows the person, with certificates and escrow', async () => {
    await ada.page.goto('/people');
    await ada.page.getByText('Dora Device').click();
    await ada.page.getByRole('heading', { name: 'Dora Device' }).waitFor();
    await ada.page.waitForLoadState('networkidle');
    expect(await ada.lookAt('person')).toEqual([]);
  });

  it('makes the first challenge for a device, and shows it until it is taken note of', async () => {
    const { page } = ada;
    await page.goto('/devices');
    await page.getByRole('heading', { name: 'No device has asked for anything' }).waitFor();
    await page.getByRole('button', { name: 'New challenge' }).click();
    await page.getByLabel('Whose device').fill('dora');
    await page.getByRole('option', { name: /Dora Device/ }).click();
    await page.getByRole('button', { name: 'Make the challenge' }).click();
    // What is behind the dialog is not the empty page any more.
    await page.getByText('dora@example.com').first().waitFor();
    expect(await page.getByRole('group', { name: 'challenge', exact: true }).textContent()).toMatch(/^\w{32}$/);
    await page.getByRole('button', { name: 'Done' }).click();
    await page.getByRole('button', { name: 'Withdraw the challenge of Dora Device' }).waitFor();
  });

  it('inspects a mail that the gateway sent, layer by layer', async () => {
    await eventually('the gateway signs for Anna', async () => {
      await send(office.outboundPort, {
        from: 'Anna Becker <anna@example.com>',
        to: 'outside@partner.example',
        subject: 'Only signed',
        text: 'Hello.\n',
      }).catch(() => undefined);
      const mail = await arrived(office.mailbox, (message) => message.includes('Subject: Only signed')).catch(
        () => undefined,
      );
      return mail?.includes('multipart/signed') === true ? mail : undefined;
    });
    const mail = await arrived(office.mailbox, (message) => message.includes('multipart/signed'));
    const { page } = ada;
    await page.goto('/inspect');
    await page
      .locator('input[type=file]')
      .setInputFiles({ name: 'signed.eml', mimeType: 'message/rfc822', buffer: mail });
    await page.getByRole('heading', { name: 'Layers' }).waitFor();
    await page
      .getByText(/anna@example\.com/)
      .first()
      .waitFor();
    expect(await ada.lookAt('inspect')).toEqual([]);
    await page.locator('input[type=file]').setInputFiles({
      name: 'altered.eml',
      mimeType: 'message/rfc822',
      buffer: Buffer.from(mail.toString('latin1').replace('Hello.', 'Hellx.'), 'latin1'),
    });
    await page
      .getByText(/altered|does not match|changed/i)
      .first()
      .waitFor();
    expect(await ada.lookAt('inspect-altered')).toEqual([]);
  });

  it('recovers a key with two officers, each with their share key; a third comes too late', {
    timeout: 400_000,
  }, async () => {
    const { page } = ada;
    await eventually('her key is in the vault', async () => {
      await page.goto('/vault');
      await page.getByText('In use').waitFor();
      return (await page.getByText('Still on their way').count()) === 0 ? true : undefined;
    });
    await page.goto('/recovery/new');
    await page.getByLabel('Whose key').fill('dora');
    await page.getByRole('option', { name: /Dora Device/ }).click();
    await page.getByLabel('Explanation').fill('Her phone is at the bottom of the lake');
    expect(await ada.lookAt('recovery-new')).toEqual([]);
    await page.getByRole('button', { name: 'Ask the recovery officers' }).click();
    await page.getByRole('heading', { name: 'Recovery for Dora Device' }).waitFor();
    const path = new URL(page.url()).pathname;
    expect(await page.getByRole('button', { name: 'Approve' }).count()).toBe(0);
    for (const { page: screen } of officers) {
      await screen.goto(path);
      await screen.getByRole('button', { name: 'Approve' }).waitFor();
    }
    const [otto, olga, oskar] = officers;
    for (const officer of [otto, olga]) {
      if (officer === undefined) throw new Error('there are three officers');
      await shareKeys.get(officer)?.show(officer.page);
      expect(await officer.lookAt('recovery-to-decide')).toEqual([]);
      await officer.page.getByRole('button', { name: 'Approve' }).click();
      await officer.page.getByText('Your approval is recorded.').waitFor({ timeout: 120_000 });
    }
    await page.reload();
    await page.getByText('2 of 2 parts.').waitFor();
    // The third officer's screen stays as it was before the release: nothing tells it that the key has left.
    await oskar?.page.route('**/api/v1/recovery-requests/*', (route) =>
      route.request().method() === 'GET' ? route.abort() : route.continue(),
    );
    const file = await downloads(ada, () => page.getByRole('button', { name: 'Release and save the key' }).click());
    await oskar?.page.getByRole('button', { name: 'Approve' }).click();
    await oskar?.page.getByRole('alert').filter({ hasText: 'The request was released already' }).waitFor();
    await oskar?.page.unrouteAll();
    await oskar?.page.reload();
    await oskar?.page.getByText('You cannot decide this one').waitFor();
    await oskar?.page.getByText('The request was released already').waitFor();
    expect(await oskar?.lookAt('recovery-too-late')).toEqual([]);
    await otto?.page.reload();
    await otto?.page.getByRole('button', { name: 'Show the password, once' }).click();
    const told = otto?.page.getByRole('group', { name: 'PKCS#12 password' });
    await told?.waitFor();
    const { keys } = await readPkcs12(readFileSync(await file.path()), (await told?.textContent()) ?? '');
    expect(keys).toHaveLength(1);
    await page.reload();
    await page.getByRole('heading', { name: 'Recovery for Dora Device' }).waitFor();
    expect(await ada.lookAt('recovery-released')).toEqual([]);
  });

  it('brings all of Dora’s keys to another device with her passkey alone: OpenSSL reads mail with them', {
    timeout: 400_000,
  }, async () => {
    const { page } = dora;
    await page.goto('/me');
    await page.getByRole('button', { name: 'Sign in with my passkey' }).waitFor();
    expect(await dora.lookAt('me-sign-in')).toEqual([]);
    await page.getByRole('button', { name: 'Sign in with my passkey' }).click();
    await page.getByRole('heading', { name: 'What you have' }).waitFor();
    expect(await dora.lookAt('me')).toEqual([]);
    await page.getByRole('button', { name: 'Set up another device' }).click();
    await page.getByLabel('What do you call the new device?').fill('My new phone');
    const file = await downloads(dora, () => page.getByRole('button', { name: 'Only save the file of keys' }).click());
    const password = (await page.getByRole('group', { name: 'password' }).textContent()) ?? '';
    expect(await dora.lookAt('me-delivered')).toEqual([]);
    expect(readByOpenSsl(await file.path(), password, 'Only Dora reads this.')).toBe('Only Dora reads this.');
    await page.reload();
    await page.getByText('My new phone').waitFor();
    await page.getByRole('button', { name: 'Ask for help' }).click();
    await page.getByLabel('Anything that helps to help you').fill('The old laptop does not start.');
    await page.getByRole('button', { name: 'Ask for help' }).click();
    await page.getByText('Your registration officers will see that you need help.').waitFor();
    await ada.page.goto('/');
    await ada.page.getByRole('button', { name: 'Dora Device was helped' }).waitFor();
    expect(await ada.lookAt('overview-help')).toEqual([]);
    await ada.page.getByRole('button', { name: 'Dora Device was helped' }).click();
    await ada.page.getByRole('heading', { name: 'People who ask for help' }).waitFor({ state: 'detached' });
  });

  it('hands Dora’s keys to Gmail by her consent there, and from her browser alone', async () => {
    const { page } = dora;
    await page.goto('/me');
    await page.getByLabel('I want Google to hold my encryption keys').check();
    expect(await dora.lookAt('me-gmail')).toEqual([]);
    const [consent] = await Promise.all([
      page.context().waitForEvent('page'),
      page.getByRole('button', { name: 'Allow it at Google' }).click(),
    ]);
    await consent.getByRole('heading', { name: 'dora@example.com' }).waitFor();
    await consent.getByRole('link', { name: 'Allow' }).click();
    await page.getByRole('button', { name: 'Open my keys with the passkey, and hand them to Gmail' }).click();
    await page.getByText('Gmail has your keys now').waitFor();
    const [first] = google.handed;
    expect(google.handed.map(({ address }) => address)).toContain('dora@example.com');
    expect(google.preferred).toMatch(/^key\d+$/);
    const file = path.join(office.home, 'gmail.p12');
    writeFileSync(file, Buffer.from(first?.pkcs12 ?? '', 'base64'));
    expect(readByOpenSsl(file, first?.encryptedKeyPassword ?? '', 'Only Dora reads this.')).toBe(
      'Only Dora reads this.',
    );
    await page.getByText('Gmail', { exact: true }).first().waitFor();
    if (!consent.isClosed()) await consent.close();
  });

  it('shows Dora everything on record about her, proven in her browser', { timeout: 400_000 }, async () => {
    const { page } = dora;
    await eventually('a checkpoint covers the recovery', async () => {
      await page.goto('/me/records');
      await page.getByText(/Your browser has proven \d+ of/).waitFor();
      const line = page.getByRole('listitem').filter({ hasText: 'Your encryption keys were given out to Ada' });
      return (await line.getByText('Proven').count()) > 0 ? true : undefined;
    });
    await page
      .getByText(/Yes, on .*/)
      .first()
      .waitFor();
    expect(await page.getByText('Not in the trail').count()).toBe(0);
    expect(await dora.lookAt('me-records')).toEqual([]);
    const file = await downloads(dora, () =>
      page.getByRole('button', { name: 'Save the records with their proofs' }).click(),
    );
    const verdict = verifyRecordFile(readFileSync(await file.path(), 'utf8'));
    expect(verdict).toMatchObject({ intact: true });
    expect(verdict.records).toBeGreaterThan(5);
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('button', { name: 'Sign in with my passkey' }).waitFor();
  });

  it('revokes a certificate, and says so', async () => {
    const { page } = ada;
    await page.goto('/certificates?use=signing');
    await page.getByText('dora@example.com').first().waitFor();
    await page.getByRole('row').filter({ hasText: 'dora@example.com' }).getByRole('link').first().click();
    await page.getByRole('button', { name: 'Revoke' }).click();
    await page.getByRole('dialog').getByRole('radio', { name: 'Key compromised' }).check();
    expect(await ada.lookAt('revoke')).toEqual([]);
    await page.getByRole('button', { name: 'Revoke the certificate' }).click();
    await page.getByRole('status').filter({ hasText: 'Revoked' }).first().waitFor();
    expect(await ada.lookAt('revoked')).toEqual([]);
  });

  it('changes a profile: shows the certificate before it is made, refuses nonsense, keeps the version before', async () => {
    const { page } = ada;
    await page.goto('/profiles');
    await page.getByRole('link', { name: 'S/MIME signing, strict' }).click();
    const preview = page.getByRole('complementary', { name: 'What it would make' });
    await preview.getByText(/Not signed; nothing is kept/).waitFor();
    expect(await ada.lookAt('profile')).toEqual([]);
    const days = page.getByLabel('Valid for');
    await days.fill('900');
    await preview.getByText(/more than the 825/).waitFor();
    await days.fill('398');
    await preview.getByText('Valid for: 730 days → 398 days').waitFor();
    await page.getByLabel('Drawn for').fill('dora');
    await page.getByRole('option', { name: /Dora Device/ }).click();
    await preview.getByText('CN=Dora Device').waitFor();
    expect(await ada.lookAt('profile-changed')).toEqual([]);
    await page.getByRole('button', { name: 'Apply as version 2' }).click();
    await page.getByText(/version 2\. Certificates for signing/).waitFor();
    await page.getByRole('tab', { name: 'Document' }).click();
    await page.getByLabel('Profile document, JSON').fill('{');
    await page.getByText(/This is not JSON/).waitFor();
    expect(await ada.lookAt('profile-document')).toEqual([]);
    await page.getByRole('tab', { name: 'Versions' }).click();
    expect(await ada.lookAt('profile-versions')).toEqual([]);
    await page.getByRole('button', { name: 'Bring back version 1' }).click();
    await page.getByText(/version 3\. Certificates for signing/).waitFor();
  });

  it('draws the hierarchy: a second authority takes over, a request waits, arrow keys go along the branches', async () => {
    const { page } = ada;
    await page.goto('/authorities');
    const hierarchy = page.getByRole('list', { name: 'Hierarchy of authorities' });
    const card = (name: string) => hierarchy.locator('.hierarchy-node').filter({ hasText: name });
    await card('S/MIME Issuing CA').getByText('Issues now').waitFor();
    const menu = async (item: string, title: string, submit: string) => {
      await page.getByRole('button', { name: 'New authority' }).click();
      await page.getByRole('menuitem', { name: item }).click();
      const dialog = page.getByRole('dialog');
      await dialog.getByLabel('Title').fill(title);
      await dialog.getByRole('button', { name: submit }).click();
      return dialog;
    };
    await menu('Below a root of this office', 'Second CA', 'Make the authority');
    await card('Second CA').getByText('Issues now').waitFor();
    await card('S/MIME Issuing CA').getByText('Kept').waitFor();
    const dialog = await menu('Below an outside or offline root', 'Asked CA', 'Make the request');
    await dialog.getByText('BEGIN CERTIFICATE REQUEST').waitFor();
    await dialog.getByRole('button', { name: 'Done' }).click();
    await card('Asked CA').getByText('Waits for its certificate').waitFor();
    expect(await ada.lookAt('hierarchy')).toEqual([]);

    await hierarchy.getByRole('link', { name: /Root CA/ }).focus();
    await page.keyboard.press('ArrowDown');
    expect(await page.evaluate(() => document.activeElement?.textContent)).toContain('Second CA');
    await page.keyboard.press('ArrowRight');
    expect(await page.evaluate(() => document.activeElement?.textContent)).toContain('S/MIME Issuing CA');
    await page.keyboard.press('Enter');
    await page.getByRole('heading', { level: 1, name: /S\/MIME Issuing CA/ }).waitFor();
    await page.getByRole('row').filter({ hasText: 'Complete' }).getByText('Current').waitFor();
    expect(await ada.lookAt('authority')).toEqual([]);
    await page.getByRole('button', { name: 'Retire' }).click();
    await page.getByRole('dialog').getByRole('button', { name: 'Retire the authority' }).click();
    await page.getByText('Signs no more certificates').waitFor();
    await page.getByRole('button', { name: 'Download', exact: true }).click();
    const chain = await downloads(ada, () => page.getByRole('menuitem', { name: 'Chain, PKCS#7' }).click());
    expect(readFileSync(await chain.path())[0]).toBe(0x30);
  });

  it('tells what was issued under the pointer, by arrow keys and in a table', async () => {
    const { page } = ada;
    await page.goto('/');
    const figure = page.locator('.panel').filter({ has: page.getByRole('heading', { name: 'Certificates issued' }) });
    await figure.getByText('Week', { exact: true }).click();
    await figure.getByText(/issued in the past 52 weeks/).waitFor();
    await figure.locator('svg[tabindex="0"]').focus();
    await page.keyboard.press('ArrowLeft');
    await figure.getByText('The numbers').click();
    const table = figure.getByRole('region', { name: 'Certificates issued: the numbers' });
    expect(await table.getByRole('row').count()).toBe(53);
    expect(await ada.lookAt('overview-numbers')).toEqual([]);
  });

  it('shows an office in use, and an audit trail that holds', { timeout: 400_000 }, async () => {
    const { page } = ada;
    for (const [path, name] of [['/', 'overview'], ...PAGES] as const) {
      await page.goto(path);
      await page.getByRole('heading', { level: 1 }).waitFor();
      await page.waitForLoadState('networkidle');
      expect(await ada.lookAt(name)).toEqual([]);
    }
    await page.goto('/audit');
    await page.getByRole('button', { name: 'Verify the trail' }).click();
    await page.getByRole('status').filter({ hasText: 'The trail is intact' }).waitFor();
  });

  it('has its mail rules changed: a rule made, explained, moved by keyboard, tried on past mail, put in force', async () => {
    const { page } = ada;
    await page.goto('/mail-rules/edit');
    await page.getByRole('button', { name: 'New rule' }).click();
    await page.getByLabel('Name', { exact: true }).fill('To the bank');
    await page.getByRole('combobox', { name: 'When: add a condition' }).click();
    await page.getByRole('option', { name: 'Domain of the recipient' }).click();
    const domains = page.getByRole('combobox', { name: 'Domain of the recipient', exact: true });
    await page.getByText('It has nothing in it.').waitFor();
    await domains.fill('bank.example');
    await domains.press('Enter');
    await page.getByRole('combobox', { name: 'Encrypt', exact: true }).click();
    await page.getByRole('option', { name: 'Always, or not at all' }).click();
    await page.getByText('Applies to all mail, both ways to anybody at bank.example.').waitFor();
    await page.getByText('It must be encrypted.').waitFor();
    await page.locator('input[type=file]').setInputFiles({
      name: 'offer.eml',
      mimeType: 'message/rfc822',
      buffer: Buffer.from('From: anna@example.com\r\nTo: b@bank.example\r\nSubject: An offer\r\n\r\nHello\r\n'),
    });
    const decision = page.getByRole('region', { name: 'Decision for b@bank.example' });
    // A new rule is in shadow at first.
    await decision.getByText('With the rules in shadow on: refused').waitFor();
    await decision.getByText('Why, rule by rule').click();
    await decision.getByText("The recipient's domain bank.example is bank.example.").waitFor();
    await page.getByRole('button', { name: 'New rule' }).click();
    const last = page
      .getByRole('list', { name: 'Rules, in their order' })
      .getByRole('button', { name: /New rule$/, expanded: true });
    await last.press('Alt+ArrowUp');
    await page.getByRole('status').filter({ hasText: 'New rule is now number' }).waitFor({ state: 'attached' });
    expect(await ada.lookAt('mail-rules-edit')).toEqual([]);
    await page.getByRole('button', { name: 'Try', exact: true }).click();
    await page.getByText(/decisions? of \d+ would be another/).waitFor();
    await page.getByLabel('Note').fill('The bank asked');
    await page.getByRole('button', { name: 'Put in force' }).click();
    await page.getByText('“To the bank” is new').waitFor({ state: 'detached' });
    await page.getByRole('heading', { name: 'Mail rules' }).waitFor();
    await page.getByText('The bank asked').waitFor();
    expect(await ada.lookAt('mail-rules-in-force')).toEqual([]);
    await page.goto('/mail');
    await page.getByRole('table', { name: 'Mail decisions' }).getByRole('link').first().click();
    await page.getByRole('heading', { name: 'What was decided from' }).waitFor();
    expect(await ada.lookAt('mail-record')).toEqual([]);
  });

  it('can be walked with the keyboard alone', async () => {
    const { page } = ada;
    await page.goto('/people');
    await page.getByRole('heading', { name: 'People' }).waitFor();
    // A page that was just opened begins at the skip link, and that leads past the navigation.
    await page.keyboard.press('Tab');
    expect(await page.evaluate(() => document.activeElement?.textContent)).toMatch(/skip/i);
    await page.keyboard.press('Enter');
    await page.keyboard.press('Tab');
    expect(await page.evaluate(() => document.activeElement?.closest('main') !== null)).toBe(true);
    await page.keyboard.press('/');
    expect(await page.evaluate(() => document.activeElement?.tagName)).toBe('INPUT');
  });

  it('had no error in any page', () => {
    expect(visitors.flatMap((visitor) => visitor.errors)).toEqual([]);
  });
});

const PAGES = [
  ['/people', 'people'],
  ['/certificates', 'certificates'],
  ['/recovery', 'recovery'],
  ['/retention', 'retention'],
  ['/inventory', 'inventory'],
  ['/notices', 'notices'],
  ['/mail', 'mail'],
  ['/held-mail', 'held-mail'],
  ['/correspondents', 'correspondents'],
  ['/mail-rules', 'mail-rules'],
  ['/inspect', 'inspect-page'],
  ['/audit', 'audit'],
  ['/operators', 'operators'],
  ['/profiles', 'profiles'],
  ['/authorities', 'authorities'],
] as const;

let dora: Visitor;
const officers: Visitor[] = [];
const shareKeys = new Map<Visitor, HeldShareKey>();

/** Passkeys are bound to a host name; an address is none. */
const nameOf = (url: string) => url.replace('//127.0.0.1:', '//localhost:');

/** Password and TOTP, as a person with an authenticator app does it. */
async function chooseCredential({ page }: Visitor, submit: string | RegExp): Promise<void> {
  await page.getByText('Password and authenticator app').click();
  await page.getByLabel('Password', { exact: true }).fill('correct horse battery');
  await page.getByLabel('Password again').fill('correct horse battery');
  const secret = (await page.getByRole('group', { name: 'TOTP secret' }).textContent()) ?? '';
  await page.getByLabel('Code from the authenticator app').pressSequentially(new OTPAuth.TOTP({ secret }).generate());
  await page.getByRole('button', { name: submit }).click();
}

/** Encrypts a text to the newest certificate of a PKCS#12 and opens it with its key, all by OpenSSL. */
function readByOpenSsl(file: string, password: string, text: string): string {
  const openssl = (...args: string[]) => execFileSync('openssl', args, { encoding: 'utf8', input: text });
  const folder = mkdtempSync(path.join(tmpdir(), 'chancery-new-device-'));
  try {
    const [certificate, key, mail] = ['certificate.pem', 'key.pem', 'mail.eml'].map((name) =>
      path.join(folder, name),
    ) as [string, string, string];
    const unpack = ['pkcs12', '-in', file, '-passin', `pass:${password}`];
    openssl(...unpack, '-clcerts', '-nokeys', '-out', certificate);
    openssl(...unpack, '-nocerts', '-nodes', '-out', key);
    openssl('cms', '-encrypt', '-aes256', '-binary', '-out', mail, certificate);
    return openssl('cms', '-decrypt', '-binary', '-in', mail, '-recip', certificate, '-inkey', key);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function downloads({ page }: Visitor, act: () => Promise<void>): Promise<Download> {
  const [download] = await Promise.all([page.waitForEvent('download'), act()]);
  return download;
}
