import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RunningOffice, runningOffice } from '../../test/running-office.ts';
import { parseAuthorityConfig } from '../config.ts';
import { describeFamilies, families } from './families.ts';

const TOKEN = 'for-a-test-and-no-other';
let office: RunningOffice;
let port: number;
let id: string;

beforeAll(async () => {
  process.env.METRICS_TEST = TOKEN;
  office = await runningOffice({
    config: '[server]\nport = 0\n[metrics]\nport = 0\ntoken = { env = "METRICS_TEST" }\n',
  });
  port = Number(office.logged.find(({ event }) => event === 'metrics.listening')?.fields.port);
  await office.setUp();
  ({ id } = await office.local.addPerson({ body: { address: 'dora@example.com', name: 'Dora Device' } }));
});
afterAll(() => office.close());

const scrape = (headers: Record<string, string>, path = '/metrics', method = 'GET') =>
  fetch(`http://127.0.0.1:${port}${path}`, { method, headers });

describe('metrics', () => {
  it('are for whoever has the token, and nothing else is there', async () => {
    expect((await scrape({})).status).toBe(401);
    expect((await scrape({ authorization: 'Bearer another' })).status).toBe(401);
    const authorization = `Bearer ${TOKEN}`;
    expect((await scrape({ authorization })).status).toBe(200);
    expect((await scrape({ authorization }, '/')).status).toBe(404);
    expect((await scrape({ authorization }, '/metrics', 'POST')).status).toBe(405);
  });

  it('tell of people, certificates, lists, the queue, the trail, requests; by labels that are few', async () => {
    await fetch(`${office.authority.url}/no/such/${id}`);
    const text = await (await scrape({ authorization: `Bearer ${TOKEN}` })).text();
    const values = new Map(
      [...text.matchAll(/^(chancery_\w+(?:\{[^}]*\})?) (\S+)$/gm)].map(([, name, value]) => [name, Number(value)]),
    );
    expect(values.get('chancery_collected')).toBe(1);
    expect(values.get('chancery_people{state="active"}')).toBe(1);
    expect(values.get('chancery_people_ready{use="encryption"}')).toBe(0);
    expect([...values].find(([name]) => name?.startsWith('chancery_people_coverage{use="signing"'))?.[1]).toBe(1);
    expect([...values].find(([name]) => name?.startsWith('chancery_crl_ends_seconds{'))?.[1]).toBeGreaterThan(3600);
    expect(values.get('chancery_vault_live')).toBe(0);
    expect(
      [...values.keys()].some((name) =>
        name?.startsWith('chancery_http_request_duration_seconds_count{route="/api/v1/people"'),
      ),
    ).toBe(true);
    expect(text).not.toContain(id);
    expect(text).not.toContain('dora@example.com');
  });
});

describe('the configuration', () => {
  it('serves nothing without [metrics], and nothing to others without a token', () => {
    expect(parseAuthorityConfig('', '/x').metrics).toBeUndefined();
    expect(parseAuthorityConfig('[metrics]', '/x').metrics).toMatchObject({ host: '127.0.0.1', port: 9464 });
    expect(() => parseAuthorityConfig('[metrics]\nhost = "0.0.0.0"', '/x')).toThrow('metrics.token: is needed');
    expect(() => parseAuthorityConfig('[metrics]\nhost = "127.0.0.1.evil.example"', '/x')).toThrow('is needed');
  });
});

describe('docs/operations/monitoring.md', () => {
  it('has the table of what is measured, and rules for nothing else', async () => {
    const page = await readFile(new URL('../../../../docs/operations/monitoring.md', import.meta.url), 'utf8');
    expect(page).toContain(describeFamilies());
    const rules = await readFile(new URL('../../../../docs/operations/alerts.yml', import.meta.url), 'utf8');
    const known = new Set<string>(Object.values(families).map(({ name }) => name));
    const named = [...rules.matchAll(/chancery_\w+/g)].map(([name]) => name.replace(/_(bucket|count|sum)$/, ''));
    expect(named.length).toBeGreaterThan(10);
    for (const name of named) expect(known).toContain(name);
  });
});
