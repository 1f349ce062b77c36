/** Reports of how TLS went: what is read of a record, what is counted and survives, and what a report says of it. */
import { appendFileSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { PolicyOutcome, TlsSession } from '../mx/tls-session.ts';
import { type Report, reportMessage } from './make-report.ts';
import { type ReportAddress, readReportAddresses } from './report-addresses.ts';
import { type ReportSender, sendReports } from './send-reports.ts';
import { openTlsTally } from './tally.ts';
import { reporterOf, TlsReportsConfig } from './tls-reports-config.ts';

const log = { info() {}, warn() {}, error() {} };
const hour = 3_600_000;
const noon = Date.parse('2026-11-26T12:00:00Z');
let folder: string;
let now: number;
beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), 'tls-reports-'));
  now = noon;
});
afterEach(() => rmSync(folder, { recursive: true }));

describe('the record of a domain', () => {
  const read = (...records: string[]) =>
    readReportAddresses(records).map((one) => (one.kind === 'mail' ? one.address : one.url.href));
  it('names where reports go', () => {
    expect(
      read('v=TLSRPTv1; rua=mailto:reports@example.net?subject=x , https://rua.example.net/v1;', 'v=spf1 -all'),
    ).toEqual(['reports@example.net', 'https://rua.example.net/v1']);
    expect(read('v=TLSRPTv1;rua=mailto:a%2Bb.c-d_e@example.net')).toEqual(['a+b.c-d_e@example.net']);
    expect(read(`v=TLSRPTv1;rua=${Array(9).fill('mailto:a@example.net').join()}`)).toHaveLength(4);
  });
  it('says nothing where it is not one, or there are two, or what it names is nothing that could be used', () => {
    for (const records of [
      [],
      ['v=TLSRPTv2;rua=mailto:a@example.net'],
      ['v=TLSRPTv1'],
      ['v=TLSRPTv1; x=y'],
      ['v=TLSRPTv1;rua=mailto:a@example.net', 'v=TLSRPTv1;rua=mailto:b@example.net'],
      ['v=TLSRPTv1;rua=http://example.net/,ftp://example.net/,nothing,https://me:secret@example.net/'],
      [
        'v=TLSRPTv1;rua=mailto:a@example.net%0d%0aBcc:%20x@example.net,mailto:%,mailto:a%3Eb@example.net,mailto:%C3%BC@example.net',
      ],
    ])
      expect(read(...records)).toEqual([]);
  });
});

const noPolicy = (failure?: PolicyOutcome['failure']): PolicyOutcome => ({
  ...{ type: 'no-policy-found', domain: 'example.net', text: [], hosts: [] },
  failure,
});
const session = (outcome: PolicyOutcome, domain = 'example.net'): TlsSession => ({
  ...{ domain, outcomes: [outcome] },
  server: { host: 'mx.example.net', address: '192.0.2.1' },
});
const reporter = reporterOf(TlsReportsConfig.parse({}), [{ domain: 'example.com' }], 'gateway.example.com');

/** A sender that keeps what it sends. */
function makeSender(
  addresses: readonly string[] = ['mailto:a@example.net'],
  more: Partial<ReportSender> = {},
): ReportSender & { sent: { report: Report; to: ReportAddress }[] } {
  const sent: { report: Report; to: ReportAddress }[] = [];
  return {
    ...{ folder, gateway: 'gateway.example.com', reporter, now: () => now, log, sent },
    signal: new AbortController().signal,
    addressesOf: async () => readReportAddresses([`v=TLSRPTv1;rua=${addresses.join()}`]),
    send: async (report, to) => void sent.push({ report, to }),
    ...more,
  };
}
const jsonOf = ({ octets }: Report) => JSON.parse(gunzipSync(octets).toString());

