/** What other rules would have decided about the mail of a while ago: both decide again, from what the journal has. */
import { setImmediate } from 'node:timers/promises';
import type { Simulation } from '@chancery/api';
import {
  type Change,
  checkRules,
  compare,
  type JournalFacts,
  namesOf,
  type RecordedDecision,
  type RuleSet,
  sampleOfRecords,
} from '@chancery/mail-policy';
import type { Snapshot } from '../store/database.ts';
import { type DecidedRow, newestDecided } from '../store/journal.ts';
import { liveRuleSet } from '../store/mail-rules.ts';

/** Where the office has none in force. */
const noRules: RuleSet = { version: 1, mode: 'first-match', rules: [] };

/** What both need, read at once. @param entries of the newest records, so many */
export async function readForSimulation(snapshot: Snapshot, entries: number) {
  const live = await liveRuleSet(snapshot);
  return { live, rows: await newestDecided(snapshot, entries) };
}

/** Messages after which others get their turn. */
const turn = 50;
/** Of each change. */
const mostExamples = 5;
/** Different changes, the most frequent first. */
const mostChanges = 100;

export async function simulate(
  candidate: RuleSet,
  { live, rows }: Awaited<ReturnType<typeof readForSimulation>>,
): Promise<Simulation> {
  // One that this release does not read decides nothing here, and is compared as none.
  const standing = live === undefined ? noRules : (checkRules(live.document).set ?? noRules);
  const messages = messagesOf(rows);
  const changes = new Map<string, Simulation['changes'][number]>();
  const byRule = new Map<string, Simulation['byRule'][number]>();
  let decisions = 0;
  for (let from = 0; from < messages.length; from += turn) {
    await setImmediate();
    const some = messages.slice(from, from + turn);
    const samples = some.flatMap((message, index) => sampleOfRecords(String(index), message.map(recordOf)) ?? []);
    decisions += some.flat().length;
    const compared = compare(standing, candidate, samples);
    for (const { rule, counted, shadow, doubtful } of compared.after.rules) {
      const known = byRule.get(rule) ?? { rule, decisions: 0, shadow: 0, doubtful: 0 };
      byRule.set(rule, {
        rule,
        decisions: known.decisions + counted,
        shadow: known.shadow + shadow,
        doubtful: known.doubtful + doubtful,
      });
    }
    for (const change of compared.changes) {
      const row = some[Number(change.id)]?.find(({ recipient }) => recipient === change.recipient);
      if (row !== undefined) addChange(changes, change, row);
    }
  }
  const all = [...changes.values()];
  return {
    live: live?.version ?? null,
    decisions,
    leftOut: rows.length - decisions,
    changed: all.reduce((sum, { count }) => sum + count, 0),
    changes: all.sort((one, other) => other.count - one.count).slice(0, mostChanges),
    byRule: [...byRule.values()],
  };
}

function addChange(changes: Map<string, Simulation['changes'][number]>, change: Change, row: DecidedRow): void {
  const said = ({ rules, outcome }: Change['before']) => ({ rule: namesOf(rules), outcome });
  const { kind } = change;
  const [before, after] = [said(change.before), said(change.after)];
  const key = JSON.stringify([before, after]);
  const known = changes.get(key) ?? { kind, before, after, count: 0, examples: [] };
  known.count += 1;
  if (known.examples.length < mostExamples)
    known.examples.push({
      ...{ entryId: row.id, sender: row.sender, recipient: row.recipient, at: row.at.toISOString() },
      ...{ before: change.before.detail, after: change.after.detail },
    });
  changes.set(key, known);
}

/** Records of one message belong together: what is decided for one recipient depends on the others. */
function messagesOf(rows: readonly DecidedRow[]): DecidedRow[][] {
  const messages = new Map<string, DecidedRow[]>();
  for (const row of rows) {
    if (row.facts === null) continue;
    const key = row.arrival ?? row.id;
    messages.set(key, [...(messages.get(key) ?? []), row]);
  }
  return [...messages.values()];
}

function recordOf({ direction, sender, recipient, facts }: DecidedRow): RecordedDecision {
  // Written by gateways of this house; what an older one left out is as if nobody knew it.
  const known = facts as unknown as Partial<JournalFacts>;
  return {
    direction: direction === 'inbound' ? 'inbound' : 'outbound',
    sender,
    recipient,
    facts: {
      headers: [],
      size: 0,
      protection: 'none',
      signer: 'none',
      certificate: 'unknown',
      visible: true,
      ...known,
    },
  };
}
