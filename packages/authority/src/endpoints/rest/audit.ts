/** The audit trail: pages, export, verification. */
import { consistencyProof, formatVerifierKey, inclusionProof } from '@chancery/trail';
import { verifierKeyOf } from '../../audit/checkpoint.ts';
import { countRecords, describeRecord, searchTrail, timelineOf } from '../../audit/records.ts';
import { describeTargets } from '../../audit/targets/describe.ts';
import { readTrail } from '../../audit/trail.ts';
import { verifyTrail } from '../../audit/verify.ts';
import { AuthorityError } from '../../errors.ts';
import { consult } from '../../operation.ts';
import { cosignaturesOf } from '../../store/audit-targets.ts';
import {
  auditKeys,
  type CheckpointRow,
  checkpointsAfter,
  latestCheckpoint,
  nodeReader,
} from '../../store/audit-tree.ts';
import { cursorNumber } from './cursor.ts';
import type { Handlers } from './handler.ts';

export const auditHandlers: Handlers<
  | 'auditRecords'
  | 'auditTimeline'
  | 'auditTargets'
  | 'auditExport'
  | 'verifyAudit'
  | 'auditCheckpoints'
  | 'auditProof'
  | 'auditConsistency'
> = {
  async auditRecords({ world, by }, { query }) {
    const { limit, after, ...filter } = query;
    const { rows, total } = await consult(world, 'audit:read', by, (snapshot) =>
      searchTrail(snapshot, { ...filter, before: cursorNumber(after), limit }),
    );
    const last = rows.at(-1);
    return {
      items: rows.map(describeRecord),
      total,
      next: rows.length === limit && last !== undefined ? String(last.sequence) : null,
    };
  },
  async auditTimeline({ world, by }, { query }) {
    return { spans: await consult(world, 'audit:read', by, (snapshot) => timelineOf(snapshot, query)) };
  },
  async auditTargets({ world, by }) {
    return consult(world, 'audit:read', by, (snapshot) => describeTargets(world, snapshot));
  },
  async auditExport({ world, by }, { query }) {
    const { limit, after } = query;
    return consult(world, 'audit:read', by, async (snapshot) => {
      const rows = await readTrail(snapshot, cursorNumber(after) ?? 0, limit);
      const last = rows.at(-1);
      return {
        items: rows.map(describeRecord),
        total: await countRecords(snapshot),
        next: rows.length === limit && last !== undefined ? String(last.sequence) : null,
      };
    });
  },
  async verifyAudit({ world, by }) {
    return consult(world, 'audit:read', by, verifyTrail);
  },
  async auditCheckpoints({ world, by }, { query }) {
    return consult(world, 'audit:read', by, async (snapshot) => {
      const rows = await checkpointsAfter(snapshot, cursorNumber(query.after) ?? 0, query.limit);
      const last = rows.at(-1);
      const cosigned = await cosignaturesOf(
        snapshot,
        rows.map(({ size }) => size),
      );
      return {
        items: rows.map((row) => describeCheckpoint(row, cosigned.get(row.size))),
        next: rows.length === query.limit && last !== undefined ? String(last.size) : null,
        keys: (await auditKeys(snapshot)).map((key) => formatVerifierKey(verifierKeyOf(key))),
      };
    });
  },
  async auditProof({ world, by }, { params }) {
    return consult(world, 'audit:read', by, async (snapshot) => {
      const checkpoint = await latestCheckpoint(snapshot);
      if (checkpoint === undefined || checkpoint.size < params.sequence) {
        throw new AuthorityError(
          'wrong-state',
          'No checkpoint covers this record yet. One is signed within two minutes; ask again then.',
        );
      }
      const [record] = await readTrail(snapshot, params.sequence - 1, 1);
      if (record === undefined) throw new AuthorityError('not-found', 'There is no such record.');
      const proof = await inclusionProof(params.sequence - 1, checkpoint.size, nodeReader(snapshot));
      return {
        canonical: record.canonical,
        leaf: params.sequence - 1,
        proof: proof.map(toHex),
        checkpoint: describeCheckpoint(
          checkpoint,
          (await cosignaturesOf(snapshot, [checkpoint.size])).get(checkpoint.size),
        ),
      };
    });
  },
  async auditConsistency({ world, by }, { query: { from, to } }) {
    return consult(world, 'audit:read', by, async (snapshot) => {
      const grown = (await latestCheckpoint(snapshot))?.size ?? 0;
      if (from > to || to > grown) {
        throw new AuthorityError('invalid-request', `The trail has ${grown} records under checkpoints: from, then to.`);
      }
      return { from, to, proof: (await consistencyProof(from, to, nodeReader(snapshot))).map(toHex) };
    });
  },
};

/** @param cosignatures lines of witnesses, which are added to the note */
function describeCheckpoint({ size, note, at }: CheckpointRow, cosignatures: readonly string[] = []) {
  return { size, at: at.toISOString(), note: [note, ...cosignatures.map((line) => `${line}\n`)].join('') };
}

const toHex = (hash: Uint8Array): string => Buffer.from(hash).toString('hex');
