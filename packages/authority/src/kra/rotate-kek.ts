/**
 * Rotates the vault's key-encryption key. From the first moment on everything new is sealed under the new key, and what is
 * sealed opens with either; then what the old one sealed is sealed anew, some at a time, and the old key is destroyed. No
 * officer takes part, and no key of a person is touched: only half `a` of each lock, and the KRA's own small secrets.
 */
import { KeyStoreError } from '@chancery/keystore';
import { z } from 'zod';
import { AuthorityError } from '../errors.ts';
import { operation, perform } from '../operation.ts';
import { system } from '../principal.ts';
import { claimsSealedUnder } from '../store/claims.ts';
import type { Transaction } from '../store/database.ts';
import { moveLock, vaultLocksBehind } from '../store/escrow.ts';
import { passwordsBehind, resealPassword } from '../store/recovery.ts';
import {
  beginRotation,
  currentVault,
  endRotation,
  isQuiet,
  lockRotation,
  markRotation,
  moveRotation,
  rotatingVaults,
  type VaultRow,
  vaultById,
} from '../store/vaults.ts';
import type { World } from '../world.ts';
import { moveClaimSecret } from './claim-link.ts';
import { becomesQuiet, destroyKek } from './empty-vaults.ts';
import { resealHalf } from './locks/vault.ts';
import { passwordPurpose } from './release.ts';
import { openUnderVault, sealUnderVault } from './vault.ts';

/** Sealed anew in one transaction. */
const GROUP = 200;

/** @throws AuthorityError `wrong-state` (the vault is not live, or its key rotates already) */
export const rotateKek = operation({
  action: 'vault.rotate-kek',
  permission: 'vault:write',
  input: z.strictObject({}),
  subject: () => 'vault',
  async run(tx, _input, _by, world) {
    const vault = await currentVault(tx);
    if (vault.state !== 'live') {
      throw new AuthorityError(
        'wrong-state',
        'The provisional vault is emptied when the officers have founded theirs. Nothing was changed. Hold the ceremony instead.',
      );
    }
    if (vault.previousKekReference !== null) {
      throw new AuthorityError('wrong-state', 'The key-encryption key rotates already. Nothing was changed.');
    }
    const kekReference = await world.keyStore.generateKek('vault');
    await beginRotation(tx, vault.id, kekReference);
    await world.jobs.enqueue(tx, 'rotate-kek', {});
    return { result: undefined, audit: { vaultId: vault.id, from: vault.kekReference, to: kekReference } };
  },
});

/** Seals the next few anew; what was done stands in the vault's row, so that whoever comes next goes on there. */
export const resealSome = operation({
  action: 'vault.reseal',
  permission: 'system',
  input: z.strictObject({ vaultId: z.uuid(), most: z.int().min(1).max(GROUP).default(GROUP) }),
  subject: ({ vaultId }) => `vault:${vaultId}`,
  async run(tx, { vaultId, most }, _by, world) {
    const cursor = await lockRotation(tx, vaultId);
    const vault = await vaultById(tx, vaultId);
    if (cursor === undefined || vault.previousKekReference === null) {
      throw new AuthorityError(
        'wrong-state',
        'The key-encryption key of this vault does not rotate. Nothing was changed.',
      );
    }
    if (cursor === null) {
      // What begins from here on seals under the new key. What began before is waited for.
      await markRotation(tx, vaultId, cursorOf('locks', FIRST));
      return { result: { done: false }, audit: { kind: null, count: 0 } };
    }
    const [kind, after] = readCursor(cursor);
    if (kind === 'done') return { result: { done: true }, audit: { kind, count: 0 } };
    const ids = await sealed[kind](tx, world, vault, after, most);
    const last = ids.at(-1);
    const next = last === undefined ? cursorOf(afterKind[kind], FIRST) : cursorOf(kind, last);
    await moveRotation(tx, vaultId, next);
    return { result: { done: next.startsWith('done') }, audit: { kind, count: ids.length, last: last ?? null } };
  },
});

