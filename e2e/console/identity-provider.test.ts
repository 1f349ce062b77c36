/**
 * Signing in with an identity provider, in Chromium: to the office and to one's own page, what goes wrong in words, and out again; and what is
 * decided there: a request of a smart card, a directory whose people drop, keys for managed phones.
 */
import { generateKeyPairSync } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createClient } from '@chancery/api';
import { buildName, buildRequest, localSigner, parseCertificate, pemBlocks } from '@chancery/smime';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { missing } from '../../interop/peers.ts';
import { type IdentityProvider, identityProvider } from '../../packages/authority/test/identity-provider.ts';
import { LoopbackDirectory } from '../../packages/authority/test/loopback-directory.ts';
import { eventually } from '../support/mail.ts';
import { OfficeProcess } from '../support/office-process.ts';
import { setUpOffice } from '../support/operators.ts';
import { openBrowser, Visitor } from './browser.ts';

describe.skipIf(missing('chromium'))('signing in with an identity provider', () => {
  let directory: IdentityProvider;
  let staff: LoopbackDirectory;
  let folder: string;
  let office: OfficeProcess;
  let browser: Browser;
  let visitor: Visitor;

  beforeAll(async () => {
    directory = await identityProvider();
    process.env.CHANCERY_TEST_CLIENT_SECRET = directory.clientSecret;
    folder = mkdtempSync(path.join(tmpdir(), 'console-'));
    const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
    writeFileSync(path.join(folder, 'connector.pem'), publicKey.export({ format: 'pem', type: 'spki' }));
    staff = await LoopbackDirectory.open(directory.clientSecret);
    for (const name of ['Wendy', 'Paul', 'Alma', 'Mia']) employ(name);
    office = await OfficeProcess.prepare({
      authorityToml: `
[identity.oidc.directory]
title = "Example Directory"
issuer = "${directory.issuer}"
clientId = "${directory.clientId}"
clientSecret = { env = "CHANCERY_TEST_CLIENT_SECRET" }
people = true
[[identity.oidc.directory.role]]
role = "administrator"
groups = ["pki-admins"]
amr = ["mfa"]
[identity.ldap.staff]
kind = "openldap"
url = "${staff.url}"
bindDn = "cn=reader,dc=staff"
password = { env = "CHANCERY_TEST_CLIENT_SECRET" }
baseDn = "dc=staff"
everyMinutes = 1440
mostLeaving = { people = 1, percent = 0 }
[devices.intune]
tenant = "example.com"
clientId = "office"
clientSecret = { env = "CHANCERY_TEST_CLIENT_SECRET" }
connectorKey = "${folder}/connector.pem"
keyName = "connector"
loginUrl = "http://127.0.0.1:9"
graphUrl = "http://127.0.0.1:9"
`,
    });
    directory.serve([`${office.url}/sign-in/with/directory`], [`${office.url}/sign-in`, `${office.url}/me`]);
    const member = (name: string, ...groups: string[]) =>
      directory.members.set(name, {
        name: `${name[0]?.toUpperCase()}${name.slice(1)} Example`,
        email: `${name}@example.com`,
        email_verified: true,
        groups,
      });
    member('olga', 'pki-admins');
    member('dora');
    await office.start();
    await setUpOffice(office.url, await office.setupToken());
    const local = createClient({ baseUrl: office.url, token: office.localToken });
    await local.addPerson({ body: { address: 'dora@example.com', name: 'Dora Device' } });
    browser = await openBrowser();
    visitor = await Visitor.enter(browser, office.url);
  });
  afterAll(async () => {
    await browser?.close();
    await office?.dispose();
    await directory?.stop();
    await staff?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  const employ = (name: string) =>
    staff.add(`cn=${name},dc=staff`, {
      objectClass: ['inetOrgPerson'],
      displayName: [`${name} Staff`],
      sn: ['Staff'],
      cn: [name],
      mail: [`${name.toLowerCase()}@example.com`],
    });

  const signInThere = async (name: string) => {
    const { page } = visitor;
    await page.getByRole('button', { name: 'Sign in with Example Directory' }).click();
    await page.getByRole('heading', { name: 'Example Directory' }).waitFor();
    await page.getByLabel('Name').fill(name);
    await page.getByRole('button', { name: 'Continue' }).click();
  };

  it('tells whoever is no operator so, in words', async () => {
    const { page } = visitor;
    await page.goto('/sign-in?back=/audit');
    await page.getByRole('button', { name: 'Sign in with Example Directory' }).waitFor();
    expect(await visitor.lookAt('provider-sign-in')).toEqual([]);
    await signInThere('dora');
    await page
      .getByRole('alert')
      .getByText(/makes you an operator/)
      .waitFor();
    expect(new URL(page.url()).search).toBe('');
    expect(await visitor.lookAt('provider-refused')).toEqual([]);
  });

  it('lets whoever is signed in there into their own page, and out of both', async () => {
    const { page } = visitor;
    await page.getByRole('link', { name: 'Go to your own page' }).click();
    await page.getByRole('button', { name: 'Sign in with Example Directory' }).waitFor();
    expect(await visitor.lookAt('provider-me')).toEqual([]);
    // Signed in there still: nothing is asked.
    await page.getByRole('button', { name: 'Sign in with Example Directory' }).click();
    await page.getByText('dora@example.com').first().waitFor();
    expect(new URL(page.url()).pathname).toBe('/me');
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('button', { name: /yes/i }).click();
    await page.getByRole('button', { name: 'Sign in with Example Directory' }).waitFor();
    expect(new URL(page.url()).pathname).toBe('/me');
  });

  it('reads the request of a smart card on one’s own page, says what is wrong with it, and hands it in', async () => {
    const { page } = visitor;
    const card = localSigner(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey);
    const subject = buildName([{ type: 'commonName', value: 'Smart card 0815' }]);
    const bring = async (address: string) =>
      page.locator('input[type=file]').setInputFiles({
        name: 'card.csr',
        mimeType: 'application/pkcs10',
        buffer: Buffer.from(await buildRequest({ subject, signer: card, emails: [address] })),
      });
    await signInThere('dora');
    await page.getByRole('heading', { name: 'A smart card' }).waitFor();
    await bring('anna@example.com');
    await page.getByText('names an address that is not this person’s').waitFor();
    await page.getByRole('button', { name: 'Choose another file' }).click();
    await bring('dora@example.com');
    await page.getByText('they may ask you for the fingerprint').waitFor();
    expect(await visitor.lookAt('me-request')).toEqual([]);
    await page.getByRole('button', { name: 'Ask for the certificate' }).click();
    await page.getByText('It is with your organisation now').waitFor();
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('button', { name: /yes/i }).click();
    await page.getByRole('button', { name: 'Sign in with Example Directory' }).waitFor();
  });

  it('lets an administrator into the office, where they wanted to go', async () => {
    const { page } = visitor;
    await page.goto('/operators');
    await page.waitForURL(/\/sign-in/);
    await signInThere('olga');
    await page.waitForURL(/\/operators$/);
    await page.getByText('Signs in with Example Directory').waitFor();
    expect(await visitor.lookAt('provider-operators')).toEqual([]);
    await page.goto('/people');
    await page
      .getByRole('link', { name: /Dora Device/ })
      .first()
      .click();
    await page.getByText(directory.issuer).waitFor();
    expect(visitor.errors).toEqual([]);
  });

  it('shows them the request that waits, and what becomes of it', async () => {
    const { page } = visitor;
    await page.goto('/devices');
    await page.getByText('1 request waits for a decision').waitFor();
    expect(await visitor.lookAt('devices')).toEqual([]);
    // On a telephone too the button is on the screen, and not somewhere to the right of it.
    await page.setViewportSize({ width: 390, height: 900 });
    const decide = page.getByRole('button', { name: 'Decide on the request of Dora Device' });
    const { x = 0, width = 0 } = (await decide.boundingBox()) ?? {};
    expect([x > 0, x + width < 390]).toEqual([true, true]);
    await page.setViewportSize({ width: 1440, height: 900 });
    await decide.click();
    await page.getByRole('button', { name: 'The certificate as it would be' }).click();
    await page.getByText('Not signed; nothing is kept').waitFor();
    expect(await visitor.lookAt('device-decide')).toEqual([]);
    await page.getByLabel('How you know').fill('She showed the card, and its fingerprint.');
    await page.getByRole('button', { name: 'Approve' }).click();
    await page.getByRole('table', { name: 'Answered requests' }).getByText('Issued').waitFor();

    const dora = await Visitor.enter(browser, office.url);
    await dora.page.goto('/me');
    await dora.page.getByRole('button', { name: 'Sign in with Example Directory' }).click();
    await dora.page.getByLabel('Name').fill('dora');
    await dora.page.getByRole('button', { name: 'Continue' }).click();
    const save = dora.page.getByRole('button', { name: /^Save the certificate of the key/ });
    await save.waitFor();
    expect(await dora.lookAt('me-certificate')).toEqual([]);
    const [saved] = await Promise.all([dora.page.waitForEvent('download'), save.click()]);
    const chain = pemBlocks(readFileSync(await saved.path(), 'utf8')).map(({ der }) => parseCertificate(der));
    expect(chain).toHaveLength(2);
    expect(chain[0]?.subjectAltNames.emails).toEqual(['dora@example.com']);
    expect(dora.errors).toEqual([]);
    await dora.leave();

    await page.getByRole('link', { name: 'Dora Device' }).first().click();
    await page.getByRole('list', { name: 'Enrolled devices' }).getByText('Smart card 0815').waitFor();
    await page.getByRole('button', { name: 'Lost or stolen: Smart card 0815' }).click();
    await page.getByRole('button', { name: 'Revoke what it held' }).click();
    await page.getByText('Whoever has the device signs nothing with it').waitFor();
    expect(await visitor.lookAt('device-lost')).toEqual([]);
    expect(visitor.errors).toEqual([]);
  });

  it('lets keys go to managed phones, and takes it back', async () => {
    const { page } = visitor;
    await page.goto('/people');
    await page
      .getByRole('link', { name: /Dora Device/ })
      .first()
      .click();
    const phones = page.getByRole('switch', { name: /phones that Intune manages/ });
    await phones.check({ force: true });
    await page.getByText('0 keys are there').waitFor();
    expect(await visitor.lookAt('person-phones')).toEqual([]);
    await phones.uncheck({ force: true });
    await page.getByText('0 keys are there').waitFor({ state: 'detached' });
    expect(visitor.errors).toEqual([]);
  });

  it('asks before many leave at once: they stay, or they leave', async () => {
    const { page } = visitor;
    const names = async () => {
      const local = createClient({ baseUrl: office.url, token: office.localToken });
      const { items } = await local.people({ query: { limit: 100, search: 'Staff' } });
      return items.filter(({ state }) => state === 'active').map(({ name }) => name.split(' ')[0]);
    };
    const follow = async () => {
      await page.goto('/sources');
      await page.getByRole('button', { name: 'Follow now' }).click();
    };
    await follow();
    await eventually('they have joined', async () => ((await names()).length === 4 ? true : undefined));
    for (const name of ['Wendy', 'Paul', 'Alma']) staff.entries.delete(`cn=${name},dc=staff`);
    await follow();
    await page.getByText('3 people of 4 would leave at once').waitFor();
    await page.getByRole('button', { name: 'See who' }).click();
    const list = page.getByRole('dialog').getByRole('table', { name: 'Who would leave' });
    await list.waitFor();
    expect(await list.locator('tbody tr td:first-child').allTextContents()).toEqual([
      'Alma Staff',
      'Paul Staff',
      'Wendy Staff',
    ]);
    expect(await visitor.lookAt('directory-drop')).toEqual([]);
    await page.getByRole('button', { name: 'They stay' }).click();
    await page.getByText('3 people stay, though the directory says otherwise').waitFor();
    expect(await names()).toHaveLength(4);
    expect(await visitor.lookAt('directory-stay')).toEqual([]);
    await page.getByRole('button', { name: 'See who' }).click();
    await page.getByRole('button', { name: 'They leave' }).click();
    await eventually('they have left', async () => ((await names()).join() === 'Mia' ? true : undefined));
    expect(visitor.errors).toEqual([]);
  });
});
