/** The audit trail: pages, export, verification. */
import { countRecords, describeRecord, searchTrail } from '../../audit/records.ts';
import { readTrail } from '../../audit/trail.ts';
import { verifyTrail } from '../../audit/verify.ts';
import { consult } from '../../operation.ts';
import { cursorNumber } from './cursor.ts';
import type { Handlers } from './handler.ts';

export const auditHandlers: Handlers<'auditRecords' | 'auditExport' | 'verifyAudit'> = {
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
};
