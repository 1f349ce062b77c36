/**
 * What the trail says of one person: what they did themselves, and what was done to what is theirs. What is kept from them, by
 * a withheld notice or a legal hold, is left out while it is, and so is every sign that there is anything.
 */
import type { MyRecords, Myself } from '@chancery/api';
import { formatVerifierKey, inclusionProof } from '@chancery/trail';
import { sql } from 'kysely';
import { auditKeys, latestCheckpoint, nodeReader } from '../store/audit-tree.ts';
import type { Snapshot } from '../store/database.ts';
import { verifierKeyOf } from './checkpoint.ts';

/** One page, newest first, each record with its way into the latest checkpoint. */
export async function recordsAbout(
  snapshot: Snapshot,
  personId: string,
  { before, limit }: { before: number | undefined; limit: number },
): Promise<MyRecords> {
  const { rows } = await sql<{ sequence: string; canonical: string }>`
    SELECT r.sequence, r.canonical FROM audit_records r
    WHERE (r.actor = ${`person:${personId}`}
        OR (r.details ? 'personId' AND r.details->>'personId' = ${personId})
        OR r.subject IN (${aboutPerson(personId)})
        -- of several people at once, whom the record does not name to each other
        OR (r.action = 'recovery.request' AND r.subject IS NULL AND r.details->>'requestId' IN (
          SELECT request_id::text FROM recovery_people WHERE person_id = ${personId}::uuid)))
      AND NOT EXISTS (
        SELECT 1 FROM notices n
        WHERE n.person_id = ${personId}::uuid AND n.state = 'withheld'
          AND (r.subject IN (n.about, 'notice:' || n.id) OR 'recovery:' || (r.details->>'requestId') = n.about))
      AND NOT EXISTS (
        SELECT 1 FROM legal_holds h
        WHERE h.person_id = ${personId}::uuid AND h.lifted_at IS NULL AND r.subject = 'hold:' || h.id)
      -- one that did not come about does not say whether its notice was to be withheld
      AND NOT (r.action = 'recovery.request' AND r.outcome <> 'succeeded')
      ${before === undefined ? sql`` : sql`AND r.sequence < ${before}`}
    ORDER BY r.sequence DESC LIMIT ${limit}`.execute(snapshot as never);
  const checkpoint = await latestCheckpoint(snapshot);
  const read = nodeReader(snapshot);
  const items: MyRecords['items'] = [];
  for (const { sequence: text, canonical } of rows) {
    const sequence = Number(text);
    const covered = checkpoint !== undefined && sequence <= checkpoint.size;
    const proof = covered ? await inclusionProof(sequence - 1, checkpoint.size, read) : null;
    items.push({ sequence, canonical, proof: proof?.map((hash) => Buffer.from(hash).toString('hex')) ?? null });
  }
  const last = rows.at(-1);
  return {
    items,
    next: rows.length === limit && last !== undefined ? last.sequence : null,
    checkpoint:
      checkpoint === undefined
        ? null
        : { size: checkpoint.size, at: checkpoint.at.toISOString(), note: checkpoint.note },
    keys: (await auditKeys(snapshot)).map((key) => formatVerifierKey(verifierKeyOf(key))),
  };
}

/**
 * Every record about a person that a checkpoint covers, also what is kept from them: for whoever may read the whole trail. The oldest first.
 * @returns undefined before the first checkpoint
 */
export async function provenRecordsAbout(
  snapshot: Snapshot,
  personId: string,
  limit: number,
): Promise<
  | { checkpoint: string; keys: string[]; truncated: boolean; records: { canonical: string; proof: string[] }[] }
  | undefined
> {
  const checkpoint = await latestCheckpoint(snapshot);
  if (checkpoint === undefined) return undefined;
  const { rows } = await sql<{ sequence: string; canonical: string }>`
    SELECT r.sequence, r.canonical FROM audit_records r
    WHERE (r.actor = ${`person:${personId}`}
        OR (r.details ? 'personId' AND r.details->>'personId' = ${personId})
        OR r.subject IN (${aboutPerson(personId)})
        -- by a change of a group, many together
        OR (r.details ? 'left' AND r.details->'left' ? ${personId})
        OR (r.details ? 'suspended' AND r.details->'suspended' ? ${personId})
        OR (r.action = 'recovery.request' AND r.subject IS NULL AND r.details->'personIds' ? ${personId}))
      AND r.sequence <= ${checkpoint.size}
    ORDER BY r.sequence DESC LIMIT ${limit + 1}`.execute(snapshot as never);
  const read = nodeReader(snapshot);
  const records: { canonical: string; proof: string[] }[] = [];
  for (const { sequence, canonical } of rows.slice(0, limit).toReversed()) {
    const proof = await inclusionProof(Number(sequence) - 1, checkpoint.size, read);
    records.push({ canonical, proof: proof.map((hash) => Buffer.from(hash).toString('hex')) });
  }
  return {
    checkpoint: checkpoint.note,
    keys: (await auditKeys(snapshot)).map((key) => formatVerifierKey(verifierKeyOf(key))),
    truncated: rows.length > limit,
    records,
  };
}

/** Where a person's keys went, newest first. */
export async function deliveriesTo(snapshot: Snapshot, personId: string): Promise<Myself['devices']> {
  const rows = await snapshot
    .selectFrom('audit_records')
    .select(['at', 'action', 'details'])
    .where('actor', '=', `person:${personId}`)
    .where('outcome', '=', 'succeeded')
    .where('action', 'in', ['key.deliver', 'key.deliver-profile', 'claim.collect-key', 'claim.collect-profile'])
    .orderBy('sequence', 'desc')
    .limit(50)
    .execute();
  return rows.map(({ at, action, details }) => ({
    at: at.toISOString(),
    name: typeof details.device === 'string' && action.startsWith('key.deliver') ? details.device : '',
    kind: action.endsWith('-profile') ? 'apple' : 'file',
    keys: Array.isArray(details.escrowedKeyIds) ? details.escrowedKeyIds.length : 0,
  }));
}

/** What a record is about where it is about this person. An address is not among them: it may have been another's before. */
const aboutPerson = (personId: string) => sql`
  SELECT 'person:' || ${personId}
  UNION ALL SELECT 'certificate:' || serial_number FROM certificates WHERE person_id = ${personId}::uuid
  UNION ALL SELECT 'imported-certificate:' || id FROM imported_certificates WHERE person_id = ${personId}::uuid
  UNION ALL SELECT 'enrollment:' || id FROM enrollments WHERE person_id = ${personId}::uuid
  UNION ALL SELECT 'escrowed-key:' || id FROM escrowed_keys WHERE person_id = ${personId}::uuid
  UNION ALL SELECT 'hold:' || id FROM legal_holds WHERE person_id = ${personId}::uuid
  UNION ALL SELECT 'claim:' || id FROM claims WHERE person_id = ${personId}::uuid
  UNION ALL SELECT 'recovery:' || request_id FROM recovery_people WHERE person_id = ${personId}::uuid
  UNION ALL SELECT 'opening:' || document_id FROM offline_opening_people WHERE person_id = ${personId}::uuid`;
