/** Accounts of partners (RFC 8555 section 7.3): made with a key that an administrator gave out, changed, given another key, ended. */
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import type { AcmeConfig } from '../../acme-config.ts';
import { operation } from '../../operation.ts';
import type { Principal } from '../../principal.ts';
import {
  type AcmeAccountRow,
  acmeAccount,
  acmeKeyById,
  changeAcmeAccount,
  closeAcmeKey,
  insertAcmeAccount,
  lockAcmeAccount,
  lockAcmeKey,
} from '../../store/acme-accounts.ts';
import type { Snapshot, Transaction } from '../../store/database.ts';
import type { World } from '../../world.ts';
import { AcmeError } from './acme-error.ts';
import { hasMac, type Jws, KeyInput, payloadOf, readAccountKey, readJws, thumbprintOf } from './jws.ts';
import { openAcmeKey } from './keys.ts';
import { NonceInput, spendNonce } from './nonces.ts';

/** The whole of it, as it came: who it is from is judged here. */
const Binding = z.custom<object>((value) => typeof value === 'object' && value !== null);
const Contacts = z.array(z.string().max(300)).max(5);

/** Of an ACME account, once its signature was judged. */
export const ofAccount = {
  guard: (by: Principal): boolean => by.kind === 'acme',
  description: 'the key of an ACME account',
};

/** @throws AcmeError `unauthorized` where it was ended */
export async function accountCaller(snapshot: Snapshot, account: AcmeAccountRow): Promise<Principal> {
  if (account.state !== 'valid')
    throw new AcmeError('unauthorized', `This account is ${account.state}. Nothing was changed.`);
  const key = account.key_id === null ? undefined : await acmeKeyById(snapshot, account.key_id);
  return { kind: 'acme', id: account.id, name: key?.name ?? 'an ACME account' };
}

/**
 * Where that key has an account already, the request has changed nothing: `created` says so.
 * @throws AcmeError `externalAccountRequired`, `unauthorized` (the binding), `userActionRequired`, `unsupportedContact`, `invalidContact`,
 *   `accountDoesNotExist` (only an existing one was asked for)
 */
export const createAcmeAccount = operation({
  action: 'acme.create-account',
  permission: { guard: () => true, description: 'a key of their own' },
  input: z.strictObject({
    nonce: NonceInput,
    key: KeyInput,
    /** Of the endpoint, which the binding repeats. */
    url: z.string(),
    contacts: Contacts,
    agreed: z.boolean(),
    onlyExisting: z.boolean(),
    binding: Binding.optional(),
  }),
  subject: () => null,
  async run(tx, { nonce, key, url, contacts, agreed, onlyExisting, binding }, _by, world) {
    await spendNonce(tx, nonce);
    const config = acmeOf(world);
    const thumbprint = await thumbprintOf(key);
    const known = await acmeAccount(tx, { thumbprint });
    if (known !== undefined) return existing(known);
    if (onlyExisting)
      throw new AcmeError('accountDoesNotExist', 'There is no account with this key, and none was to be made.');
    requireContacts(contacts);
    if (config.termsOfService !== undefined && !agreed)
      throw new AcmeError('userActionRequired', `Agree to ${config.termsOfService} first. No account was made.`);
    const bound = binding && (await bindingKey(tx, world, binding, { url, thumbprint }));
    if (bound === undefined && config.externalAccountRequired)
      throw new AcmeError(
        'externalAccountRequired',
        'An account is made with a key of this office (externalAccountBinding). Ask its administrators. None was made.',
      );
    const id = randomUUID();
    const account = { id, thumbprint, jwk: key, contacts, key_id: bound?.id ?? null, created_at: world.clock() };
    if (!(await insertAcmeAccount(tx, account))) {
      const other = await acmeAccount(tx, { thumbprint });
      if (other === undefined) throw new Error('An ACME account was there, and is not');
      return existing(other);
    }
    if (bound !== undefined) await closeAcmeKey(tx, bound.id, { used_at: world.clock() });
    const made: AcmeAccountRow = { ...account, state: 'valid' };
    return {
      result: { account: made, created: true },
      audit: { accountId: id, thumbprint, contacts, keyId: bound?.id ?? null, partner: bound?.name ?? null },
    };
  },
});

