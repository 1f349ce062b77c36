/** The runbook of a target that an administrator brings in line by hand: made from the inventory, and confirmed once it has run. */
import { z } from 'zod';
import type { AuthorityConfig } from '../../config.ts';
import { AuthorityError } from '../../errors.ts';
import { operation } from '../../operation.ts';
import { listAuthorities } from '../../store/authorities.ts';
import type { Snapshot } from '../../store/database.ts';
import { type PublicationRow, peopleOfTarget, recordStates } from '../../store/publications.ts';
import { holdersOf } from '../plan.ts';
import { isInvoked, MAILBOX_LAYOUT } from './exchange.ts';
import { type MailboxChange, type Runbook, runbook } from './runbook.ts';
import { serializedStore } from './serialized-store.ts';

export type RunbookScope = 'changes' | 'full';

/** Targets that are brought in line by a runbook. */
export function runbookTargets({ publication }: Pick<AuthorityConfig, 'publication'>): string[] {
  return Object.entries(publication.exchange).flatMap(([name, target]) => (isInvoked(target) ? [] : [name]));
}

/** @throws AuthorityError `not-found` */
export async function makeRunbook(
  snapshot: Snapshot,
  config: AuthorityConfig,
  about: { readonly target: string; readonly scope: RunbookScope; readonly at: Date },
): Promise<Runbook & { readonly mailboxes: number }> {
  requireRunbook(config, about.target);
  const { changes } = await changesOf(snapshot, about.target, about.scope);
  return { ...runbook(changes, MAILBOX_LAYOUT, about), mailboxes: changes.length };
}

/** Every authority's certificate that has not ended: one that has makes the whole store be refused. */
export async function authorityStore(snapshot: Snapshot, at: Date): Promise<{ store: Buffer; certificates: number }> {
  const good = (await listAuthorities(snapshot)).filter(
    ({ certificate, revokedAt }) => certificate.notAfter > at && revokedAt === null,
  );
  return { store: serializedStore(good.map(({ certificate }) => certificate.der)), certificates: good.length };
}

/** It has run: what it said stands now. @throws AuthorityError `not-found`, `conflict` (what should stand is not what it was) */
export const confirmRunbook = operation({
  action: 'publication.confirm-runbook',
  permission: 'publication:write',
  input: z.strictObject({ target: z.string(), digest: z.string().regex(/^[0-9a-f]{64}$/) }),
  subject: ({ target }) => `target:${target}`,
  async run(tx, { target, digest }, _by, world) {
    requireRunbook(world.config, target);
    const at = world.clock();
    for (const scope of ['changes', 'full'] as const) {
      const { changes, rows } = await changesOf(tx, target, scope);
      if (runbook(changes, MAILBOX_LAYOUT, { target, scope, at }).digest !== digest) continue;
      const states = rows.map(({ serial_number, wanted }) => ({
        serialNumber: serial_number,
        state: wanted ? ('published' as const) : ('removed' as const),
        error: null,
      }));
      await recordStates(tx, target, states, { since: at, at });
      return { result: { mailboxes: changes.length }, audit: { digest, scope, mailboxes: changes.length } };
    }
    throw new AuthorityError(
      'conflict',
      'Something has changed since that runbook was made. Nothing was confirmed. Make it anew, run it and confirm that one.',
    );
  },
});

function requireRunbook(config: AuthorityConfig, target: string): void {
  if (!runbookTargets(config).includes(target))
    throw new AuthorityError('not-found', `No target ${target} is brought in line by a runbook.`);
}

async function changesOf(
  snapshot: Snapshot,
  target: string,
  scope: RunbookScope,
): Promise<{ changes: MailboxChange[]; rows: PublicationRow[] }> {
  const isMeant = ({ state }: PublicationRow) => scope === 'full' || state === 'pending' || state === 'failed';
  const people = await holdersOf(snapshot, await peopleOfTarget(snapshot, target, scope === 'changes'), target);
  const meant = people.map(({ holder, rows }) => ({ holder, rows: rows.filter(isMeant) }));
  const changes = meant.map(({ holder, rows }) => {
    const of = (wanted: boolean) =>
      holder.own.filter((one) => rows.some((row) => row.serial_number === one.serialNumber && row.wanted === wanted));
    return { address: holder.addresses[0], add: of(true), remove: of(false) };
  });
  return { changes, rows: meant.flatMap(({ rows }) => rows) };
}
