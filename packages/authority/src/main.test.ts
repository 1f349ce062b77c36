import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createClient } from '@chancery/api';
import type { EmbeddedPostgres } from '@chancery/embedded-postgres';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startDatabase } from '../test/database-template.ts';
import { linkSecret } from '../test/running-office.ts';
import { parseAuthorityConfig } from './config.ts';
import { startAuthority } from './main.ts';
import type { Log } from './world.ts';

const home = mkdtempSync(path.join(tmpdir(), 'chancery-main-'));
let postgres: EmbeddedPostgres;
beforeAll(async () => {
  postgres = await startDatabase();
});
afterAll(async () => {
  await postgres.stop();
  rmSync(home, { recursive: true });
});

const start = (toml = '[server]\nport = 0\n', log?: Log) =>
  startAuthority({
    config: parseAuthorityConfig(toml, home),
    connection: postgres.connection,
    ...(log === undefined ? {} : { log }),
  });

describe('startAuthority', () => {
  it('serves, says where its secret is, keeps its local token to itself, and stops', async () => {
    const events: string[] = [];
    const note = (event: string, fields: Record<string, unknown> = {}) => {
      events.push(`${event} ${JSON.stringify(fields)}`);
    };
    const authority = await start(undefined, { info: note, warn: note, error: note });
    expect(await createClient({ baseUrl: authority.url }).office()).toMatchObject({ setUp: false });
    expect(events.filter((event) => event.startsWith('keys.secret-made'))[0]).toContain(path.join(home, 'keys.secret'));
    const file = path.join(home, 'local.token');
    expect(readFileSync(file, 'utf8').trim()).toBe(authority.localToken);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    await authority.stop();
    await authority.stop();
    await expect(fetch(authority.url)).rejects.toThrow();
  });

  it('keeps the local token over a restart, and makes a new one of a damaged file', async () => {
    const first = await start();
    await first.stop();
    const second = await start();
    expect(second.localToken).toBe(first.localToken);
    await second.stop();
    writeFileSync(path.join(home, 'local.token'), 'short\n');
    const third = await start();
    expect(third.localToken).toMatch(/^[\w-]{43}$/);
    await third.stop();
  });

  it('prints a new set-up link each time, and the last one is good', async () => {
    const first = await start();
    const old = linkSecret(first.setupUrl ?? '');
    await first.stop();
    const second = await start();
    const anybody = createClient({ baseUrl: second.url });
    await expect(anybody.setupOptions({ body: { token: old } })).rejects.toMatchObject({ code: 'wrong-credentials' });
    const token = linkSecret(second.setupUrl ?? '');
    expect(await anybody.setupOptions({ body: { token } })).toMatchObject({ roles: ['administrator'] });
    await second.stop();
  });

  it('says which port is in use and how to change it, and starts nothing', async () => {
    const squatter = createServer();
    await new Promise<void>((resolve) => squatter.listen(0, '127.0.0.1', resolve));
    const address = squatter.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    await expect(start(`[server]\nport = ${port}\n`)).rejects.toMatchObject({
      code: 'port-in-use',
      message: expect.stringMatching(new RegExp(`${port}[\\s\\S]*server\\.port[\\s\\S]*authority\\.toml`)),
    });
    await new Promise((resolve) => squatter.close(resolve));
  });

  it('says that a host is not an address of this machine', async () => {
    await expect(start('[server]\nhost = "192.0.2.1"\n')).rejects.toMatchObject({ code: 'address-not-available' });
  });

  it('refuses a wrong secret without a word of it, and opens with the right one', async () => {
    const secret = readFileSync(path.join(home, 'keys.secret'), 'utf8').trim();
    const toml = '[server]\nport = 0\n[keys]\nsecret = { file = "other" }\n';
    writeFileSync(path.join(home, 'other'), 'not the secret');
    const refusal = await start(toml).catch((error: Error) => error);
    expect(refusal).toMatchObject({ code: 'wrong-passphrase' });
    expect(String(refusal)).not.toContain('not the secret');
    writeFileSync(path.join(home, 'other'), `${secret}\n`);
    await (await start(toml)).stop();
  });
});