describe('the counts', () => {
  const open = (wanted = true) =>
    openTlsTally(
      folder,
      async () => wanted,
      () => now,
      log,
    );

  it('of a day come from all processes and runs, and what a crash tore is passed over', async () => {
    const [one, other] = [open(), open()];
    for (let n = 0; n < 3; n += 1) one.note(session(noPolicy()));
    other.note(session(noPolicy({ type: 'starttls-not-supported' })));
    await Promise.all([one.stop(), other.stop()]);
    const [file = ''] = readdirSync(folder);
    appendFileSync(path.join(folder, file), '{"domain":"example.net","outc');
    const again = open();
    again.note(session(noPolicy({ type: 'validation-failure', reason: 'ECONNRESET' })));
    await again.flush();
    again.note(session(noPolicy()));
    now += 24 * hour;
    again.note(session(noPolicy()));
    await again.stop();
    expect(readdirSync(folder)).toHaveLength(4);
    const sender = makeSender();
    await sendReports(sender);
    expect(sender.sent).toHaveLength(1);
    expect(jsonOf(sender.sent[0]?.report as Report)).toEqual({
      'organization-name': 'example.com',
      'date-range': { 'start-datetime': '2026-11-26T00:00:00Z', 'end-datetime': '2026-11-26T23:59:59Z' },
      'contact-info': 'postmaster@example.com',
      'report-id': expect.stringMatching(/^2026-11-26-[0-9a-f]{16}@example\.com$/),
      policies: [
        {
          policy: { 'policy-type': 'no-policy-found', 'policy-domain': 'example.net' },
          summary: { 'total-successful-session-count': 4, 'total-failure-session-count': 2 },
          'failure-details': expect.arrayContaining([
            {
              ...{ 'result-type': 'starttls-not-supported', 'failed-session-count': 1 },
              ...{ 'receiving-ip': '192.0.2.1', 'receiving-mx-hostname': 'mx.example.net' },
            },
            expect.objectContaining({ 'result-type': 'validation-failure', 'failure-reason-code': 'ECONNRESET' }),
          ]),
        },
      ],
    });
    // The day that is not over stays.
    expect(readdirSync(folder)).toEqual([expect.stringMatching(/^2026-11-27/)]);
  });

  it('are not kept for a domain that wants none, and are for one whose wish is not known', async () => {
    const tally = openTlsTally(
      folder,
      async (domain) => {
        if (domain === 'silent.example') throw new Error('no answer');
        return false;
      },
      () => now,
      log,
    );
    tally.note(session(noPolicy(), 'example.org'));
    tally.note(session(noPolicy(), 'silent.example'));
    await tally.stop();
    now += 30 * hour;
    const sender = makeSender();
    await sendReports(sender);
    expect(sender.sent.map(({ report }) => report.domain)).toEqual(['silent.example']);
  });

  it('name the policies that applied, as their owner wrote them', async () => {
    const tally = open();
    const text = ['version: STSv1', 'mode: testing', 'mx: *.example.net', 'max_age: 86400'];
    const expired = { type: 'certificate-expired' } as const;
    tally.note(session({ type: 'sts', domain: 'example.net', text, hosts: ['*.example.net'], failure: expired }));
    tally.note(
      session({ type: 'tlsa', domain: 'mx.example.net', text: ['3 1 1 abcd'], hosts: [], failure: undefined }),
    );
    await tally.stop();
    now += 24 * hour;
    const sender = makeSender();
    await sendReports(sender);
    expect(jsonOf(sender.sent[0]?.report as Report).policies).toMatchObject([
      {
        policy: { 'policy-type': 'sts', 'policy-string': text, 'mx-host': ['*.example.net'] },
        summary: { 'total-successful-session-count': 0, 'total-failure-session-count': 1 },
      },
      {
        policy: { 'policy-type': 'tlsa', 'policy-string': ['3 1 1 abcd'], 'policy-domain': 'mx.example.net' },
        summary: { 'total-successful-session-count': 1, 'total-failure-session-count': 0 },
      },
    ]);
  });
});

