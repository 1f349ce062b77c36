import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { recordType } from '@chancery/dns';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { makeTlsCa } from '../../../test/support/tls-files.ts';
import { DnsSilence, type FindRecords } from '../../dns/find-records.ts';
import { openStsPolicies, type StsPolicies } from './sts-policies.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'policies-'));
const kept = path.join(folder, 'mta-sts');
const day = 24 * 60 * 60 * 1000;
let server: Server;
let policies: StsPolicies;
let ca: Buffer;
let answer: { status: number; type: string; mode: string; headers?: Record<string, string> };
let asked: number;
let announced: string | undefined | 'silent';
let addresses: string[];
let at = Date.now();

const find: FindRecords = async (name, type) => {
  if (announced === 'silent' && type === recordType.txt) throw new DnsSilence('no answer in time');
  const text = `v=STSv1; id=${announced};`;
  const data =
    type === recordType.txt
      ? announced === undefined
        ? []
        : [Buffer.concat([Buffer.of(text.length), Buffer.from(text)])]
      : type === recordType.a
        ? addresses.map((one) => Buffer.from(one.split('.').map(Number)))
        : [];
  return {
    records: data.map((one) => ({ name, type, class: 1, ttl: 60, data: one })),
    ...{ owner: name, exists: true, proven: false },
  };
};
const log = { info: () => undefined, warn: () => undefined, error: () => undefined };
const open = () => {
  const address = server.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const mayAsk = (one: string) => one.startsWith('127.');
  policies = openStsPolicies(kept, { find, mayAsk, port, ca: [ca], patience: 5_000 }, () => at, log);
};
const of = (proven = false) => policies.of('example.net', proven);

beforeAll(async () => {
  const tls = await makeTlsCa(folder, 'Root');
  const { certificate, key } = await tls.issue('mta-sts.example.net');
  ca = readFileSync(tls.ca);
  server = createServer({ cert: readFileSync(certificate), key: readFileSync(key) }, (_request, response) => {
    asked += 1;
    response.writeHead(answer.status, { 'content-type': answer.type, ...answer.headers });
    response.end(`version: STSv1\nmode: ${answer.mode}\nmx: mx.example.net\nmax_age: 604800\n`);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
beforeEach(async () => {
  await policies?.stop();
  rmSync(kept, { recursive: true, force: true });
  answer = { status: 200, type: 'text/plain; charset=utf-8', mode: 'enforce' };
  [asked, announced, addresses] = [0, '1', ['127.0.0.1']];
  open();
});
afterAll(async () => {
  await policies.stop();
  server.closeAllConnections();
  server.close();
  rmSync(folder, { recursive: true });
});

describe('the policy of a domain', () => {
  it('is fetched once, by many at once, and again when the DNS announces another', async () => {
    expect(await Promise.all([of(), of(), of()])).toMatchObject([
      { mode: 'enforce' },
      { mode: 'enforce' },
      { mode: 'enforce' },
    ]);
    expect(await of()).toMatchObject({ mode: 'enforce', maxAge: 604_800 });
    expect(asked).toBe(1);
    [announced, answer.mode] = ['2', 'testing'];
    expect(await of()).toMatchObject({ mode: 'testing' });
    expect(asked).toBe(2);
  });

  it('holds on, in another process too, while its record is gone, the DNS is silent or the new one cannot be fetched', async () => {
    await of();
    await policies.stop();
    open();
    for (const now of [undefined, 'silent', '2'] as const) {
      [announced, answer.status] = [now, 500];
      expect(await of(true)).toMatchObject({ mode: 'enforce' });
    }
    at += 8 * day;
    announced = undefined;
    expect(await of()).toBeUndefined();
  });

  it('is none where none is announced, or what is there is none; and is not asked for again at once', async () => {
    announced = undefined;
    expect(await of()).toBeUndefined();
    expect(asked).toBe(0);
    announced = '1';
    for (const [wrong, trouble] of [
      [{ status: 404 }, 'sts-policy-fetch-error'],
      [{ type: 'text/html' }, 'sts-policy-fetch-error'],
      [{ mode: 'strict' }, 'sts-policy-invalid'],
      [{ status: 302, headers: { location: '/x' } }, 'sts-policy-fetch-error'],
    ] as const) {
      Object.assign(answer, { status: 200, type: 'text/plain', mode: 'enforce', headers: {} }, wrong);
      expect(await of()).toBeUndefined();
      expect(await of()).toBeUndefined();
      expect(policies.troubleOf('example.net')).toMatchObject({ type: trouble });
      at += 6 * 60_000;
      expect(policies.troubleOf('example.net')).toBeUndefined();
    }
    expect(asked).toBe(4);
    // The server's certificate is for another domain's policy.
    expect(await policies.of('example.org', false)).toBeUndefined();
    expect(policies.troubleOf('example.org')).toMatchObject({ type: 'sts-webpki-invalid' });
  });

  it('binds although it cannot be kept', async () => {
    // No file is there, and none can be made, as on a disk that is full.
    symlinkSync(path.join(folder, 'nowhere'), kept);
    expect(await of()).toMatchObject({ mode: 'enforce' });
    expect(await of()).toMatchObject({ mode: 'enforce' });
    expect(asked).toBe(2);
  });

  it('is asked for at no address of our own network', async () => {
    addresses = ['10.0.0.1', '192.168.0.1'];
    expect(await of()).toBeUndefined();
    expect(asked).toBe(0);
  });

  it('is not known where a signed domain does not say whether it has one, or what was kept cannot be read', async () => {
    announced = 'silent';
    expect(await of(false)).toBeUndefined();
    await expect(of(true)).rejects.toThrow('no answer in time');
    announced = '1';
    await of();
    for (const name of readdirSync(kept)) writeFileSync(path.join(kept, name), '{');
    await expect(of()).rejects.toThrow('remove it to fetch it anew');
  });

  it('is fetched again each day, and forgotten when it holds no more', async () => {
    await of();
    await policies.refresh();
    expect(asked).toBe(1);
    at += day;
    answer.mode = 'none';
    await policies.refresh();
    expect(asked).toBe(2);
    announced = undefined;
    expect(await of()).toMatchObject({ mode: 'none' });
    at += 8 * day;
    await policies.refresh();
    expect(readdirSync(kept)).toEqual([]);
  });
});
