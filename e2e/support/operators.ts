/** Operators with password and TOTP, signed in over REST as the console does it. */
import { type Client, createClient } from '@chancery/api';
import { deriveShareKey, newSeed, type ShareKey } from '@chancery/vault';
import * as OTPAuth from 'otpauth';
import { nameSecret } from '../../packages/authority/test/watched.ts';
import { registerShareKeyAs, takePart } from '../../packages/cli/src/vault/take-part.ts';

export interface SignedIn {
  readonly id: string;
  readonly address: string;
  readonly client: Client;
  /** Session token: what the browser keeps as a cookie. */
  readonly token: string;
}

interface Account {
  readonly address: string;
  readonly password: string;
  readonly totpSecret: string;
}

/** Completes the set-up link as the first administrator, and signs in. */
export async function setUpOffice(
  url: string,
  setupToken: string,
  choice: { caAlgorithm?: 'ecdsa' | 'rsa'; domains?: string[]; organisation?: string } = {},
): Promise<SignedIn> {
  const anybody = createClient({ baseUrl: url });
  const person = { name: 'Ada Ambrose', address: 'ada@example.com' };
  const { totp } = await anybody.setupOptions({ body: { token: setupToken, ...person } });
  const account = { address: person.address, password: 'correct horse battery', totpSecret: totp.secret };
  await anybody.completeSetup({
    body: {
      token: setupToken,
      organisation: choice.organisation ?? 'Example Corp',
      domains: choice.domains ?? ['example.com'],
      caAlgorithm: choice.caAlgorithm ?? 'ecdsa',
      ...person,
      credential: credentialOf(account),
    },
  });
  return signIn(url, account);
}

/** Has these officers found the vault, each with a share key that is kept in memory; returns who can approve with which. */
export async function holdCeremony(
  administrator: Client,
  officers: readonly SignedIn[],
  threshold = 2,
): Promise<Map<SignedIn, ShareKey>> {
  const keys = new Map(officers.map((officer) => [officer, deriveShareKey(newSeed())]));
  for (const [officer, key] of keys) {
    for (const secret of [key.encryption, key.signing]) nameSecret(secret);
    await registerShareKeyAs(officer.client, key);
  }
  await administrator.openCeremony({
    body: { kind: 'found', threshold, officers: officers.map(({ id }) => id), dealers: [] },
  });
  // Each deals; then each accepts.
  for (let step = 0; step < 2; step++) {
    for (const [officer, key] of keys) await takePart(officer.client, key, async () => {});
  }
  return keys;
}

export interface NewOperator {
  readonly name: string;
  readonly address: string;
  readonly roles: ('recovery-officer' | 'auditor' | 'registration-officer')[];
}

/** Invites an operator, accepts the invitation, and signs in. */
export async function inviteAndSignIn(url: string, administrator: Client, operator: NewOperator): Promise<SignedIn> {
  return signIn(url, await invite(url, administrator, operator));
}

/** Invites an operator and accepts the invitation; nobody has signed in yet. */
export async function invite(url: string, administrator: Client, operator: NewOperator): Promise<Account> {
  const anybody = createClient({ baseUrl: url });
  const { url: link } = await administrator.inviteOperator({ body: operator });
  const token = link.slice(link.indexOf('#') + 1);
  const { totp } = await anybody.invitationOptions({ body: { token } });
  const account = { address: operator.address, password: `secret of ${operator.address}`, totpSecret: totp.secret };
  await anybody.completeInvitation({ body: { token, credential: credentialOf(account) } });
  return account;
}

/** The code that signs in next: the one of this step was spent on making the account. */
export const nextCode = (account: Account): string => totpOf(account, 30_000);

async function signIn(url: string, account: Account): Promise<SignedIn> {
  const response = await fetch(`${url}/api/v1/sessions/password`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      address: account.address,
      password: account.password,
      totpCode: nextCode(account),
    }),
  });
  const token = /chancery_session=([^;]+)/.exec(response.headers.get('set-cookie') ?? '')?.[1];
  if (token === undefined) throw new Error(`${account.address} could not sign in: ${await response.text()}`);
  const client = createClient({ baseUrl: url, token });
  const { id } = await client.me();
  return { id, address: account.address, client, token };
}

function credentialOf(account: Account) {
  return {
    kind: 'password' as const,
    password: account.password,
    totpSecret: account.totpSecret,
    totpCode: totpOf(account, 0),
  };
}

function totpOf(account: Account, ahead: number): string {
  return new OTPAuth.TOTP({ secret: OTPAuth.Secret.fromBase32(account.totpSecret) }).generate({
    timestamp: Date.now() + ahead,
  });
}
