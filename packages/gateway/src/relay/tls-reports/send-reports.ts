/** Sends what was counted on a day that is over to the domains that want to know, and forgets it then (RFC 8460 section 5). */
import { createHash } from 'node:crypto';
import { appendFile, unlink } from 'node:fs/promises';
import path from 'node:path';
import { openBudget } from '../../budget.ts';
import { reasonOf } from '../../errors.ts';
import type { Log } from '../../log.ts';
import { readIfThere, unlinkIfThere } from '../../spool/durable-file.ts';
import { makeReport, type Report } from './make-report.ts';
import type { ReportAddress } from './report-addresses.ts';
import { countedDays, dayOf, filesOf, type PolicyCounts, readCounts } from './tally.ts';
import type { Reporter } from './tls-reports-config.ts';

export interface ReportSender {
  readonly folder: string;
  /** The gateway's host name. */
  readonly gateway: string;
  readonly reporter: Reporter;
  /** Rejects where it is not known. */
  readonly addressesOf: (domain: string) => Promise<readonly ReportAddress[]>;
  /** Resolves once it is sure to go out; rejects where it is to be tried again. */
  readonly send: (report: Report, to: ReportAddress) => Promise<void>;
  /** Aborted: the process ends; what is left is sent after the next start. */
  readonly signal: AbortSignal;
  readonly now: () => number;
  readonly log: Log;
}

/** Whoever answers slowly does not hold up the others' reports. */
const domainsAtOnce = 5;

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;
/** After midnight: lines of the last second are written then. */
const settled = 10 * minute;
/** RFC 8460 section 4.1 asks not to report at midnight when everybody does. */
const spread = 4 * hour;
/** From midnight on: what nobody takes within a day is given up (RFC 8460 section 5.5). */
const givenUp = 28 * hour;

/** All days whose time has come. Never throws; what fails is tried at the next call, for a day. */
export async function sendReports(sender: ReportSender): Promise<void> {
  const { folder, now, log } = sender;
  try {
    for (const one of await countedDays(folder)) {
      const age = now() - (Date.parse(`${one}T00:00:00Z`) + day);
      if (one < dayOf(now()) && age >= settled + delayOf(sender.gateway, one))
        await sendDay(sender, one, age >= givenUp);
    }
  } catch (error) {
    log.warn('tls-reports.failed', { reason: reasonOf(error) });
  }
}

function delayOf(gateway: string, one: string): number {
  return createHash('sha256').update(`${gateway} ${one}`).digest().readUInt32BE(0) % spread;
}

async function sendDay(sender: ReportSender, one: string, isLast: boolean): Promise<void> {
  const { folder, log } = sender;
  const doneFile = path.join(folder, `${one}.done`);
  const done = new Set((await readIfThere(doneFile))?.toString('utf8').split('\n'));
  let left = 0;
  const budget = openBudget(domainsAtOnce);
  const report = async ([domain, counts]: [string, PolicyCounts[]]) => {
    if (sender.signal.aborted) return;
    const made = makeReport(sender.gateway, sender.reporter, domain, one, counts);
    if (await sendTo(sender, made, isLast)) await appendFile(doneFile, `${domain}\n`, { mode: 0o600 });
    else left += 1;
  };
  const open = [...(await readCounts(folder, one))].filter(([domain]) => !done.has(domain));
  await Promise.all(open.map((each) => budget.spend(1, () => report(each))));
  if (sender.signal.aborted || (left > 0 && !isLast)) return;
  if (left > 0) log.warn('tls-reports.given-up', { day: one, domains: left });
  for (const file of await filesOf(folder, one)) await unlink(file);
  await unlinkIfThere(doneFile);
}

/** @returns whether there is nothing more to do: one of the addresses has it (RFC 8460 section 3), or none wants it any more */
async function sendTo(sender: ReportSender, report: Report, isLast: boolean): Promise<boolean> {
  const { domain, id } = report;
  const { log } = sender;
  const failed = (error: unknown, fields: object = {}) =>
    log[isLast ? 'warn' : 'info']('tls-reports.waiting', { domain, id, ...fields, reason: reasonOf(error) });
  let taken = false;
  try {
    const addresses = await sender.addressesOf(domain);
    if (addresses.length === 0) return true;
    for (const to of addresses) {
      const by = to.kind === 'mail' ? to.address : to.url.host;
      try {
        await sender.send(report, to);
        taken = true;
        log.info('tls-reports.sent', { domain, id, to: by });
      } catch (error) {
        failed(error, { to: by });
      }
    }
  } catch (error) {
    failed(error);
  }
  return taken;
}
