/**
 * The audit trail leaves the house: checkpoints to witnesses, records to collectors. Each goes its own way, none is waited
 * for by anything else, and what failed is tried again with the next minute. How far each has got is remembered once it is
 * there, so a crash sends twice rather than not at all.
 */
import { z } from 'zod';
import type { SyslogConfig, WitnessConfig } from '../../config.ts';
import { publicUrlOf } from '../../config.ts';
import { queueNotice } from '../../notices/queue.ts';
import { operation, perform } from '../../operation.ts';
import { system } from '../../principal.ts';
import { auditTarget, insertCosignature, noteFailing, noteReached } from '../../store/audit-targets.ts';
import { hasRecordsOfOthers, latestCheckpoint } from '../../store/audit-tree.ts';
import type { World } from '../../world.ts';
import { describeRecord } from '../records.ts';
import { readTrail } from '../trail.ts';
import { sendToSyslog } from './syslog.ts';
import { syslogMessage } from './syslog-message.ts';
import { tellWitness } from './witness.ts';

/** How far a target has got, or why it has not. */
export const noteDelivery = operation({
  action: 'audit.note-delivery',
  permission: 'system',
  input: z.strictObject({
    target: z.string(),
    reached: z.int().nonnegative().nullable(),
    error: z.string().nullable(),
    cosignature: z.string().nullable(),
    /** For a witness by mail: it leaves by the outbox, if and only if this is on record. */
    mail: z.strictObject({ to: z.string(), text: z.string() }).optional(),
  }),
  subject: () => 'audit',
  async run(tx, { target, reached, error, cosignature, mail }, _by, world) {
    const at = world.clock();
    if (reached !== null) await noteReached(tx, target, reached, at);
    if (error !== null) await noteFailing(tx, target, error, at);
    if (reached !== null && cosignature !== null) {
      await insertCosignature(tx, { size: reached, witness: target, line: cosignature, at });
    }
    if (reached !== null && mail !== undefined) {
      const subject = `Checkpoint of the audit trail: ${reached} records`;
      await queueNotice(tx, world, { to: mail.to, subject, text: mail.text, about: 'audit' });
    }
    return { result: undefined, audit: { target, reached, error, cosignature } };
  },
});

/** For the scheduler. */
export async function tellWitnesses(world: World): Promise<void> {
  await Promise.all(
    Object.entries(world.config.audit.witness).map(([name, witness]) => tellOne(world, `witness:${name}`, witness)),
  );
}

/** For the scheduler. */
export async function exportTrail(world: World): Promise<void> {
  await Promise.all(
    Object.entries(world.config.audit.export).map(([name, target]) => exportOne(world, `export:${name}`, target)),
  );
}

async function tellOne(world: World, target: string, witness: WitnessConfig): Promise<void> {
  const { latest, state } = await world.database.snapshot(async (snapshot) => ({
    latest: await latestCheckpoint(snapshot),
    state: await auditTarget(snapshot, target),
  }));
  const reached = state?.reached ?? 0;
  if (latest === undefined || latest.size <= reached) return;
  const since = world.clock().getTime() - (state?.reached_at?.getTime() ?? 0);
  if (since < witness.everyMinutes * 60_000) return;
  if (witness.kind === 'mail') {
    const mail = { to: witness.address, text: `Keep this mail: it shows what the audit trail was.\n\n${latest.note}` };
    const told = { target, reached: latest.size, error: null, cosignature: null, mail };
    await perform(world, noteDelivery, system, told);
    return;
  }
  await note(world, target, state?.error ?? null, async () => ({
    reached: latest.size,
    cosignature: await tellWitness(world, witness, latest, reached),
  }));
}

async function exportOne(world: World, target: string, syslog: SyslogConfig): Promise<void> {
  const hostName = syslog.hostName ?? new URL(publicUrlOf(world.config)).hostname;
  // So much at a time, lest a long trail keep the other tasks from their minute; the next goes on.
  for (let batch = 0; batch < MOST_BATCHES; batch++) {
    const { rows, state } = await world.database.snapshot(async (snapshot) => {
      const found = await auditTarget(snapshot, target);
      const after = found?.reached ?? 0;
      const due = await hasRecordsOfOthers(snapshot, after);
      return { rows: due ? await readTrail(snapshot, after, BATCH) : [], state: found };
    });
    const last = rows.at(-1);
    if (last === undefined) return;
    const messages = rows.map((row) => syslogMessage(describeRecord(row), { ...syslog, hostName }));
    const arrived = await note(world, target, state?.error ?? null, async () => {
      await sendToSyslog(syslog, world.config.home, messages);
      return { reached: Number(last.sequence), cosignature: null };
    });
    if (!arrived) return;
  }
}

const BATCH = 1_000;
const MOST_BATCHES = 20;

/** The same failure again leaves no second record: a collector may be down for a week. */
async function note(
  world: World,
  target: string,
  failingWith: string | null,
  deliver: () => Promise<{ reached: number; cosignature: string | null }>,
): Promise<boolean> {
  try {
    const { reached, cosignature } = await deliver();
    await perform(world, noteDelivery, system, { target, reached, error: null, cosignature });
    return true;
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    world.log.warn('audit.not-delivered', { target, error: message });
    if (message !== failingWith) {
      await perform(world, noteDelivery, system, { target, reached: null, error: message, cosignature: null });
    }
    return false;
  }
}
