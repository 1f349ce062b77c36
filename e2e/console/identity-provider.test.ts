/** Signing in with an identity provider, in Chromium: to the office and to one's own page, what goes wrong in words, and out again. */
import { generateKeyPairSync } from 'node:crypto';
import { createClient } from '@chancery/api';
import { buildName, buildRequest, localSigner } from '@chancery/smime';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { missing } from '../../interop/peers.ts';
import { OfficeProcess } from '../support/office-process.ts';
import { setUpOffice } from '../support/operators.ts';
import { openBrowser, Visitor } from './browser.ts';
import { type ExampleDirectory, exampleDirectory, signInThere as signInAt } from './example-directory.ts';

describe.skipIf(missing('chromium'))('signing in with an identity provider', () => {
  let directory: ExampleDirectory;
  let office: OfficeProcess;
  let browser: Browser;
  let visitor: Visitor;

  beforeAll(async () => {
    directory = await exampleDirectory();
    office = await OfficeProcess.prepare({ authorityToml: directory.toml });
    directory.serve(office.url);
    directory.member('olga', 'pki-admins');
    directory.member('dora');
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
  });

  const signInThere = (name: string) => signInAt(visitor.page, name);

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
    await page.getByText(directory.provider.issuer).waitFor();
    expect(visitor.errors).toEqual([]);
  });

  it('shows them the request that waits, and what becomes of it', async () => {
    const { page } = visitor;
    await page.goto('/devices');
    await page.getByText('1 request waits for a decision').waitFor();
    expect(await visitor.lookAt('devices')).toEqual([]);
    await page.getByRole('button', { name: 'Decide on the request of Dora Device' }).click();
    await page.getByRole('button', { name: 'The certificate as it would be' }).click();
    await page.getByText('Not signed; nothing is kept').waitFor();
    expect(await visitor.lookAt('device-decide')).toEqual([]);
    await page.getByLabel('How you know').fill('She showed the card, and its fingerprint.');
    await page.getByRole('button', { name: 'Approve' }).click();
    await page.getByRole('table', { name: 'Answered requests' }).getByText('Issued').waitFor();
    await page.getByRole('link', { name: 'Dora Device' }).first().click();
    await page.getByRole('list', { name: 'Enrolled devices' }).getByText('Smart card 0815').waitFor();
    await page.getByRole('button', { name: 'Lost or stolen: Smart card 0815' }).click();
    await page.getByRole('button', { name: 'Revoke what it held' }).click();
    await page.getByText('Whoever has the device signs nothing with it').waitFor();
    expect(await visitor.lookAt('device-lost')).toEqual([]);
    expect(visitor.errors).toEqual([]);
  });
});