describe('a report', () => {
  const count = async (...domains: string[]) => {
    const tally = openTlsTally(
      folder,
      async () => true,
      () => now,
      log,
    );
    for (const domain of domains) tally.note(session(noPolicy(), domain));
    await tally.stop();
  };

  it('waits for some hours after midnight, and for whoever does not take it, for a day; nobody gets it twice', async () => {
    await count('one.example', 'two.example');
    let refuses = true;
    const sender = makeSender();
    const picky = makeSender([], {
      addressesOf: sender.addressesOf,
      send: async (report, to) => {
        if (refuses && report.domain === 'two.example') throw new Error('not now');
        await sender.send(report, to);
      },
    });
    now = Date.parse('2026-11-27T00:09:59Z');
    await sendReports(picky);
    expect(sender.sent).toHaveLength(0);
    now = Date.parse('2026-11-27T04:10:00Z');
    await sendReports(picky);
    await sendReports(picky);
    refuses = false;
    await sendReports(picky);
    await sendReports(picky);
    expect(sender.sent.map(({ report }) => report.domain)).toEqual(['one.example', 'two.example']);
    expect(readdirSync(folder)).toEqual([]);
    // The same report has the same id.
    await count('two.example');
    now += 48 * hour;
    refuses = true;
    await sendReports(picky);
    expect(readdirSync(folder)).toEqual([]);
  });

  it('goes to each address, and has arrived when one took it', async () => {
    await count('one.example');
    const tried: string[] = [];
    const sender = makeSender(['https://rua.example.net/', 'mailto:a@example.net'], {
      send: async (_report, to) => {
        tried.push(to.kind);
        if (to.kind === 'https') throw new Error('down');
      },
    });
    now += 24 * hour;
    await sendReports(sender);
    await sendReports(sender);
    expect(tried).toEqual(['https', 'mail']);
  });

  it('is not forgotten where the process ends before it is sent', async () => {
    await count(...Array.from({ length: 12 }, (_, n) => `d${n}.example`));
    now += 24 * hour;
    const stopping = new AbortController();
    const sender = makeSender();
    const send: ReportSender['send'] = async (report, to) => {
      stopping.abort();
      await sender.send(report, to);
    };
    await sendReports({ ...sender, send, signal: stopping.signal });
    const before = sender.sent.length;
    expect(before).toBeLessThan(12);
    await sendReports(sender);
    expect(sender.sent).toHaveLength(12);
    expect(new Set(sender.sent.map(({ report }) => report.id)).size).toBe(12);
  });

  it('is a mail that says what it is', async () => {
    await count('one.example');
    now += 24 * hour;
    const sender = makeSender();
    await sendReports(sender);
    const report = sender.sent[0]?.report as Report;
    const text = reportMessage(report, reporter, 'a@example.net', new Date(now)).toString();
    expect(text).toMatch(/^From: <noreply-smtp-tls-reporting@example\.com>\r\nTo: <a@example\.net>\r\n/);
    expect(text).toContain(
      `Subject: Report Domain: one.example\r\n Submitter: example.com\r\n Report-ID: <${report.id}>\r\n`,
    );
    for (const field of ['TLS-Report-Domain: one.example', 'TLS-Report-Submitter: example.com', 'TLS-Required: No'])
      expect(text).toContain(`\r\n${field}\r\n`);
    expect(text).toContain('Content-Type: multipart/report; report-type="tlsrpt"; boundary=');
    expect(text).toMatch(/filename="example\.com!one\.example!1795651200!1795737599![0-9a-f]{16}\.json\.gz"/);
    const part = /application\/tlsrpt\+gzip[\s\S]*?\r\n\r\n([\s\S]*?)\r\n--/.exec(text)?.[1] ?? '';
    expect(gunzipSync(Buffer.from(part, 'base64'))).toEqual(gunzipSync(report.octets));
    expect(text.split('\r\n').every((line) => line.length <= 998)).toBe(true);
  });
});
