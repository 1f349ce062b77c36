/** Recovery requests: asking, recording, deciding, releasing. */
import { AuthorityError } from '../../errors.ts';
import { draftRequest } from '../../kra/draft-recovery.ts';
import { decideRecovery, requestRecovery, tellRecovery } from '../../kra/recovery.ts';
import { checkIdentity, recordManagerApproval } from '../../kra/recovery-steps.ts';
import { releaseKey, releaseMessages, releasePassword, releaseToOwner } from '../../kra/release.ts';
import { consult, perform } from '../../operation.ts';
import { listRecoveries, type RecoveryRow } from '../../store/recovery.ts';
import { unknownCursor } from './cursor.ts';
import { describeRecovery, describeVaultOfRequest, summariseRecovery } from './describe-recovery.ts';
import type { Context, Handlers } from './handler.ts';
import { toBase64 } from './issued.ts';

export const recoveryHandlers: Handlers<
  | 'recoveryRequests'
  | 'recoveryRequest'
  | 'previewRecovery'
  | 'requestRecovery'
  | 'checkIdentity'
  | 'recordManagerApproval'
  | 'tellSubjects'
  | 'decideRecovery'
  | 'releaseKey'
  | 'releaseToOwner'
  | 'releaseMessages'
  | 'releasePassword'
> = {
  async recoveryRequests({ world, by }, { query }) {
    const { after, ...filter } = query;
    return consult(world, 'recovery:read', by, async (snapshot) => {
      const { rows, total, hasMore } = await listRecoveries(
        snapshot,
        { ...filter, ...(after === undefined ? {} : { after: readCursor(after) }) },
        world.clock(),
      );
      const items = [];
      for (const row of rows) items.push(await summariseRecovery(snapshot, row, world.clock()));
      const last = rows.at(-1);
      return { items, total, next: hasMore && last !== undefined ? writeCursor(last) : null };
    });
  },
  async recoveryRequest(context, { params }) {
    return read(context, params.id);
  },
  async previewRecovery({ world, by }, { body }) {
    return consult(world, 'recovery:request', by, async (snapshot) => {
      const { canonical, withoutKeys, vault } = await draftRequest(snapshot, world, body, by);
      const { people, rules, threshold, expiresAt, withholdNotice } = canonical;
      return {
        people,
        withoutKeys: [...withoutKeys],
        rules,
        threshold,
        vault: await describeVaultOfRequest(snapshot, vault),
        expiresAt,
        withholdNotice,
        mail: hasMail(world),
      };
    });
  },
  async requestRecovery(context, { body }) {
    return read(context, await perform(context.world, requestRecovery, context.by, body));
  },
  async checkIdentity(context, { params, body }) {
    await perform(context.world, checkIdentity, context.by, { ...params, ...body });
    return read(context, params.id);
  },
  async recordManagerApproval(context, { params, body }) {
    await perform(context.world, recordManagerApproval, context.by, { ...params, ...body });
    return read(context, params.id);
  },
  async tellSubjects(context, { params, body }) {
    await perform(context.world, tellRecovery, context.by, { ...params, ...body });
    return read(context, params.id);
  },
  async decideRecovery(context, { params, body }) {
    await perform(context.world, decideRecovery, context.by, { ...params, ...body });
    return read(context, params.id);
  },
  async releaseKey({ world, by }, { params }) {
    const { data, ...file } = await perform(world, releaseKey, by, params);
    return { ...file, data: toBase64(data) };
  },
  async releaseToOwner({ world, by }, { params }) {
    const links = await perform(world, releaseToOwner, by, params);
    return {
      links: links.map(({ id, name, address, expiresAt }) => ({
        id,
        name,
        address,
        expiresAt: expiresAt.toISOString(),
      })),
    };
  },
  async releaseMessages({ world, by }, { params, body }) {
    const messages = body.messages.map((message) => new Uint8Array(Buffer.from(message, 'base64')));
    const { data, opened, notOpened, ...file } = await perform(world, releaseMessages, by, { ...params, messages });
    return { ...file, data: toBase64(data), opened: [...opened], notOpened: [...notOpened] };
  },
  async releasePassword({ world, by }, { params }) {
    return perform(world, releasePassword, by, params);
  },
};

async function read({ world, by }: Pick<Context, 'world' | 'by'>, id: string) {
  const described = await consult(world, 'recovery:read', by, (snapshot) => describeRecovery(world, snapshot, id, by));
  if (described === undefined) throw new AuthorityError('not-found', 'There is no such recovery request.');
  return described;
}

const hasMail = ({ mail }: Context['world']): boolean => mail !== undefined;

function writeCursor(row: RecoveryRow): string {
  return `${row.requested_at.getTime()}.${row.id}`;
}

/** @throws AuthorityError `invalid-request` for a cursor that no page gave out */
function readCursor(text: string): { at: Date; id: string } {
  const match = /^(\d{1,15})\.([0-9a-f-]{36})$/.exec(text);
  if (match?.[1] === undefined || match[2] === undefined) throw unknownCursor();
  return { at: new Date(Number(match[1])), id: match[2] };
}
