/**
 * Telling the office what was opened without it. Its officers' signatures say that it happened; the audit trail keeps it from
 * here on, and those whose keys they were are told.
 */
import { digestOf, readBatch, type Transcript } from '@chancery/vault';
import { z } from 'zod';
import { AuthorityError } from '../errors.ts';
import { writeLetter } from '../notices/letters.ts';
import { operation } from '../operation.ts';
import type { Snapshot, Transaction } from '../store/database.ts';
import { isUnderHold } from '../store/legal-holds.ts';
import { insertOpening, isReported } from '../store/offline-openings.ts';
import { type PersonRow, peopleByIds } from '../store/people.ts';
import { completeTranscripts } from '../store/vaults.ts';
import type { World } from '../world.ts';
import { entryHash, OPENING_GENESIS, type OpeningEntry, readOpeningEntry } from './opening-log.ts';
import { trust } from './vault.ts';
import { keysOf, peopleOf } from './whom.ts';

/** As long as one of the largest batch, with its names. */
const LONGEST_LINE = 500_000;

/**
 * One line of the log, in the order in which it was written.
 * @returns false for one that the office knows already
 * @throws AuthorityError `unusable-input` for what a quorum of the office's own officers did not sign, or a line left out before it
 */
export const reportOpening = operation({
  action: 'escrow.report-opening',
  permission: 'recovery:attest',
  input: z.strictObject({ line: z.string().max(LONGEST_LINE) }),
  subject: ({ line }) => subjectOf(line),
  async run(tx, { line }, _by, world) {
    const entry = readOpeningEntry(line);
    if (typeof entry === 'string') throw unusable(`The line ${entry}`);
    const document = trust(() => readBatch(entry.document));
    if (document.kind !== 'offline')
      throw unusable('The line tells of something else than an opening without the office');
    const named = entry.keys.map(({ id }) => id);
    if (document.records.some(({ id }, at) => id !== named[at]) || document.records.length !== named.length) {
      throw unusable('The line names other keys than its officers opened');
    }
    await requireQuorum(tx, document.vaultId, entry);
    const hash = entryHash(line);
    const audit = { event: entry.event, at: entry.at, entry: hash.toString('hex') };
    if (entry.previous !== OPENING_GENESIS && !(await isReported(tx, Buffer.from(entry.previous, 'hex')))) {
      throw unusable('The line before this one is not known here');
    }
    const people = await peopleByIds(tx, [...new Set(document.records.map(({ person }) => person))]);
    const opening = { entry: hash, documentId: document.id, at: world.clock() };
    const told = await insertOpening(
      tx,
      opening,
      people.map(({ id }) => id),
    );
    if (!told) return { result: false, audit: { ...audit, already: true } };
    if (entry.event === 'opened') for (const person of people) await tellOwner(tx, world, person, entry, document.id);
    return {
      result: true,
      audit: {
        ...audit,
        ...peopleOf({ id: document.id, people }),
        ...keysOf({ people, records: document.records }),
        approvedBy: entry.officers.map(({ id, name }) => ({ officerId: id, officerName: name })),
        detail: entry.detail.slice(0, 1000),
        digest: digestOf(document),
        export: document.export,
      },
    };
  },
});

/** Is every signature that of an officer of one epoch of this vault, and are they as many as it took then? */
async function requireQuorum(snapshot: Snapshot, vaultId: string, { officers }: OpeningEntry): Promise<void> {
  const plans = (await completeTranscripts(snapshot, vaultId)).map((text) => (JSON.parse(text) as Transcript).plan);
  const distinct = new Set(officers.map(({ id }) => id)).size;
  const signed = plans.some(
    (plan) =>
      distinct === officers.length &&
      distinct >= plan.threshold &&
      officers.every(({ id, signingKey }) =>
        plan.officers.some((own) => own.id === id && own.publicKeys.signing === signingKey),
      ),
  );
  if (!signed) throw unusable('The line is not signed by a quorum of officers of a vault of this office');
}

async function tellOwner(
  tx: Transaction,
  world: World,
  { id, name, address }: PersonRow,
  { at, officers, detail }: OpeningEntry,
  documentId: string,
): Promise<void> {
  await writeLetter(tx, world, {
    letter: 'keys-opened-outside',
    key: `keys-opened-outside ${documentId} ${at} ${id}`,
    to: { id, name, address },
    facts: { since: new Date(at), by: officers.map((one) => one.name).join(', '), detail },
    about: `opening:${documentId}`,
    withheld: await isUnderHold(tx, id),
  });
}

function subjectOf(line: string): string | null {
  const entry = readOpeningEntry(line);
  if (typeof entry === 'string') return null;
  try {
    return `opening:${z.object({ id: z.uuid() }).parse(JSON.parse(entry.document)).id}`;
  } catch {
    return null;
  }
}

const unusable = (what: string): AuthorityError =>
  new AuthorityError('unusable-input', `${what}. Nothing was recorded. Hand in the log as it was written, whole.`);
