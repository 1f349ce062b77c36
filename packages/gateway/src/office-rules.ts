/**
 * The rules that decide here: those of the gateway's own file, and after them the office's version in force, from the next message on. What this
 * release does not read is not applied, and not by half either: the last version that it read stays, and the office is told.
 */
import path from 'node:path';
import type { Client, RulesInForce } from '@chancery/api';
import { checkRules, type RuleSet } from '@chancery/mail-policy';
import { reasonOf } from './errors.ts';
import type { Log } from './log.ts';
import { readIfThere, writeDurably } from './spool/durable-file.ts';

interface StandingRules {
  readonly set: RuleSet;
  /** The office's; undefined where it has none in force, or the file stands alone. */
  readonly version: number | undefined;
}

export interface OfficeRules {
  /** Undefined: the office's rules cannot be read here, and none could before. Then mail waits: it might have to be encrypted. */
  current(): StandingRules | undefined;
  /** What the office says now; null: it has none in force. */
  take(rules: RulesInForce | null): void;
  /** Waits for what is being written and told. */
  settle(): Promise<void>;
}

interface OfficeRulesOptions {
  /** Where the last version that could be read is kept. */
  readonly folder: string;
  /** Those of the file. */
  readonly own: RuleSet;
  /** The office's are not applied here. */
  readonly alone: boolean;
  readonly client: Pick<Client, 'appliedMailRules'>;
  readonly log: Log;
}

export async function openOfficeRules({ folder, own, alone, client, log }: OfficeRulesOptions): Promise<OfficeRules> {
  const file = path.join(folder, 'rules.json');
  const kept = readKept(await readIfThere(file), file, log);
  /** The office's as they are applied; null: it has none. */
  let office: Applied | null | undefined = kept;
  let problem: string | null = null;
  /** What the office has heard, and what it was to hear. */
  let [told, tried] = ['', ''];
  let work: Promise<void> = Promise.resolve();
  let standing = stand();

  function take(rules: RulesInForce | null): void {
    if (rules === null) {
      office = null;
      problem = null;
    } else if (rules.version !== office?.version || problem !== null) {
      const { set, problems } = checkRules(rules.document);
      if (set === undefined) {
        const [first] = problems;
        // It had none, and has some now that might say anything.
        if (office === null) office = undefined;
        problem = `Version ${rules.version} cannot be read by this release: ${first?.path}: ${first?.message}`.slice(
          0,
          1000,
        );
      } else {
        office = { version: rules.version, set };
        problem = null;
        const text = JSON.stringify(rules);
        queue(() => writeDurably(file, [text]));
      }
    }
    standing = stand();
    queue(tell);
  }

  function stand(): StandingRules | undefined {
    if (alone) return { set: own, version: undefined };
    if (office === undefined) return problem === null ? { set: own, version: undefined } : undefined;
    return together(own, office);
  }

  async function tell(): Promise<void> {
    const version = alone ? null : (office?.version ?? null);
    const source = alone ? 'file' : own.rules.length > 0 ? 'both' : 'office';
    const body = { version, source, ownRules: own.rules.length, problem } as const;
    const text = JSON.stringify(body);
    if (text === told) return;
    const isNew = text !== tried;
    tried = text;
    if (isNew && problem === null) log.info('rules.applied', { version, source, own: own.rules.length });
    if (isNew && problem !== null) log.error('rules.not-read', { reason: problem, applied: version });
    try {
      await client.appliedMailRules({ body });
      told = text;
    } catch (error) {
      if (isNew) log.warn('rules.not-told', { reason: reasonOf(error) });
    }
  }

  function queue(next: () => Promise<void>): void {
    work = work.then(next).catch((error: unknown) => log.warn('rules.not-kept', { reason: reasonOf(error) }));
  }

  return {
    current: () => standing,
    take,
    settle: () => work,
  };
}

interface Applied {
  readonly version: number;
  readonly set: RuleSet;
}

/** Those of the file first; how they are matched is the office's word where it has one. */
function together(own: RuleSet, office: Applied | null): StandingRules {
  if (office === null) return { set: own, version: undefined };
  const { set, version } = office;
  return { set: own.rules.length === 0 ? set : { ...set, rules: [...own.rules, ...set.rules] }, version };
}

function readKept(octets: Uint8Array | undefined, file: string, log: Log): Applied | undefined {
  if (octets === undefined) return undefined;
  try {
    const { version, document } = JSON.parse(Buffer.from(octets).toString('utf8')) as RulesInForce;
    const { set } = checkRules(document);
    if (set !== undefined) return { version, set };
    log.warn('rules.unreadable', { file, version });
  } catch (error) {
    // It is only a copy: the office has the original.
    log.warn('rules.unreadable', { file, reason: reasonOf(error) });
  }
  return undefined;
}
