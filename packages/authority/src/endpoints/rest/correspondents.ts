/** Correspondents outside. */
import type { Correspondent } from '@chancery/api';
import { AuthorityError } from '../../errors.ts';
import { decideCorrespondent, reportCorrespondents } from '../../office/correspondents.ts';
import { consult, perform } from '../../operation.ts';
import { findCorrespondent, listCorrespondents } from '../../store/correspondents.ts';
import { unknownCursor } from './cursor.ts';
import type { Handlers } from './handler.ts';

export const correspondentHandlers: Handlers<
  'reportCorrespondents' | 'correspondents' | 'correspondent' | 'decideCorrespondent'
> = {
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
      items: rows.map(shown),
      total,
      next: rows.length === limit && last !== undefined ? `${last.id}~${last.address}` : null,
    };
  },
  async correspondent({ world, by }, { params }) {
    const row = await consult(world, 'office:read', by, (snapshot) => findCorrespondent(snapshot, params.id));
    if (row === undefined)
      throw new AuthorityError('not-found', 'There is no such correspondent, or they have been forgotten.');
    return shown(row);
  },
  async decideCorrespondent({ world, by }, { params, body }) {
    await perform(world, decideCorrespondent, by, { ...params, ...body });
    return { done: true };
  },
};

type Row = NonNullable<Awaited<ReturnType<typeof findCorrespondent>>>;

function shown({ id, standing, gateway, decision, reported_at }: Row): Correspondent {
  return { ...standing, id, gateway, decision, reportedAt: reported_at.toISOString() };
}

function readCursor(after: string): [address: string, id: string] {
  const id = after.slice(0, 36);
  if (!/^[0-9a-f-]{36}$/.test(id) || after[36] !== '~') throw unknownCursor();
  return [after.slice(37), id];
}
