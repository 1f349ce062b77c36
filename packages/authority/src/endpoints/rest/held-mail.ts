/** Mail that gateways hold. */
import type { HeldMail } from '@chancery/api';
import { decideHeldMail, notHeld, reportHeldMail } from '../../mail-flow/held-mail.ts';
import { consult, perform } from '../../operation.ts';
import { heldMailById, listHeldMail } from '../../store/held-mail.ts';
import { instantCursor, writeInstantCursor } from './cursor.ts';
import type { Handlers } from './handler.ts';

export const heldMailHandlers: Handlers<'reportHeldMail' | 'heldMail' | 'heldMessage' | 'decideHeldMail'> = {
  async reportHeldMail({ world, by }, { body }) {
    await perform(world, reportHeldMail, by, body);
    return { done: true };
  },
  async heldMail({ world, by }, { query: { after, ...query } }) {
    const place = instantCursor(after);
    const { rows, total } = await consult(world, 'office:read', by, (snapshot) =>
      listHeldMail(snapshot, { ...query, after: place }),
    );
    const last = rows.at(-1);
    return {
      items: rows.map(shown),
      total,
      next: rows.length === query.limit && last !== undefined ? writeInstantCursor(last.held_at, last.id) : null,
    };
  },
  async heldMessage({ world, by }, { params }) {
    const row = await consult(world, 'office:read', by, (snapshot) => heldMailById(snapshot, params.id));
    if (row === undefined) throw notHeld();
    return shown(row);
  },
  async decideHeldMail({ world, by }, { params, body }) {
    await perform(world, decideHeldMail, by, { ...params, ...body });
    return { done: true };
  },
};

type Row = NonNullable<Awaited<ReturnType<typeof heldMailById>>>;

function shown({ standing, gateway, reported_at, act, note, decided_by, decided_at }: Row): HeldMail {
  const decided = act !== null && decided_at !== null;
  return {
    ...standing,
    ...{ gateway, reportedAt: reported_at.toISOString() },
    decision: decided ? { act, by: decided_by ?? '', note: note ?? '', at: decided_at.toISOString() } : null,
  };
}
