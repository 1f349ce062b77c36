/** What each rule did, and what those in shadow would have done, by day: a figure needs no look at a million records. */
import type { JournalEntry } from '@chancery/api';
import { sql } from 'kysely';
import type { Snapshot, Transaction } from './database.ts';

interface RuleCount {
  readonly rule: string;
  readonly direction: string;
  readonly outcome: string;
  readonly shadow: boolean;
  readonly count: number;
}

/** Rules of one day that are counted by name: whoever makes up names, as a gateway that was broken into, fills no table. */
const NAMED = 1_000;
/** What those beyond are counted as; no rule is named so by a rule set. */
export const otherRules = '_other';

export async function addRuleCounts(tx: Transaction, entries: readonly JournalEntry[]): Promise<void> {
  const counts = new Map<string, number>();
  const add = (...key: [day: string, direction: string, rule: string, outcome: string, shadow: boolean]) => {
    const text = JSON.stringify(key);
    counts.set(text, (counts.get(text) ?? 0) + 1);
  };
  const known = await rulesOf(tx, [...new Set(entries.map(({ at }) => dayOf(at)))]);
  const named = (day: string, rule: string) => {
    const names = known.get(day) ?? new Set();
    known.set(day, names);
    if (!names.has(rule) && names.size >= NAMED) return otherRules;
    names.add(rule);
    return rule;
  };
  for (const { at, direction, rule, rules = [], outcome, shadow = [] } of entries) {
    const day = dayOf(at);
    const deciding = rules.length > 1 ? [...new Set(rules)] : rule === null ? [] : [rule];
    for (const name of deciding) add(day, direction, named(day, name), outcome, false);
    for (const one of shadow) add(day, direction, named(day, one.rule), one.outcome, true);
  }
  if (counts.size === 0) return;
  // In one order, so that two gateways that tell at the same time wait for one another and not in a ring.
  const rows = [...counts]
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([key, count]) => {
      const [day, direction, rule, outcome, shadow] = JSON.parse(key) as [string, string, string, string, boolean];
      return { day, direction, rule, outcome, shadow, count };
    });
  await tx
    .insertInto('mail_rule_counts')
    .values(rows)
    .onConflict((conflict) =>
      conflict
        .columns(['day', 'direction', 'rule', 'outcome', 'shadow'])
        .doUpdateSet({ count: sql`mail_rule_counts.count + excluded.count` }),
    )
    .execute();
}

/** Of the days from `since` on (UTC, `2026-11-26`), or of all; the rules that were last heard of first. */
export async function readRuleCounts(snapshot: Snapshot, since?: string): Promise<RuleCount[]> {
  let query = snapshot
    .selectFrom('mail_rule_counts')
    .select(['rule', 'direction', 'outcome', 'shadow'])
    .select(sql<string>`sum(count)`.as('count'))
    .groupBy(['rule', 'direction', 'outcome', 'shadow'])
    .orderBy(sql`max(max(day)) OVER (PARTITION BY rule)`, 'desc')
    .orderBy('rule')
    .orderBy('direction')
    .orderBy('outcome')
    .orderBy('shadow');
  if (since !== undefined) query = query.where('day', '>=', since);
  const rows = await query.execute();
  return rows.map((row) => ({ ...row, count: Number(row.count) }));
}

async function rulesOf(tx: Transaction, days: readonly string[]): Promise<Map<string, Set<string>>> {
  const known = new Map<string, Set<string>>();
  if (days.length === 0) return known;
  const rows = await tx
    .selectFrom('mail_rule_counts')
    .select(sql<string>`day::text`.as('day'))
    .select('rule')
    .distinct()
    .where(sql<boolean>`day = ANY (${[...days]}::date[])`)
    .execute();
  for (const { day, rule } of rows) known.set(day, (known.get(day) ?? new Set()).add(rule));
  return known;
}

const dayOf = (instant: string): string => new Date(instant).toISOString().slice(0, 10);
