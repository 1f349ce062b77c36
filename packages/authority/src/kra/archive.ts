/**
 * Takes a private key for encryption that another office made into escrow. It is clear here for as long as it takes to see that
 * it belongs to its certificate and to seal it, in Buffers that are zeroed.
 */
import { createHash, createPrivateKey, createPublicKey, type KeyObject, randomUUID } from 'node:crypto';
import type { Certificate } from '@chancery/smime';
import { AuthorityError } from '../errors.ts';
import type { Transaction } from '../store/database.ts';
import { enrolledGateways, insertEscrowedKey, type LockRow } from '../store/escrow.ts';
import type { PersonRow } from '../store/people.ts';
import { currentVault } from '../store/vaults.ts';
import type { World } from '../world.ts';
import { FORMAT_VERSION, sealPrivateKey } from './generate.ts';
import { makeGatewayLock } from './locks/gateway.ts';
import { makeVaultLock } from './locks/vault.ts';
import { openTransported } from './transport.ts';

/**
 * Locked to the vault, and to the gateways where the person lets them open mail; never to a claim link: years of mail are
 * encrypted to it, and whoever may make links must not read those. Its owner has it, or gets it back by a quorum.
 * @param certificate of the key, judged: for encryption, and that person's
 * @param sealed as `openTransported` takes it
 * @throws AuthorityError `unusable-input`
 */
export async function archiveKey(
  tx: Transaction,
  world: World,
  {
    person,
    certificate,
    algorithm,
    sealed,
  }: { person: PersonRow; certificate: Certificate; algorithm: string; sealed: Uint8Array },
): Promise<{ escrowedKeyId: string; locks: string[] }> {
  const at = world.clock();
  const vault = await currentVault(tx);
  const recordId = randomUUID();
  const spki = Buffer.from(certificate.spki);
  const key = await sealTransported(tx, world, sealed, certificate, {
    recordId,
    personId: person.id,
    vaultId: vault.id,
  });
  try {
    const locks: Pick<LockRow, 'kind' | 'holder' | 'wrapped' | 'expires_at'>[] = [
      {
        kind: 'vault',
        holder: vault.id,
        wrapped: await makeVaultLock(world, vault, recordId, key.dek),
        expires_at: null,
      },
    ];
    const opens = person.state === 'active' && person.gateway_decrypts;
    for (const gateway of opens ? await enrolledGateways(tx, at) : []) {
      const wrapped = await makeGatewayLock(gateway.certificate, key.dek);
      locks.push({ kind: 'gateway', holder: gateway.id, wrapped, expires_at: null });
    }
    await insertEscrowedKey(
      tx,
      {
        id: recordId,
        person_id: person.id,
        vault_id: vault.id,
        key_algorithm: algorithm,
        spki,
        spki_sha256: createHash('sha256').update(spki).digest(),
        format_version: FORMAT_VERSION,
        sealed: key.sealed,
        created_at: at,
        origin: 'imported',
      },
      locks,
    );
    return { escrowedKeyId: recordId, locks: locks.map(({ kind, holder }) => `${kind}:${holder}`) };
  } finally {
    key.dek.fill(0);
  }
}

/** The one function in which an imported key is clear. */
async function sealTransported(
  tx: Transaction,
  world: World,
  sealed: Uint8Array,
  certificate: Certificate,
  binding: Parameters<typeof sealPrivateKey>[2],
) {
  const transported = await openTransported(tx, world, sealed);
  try {
    if (Buffer.compare(transported.certificate, certificate.der) !== 0)
      throw unusable('The key was sealed with another certificate than the one beside it');
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
    if (!createPublicKey(key).equals(certificate.publicKey))
      throw unusable('The private key does not belong to the certificate');
    return sealPrivateKey(transported.pkcs8, certificate.spki, binding);
  } finally {
    transported.pkcs8.fill(0);
  }
}

function unusable(what: string): AuthorityError {
  return new AuthorityError('unusable-input', `${what}. Nothing was escrowed.`);
}
