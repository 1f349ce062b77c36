/** An identity provider, "Example Directory", at which operators and people of an office sign in, in a browser. */
import type { Page } from 'playwright-core';
import { type IdentityProvider, identityProvider } from '../../packages/authority/test/identity-provider.ts';

export interface ExampleDirectory {
  readonly provider: IdentityProvider;
  /** For `authority.toml`. */
  readonly toml: string;
  /** For the office at that address, once it is known. */
  serve(officeUrl: string): void;
  /** @param groups `pki-admins` makes an administrator */
  member(name: string, ...groups: string[]): void;
  stop(): Promise<void>;
}

export async function exampleDirectory(): Promise<ExampleDirectory> {
  const provider = await identityProvider();
  process.env.CHANCERY_TEST_CLIENT_SECRET = provider.clientSecret;
  return {
    provider,
    toml: `
[identity.oidc.directory]
title = "Example Directory"
issuer = "${provider.issuer}"
clientId = "${provider.clientId}"
clientSecret = { env = "CHANCERY_TEST_CLIENT_SECRET" }
people = true
[[identity.oidc.directory.role]]
role = "administrator"
groups = ["pki-admins"]
amr = ["mfa"]
`,
    serve: (officeUrl) =>
      provider.serve([`${officeUrl}/sign-in/with/directory`], [`${officeUrl}/sign-in`, `${officeUrl}/me`]),
    member: (name, ...groups) =>
      void provider.members.set(name, {
        name: `${name[0]?.toUpperCase()}${name.slice(1)} Example`,
        email: `${name}@example.com`,
        email_verified: true,
        groups,
      }),
    stop: () => provider.stop(),
  };
}

/** From the page that offers it. */
export async function signInThere(page: Page, name: string): Promise<void> {
  await page.getByRole('button', { name: 'Sign in with Example Directory' }).click();
  await page.getByRole('heading', { name: 'Example Directory' }).waitFor();
  await page.getByLabel('Name').fill(name);
  await page.getByRole('button', { name: 'Continue' }).click();
}
