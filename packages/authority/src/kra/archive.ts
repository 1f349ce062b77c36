/**
 * Takes a private key for encryption that was made elsewhere into escrow: by another office, or by the device of its owner. It is
 * clear here for as long as it takes to see that it belongs to what it came with and to seal it, in Buffers that are zeroed.
 */
import { createPrivateKey, createPublicKey, type KeyObject, randomUUID } from 'node:crypto';
import type { Certificate, CertificateRequest } from '@chancery/smime';
import { AuthorityError } from '../errors.ts';
import type { Transaction } from '../store/database.ts';
import type { PersonRow } from '../store/people.ts';
import { currentVault } from '../store/vaults.ts';
import type { World } from '../world.ts';
import { type SealedKey, sealPrivateKey } from './generate.ts';
import { type StoredRecord, storeRecord } from './record.ts';
import { openTransported } from './transport.ts';

interface Arriving {
  readonly person: PersonRow;
  /** As people read it: `RSA-3072`. */
  readonly algorithm: string;
  /** As `openTransported` takes it. */
  readonly sealed: Uint8Array;
}

/**
 * Of another office. Locked to the vault, and to the gateways where the person lets them open mail; never to a claim link: years of
 * mail are encrypted to it, and whoever may make links must not read those. Its owner has it, or gets it back by a quorum.
 * @param certificate of the key, judged: for encryption, and that person's
 * @throws AuthorityError `unusable-input`
 */
export async function archiveKey(
  tx: Transaction,
  world: World,
  { certificate, ...arriving }: Arriving & { readonly certificate: Certificate },
): Promise<{ escrowedKeyId: string } & Pick<StoredRecord, 'locks' | 'locked'>> {
  const { escrowedKeyId, audit } = await archive(tx, world, arriving, certificate, 'certificate', 'imported');
  return { escrowedKeyId, locks: audit.locks, locked: audit.locked };
}

/**
 * Of its owner's device, which keeps it: locked as one of another office.
 * @param request for its certificate, judged: signed by that very key, for encryption, fresh
 * @throws AuthorityError `unusable-input`
 */
export async function archiveDeviceKey(
  tx: Transaction,
  world: World,
  { request, ...arriving }: Arriving & { readonly request: CertificateRequest },
): Promise<{ escrowedKeyId: string; audit: StoredRecord }> {
  return archive(tx, world, arriving, request, 'request', 'device');
}

async function archive(
  tx: Transaction,
  world: World,
  { person, algorithm, sealed }: Arriving,
  companion: Companion,
  what: 'certificate' | 'request',
  origin: 'imported' | 'device',
): Promise<{ escrowedKeyId: string; audit: StoredRecord }> {
  const vault = await currentVault(tx);
  const recordId = randomUUID();
  const binding = { recordId, personId: person.id, vaultId: vault.id };
  const { dek, sealed: record } = await sealTransported(tx, world, sealed, companion, what, binding);
  const key: SealedKey = { spki: Buffer.from(companion.spki), algorithm, sealed: record, dek };
  const delivered = origin === 'device';
  return {
    escrowedKeyId: recordId,
    audit: await storeRecord(tx, world, { recordId, person, vault, origin, key, delivered }),
  };
}

/** What the key came with, and says whose it is. */
type Companion = Pick<Certificate | CertificateRequest, 'der' | 'spki' | 'publicKey'>;

/** The one function in which a key that was made elsewhere is clear. */
async function sealTransported(
  tx: Transaction,
  world: World,
  sealed: Uint8Array,
  companion: Companion,
  what: 'certificate' | 'request',
  binding: Parameters<typeof sealPrivateKey>[2],
) {
  const transported = await openTransported(tx, world, sealed);
  try {
    if (Buffer.compare(transported.companion, companion.der) !== 0)
      throw unusable(`The key was sealed with another ${what} than the one beside it`);
    let key: KeyObject;
    try {
      key = createPrivateKey({
        key: Buffer.from(transported.pkcs8.buffer, transported.pkcs8.byteOffset, transported.pkcs8.length),
        format: 'der',
        type: 'pkcs8',
      });
    } catch {
      throw unusable('The private key cannot be read');
    }
    if (!createPublicKey(key).equals(companion.publicKey))
      throw unusable(`The private key does not belong to the ${what}`);
    return sealPrivateKey(transported.pkcs8, companion.spki, binding);
  } finally {
    transported.pkcs8.fill(0);
  }
}

function unusable(what: string): AuthorityError {
  return new AuthorityError('unusable-input', `${what}. Nothing was escrowed.`);
}
