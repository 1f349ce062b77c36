/**
 * What a person's browser does with the key that their passkey gives. It runs in a worker of its own, which ends with the act:
 * the key is never in the page, its cache or its storage.
 */
import {
  deriveOwnerKey,
  fromBase64Url,
  type OwnerKey,
  openOwnerLock,
  sealOwnerLock,
  toBase64Url,
  VaultError,
} from '@chancery/vault';

/** The octets that a passkey gave, and whose it is. */
export interface OwnerKeySource {
  readonly output: Uint8Array;
  readonly personId: string;
}

/** A key of the person, as the office keeps it for this passkey. */
export interface Lock {
  readonly id: string;
  /** base64url */
  readonly wrapped: string;
}

export const ownerActs = {
  /** The public half, which the office is told. */
  async register(source: OwnerKeySource): Promise<{ publicKey: string }> {
    return withKey(source, async ({ publicKey }) => ({ publicKey }));
  },

  /** The data keys behind the locks, base64url. */
  async open({
    locks,
    ...source
  }: OwnerKeySource & { locks: readonly Lock[] }): Promise<{ id: string; dek: string }[]> {
    return withKey(source, (key) =>
      Promise.all(
        locks.map(({ id, wrapped }) =>
          opened(key, source.personId, { id, wrapped }, async (dek) => ({ id, dek: toBase64Url(dek) })),
        ),
      ),
    );
  },

  /** The same locks for another passkey of the same person. @param publicKey of that one, base64url */
  async rewrap({
    locks,
    publicKey,
    ...source
  }: OwnerKeySource & { locks: readonly Lock[]; publicKey: string }): Promise<Lock[]> {
    return withKey(source, (key) =>
      Promise.all(
        locks.map(({ id, wrapped }) =>
          opened(key, source.personId, { id, wrapped }, async (dek) => {
            const lock = await sealOwnerLock(publicKey, dek, { recordId: id, personId: source.personId });
            return { id, wrapped: toBase64Url(lock) };
          }),
        ),
      ),
    );
  },
};

export type OwnerActName = keyof typeof ownerActs;
export type OwnerActInput<N extends OwnerActName> = Parameters<(typeof ownerActs)[N]>[0];
export type OwnerActOutput<N extends OwnerActName> = Awaited<ReturnType<(typeof ownerActs)[N]>>;

/** The key lives for one act. */
async function withKey<T>({ output, personId }: OwnerKeySource, act: (key: OwnerKey) => Promise<T>): Promise<T> {
  const key = deriveOwnerKey(output, personId);
  output.fill(0);
  try {
    return await act(key);
  } finally {
    key.secretKey.fill(0);
  }
}

async function opened<T>(
  key: OwnerKey,
  personId: string,
  lock: Lock,
  use: (dek: Uint8Array) => Promise<T>,
): Promise<T> {
  let dek: Uint8Array;
  try {
    dek = await openOwnerLock(key, fromBase64Url(lock.wrapped), { recordId: lock.id, personId });
  } catch (error) {
    if (!(error instanceof VaultError)) throw error;
    throw new VaultError(
      'cannot-open',
      'This passkey does not open your keys. Nothing was done. Use the one that they are locked to.',
    );
  }
  try {
    return await use(dek);
  } finally {
    dek.fill(0);
  }
}