/** @throws AcmeError as above */
export const changeAcmeContacts = operation({
  action: 'acme.change-account',
  permission: ofAccount,
  input: z.strictObject({ nonce: NonceInput, contacts: Contacts.optional(), deactivate: z.boolean() }),
  subject: () => null,
  async run(tx, { nonce, contacts, deactivate }, by) {
    await spendNonce(tx, nonce);
    const account = await requireAccount(tx, by);
    if (contacts !== undefined) requireContacts(contacts);
    const change = {
      ...(contacts !== undefined && { contacts }),
      ...(deactivate && { state: 'deactivated' as const }),
    };
    if (Object.keys(change).length > 0) await changeAcmeAccount(tx, account.id, change);
    return { result: { ...account, ...change }, audit: { accountId: account.id, ...change } };
  },
});

/**
 * RFC 8555 7.3.5: another key, which has signed that it is. Where it has an account already, it is that account's, and nothing is changed.
 * @throws AcmeError `unauthorized`
 */
export const changeAcmeKey = operation({
  action: 'acme.change-key',
  permission: ofAccount,
  input: z.strictObject({ nonce: NonceInput, oldKey: KeyInput, newKey: KeyInput }),
  subject: () => null,
  async run(tx, { nonce, oldKey, newKey }, by) {
    await spendNonce(tx, nonce);
    const account = await requireAccount(tx, by);
    if (account.thumbprint !== (await thumbprintOf(oldKey)))
      throw new AcmeError('malformed', 'The key that is to be replaced is not the key of this account.');
    const thumbprint = await thumbprintOf(newKey);
    const other = await acmeAccount(tx, { thumbprint });
    if (other === undefined) await changeAcmeAccount(tx, account.id, { jwk: newKey, thumbprint });
    const changed: AcmeAccountRow = other ?? { ...account, jwk: newKey, thumbprint };
    return {
      result: { isTaken: other !== undefined, account: changed },
      audit: {
        accountId: account.id,
        before: account.thumbprint,
        after: other === undefined ? thumbprint : account.thumbprint,
        ...(other !== undefined && { outcome: 'that key has an account' }),
      },
    };
  },
});

/** Its own, held until commit. @throws AcmeError `unauthorized` where it was ended meanwhile */
export async function requireAccount(tx: Transaction, by: Principal): Promise<AcmeAccountRow> {
  const account = await lockAcmeAccount(tx, by.id);
  if (account?.state !== 'valid') throw new AcmeError('unauthorized', 'This account has ended. Nothing was changed.');
  return account;
}

export function acmeOf({ config }: World): AcmeConfig {
  if (config.acme === undefined) throw new AcmeError('unauthorized', 'ACME is not switched on here.');
  return config.acme;
}

const existing = (account: AcmeAccountRow) => {
  if (account.state !== 'valid')
    throw new AcmeError('unauthorized', `The account of this key is ${account.state}. Nothing was changed.`);
  return { result: { account, created: false }, audit: { accountId: account.id, outcome: 'there already' } };
};

/** RFC 8555 7.3.4. One answer for whatever is wrong with it: nobody learns which keys there are. */
async function bindingKey(
  tx: Transaction,
  world: World,
  binding: object,
  { url, thumbprint }: { url: string; thumbprint: string },
): Promise<{ id: string; name: string }> {
  const refused = () =>
    new AcmeError(
      'unauthorized',
      'The external account binding is not by a key of this office that is still to be used. No account was made.',
    );
  const jws = readJws(binding);
  const { kid, nonce } = jws.header;
  if (nonce !== undefined || jws.header.jwk !== undefined || kid === undefined)
    throw new AcmeError('malformed', 'The external account binding has `alg`, `kid` and `url`, and no more.');
  if (jws.header.url !== url) throw refused();
  const key = z.uuid().safeParse(kid).success ? await lockAcmeKey(tx, kid) : undefined;
  const secret = key && (await openAcmeKey(tx, world, key));
  if (key === undefined || secret === undefined) throw refused();
  const signed = await hasMac(jws, secret);
  secret.fill(0);
  if (!signed || (await boundThumbprint(jws)) !== thumbprint) throw refused();
  return { id: key.id, name: key.name };
}

const boundThumbprint = async (jws: Jws): Promise<string> => thumbprintOf(readAccountKey(payloadOf(jws)));

/** RFC 8555 7.3: `mailto` with one address and nothing else. */
function requireContacts(contacts: readonly string[]): void {
  for (const contact of contacts) {
    if (!contact.startsWith('mailto:'))
      throw new AcmeError('unsupportedContact', 'A contact is `mailto:` with an address. Nothing was changed.');
    if (!/^[^\s@,?]+@[^\s@,?]+$/.test(contact.slice('mailto:'.length)))
      throw new AcmeError('invalidContact', 'A contact has one address, and no header fields. Nothing was changed.');
  }
}
