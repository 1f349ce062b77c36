/** The rules of mail flow: versions, which of them is in force, and what each gateway says it applies. */
import type { GatewayRules, RuleDocument, RuleSetState } from '@chancery/api';
import { sql } from 'kysely';
import type { Snapshot, Transaction } from './database.ts';

export interface StoredRuleSet {
  readonly version: number;
  readonly state: RuleSetState;
  readonly document: RuleDocument;
  readonly author: string;
  readonly note: string;
  readonly basedOn: number | null;
  readonly restoredFrom: number | null;
  readonly createdAt: Date;
  readonly activated: { readonly at: Date; readonly by: string; readonly note: string } | null;
  /** When the next one was put in force. */
  readonly replacedAt: Date | null;
}

/** Those that are listed: nobody reads further, and each can be asked for by its number. */
const LISTED = 200;

/** Newest first, and which is in force. */
export async function ruleSets(snapshot: Snapshot): Promise<{ live: number | null; versions: StoredRuleSet[] }> {
  return { live: await liveVersion(snapshot), versions: await read(snapshot, {}) };
}

export async function findRuleSet(snapshot: Snapshot, version: number): Promise<StoredRuleSet | undefined> {
  const [found] = await read(snapshot, { version });
  return found;
}

/** The one in force; undefined where none has been yet. */
export async function liveRuleSet(snapshot: Snapshot): Promise<StoredRuleSet | undefined> {
  const live = await liveVersion(snapshot);
  return live === null ? undefined : findRuleSet(snapshot, live);
}

/** One writer at a time, until commit. @returns the newest version, 0 where there is none, and the one in force */
export async function lockRuleSets(tx: Transaction): Promise<{ newest: number; live: number | null }> {
  await sql`SELECT pg_advisory_xact_lock(hashtextextended('mail-rules', 0))`.execute(tx);
  const row = await tx
    .selectFrom('mail_rule_sets')
    .select((select) => select.fn.max('version').as('newest'))
    .executeTakeFirst();
  return { newest: row?.newest ?? 0, live: await liveVersion(tx) };
}

export async function insertRuleSet(
  tx: Transaction,
  set: Pick<StoredRuleSet, 'version' | 'document' | 'author' | 'note' | 'basedOn' | 'restoredFrom' | 'createdAt'>,
): Promise<void> {
  await tx
    .insertInto('mail_rule_sets')
    .values({
      version: set.version,
      document: JSON.stringify(set.document),
      author: set.author,
      note: set.note,
      based_on: set.basedOn,
      restored_from: set.restoredFrom,
      created_at: set.createdAt,
    })
    .execute();
}

export async function insertActivation(
  tx: Transaction,
  activation: { version: number; author: string; note: string; at: Date },
): Promise<void> {
  await tx.insertInto('mail_rule_activations').values(activation).execute();
}

export async function setGatewayRules(
  tx: Transaction,
  gatewayId: string,
  applies: { version: number | null; source: 'office' | 'file' | 'both'; ownRules: number; problem: string | null },
  since: Date,
): Promise<void> {
  const { ownRules: own_rules, ...rest } = applies;
  const values = { ...rest, own_rules, since };
  await tx
    .insertInto('gateway_rules')
    .values({ gateway_id: gatewayId, ...values })
    .onConflict((conflict) => conflict.column('gateway_id').doUpdateSet(values))
    .execute();
}

/** Every gateway, in order of names. */
export async function gatewayRules(snapshot: Snapshot): Promise<GatewayRules[]> {
  const rows = await snapshot
    .selectFrom('gateways as g')
    .leftJoin('gateway_rules as r', 'r.gateway_id', 'g.id')
    .select(['g.name', 'g.last_seen_at', 'r.version', 'r.source', 'r.own_rules', 'r.problem', 'r.since'])
    .orderBy('g.name')
    .execute();
  return rows.map(({ name, last_seen_at, version, source, own_rules, problem, since }) => ({
    name,
    lastSeenAt: last_seen_at?.toISOString() ?? null,
    applies:
      source === null || since === null
        ? null
        : { version, source, ownRules: own_rules ?? 0, problem, since: since.toISOString() },
  }));
}

async function liveVersion(snapshot: Snapshot): Promise<number | null> {
  const row = await snapshot
    .selectFrom('mail_rule_activations')
    .select('version')
    .orderBy('version', 'desc')
    .limit(1)
    .executeTakeFirst();
  return row?.version ?? null;
}

async function read(snapshot: Snapshot, { version }: { version?: number }): Promise<StoredRuleSet[]> {
  const live = await liveVersion(snapshot);
  let query = snapshot
    .selectFrom('mail_rule_sets as s')
    .leftJoin('mail_rule_activations as a', 'a.version', 's.version')
    .selectAll('s')
    .select(['a.at as activatedAt', 'a.author as activatedBy', 'a.note as activatedNote'])
    .select((select) =>
      select
        .selectFrom('mail_rule_activations as n')
        .select((next) => next.fn.min('n.at').as('at'))
        .whereRef('n.version', '>', 's.version')
        .as('replacedAt'),
    )
    .orderBy('s.version', 'desc')
    .limit(LISTED);
  if (version !== undefined) query = query.where('s.version', '=', version);
  const rows = await query.execute();
  return rows.map((row) => ({
    version: row.version,
    state: stateOf(row.version, row.activatedAt !== null, live),
    // Checked when it was written.
    document: row.document as RuleDocument,
    author: row.author,
    note: row.note,
    basedOn: row.based_on,
    restoredFrom: row.restored_from,
    createdAt: row.created_at,
    activated:
      row.activatedAt === null
        ? null
        : { at: row.activatedAt, by: row.activatedBy ?? '', note: row.activatedNote ?? '' },
    replacedAt: row.activatedAt === null ? null : row.replacedAt,
  }));
}

function stateOf(version: number, activated: boolean, live: number | null): RuleSetState {
  if (version === live) return 'live';
  if (activated) return 'replaced';
  return live !== null && version < live ? 'set-aside' : 'draft';
}
