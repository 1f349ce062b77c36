/** Partners who get certificates by ACME: keys for their accounts, what they ordered, and replies that gateways hand in. */
import type { AcmeKey } from '@chancery/api';
import { publicUrlOf } from '../../config.ts';
import { consult, perform } from '../../operation.ts';
import { stateOf } from '../../ra/acme/finalize.ts';
import { createAcmeKey, revokeAcmeKey } from '../../ra/acme/keys.ts';
import { takeAcmeReply } from '../../ra/acme/take-reply.ts';
import { listAcmeKeys } from '../../store/acme-accounts.ts';
import { listAcmeOrders } from '../../store/acme-orders.ts';
import type { Handlers } from './handler.ts';

export const acmeHandlers: Handlers<'acmeKeys' | 'createAcmeKey' | 'revokeAcmeKey' | 'acmeOrders' | 'acmeReply'> = {
  async acmeKeys({ world, by }) {
    const rows = await consult(world, 'certificate:read', by, listAcmeKeys);
    return { items: rows.map((row) => describeKey(row, world.clock())) };
  },
  async createAcmeKey({ world, by }, { body }) {
    const { expiresAt, ...made } = await perform(world, createAcmeKey, by, body);
    return { ...made, expiresAt: expiresAt.toISOString(), url: `${publicUrlOf(world.config)}/acme/directory` };
  },
  async revokeAcmeKey({ world, by }, { params: { id }, body }) {
    return perform(world, revokeAcmeKey, by, { id, ...body });
  },
  async acmeOrders({ world, by }) {
    const rows = await consult(world, 'certificate:read', by, (snapshot) => listAcmeOrders(snapshot, 500));
    return {
      items: rows.map((row) => ({
        id: row.id,
        accountId: row.account_id,
        partner: row.partner,
        addresses: row.addresses,
        state: stateOf(row, world.clock()),
        createdAt: row.created_at.toISOString(),
        expiresAt: row.expires_at.toISOString(),
        serialNumber: row.serial_number,
        problem: row.problem,
      })),
    };
  },
  async acmeReply({ world, by }, { body }) {
    return takeAcmeReply(world, by, Buffer.from(body.message, 'base64'));
  },
};

function describeKey(row: Awaited<ReturnType<typeof listAcmeKeys>>[number], at: Date): AcmeKey {
  const state =
    row.revoked_at !== null ? 'revoked' : row.used_at !== null ? 'used' : row.expires_at <= at ? 'expired' : 'open';
  return {
    id: row.id,
    name: row.name,
    addresses: row.addresses,
    state,
    createdAt: row.created_at.toISOString(),
    createdBy: row.created_by,
    expiresAt: row.expires_at.toISOString(),
    usedAt: row.used_at?.toISOString() ?? null,
    account:
      row.account_id === null || row.account_state === null ? null : { id: row.account_id, state: row.account_state },
  };
}
