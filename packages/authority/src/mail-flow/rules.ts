/**
 * The rules of mail flow change here: whoever proposes them makes a version that nobody alters any more, and whoever may
 * puts it in force. Going back is a new version too, so that the order of numbers is the order in which they held.
 */
import { type RuleDocument, ruleDocument } from '@chancery/api';
import { checkRules, type RuleSet, ruleChanges } from '@chancery/mail-policy';
import { z } from 'zod';
import { AuthorityError } from '../errors.ts';
import { operation } from '../operation.ts';
import type { Principal } from '../principal.ts';
import type { Snapshot, Transaction } from '../store/database.ts';
import { findRuleSet, insertActivation, insertRuleSet, lockRuleSets, setGatewayRules } from '../store/mail-rules.ts';
import type { World } from '../world.ts';

const Version = z.int().min(1);
const Note = z.string().trim().max(1000).default('');

/**
 * Keeps a rule set as the next version, a draft.
 * @throws AuthorityError `unusable-input` (one field for each thing that is wrong), `not-found` (what it was made from),
 *   `wrong-state` (that version says the same)
 */
export const proposeRules = operation({
  action: 'mail-rules.propose',
  permission: 'mail-rules:propose',
  input: z.object({ document: z.record(z.string(), z.json()), basedOn: Version.nullable(), note: Note }),
  subject: () => 'mail-rules',
  async run(tx, { document, basedOn, note }, by, world) {
    const { newest } = await lockRuleSets(tx);
    const set = checked(document);
    const before = basedOn === null ? undefined : await rulesOf(tx, basedOn);
    const changes = ruleChanges(before, set);
    if (before !== undefined && changes.length === 0)
      throw new AuthorityError('wrong-state', `That is what version ${basedOn} says already. Nothing was changed.`);
    const version = newest + 1;
    const createdAt = world.clock();
    // As it was checked: with what the schema fills in, so that every reader sees the same.
    const kept = ruleDocument(set);
    await insertRuleSet(tx, { version, document: kept, author: by.name, note, basedOn, restoredFrom: null, createdAt });
    return {
      result: { version },
      audit: { version, basedOn, note, rules: set.rules.length, changes: changes.map(({ sentence }) => sentence) },
    };
  },
});

/**
 * Puts a draft in force.
 * @throws AuthorityError `not-found`, `conflict` (another was put in force meanwhile), `wrong-state` (it was in force, or a later one is)
 */
export const activateRules = operation({
  action: 'mail-rules.activate',
  permission: 'mail-rules:activate',
  input: z.object({ version: Version, expectedLive: Version.nullable(), note: Note }),
  subject: () => 'mail-rules',
  async run(tx, { version, expectedLive, note }, by, world) {
    const { live } = await lockRuleSets(tx);
    requireExpected(live, expectedLive);
    if (live !== null && version <= live)
      throw new AuthorityError(
        'wrong-state',
        version === live
          ? `Version ${version} is in force already. Nothing was changed.`
          : `Version ${version} is older than version ${live}, which is in force. Nothing was changed. Go back to it instead: that makes the next version of it.`,
      );
    const set = await rulesOf(tx, version);
    return activate(tx, world, by, { version, live, set, note, restoredFrom: null });
  },
});

/**
 * Makes the next version of an older one, in force at once.
 * @throws AuthorityError `not-found`, `conflict`, `unusable-input` (this release does not take its rules any more), `wrong-state` (it is in force)
 */
export const restoreRules = operation({
  action: 'mail-rules.restore',
  permission: 'mail-rules:activate',
  input: z.object({ version: Version, expectedLive: Version.nullable(), note: Note }),
  subject: () => 'mail-rules',
  async run(tx, { version, expectedLive, note }, by, world) {
    const { newest, live } = await lockRuleSets(tx);
    requireExpected(live, expectedLive);
    if (version === live)
      throw new AuthorityError('wrong-state', `Version ${version} is in force. Nothing was changed.`);
    const old = await findRuleSet(tx, version);
    if (old === undefined) throw noSuchVersion(version);
    const set = checked(old.document);
    const next = newest + 1;
    await insertRuleSet(tx, {
      ...{ version: next, document: old.document, author: by.name, note },
      ...{ basedOn: live, restoredFrom: version, createdAt: world.clock() },
    });
    return activate(tx, world, by, { version: next, live, set, note, restoredFrom: version });
  },
});

/** A gateway says which rules it applies from now on. */
export const noteAppliedRules = operation({
  action: 'mail-rules.applied',
  permission: 'gateway:serve',
  input: z.object({
    version: Version.nullable(),
    source: z.enum(['office', 'file', 'both']),
    ownRules: z.int().min(0),
    problem: z.string().max(1000).nullable(),
  }),
  subject: () => 'mail-rules',
  async run(tx, input, by, world) {
    if (by.kind !== 'gateway')
      throw new AuthorityError('forbidden', 'Only a gateway says what it applies. Nothing was changed.');
    if (input.version !== null && (await findRuleSet(tx, input.version)) === undefined)
      throw noSuchVersion(input.version);
    await setGatewayRules(tx, by.id, input, world.clock());
    return { result: undefined, audit: input };
  },
});

export function noSuchVersion(version: number): AuthorityError {
  return new AuthorityError('not-found', `The mail rules have no version ${version}.`);
}

/** @throws AuthorityError `unusable-input`, one field for each thing that is wrong */
export function checked(document: RuleDocument): RuleSet {
  const { set, problems } = checkRules(document);
  if (set !== undefined) return set;
  throw new AuthorityError(
    'unusable-input',
    `These rules cannot be used: ${problems[0]?.path}: ${problems[0]?.message}. Nothing was changed.`,
    { fields: [...problems] },
  );
}

async function rulesOf(snapshot: Snapshot, version: number): Promise<RuleSet> {
  const found = await findRuleSet(snapshot, version);
  if (found === undefined) throw noSuchVersion(version);
  return checked(found.document);
}

function requireExpected(live: number | null, expected: number | null): void {
  if (live === expected) return;
  throw new AuthorityError(
    'conflict',
    `Version ${live} is in force now${expected === null ? '' : `, not version ${expected}`}: somebody put it in force meanwhile. Nothing was changed. Look at what it says first.`,
  );
}

interface Activation {
  readonly version: number;
  readonly live: number | null;
  readonly set: RuleSet;
  readonly note: string;
  readonly restoredFrom: number | null;
}

async function activate(
  tx: Transaction,
  world: World,
  by: Principal,
  { version, live, set, note, restoredFrom }: Activation,
) {
  const found = live === null ? undefined : await findRuleSet(tx, live);
  // What an older release kept, and this one does not read, is no reason to keep it in force.
  const before = found === undefined ? undefined : checkRules(found.document).set;
  await insertActivation(tx, { version, author: by.name, note, at: world.clock() });
  return {
    result: { version },
    audit: {
      ...{ version, before: live, note },
      ...(restoredFrom !== null && { restoredFrom }),
      changes: ruleChanges(before, set).map(({ sentence }) => sentence),
    },
  };
}
