/** What an officer's client checks before it opens a point. */
import { AuthorityError } from '../../errors.ts';
import { originsOfRequest } from '../../kra/origins.ts';
import { consult } from '../../operation.ts';
import { recoveryById } from '../../store/recovery.ts';
import { cursorNumber } from './cursor.ts';
import type { Handlers } from './handler.ts';

export const originsHandlers: Handlers<'recoveryOrigins'> = {
  async recoveryOrigins({ world, by }, { params, query }) {
    const request = await consult(world, 'recovery:approve', by, (snapshot) => recoveryById(snapshot, params.id));
    if (request === undefined) throw new AuthorityError('not-found', 'There is no such recovery request.');
    return originsOfRequest(world, request, { ...query, after: cursorNumber(query.after) });
  },
};
