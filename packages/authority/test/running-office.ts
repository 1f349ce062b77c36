/** The authority as it is started in earnest, on a free port, with a clock that a test can turn. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type Client, createClient, type OperatorRole } from '@chancery/api';
import * as OTPAuth from 'otpauth';
import type pg from 'pg';
import type { z } from 'zod';
import { parseAuthorityConfig } from '../src/config.ts';
import { type AuthorityOptions, type RunningAuthority, startAuthority } from '../src/main.ts';
import { startDatabase } from './database-template.ts';
import { leaveForSearch } from './watched.ts';

/** An operator with password and TOTP, signed in. */
export interface Account {
  readonly id: string;
  readonly address: string;
  readonly password: string;
  readonly totpSecret: string;
  /** Of a session. */
  readonly token: string;
  readonly client: Client;
}

export interface RunningOffice {
  readonly authority: RunningAuthority;
  readonly home: string;
  readonly connection: pg.PoolConfig;
  /** Without any credential. */
  readonly anybody: Client;
  /** As the command line on this machine. */
  readonly local: Client;
  readonly logged: readonly { level: string; event: string; fields: Record<string, unknown> }[];
  now(): Date;
  /** Turns the clock on by so many seconds. */
  wait(seconds: number): void;
  client(token: string): Client;
  /** The code that the app shows. */
  code(totpSecret: string): string;
  setUp(options?: { caAlgorithm?: 'ecdsa' | 'rsa' }): Promise<Account>;
  invite(by: Client, name: string, roles: z.output<typeof OperatorRole>[]): Promise<Account>;
  /** The session of a password login; the whole answer, so that refusals can be seen. */
  signIn(account: { address: string; password: string; totpCode: string }): Promise<Response>;
  close(): Promise<void>;
}

export const ADA = { name: 'Ada Ambrose', address: 'ada@example.com' };

export async function runningOffice(
  options: { config?: string; demo?: boolean; resolve?: NonNullable<AuthorityOptions['resolve']> } = {},
): Promise<RunningOffice> {
  const home = await mkdtemp(path.join(tmpdir(), 'chancery-office-'));
  const postgres = await startDatabase();
  const logged: { level: string; event: string; fields: Record<string, unknown> }[] = [];
  const record =
    (level: string) =>
    (event: string, fields: Record<string, unknown> = {}) => {
      logged.push({ level, event, fields });
    };
  let ahead = 0;
  const now = () => new Date(Date.now() + ahead);
  const authority = await startAuthority({
    config: parseAuthorityConfig(options.config ?? '[server]\nport = 0\n', home),
    connection: postgres.connection,
    demo: options.demo ?? false,
    log: { info: record('info'), warn: record('warn'), error: record('error') },
    clock: now,
    ...(options.resolve && { resolve: options.resolve }),
  });
  const client = (token: string) => createClient({ baseUrl: authority.url, token });
  const anybody = createClient({ baseUrl: authority.url });
  const code = (totpSecret: string) =>
    new OTPAuth.TOTP({ secret: OTPAuth.Secret.fromBase32(totpSecret) }).generate({ timestamp: now().getTime() });
  const wait = (seconds: number) => {
    ahead += seconds * 1000;
  };
  const enter = async (address: string, password: string, totpSecret: string): Promise<Account> => {
    // The code that made the account is spent.
    wait(30);
    const token = sessionOf(await office.signIn({ address, password, totpCode: code(totpSecret) }));
    const { id } = await client(token).me();
    return { id, address, password, totpSecret, token, client: client(token) };
  };
  const office: RunningOffice = {
    authority,
    home,
    connection: { ...postgres.connection },
    anybody,
    local: client(authority.localToken),
    logged,
    now,
    wait,
    client,
    code,
    signIn: (account) =>
      fetch(`${authority.url}/api/v1/sessions/password`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(account),
      }),
    async setUp({ caAlgorithm = 'ecdsa' } = {}) {
      const token = linkSecret(authority.setupUrl ?? '');
      const { totp } = await anybody.setupOptions({ body: { token, ...ADA } });
      const password = 'correct horse battery';
      const credential = { kind: 'password', password, totpSecret: totp.secret, totpCode: code(totp.secret) } as const;
      const organisation = 'Example Corp';
      await anybody.completeSetup({
        body: { token, organisation, domains: ['example.com'], caAlgorithm, ...ADA, credential },
      });
      return enter(ADA.address, password, totp.secret);
    },
    async invite(by, name, roles) {
      const address = `${name.toLowerCase()}@example.com`;
      const { url } = await by.inviteOperator({ body: { name, address, roles } });
      const token = linkSecret(url);
      const { totp } = await anybody.invitationOptions({ body: { token } });
      const password = `the password of ${name}`;
      const credential = { kind: 'password', password, totpSecret: totp.secret, totpCode: code(totp.secret) } as const;
      await anybody.completeInvitation({ body: { token, credential } });
      return enter(address, password, totp.secret);
    },
    async close() {
      await authority.stop();
      await leaveForSearch(logged, postgres.connection);
      await postgres.stop();
      await rm(home, { recursive: true, force: true });
    },
  };
  return office;
}

/** The part of a link behind its `#`. */
export function linkSecret(url: string): string {
  return url.slice(url.indexOf('#') + 1);
}

/** The session token in the cookie of an answer. */
export function sessionOf(response: Response): string {
  const token = /chancery_session=([^;]+)/.exec(response.headers.get('set-cookie') ?? '')?.[1];
  if (token === undefined) throw new Error(`No session: ${response.status}`);
  return token;
}
