/** Bulk issuance and its progress. */
import { consult, perform } from '../../operation.ts';
import { retryIssuance, submitIssuance, unknownIssuance, withdrawIssuance } from '../../ra/bulk-issuance.ts';
import { type IssuanceRow, issuanceById, listIssuances, listItems } from '../../store/issuances.ts';
import { cursorNumber } from './cursor.ts';
import type { Context, Handlers } from './handler.ts';
import { toBase64 } from './issued.ts';

export const issuanceHandlers: Handlers<
  'submitIssuance' | 'issuances' | 'issuance' | 'issuanceItems' | 'retryIssuance' | 'withdrawIssuance'
> = {
  async submitIssuance(context, { body }) {
    await perform(context.world, submitIssuance, context.by, body);
    return progress(context, body.id);
  },
  async issuances({ world, by }) {
    return { items: (await consult(world, 'certificate:read', by, listIssuances)).map(describe) };
  },
  async issuance(context, { params }) {
    return progress(context, params.id);
  },
  async issuanceItems({ world, by }, { params, query }) {
    const after = cursorNumber(query.after) ?? -1;
    const rows = await consult(world, 'certificate:read', by, async (snapshot) => {
      if ((await issuanceById(snapshot, params.id)) === undefined) throw unknownIssuance();
      return listItems(snapshot, params.id, { after, limit: query.limit + 1, state: query.state });
    });
    const shown = rows.slice(0, query.limit);
    return {
      items: shown.map(({ position, address, state, error, serial_number, certificate }) => ({
        position,
        address,
        state,
        error,
        serialNumber: serial_number,
        certificate: certificate && toBase64(certificate),
      })),
      next: rows.length > query.limit ? String(shown.at(-1)?.position) : null,
    };
  },
  async retryIssuance(context, { params }) {
    await perform(context.world, retryIssuance, context.by, params);
    return progress(context, params.id);
  },
  async withdrawIssuance(context, { params }) {
    await perform(context.world, withdrawIssuance, context.by, params);
    return progress(context, params.id);
  },
};

async function progress({ world, by }: Context, id: string) {
  const row = await consult(world, 'certificate:read', by, (snapshot) => issuanceById(snapshot, id));
  if (row === undefined) throw unknownIssuance();
  return describe(row);
}

function describe({ id, note, created_by, created_at, counts }: IssuanceRow) {
  const total = counts.waiting + counts.issued + counts.failed + counts.withdrawn;
  return { id, note, createdBy: created_by, createdAt: created_at.toISOString(), total, ...counts };
}
