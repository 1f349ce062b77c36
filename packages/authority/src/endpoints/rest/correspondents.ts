/** Correspondents outside. */
import { decideCorrespondent, reportCorrespondents } from '../../office/correspondents.ts';
import { consult, perform } from '../../operation.ts';
import { listCorrespondents } from '../../store/correspondents.ts';
import { unknownCursor } from './cursor.ts';
import type { Handlers } from './handler.ts';

export const correspondentHandlers: Handlers<'reportCorrespondents' | 'correspondents' | 'decideCorrespondent'> = {
  async reportCorrespondents({ world, by }, { body }) {
    await perform(world, reportCorrespondents, by, body);
    return { done: true };
  },
  async correspondents({ world, by }, { query }) {
    const { search, waiting, limit } = query;
    const after = query.after === undefined ? undefined : readCursor(query.after);
    const { rows, total } = await consult(world, 'office:read', by, (snapshot) =>
      listCorrespondents(snapshot, { search, waiting: waiting && waiting === 'yes', limit, after }),
    );
    const last = rows.at(-1);
    return {
      items: rows.map(({ id, standing, gateway, decision, reported_at }) => ({
        ...standing,
        ...{ id, gateway, decision, reportedAt: reported_at.toISOString() },
      })),
      total,
      next: rows.length === limit && last !== undefined ? `${last.id}~${last.address}` : null,
    };
  },
  async decideCorrespondent({ world, by }, { params, body }) {
    await perform(world, decideCorrespondent, by, { ...params, ...body });
    return { done: true };
  },
};

function readCursor(after: string): [address: string, id: string] {
  const id = after.slice(0, 36);
  if (!/^[0-9a-f-]{36}$/.test(id) || after[36] !== '~') throw unknownCursor();
  return [after.slice(37), id];
}