/** Nothing is sealed under the key before any more. */
export const destroyOldKek = operation({
  action: 'vault.destroy-kek',
  permission: 'system',
  irreversible: true,
  input: z.strictObject({ vaultId: z.uuid() }),
  subject: ({ vaultId }) => `vault:${vaultId}`,
  async run(tx, { vaultId }, _by, world) {
    const cursor = await lockRotation(tx, vaultId);
    const vault = await vaultById(tx, vaultId);
    const previous = vault.previousKekReference;
    if (previous === null || cursor == null || readCursor(cursor)[0] !== 'done') {
      throw new AuthorityError('wrong-state', 'Something may still be sealed under this key. Nothing was destroyed.');
    }
    await endRotation(tx, vaultId);
    // Last, as when a vault is closed: where the commit fails the key is gone, and nothing was under it.
    await destroyKek(world, previous);
    return { result: undefined, audit: { keyReference: previous } };
  },
});

/** The job; idempotent, and it goes on where the one before was cut off. */
export async function continueRotations(world: World): Promise<void> {
  for (const { id, marked } of await world.database.snapshot((snapshot) => rotatingVaults(snapshot))) {
    if (!marked) await perform(world, resealSome, system, { vaultId: id });
    const quiet = () => world.database.snapshot((snapshot) => isQuiet(snapshot, id, 'kek_rotation_began_at'));
    if (!(await becomesQuiet(quiet))) continue;
    for (let done = false; !done; ) ({ done } = await perform(world, resealSome, system, { vaultId: id }));
    await perform(world, destroyOldKek, system, { vaultId: id });
  }
}

type Kind = 'locks' | 'claims' | 'passwords';

/**
 * All that is sealed under a vault's key-encryption key. Each seals anew what comes after `after`, in the order of its ids, and
 * says what that was. What seals something else under it belongs here, and a test looks.
 */
const sealed: Record<
  Kind,
  (tx: Transaction, world: World, vault: VaultRow, after: string, most: number) => Promise<string[]>
> = {
  async locks(tx, world, vault, after, most) {
    const rows = await vaultLocksBehind(tx, vault.id, after, most);
    for (const { id, escrowed_key_id, wrapped } of rows) {
      const anew = await opening(`The vault lock of the key ${escrowed_key_id}`, () =>
        resealHalf(world, vault, escrowed_key_id, wrapped),
      );
      await moveLock(tx, id, vault.id, anew);
    }
    return rows.map(({ id }) => id);
  },
  async claims(tx, world, vault, after, most) {
    const rows = await claimsSealedUnder(tx, vault.id, { after, limit: most });
    for (const claim of rows) {
      await opening(`The secret of the claim ${claim.id}`, () => moveClaimSecret(tx, world, claim, vault, vault));
    }
    return rows.map(({ id }) => id);
  },
  async passwords(tx, world, vault, after, most) {
    const rows = await passwordsBehind(tx, vault.id, after, most);
    for (const { id, sealed_password } of rows) {
      const password = await opening(`The password of the recovery ${id}`, () =>
        openUnderVault(world, vault, passwordPurpose(id), sealed_password),
      );
      try {
        await resealPassword(tx, id, await sealUnderVault(world, vault, passwordPurpose(id), password));
      } finally {
        password.fill(0);
      }
    }
    return rows.map(({ id }) => id);
  },
};

/** What opens under neither key was altered: the rotation waits, and the old key stays, until somebody has looked. */
async function opening<T>(what: string, open: () => Promise<T>): Promise<T> {
  try {
    return await open();
  } catch (error) {
    if (!(error instanceof KeyStoreError) || error.code !== 'unwrap-failed') throw error;
    throw new AuthorityError(
      'internal',
      `${what} opens under neither key: it was altered. The rotation waits and the old key stays. Restore it from a backup.`,
    );
  }
}

const afterKind = { locks: 'claims', claims: 'passwords', passwords: 'done' } as const;
/** Before every id. */
const FIRST = '00000000-0000-0000-0000-000000000000';

const cursorOf = (kind: Kind | 'done', after: string): string => `${kind}:${after}`;

function readCursor(cursor: string): [Kind | 'done', string] {
  const [kind = '', after = FIRST] = cursor.split(':');
  return [kind as Kind | 'done', after];
}
