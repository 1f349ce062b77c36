/** Tells the office what is held here, and does what was decided there about it. The messages themselves stay. */
import { randomUUID } from 'node:crypto';
import type { Client, HeldStanding } from '@chancery/api';
import type { Log } from '../log.ts';
import type { OfficeView } from '../office.ts';
import { type Telling, tellingOf } from '../telling.ts';
import type { HeldMessage, HeldStore } from './held-store.ts';
import type { HeldWork } from './work-on-held.ts';

/** Carries out what the view says, and tells what has changed. */
export type HeldReports = Telling<Pick<OfficeView, 'heldDecisions'>>;

/** The contract's limits are 100 and 1000 a call. */
const batchSize = 50;
const mostGone = 1000;

export function reportHeld(
  client: Pick<Client, 'reportHeldMail'>,
  held: Pick<HeldStore, 'all' | 'order' | 'version'>,
  work: Pick<HeldWork, 'round'>,
  log: Log,
): HeldReports {
  const run = randomUUID();
  /** As it was last told in this run. */
  const told = new Map<string, HeldMessage>();
  /** Done, and not told yet. */
  const done = new Set<string>();
  /** Done in this run: an answer from before it was told brings it again. */
  const carriedOut = new Set<string>();
  let toldVersion: number | undefined;

  async function obey({ heldDecisions }: Pick<OfficeView, 'heldDecisions'>): Promise<void> {
    const open = heldDecisions.filter(({ id }) => !carriedOut.has(id));
    if (open.length === 0) return;
    const here = new Set(held.all().map(({ id }) => id));
    for (const { message, act, by, note } of open)
      if (here.has(message)) await held.order(message, { act: act === 'refuse' ? 'drop' : 'release', by, note });
    // One that is under way may have looked for orders already.
    await work.round();
    await work.round();
    for (const { id } of open) {
      carriedOut.add(id);
      done.add(id);
    }
  }

  async function tell(): Promise<void> {
    while (!telling.isStopped() && (toldVersion !== held.version || done.size > 0)) {
      const { version } = held;
      const all = held.all();
      const here = new Set(all.map(({ id }) => id));
      const news = all.filter((one) => told.get(one.id) !== one);
      const gone = [...told.keys()].filter((id) => !here.has(id)).slice(0, mostGone);
      const some = news.slice(0, batchSize);
      const settled = [...done];
      const complete = news.length <= batchSize;
      const body = { run, held: some.map(standingOf), gone, done: settled, complete };
      await client.reportHeldMail({ body });
      for (const one of some) told.set(one.id, one);
      for (const id of gone) told.delete(id);
      for (const id of settled) done.delete(id);
      if (complete && gone.length < mostGone) toldVersion = version;
    }
  }

  const telling: HeldReports = tellingOf((view) => obey(view).then(tell), 'held.not-told', log);
  return telling;
}

/** Recipients that are named. */
const mostNamed = 1000;

function standingOf(message: HeldMessage): HeldStanding {
  const { id, direction, sender, from, recipients, reason, rule, messageId, octets, invite, invited, problem } =
    message;
  const { spf, dkim = [], dmarc } = message.authenticity ?? {};
  const word = (result: string) => result.slice(0, 20);
  return {
    ...{ id, direction, messageId, size: octets, invited },
    ...{ sender: sender.slice(0, 320), from: from.slice(0, 10).map((one) => one.slice(0, 320)) },
    recipients: recipients.slice(0, mostNamed).map((one) => one.slice(0, 320)),
    moreRecipients: Math.max(0, recipients.length - mostNamed),
    ...{ reason: reason.slice(0, 2000), rule: rule.slice(0, 200), problem: problem?.slice(0, 1000) ?? null },
    ...{ heldAt: new Date(message.heldAt).toISOString(), expiresAt: new Date(message.expiresAt).toISOString() },
    waitsFor: invite ? 'certificate' : 'decision',
    authentication:
      spf === undefined || dmarc === undefined
        ? null
        : { spf: word(spf), dkim: word(dkim.includes('pass') ? 'pass' : (dkim[0] ?? 'none')), dmarc: word(dmarc) },
  };
}
