import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { ecKey } from '../../../test/pki-office.ts';
import { selfSigned } from '../../../test/self-signed.ts';
import { parseAuthorityConfig } from '../../config.ts';
import { ownInValue, smimeValue } from '../smime-value.ts';
import { type Holder, type OwnCertificate, TargetDown } from '../target.ts';
import { targetsOf } from '../targets.ts';
import { MAILBOX_LAYOUT } from './exchange.ts';
import { runbook, text } from './runbook.ts';
import { serializedStore } from './serialized-store.ts';

const TENANT = '11111111-2222-3333-4444-555555555555';
const FOREIGN = Buffer.from('of somebody else').toString('base64');
const certificate = async (serialNumber: string): Promise<OwnCertificate> => ({
  serialNumber,
  use: 'encryption',
  der: Buffer.from(await selfSigned(ecKey(), ['keyAgreement'])),
  addresses: ['anna@example.com'],
  issuers: [],
});

interface Asked {
  readonly path: string;
  readonly authorization: string | undefined;
  readonly anchor: string | undefined;
  readonly body: string;
}

describe('Exchange Online by InvokeCommand', () => {
  let server: Server;
  const asked: Asked[] = [];
  /** Mailboxes by address; and what the service says instead, once each. */
  const mailboxes = new Map<string, { UserCertificate: string[]; UserSMimeCertificate: string[] }>();
  const instead: { status: number; headers?: Record<string, string>; body?: unknown }[] = [];
  let tokens = 0;
  let now = new Date('2026-03-01T12:00:00Z');
  let config: ReturnType<typeof parseAuthorityConfig>;
  let own: OwnCertificate;
  let old: OwnCertificate;

  beforeAll(async () => {
    [own, old] = [await certificate('aa01'), await certificate('aa02')];
    process.env.EXCHANGE_TEST_SECRET = 'a secret that no answer may hold';
    server = createServer(async (request, response) => {
      const body = await textOf(request);
      const { authorization, 'x-anchormailbox': anchor } = request.headers;
      asked.push({ path: request.url ?? '', authorization, anchor: anchor?.toString(), body });
      const answer = (status: number, json: unknown, headers: Record<string, string> = {}) =>
        response.writeHead(status, { 'content-type': 'application/json', ...headers }).end(JSON.stringify(json));
      if (request.url?.endsWith('/oauth2/v2.0/token')) {
        tokens += 1;
        return answer(200, { token_type: 'Bearer', expires_in: 3599, access_token: `token ${tokens}` });
      }
      const other = instead.shift();
      if (other !== undefined) return answer(other.status, other.body ?? {}, other.headers);
      if (authorization !== `Bearer token ${tokens}`) return answer(401, {});
      const { CmdletName, Parameters } = JSON.parse(body).CmdletInput;
      const mailbox = mailboxes.get(Parameters.Identity);
      if (mailbox === undefined) {
        const message = `Ex6F9304|Microsoft.Exchange.Configuration.Tasks.ManagementObjectNotFoundException|${Parameters.Identity} could not be found.`;
        return answer(404, {
          error: { code: 'NotFound', message: 'Error executing request.', details: [{ message }] },
        });
      }
      if (CmdletName === 'Set-Mailbox') {
        for (const name of ['UserCertificate', 'UserSMimeCertificate'] as const) {
          const { Add = [], Remove = [] } = Parameters[name] ?? {};
          mailbox[name] = [...mailbox[name].filter((one) => !Remove.includes(one)), ...Add];
        }
      }
      return answer(200, { '@odata.context': 'x', value: CmdletName === 'Get-Mailbox' ? [mailbox] : [] });
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    config = parseAuthorityConfig(
      `[publication.exchange.online.invoke]
tenant = "${TENANT}"
clientId = "client"
clientSecret = { env = "EXCHANGE_TEST_SECRET" }
loginUrl = "${url}"
adminUrl = "${url}"
timeoutSeconds = 2
`,
      '/nowhere',
    );
  });
  afterAll(() => void server.close());
  beforeEach(() => {
    asked.length = 0;
    now = new Date(now.getTime() + 1000);
    mailboxes.set('anna@example.com', {
      UserCertificate: [FOREIGN, old.der.toString('base64')],
      UserSMimeCertificate: [],
    });
  });

  const holder = (address = 'anna@example.com'): Holder => ({
    personId: '6d0f4c0e-4d2a-4b9e-9d0a-0f6f3c1c8a11',
    addresses: [address],
    own: [own, old],
    wanted: new Set([own.serialNumber]),
    entry: null,
  });
  const attend = async (holders: Holder[], act: 'look' | 'mend' = 'mend') => {
    const [target] = targetsOf({ config, clock: () => now });
    if (target === undefined) throw new Error('expected a target');
    return target.attend(holders, act);
  };

  it('gets a token, reads the mailbox, and adds and removes our values by name', async () => {
    const [sight] = await attend([holder()]);
    expect(sight).toMatchObject({ missing: ['aa01', 'aa01'], extra: ['aa02'], others: 1, problem: null });
    expect(asked.map(({ path, anchor }) => [path, anchor])).toEqual([
      [`/${TENANT}/oauth2/v2.0/token`, undefined],
      [`/adminapi/beta/${TENANT}/InvokeCommand`, 'UPN:anna@example.com'],
      [`/adminapi/beta/${TENANT}/InvokeCommand`, 'UPN:anna@example.com'],
    ]);
    expect(Object.fromEntries(new URLSearchParams(asked[0]?.body))).toEqual({
      grant_type: 'client_credentials',
      client_id: 'client',
      client_secret: 'a secret that no answer may hold',
      scope: `${config.publication.exchange.online?.invoke?.adminUrl}/.default`,
    });
    const smime = smimeValue('microsoft', own).toString('base64');
    expect(asked.slice(1).map(({ body }) => JSON.parse(body))).toEqual([
      { CmdletInput: { CmdletName: 'Get-Mailbox', Parameters: { Identity: 'anna@example.com' } } },
      {
        CmdletInput: {
          CmdletName: 'Set-Mailbox',
          Parameters: {
            Identity: 'anna@example.com',
            UserCertificate: {
              '@odata.type': '#Exchange.GenericHashTable',
              Add: [own.der.toString('base64')],
              Remove: [old.der.toString('base64')],
            },
            UserSMimeCertificate: { '@odata.type': '#Exchange.GenericHashTable', Add: [smime] },
            Confirm: false,
          },
        },
      },
    ]);
    expect(mailboxes.get('anna@example.com')).toEqual({
      UserCertificate: [FOREIGN, own.der.toString('base64')],
      UserSMimeCertificate: [smime],
    });
    asked.length = 0;
    const [again] = await attend([holder()]);
    expect(again).toMatchObject({ missing: [], extra: [], others: 1 });
    expect(asked.filter(({ body }) => body.includes('Set-Mailbox'))).toEqual([]);
  });

  it('looks only where it is told to, and says where there is no mailbox', async () => {
    const [, missing] = await attend([holder(), holder('gone@example.com')], 'look');
    expect(missing).toMatchObject({ entry: null, problem: { kind: 'not-found' } });
    expect(mailboxes.get('anna@example.com')?.UserCertificate).toContain(FOREIGN);
    expect(asked.some(({ body }) => body.includes('Set-Mailbox'))).toBe(false);
  });

  it('gets another token where the one it has is no longer taken, once', async () => {
    instead.push({ status: 401 });
    expect((await attend([holder()]))[0]?.problem).toBeNull();
    instead.push({ status: 401 }, { status: 401, body: { error: { message: 'still not' } } });
    await expect(attend([holder()])).rejects.toThrow(/does not let us in as client: still not/);
  });

  it('leaves a service alone that throttles or is out, for as long as it asks', async () => {
    instead.push({ status: 429, headers: { 'retry-after': '37' } });
    const throttled = await attend([holder()]).catch((error: unknown) => error);
    expect(throttled).toBeInstanceOf(TargetDown);
    expect(throttled).toMatchObject({ restFor: 37_000 });
    instead.push({ status: 503, headers: { 'retry-after': new Date(Date.now() + 60_000).toUTCString() } });
    const out = await attend([holder()]).catch((error: unknown) => error);
    expect(out).toMatchObject({ name: 'TargetDown', message: expect.stringMatching(/status 503/) });
    expect((out as TargetDown).restFor).toBeGreaterThan(50_000);
    instead.push({ status: 400, body: { error: { message: 'the parameter is not right' } } });
    expect((await attend([holder()]))[0]?.problem).toEqual({
      kind: 'refused',
      detail: 'Get-Mailbox is refused: the parameter is not right',
    });
  });

  it('takes no address over plain HTTP but of the same machine', () => {
    const toml = (url: string) =>
      `[publication.exchange.x.invoke]\ntenant = "t"\nclientId = "c"\nclientSecret = { env = "X" }\nadminUrl = "${url}"\n`;
    expect(() => parseAuthorityConfig(toml('http://outlook.example'), '/nowhere')).toThrow(/https/);
    expect(() => parseAuthorityConfig(toml('https://outlook.example'), '/nowhere')).not.toThrow();
  });
});

describe('the runbook', () => {
  const HOSTILE = [
    "o'brien@example.com",
    "x'; Remove-Mailbox -Identity *; '@example.com",
    'x\u2019; Remove-Mailbox; \u2018@example.com',
    'x\u201a\u201b@example.com',
    'x"$(Remove-Mailbox)"@example.com',
    'x`n$env:PATH@example.com',
    'x\r\nRemove-Mailbox\r\n#@example.com',
    'j\u00fcrgen@example.com',
    'x\0@example.com',
    '',
  ];

  it('quotes nothing but what needs no quoting; everything else is in base64', () => {
    for (const hostile of HOSTILE) {
      const quoted = text(hostile);
      expect(quoted).toMatch(/^\(ConvertFrom-Utf8 '[A-Za-z0-9+/=]*'\)$/);
      expect(Buffer.from(/'(.*)'/.exec(quoted)?.[1] ?? '', 'base64').toString('utf8')).toBe(hostile);
    }
    expect(text('anna.b+c_d-e@example.com')).toBe("'anna.b+c_d-e@example.com'");
  });

  it('is ASCII, one line for a mailbox, and the same whatever stands in an address', async () => {
    const own = await certificate('aa01');
    const about = { target: 'online', scope: 'full', at: new Date('2026-03-01T12:00:00Z') } as const;
    const changes = HOSTILE.map((address) => ({ address, add: [own], remove: [] }));
    const { script, digest } = runbook(changes, MAILBOX_LAYOUT, about);
    expect(script).toMatch(/^[\x20-\x7e\r\n]*$/);
    const calls = script.split('\r\n').filter((line) => line.startsWith('Update-Mailbox -Address'));
    expect(calls).toHaveLength(HOSTILE.length);
    // Without what stands in base64, every call is the same: no address had a word in it.
    const shapes = new Set(calls.map((line) => line.replace(/'[A-Za-z0-9+/=]*'/g, "''")));
    expect([...shapes]).toEqual([
      "Update-Mailbox -Address (ConvertFrom-Utf8 '') -Add @('') -Remove @() -AddSmime @('') -RemoveSmime @()",
    ]);
    expect(script).toContain(own.der.toString('base64'));
    expect(script.split('\r\n')[2]).toBe(`# When it has run: chancery publication confirm online ${digest}`);
    expect(runbook(changes, MAILBOX_LAYOUT, { ...about, at: new Date() }).digest).toBe(digest);
    expect(runbook(changes.slice(1), MAILBOX_LAYOUT, about).digest).not.toBe(digest);
  });
});

it('writes a serialized store as Windows does', () => {
  const [one, two] = [Buffer.from([1, 2, 3]), Buffer.from([4])];
  expect(serializedStore([one, two]).toString('hex')).toBe(
    `00000000${Buffer.from('CERT').toString('hex')}` +
      `200000000100000003000000010203${'200000000100000001000000'}04${'00'.repeat(12)}`,
  );
});

describe('a value of userSMIMECertificate', () => {
  it('is recognised as ours in either form, and another’s with our certificate in it is not', async () => {
    const [own, other] = [await certificate('aa01'), await certificate('aa02')];
    for (const form of ['certs-only', 'microsoft'] as const) {
      const value = smimeValue(form, own);
      expect(ownInValue(value, [other, own])).toBe(own);
      expect(ownInValue(value, [other])).toBeUndefined();
      expect(ownInValue(value.subarray(0, -1), [own])).toBeUndefined();
    }
    // The first octet tells the forms apart (MS-OXOABK 2.2.4.36).
    expect(smimeValue('certs-only', own)[0]).toBe(0x30);
    const settings = smimeValue('microsoft', own);
    expect(settings.subarray(0, 8).toString('hex')).toBe('0100080001000000');
    const named = Buffer.from(settings);
    named.write('Somebody', settings.indexOf('Chancery'), 'latin1');
    expect(ownInValue(named, [own])).toBeUndefined();
  });
});

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}
