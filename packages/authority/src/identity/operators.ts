/** The people who run the office: invited, active, disabled. */
import { randomUUID } from 'node:crypto';
import { type Operator, OperatorRole } from '@chancery/api';
import { z } from 'zod';
import { publicUrlOf } from '../config.ts';
import { AuthorityError } from '../errors.ts';
import { operation } from '../operation.ts';
import type { Principal } from '../principal.ts';
import type { Snapshot } from '../store/database.ts';
import { findOffice, requireOffice } from '../store/office.ts';
import {
  insertOperator,
  lockActiveAdministrators,
  lockOperatorByAddress,
  type OperatorRow,
  operatorByAddress,
  operatorById,
  reinviteOperator,
  setOperatorDisabled,
  storeCredential,
} from '../store/operators.ts';
import { consumeToken, deleteTokensOfOperator, findToken, insertToken, newToken } from '../store/tokens.ts';
import type { World } from '../world.ts';
import { acceptCredential, offerCredential } from './credential.ts';
import { refuseExclusiveRoles } from './exclusive-roles.ts';
import { beginSession } from './sessions.ts';

/** A credential as the REST contract has parsed it; `acceptCredential` judges it. */
export const ChosenCredential = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('password'),
    password: z.string().min(12),
    totpSecret: z.string(),
    totpCode: z.string(),
  }),
  z.object({ kind: z.literal('passkey'), response: z.record(z.string(), z.unknown()) }),
]);

/** Invites someone, or invites again who never came or was disabled. */
export const inviteOperator = operation({
  action: 'operator.invite',
  permission: 'operator:write',
  input: z.object({ name: z.string().trim().min(1), address: z.email(), roles: z.array(OperatorRole).min(1) }),
  subject: (input) => `operator-address:${input.address.toLowerCase()}`,
  async run(tx, input, _by, world) {
    await requireOffice(tx);
    const roles = [...new Set(input.roles)];
    refuseExclusiveRoles(world.config, roles);
    const at = world.clock();
    const existing = await lockOperatorByAddress(tx, input.address);
    if (existing?.state === 'active') {
      throw new AuthorityError(
        'conflict',
        `${input.address} is an operator already. Nothing was changed. Disable the operator first to invite them anew.`,
      );
    }
    if (existing !== undefined) await deleteTokensOfOperator(tx, existing.id);
    const operator =
      existing === undefined
        ? await insertOperator(tx, { ...input, roles, id: randomUUID(), state: 'invited', at })
        : await reinviteOperator(tx, existing.id, { ...input, roles });
    const token = newToken();
    const expiresAt = new Date(at.getTime() + INVITATION_MS);
    await insertToken(tx, { secret: token, kind: 'invitation', operatorId: operator.id, at, expiresAt });
    return {
      result: { operator, url: `${publicUrlOf(world.config)}/invitation#${token}`, expiresAt },
      audit: { operatorId: operator.id, name: input.name, roles },
    };
  },
});

export const acceptInvitation = operation({
  action: 'operator.accept-invitation',
  permission: { guard: () => true, description: 'an invitation link' },
  input: z.object({ token: z.string(), credential: ChosenCredential, origin: z.string() }),
  subject: () => null,
  async run(tx, input, _by, world) {
    const invitation = await consumeToken(tx, 'invitation', input.token, world.clock());
    const invited = invitation?.operator_id == null ? undefined : await operatorById(tx, invitation.operator_id);
    if (invited?.state !== 'invited') throw invitationGone();
    const credential = await acceptCredential(world, tx, { ...input, operatorId: invited.id });
    await storeCredential(tx, invited.id, credential, world.clock());
    const session = await beginSession(tx, world, invited);
    return { result: session, audit: { operatorId: invited.id, credential: credential.kind } };
  },
});

/** What the invitation page shows. @throws AuthorityError `wrong-credentials` */
export async function offerInvitation(world: World, snapshot: Snapshot, token: string, origin: string) {
  const invitation = await findToken(snapshot, 'invitation', token, world.clock());
  const operator = invitation?.operator_id == null ? undefined : await operatorById(snapshot, invitation.operator_id);
  if (operator?.state !== 'invited') throw invitationGone();
  const office = await findOffice(snapshot);
  const { name, address, roles } = operator;
  return offerCredential({ token, origin, organisation: office?.organisation ?? '', name, address, roles });
}

export const disableOperator = operation({
  action: 'operator.disable',
  permission: 'operator:write',
  input: z.object({ id: z.uuid() }),
  subject: (input) => `operator:${input.id}`,
  async run(tx, input, _by, world) {
    const administrators = await lockActiveAdministrators(tx);
    if (administrators.length === 1 && administrators[0] === input.id) {
      throw new AuthorityError(
        'wrong-state',
        'This is the last administrator with a credential of their own. Nothing was changed. Invite another, and disable this one once they have signed in.',
      );
    }
    const known = await operatorById(tx, input.id);
    if (known === undefined) {
      throw new AuthorityError('not-found', 'There is no such operator. Nothing was changed.');
    }
    const disabled = await setOperatorDisabled(tx, input.id);
    await deleteTokensOfOperator(tx, input.id);
    world.log.info('operator.disabled', { operatorId: input.id });
    return { result: undefined, audit: { name: known.name, already: disabled === undefined } };
  },
});

/** A way back in, for whoever holds the data folder: for administrators, and for everyone in a demo office. */
export const makeSignInLink = operation({
  action: 'operator.make-sign-in-link',
  permission: {
    guard: (by: Principal) => by.kind === 'local',
    description: "the command line on the office's own machine",
  },
  input: z.object({ address: z.string() }),
  subject: (input) => `operator-address:${input.address.toLowerCase()}`,
  async run(tx, input, _by, world) {
    const office = await requireOffice(tx);
    const operator = await operatorByAddress(tx, input.address);
    if (operator?.state !== 'active') {
      throw new AuthorityError(
        'not-found',
        `${input.address} is no active operator. Nothing was changed. Invite them, or see "chancery authority --help".`,
      );
    }
    if (!operator.roles.includes('administrator') && !office.demo) {
      throw new AuthorityError(
        'forbidden',
        `A sign-in link is for administrators. Nothing was changed. An administrator invites ${input.address} anew after disabling them.`,
      );
    }
    const at = world.clock();
    const expiresAt = new Date(at.getTime() + SIGN_IN_LINK_MS);
    const token = newToken();
    await insertToken(tx, { secret: token, kind: 'sign-in', operatorId: operator.id, at, expiresAt });
    return {
      result: { url: `${publicUrlOf(world.config)}/sign-in#${token}`, expiresAt },
      audit: { operatorId: operator.id, expiresAt: expiresAt.toISOString() },
    };
  },
});

export function describeOperator({ config }: Pick<World, 'config'>, row: OperatorRow): Operator {
  return {
    id: row.id,
    name: row.name,
    address: row.address,
    roles: row.roles,
    state: row.state,
    createdAt: row.created_at.toISOString(),
    lastSignInAt: row.last_sign_in_at?.toISOString() ?? null,
    provider: row.provider === null ? null : (config.identity.oidc[row.provider]?.title ?? row.provider),
  };
}

/** Seven days: an invitation waits over a weekend, not over a holiday. */
const INVITATION_MS = 7 * 86_400_000;
const SIGN_IN_LINK_MS = 15 * 60_000;

function invitationGone(): AuthorityError {
  return new AuthorityError(
    'wrong-credentials',
    'This invitation was used already, or has expired. Nothing was changed. Ask an administrator for a new one.',
  );
}
