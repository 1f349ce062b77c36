/** Operators, their invitations and sign-in links; the tokens of gateways. */
import { createGateway } from '../../identity/gateways.ts';
import {
  acceptInvitation,
  describeOperator,
  disableOperator,
  inviteOperator,
  makeSignInLink,
  offerInvitation,
} from '../../identity/operators.ts';
import { consult, perform } from '../../operation.ts';
import { listOperators } from '../../store/operators.ts';
import type { Handlers } from './handler.ts';
import { enter } from './session.ts';

export const operatorHandlers: Handlers<
  | 'invitationOptions'
  | 'completeInvitation'
  | 'operators'
  | 'inviteOperator'
  | 'disableOperator'
  | 'signInLink'
  | 'createGateway'
> = {
  async invitationOptions({ world, origin }, { body }) {
    return world.database.snapshot((snapshot) => offerInvitation(world, snapshot, body.token, origin));
  },
  async completeInvitation(context, { body }) {
    const { world, by, origin } = context;
    return enter(context, await perform(world, acceptInvitation, by, { ...body, origin }));
  },
  async operators({ world, by }) {
    const rows = await consult(world, 'operator:read', by, listOperators);
    return { items: rows.map((row) => describeOperator(world, row)) };
  },
  async inviteOperator({ world, by }, { body }) {
    const { operator, url, expiresAt } = await perform(world, inviteOperator, by, body);
    return { operator: describeOperator(world, operator), url, expiresAt: expiresAt.toISOString() };
  },
  async disableOperator({ world, by }, { params }) {
    await perform(world, disableOperator, by, params);
    return { done: true };
  },
  async signInLink({ world, by }, { body }) {
    const { url, expiresAt } = await perform(world, makeSignInLink, by, body);
    return { url, expiresAt: expiresAt.toISOString() };
  },
  async createGateway({ world, by }, { body }) {
    return perform(world, createGateway, by, body);
  },
};
