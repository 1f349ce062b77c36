/** What an officer does on the vault's page, as a person does it: a share key, a dealing, an acceptance. */
import { readFileSync } from 'node:fs';
import type { Page } from 'playwright-core';
import type { Visitor } from './browser.ts';

/** How an officer shows their share key, on whatever page asks for it. */
export interface HeldShareKey {
  show(page: Page): Promise<void>;
}

/** A security key, plugged in and always touched, whose passkeys have the PRF extension. @returns what takes it out */
export async function plugInAuthenticator({ page }: Visitor, hasPrf = true): Promise<() => Promise<void>> {
  const session = await page.context().newCDPSession(page);
  await session.send('WebAuthn.enable');
  const { authenticatorId } = await session.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2',
      ctap2Version: 'ctap2_1',
      transport: 'usb',
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      hasPrf,
      automaticPresenceSimulation: true,
    },
  });
  return async () => {
    await session.send('WebAuthn.removeVirtualAuthenticator', { authenticatorId });
  };
}

/** In the step that asks for it. */
export async function makeShareKeyInPasskey({ page }: Visitor): Promise<HeldShareKey> {
  await page.getByRole('radio', { name: 'In a passkey' }).check();
  await page.getByRole('button', { name: 'Make the passkey' }).click();
  await page.getByRole('button', { name: 'Use it once' }).click();
  await page.getByRole('button', { name: 'Use it again, and register' }).click();
  await page.getByText('Your share key is registered.').waitFor();
  return { show: async () => {} };
}

export async function makeShareKeyInFile({ page }: Visitor, passphrase: string): Promise<HeldShareKey> {
  await page.getByRole('radio', { name: 'In a file under a passphrase' }).check();
  await page.getByLabel('Passphrase', { exact: true }).fill(passphrase);
  const [download] = await Promise.all([
    page.waitForEvent('download', { timeout: 120_000 }),
    page.getByRole('button', { name: 'Make the file and save it' }).click(),
  ]);
  const buffer = readFileSync(await download.path());
  const show = async (where: Page, phrase = passphrase) => {
    const another = where.getByRole('button', { name: 'Choose another file' });
    if ((await another.count()) === 0) {
      await where
        .locator('input[type=file]')
        .setInputFiles({ name: download.suggestedFilename(), mimeType: 'application/json', buffer });
    }
    await where.getByLabel('Passphrase of the file').fill(phrase);
  };
  await show(page, 'not the passphrase');
  await page.getByRole('button', { name: 'Open it and register' }).click();
  await page.getByText(/The passphrase does not open this file/).waitFor({ timeout: 120_000 });
  await show(page);
  await page.getByRole('button', { name: 'Open it and register' }).click();
  await page.getByText('Your share key is registered.').waitFor({ timeout: 120_000 });
  return { show };
}

export async function deal({ page }: Visitor, key: HeldShareKey): Promise<void> {
  await page.getByRole('button', { name: 'Deal', exact: true }).waitFor({ timeout: 30_000 });
  await key.show(page);
  await page.getByRole('button', { name: 'Deal', exact: true }).click();
  await page.getByText('You have dealt your part.').waitFor({ timeout: 120_000 });
}

/** The digits that this officer's own browser has computed. */
export async function readFingerprint({ page }: Visitor): Promise<string> {
  const groups = page.getByRole('list', { name: /Fingerprint/ }).first();
  await groups.waitFor({ timeout: 30_000 });
  const spoken = await groups.locator('.visually-hidden').allTextContents();
  return spoken.map((group) => group.replaceAll(' ', '')).join(' ');
}

/** @param said what the page says when it is done: the last acceptance puts the vault into use */
export async function accept({ page }: Visitor, key: HeldShareKey, said: RegExp): Promise<void> {
  await page.getByRole('checkbox', { name: /see the same sixty digits/ }).check();
  await page.getByRole('button', { name: 'Accept' }).waitFor();
  await key.show(page);
  await page.getByRole('button', { name: 'Accept' }).click();
  await page.getByText(said).first().waitFor({ timeout: 120_000 });
}
