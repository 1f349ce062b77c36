/** Keys for external account binding (RFC 8555 section 7.3.4): what an administrator gives a partner, good for one account and for the addresses that it names. */
import { randomBytes, randomUUID } from 'node:crypto';
import { z } from 'zod';
import { AcmeAddress } from '../../acme-config.ts';
import { changeIfPossible } from '../../ca/revoke.ts';
import { AuthorityError } from '../../errors.ts';
import { openSecret, sealSecret } from '../../identity/sealing.ts';
import { operation } from '../../operation.ts';
import { actorOf } from '../../principal.ts';
import {
  type AcmeKeyRow,
  acmeAccount,
  changeAcmeAccount,
  closeAcmeKey,
  insertAcmeKey,
  lockAcmeAccount,
  lockAcmeKey,
} from '../../store/acme-accounts.ts';
import { certificatesOfAcmeAccount } from '../../store/acme-orders.ts';
import type { Transaction } from '../../store/database.ts';
import { requireOffice } from '../../store/office.ts';
import { peopleByAddresses } from '../../store/people.ts';
import type { World } from '../../world.ts';

const DAY_MS = 86_400_000;

/** @throws AuthorityError `unusable-input` (an address is one of ours), `wrong-state` (ACME is not switched on) */
export const createAcmeKey = operation({
  action: 'acme.create-key',
  permission: 'partner:write',
  input: z.strictObject({
    name: z.string().trim().min(1).max(100),
    addresses: z.array(AcmeAddress).min(1).max(50),
    expiresInDays: z.int().min(1).max(366),
  }),
  subject: () => null,
  async run(tx, { name, addresses, expiresInDays }, by, world) {
    if (world.config.acme === undefined)
      throw new AuthorityError('wrong-state', 'ACME is not switched on: add the table [acme]. Nothing was made.');
    const own = await ourOwn(tx, addresses);
    if (own !== undefined)
      throw new AuthorityError('unusable-input', `${own} is of this organisation, not of a partner. Nothing was made.`);
    const id = randomUUID();
    const secret = randomBytes(32);
    const at = world.clock();
    const expiresAt = new Date(at.getTime() + expiresInDays * DAY_MS);
    await insertAcmeKey(tx, {
      id,
      name,
      addresses: [...new Set(addresses)],
      sealed: Buffer.from(await sealSecret(world, tx, purposeOf(id), secret)),
      created_at: at,
      created_by: actorOf(by),
      expires_at: expiresAt,
    });
    return {
      result: { id, name, macKey: secret.toString('base64url'), expiresAt },
      audit: { keyId: id, name, addresses, expiresAt: expiresAt.toISOString() },
    };
  },
});

/**
 * Nobody makes an account with it any more, and the account that was made with it orders nothing more.
 * @throws AuthorityError `not-found`, `wrong-state` (revoked already)
 */
export const revokeAcmeKey = operation({
  action: 'acme.revoke-key',
  permission: 'partner:write',
  input: z.strictObject({
    id: z.uuid(),
    /** Whether what the account was given is revoked as well. */
    certificates: z.boolean(),
  }),
  subject: ({ id }) => `acme-key:${id}`,
  async run(tx, { id, certificates }, _by, world) {
    const key = await lockAcmeKey(tx, id);
    if (key === undefined) throw new AuthorityError('not-found', 'There is no such key. Nothing was changed.');
    if (key.revoked_at !== null && !certificates)
      throw new AuthorityError('wrong-state', 'This key was revoked already. Nothing was changed.');
    if (key.revoked_at === null) await closeAcmeKey(tx, id, { revoked_at: world.clock() });
    const found = await acmeAccount(tx, { keyId: id });
    const account = found && (await lockAcmeAccount(tx, found.id));
    if (account?.state === 'valid') await changeAcmeAccount(tx, account.id, { state: 'revoked' });
    const revoked: string[] = [];
    if (certificates && account !== undefined) {
      for (const serialNumber of await certificatesOfAcmeAccount(tx, account.id)) {
        const change = { act: 'revoke', reason: 'privilegeWithdrawn' } as const;
        revoked.push(...(await changeIfPossible(tx, world, serialNumber, change)).map((one) => one.serialNumber));
      }
    }
    return {
      result: { revoked: revoked.length },
      audit: { name: key.name, accountId: account?.id ?? null, revoked: revoked.sort() },
    };
  },
});

/** The secret of a key that may still be used; undefined where there is none. The caller clears it. */
export async function openAcmeKey(
  tx: Transaction,
  world: World,
  { id, sealed, expires_at, revoked_at, used_at }: AcmeKeyRow,
): Promise<Uint8Array | undefined> {
  if (sealed === null || revoked_at !== null || used_at !== null || expires_at <= world.clock()) return undefined;
  return openSecret(world, tx, purposeOf(id), sealed);
}

/** The first of these that is the organisation's own, by its domain or by one of its people. */
export async function ourOwn(tx: Transaction, addresses: readonly string[]): Promise<string | undefined> {
  const { domains } = await requireOffice(tx);
  const own = new Set(domains.map((domain) => domain.toLowerCase()));
  const people = await peopleByAddresses(tx, addresses);
  return addresses.find(
    (address) =>
      own.has(address.slice(address.lastIndexOf('@') + 1).toLowerCase()) || people.has(address.toLowerCase()),
  );
}

const purposeOf = (id: string): string => `chancery:acme-key:${id}`;
