/** TLSRPT (RFC 8460), put together: where deliveries by MX are counted, and how reports leave. Off where nothing is delivered by MX. */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { GatewayConfig } from '../../config.ts';
import { findRecordsBy } from '../../dns/find-records.ts';
import type { World } from '../../mail-flow.ts';
import { addressGuard } from '../mx/mx-config.ts';
import { type MxWorld, openMxTransport } from '../mx/mx-transport.ts';
import type { MailTransport } from '../transport.ts';
import { reportMessage } from './make-report.ts';
import { postReport } from './post-report.ts';
import { findReportAddresses } from './report-addresses.ts';
import { type ReportSender, sendReports } from './send-reports.ts';
import { openTlsTally } from './tally.ts';
import { reporterOf } from './tls-reports-config.ts';

/** No name of a route in the configuration has a colon: rules cannot send other mail this way. */
const route = 'tls-reports:';
/** Milliseconds between two looks whether a day's time has come. */
const lookEvery = 30 * 60_000;

export interface TlsReports {
  /** For every transport by MX. */
  readonly onSession: NonNullable<MxWorld['onSession']>;
  /** A way for reports alone, on which no promise of TLS is kept and nothing is counted (RFC 8460 section 3). */
  readonly routes: readonly (readonly [string, MailTransport])[];
  /** One process of those that count does this. */
  start(
    world: Pick<World, 'spool' | 'queue' | 'signDkim'>,
    directionTo: (address: string) => 'outbound' | 'inbound',
  ): void;
  stop(): Promise<void>;
}

/** Undefined where they are off, or nothing is delivered by MX. @param every milliseconds between two looks, in tests */
export function openTlsReports(
  config: Pick<GatewayConfig, 'name' | 'data' | 'outbound' | 'route' | 'tlsReports' | 'dkim'>,
  world: Pick<MxWorld, 'now' | 'log' | 'policyPort'>,
  every: number = lookEvery,
): TlsReports | undefined {
  const mx = [config.outbound.downstream, ...Object.values(config.route)].flatMap((one) =>
    'mx' in one ? [one.mx] : [],
  )[0];
  if (mx === undefined || !config.tlsReports.enabled) return undefined;
  const { now, log } = world;
  const folder = path.join(config.data, 'tls-reports');
  const reporter = reporterOf(config.tlsReports, config.dkim, config.name);
  const patience = mx.timeoutSeconds * 1000;
  const find = findRecordsBy(mx.resolver, patience);
  const server = { find, patience, mayAsk: addressGuard(mx.networks), ca: mx.ca.map((file) => readFileSync(file)) };
  const addressesOf: ReportSender['addressesOf'] = async (domain) =>
    (await findReportAddresses(find, domain)).filter(({ kind }) => kind === 'https' || reporter.signs);
  const tally = openTlsTally(folder, async (domain) => (await addressesOf(domain)).length > 0, now, log);
  const policyFolder = path.join(config.data, 'mta-sts');
  const unprotected = openMxTransport(
    { ...mx, tls: 'opportunistic', mtaSts: false },
    { ...world, name: config.name, policyFolder, promises: 'ignored' },
  );
  const stopping = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  let sending: Promise<void> = Promise.resolve();

  return {
    onSession: tally.note,
    routes: [[route, unprotected]],
    start({ spool, queue, signDkim }, directionTo) {
      if (!reporter.signs)
        log.warn('tls-reports.by-https-only', {
          reason: `no DKIM key of ${reporter.domain}, without which they are ignored`,
        });
      const send: ReportSender['send'] = async (report, to) => {
        if (to.kind === 'https') return postReport(report, to.url, server, stopping.signal);
        const message = reportMessage(report, reporter, to.address, new Date(now()));
        const signed = await signDkim(message);
        if (signed.length === message.length) throw new Error('the DKIM key is not in the DNS yet');
        const direction = directionTo(to.address);
        const unique = createHash('sha256').update(`${report.id} ${to.address}`).digest('hex').slice(0, 24);
        const copy = { recipients: [to.address], message: signed, ...(direction === 'outbound' ? { route } : {}) };
        const { message: kept } = await spool.commit({
          ...{ id: `tlsrpt-${unique}`, direction, sender: reporter.from, key: '', copies: [copy] },
          ...{ mayBounce: false, journal: [] },
        });
        if (kept !== undefined) queue.add(kept);
      };
      const { signal } = stopping;
      const sender: ReportSender = { folder, gateway: config.name, reporter, addressesOf, send, signal, now, log };
      const look = () => {
        sending = sending.then(() => (signal.aborted ? undefined : sendReports(sender)));
      };
      timer = setInterval(look, every).unref();
      look();
    },
    async stop() {
      clearInterval(timer);
      stopping.abort();
      await sending;
      await tally.stop();
    },
  };
}
