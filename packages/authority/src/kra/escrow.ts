/**
 * Escrow: the record of a sealed key and its locks, and the receipt that says so. There is no certificate for encryption
 * without a receipt, and only this file makes one.
 */
import { createHash, randomUUID } from 'node:crypto';
import { z } from 'zod';
import { AuthorityError } from '../errors.ts';
import { operation } from '../operation.ts';
import { insertClaim, lockOpenClaim } from '../store/claims.ts';
import type { Transaction } from '../store/database.ts';
import { lockEnrollment, setEnrollmentKey } from '../store/enrollments.ts';
import { enrolledGateways, escrowedKeyById, insertEscrowedKey, type LockRow } from '../store/escrow.ts';
import { lockPerson, type PersonRow } from '../store/people.ts';
import { profileForUse } from '../store/profiles.ts';
import { hashToken, newToken } from '../store/tokens.ts';
import { currentVault, type VaultRow, vaultById } from '../store/vaults.ts';
import type { World } from '../world.ts';
import { claimExpiry, endClaim, sealClaimSecret, unsealClaimSecret } from './claim-link.ts';
import { FORMAT_VERSION, generateSealedKey } from './generate.ts';
import { makeClaimLock } from './locks/claim.ts';
import { makeGatewayLock } from './locks/gateway.ts';
import { makeVaultLock } from './locks/vault.ts';

declare const escrowed: unique symbol;

/** The proof that this very key is in escrow. */
export interface EscrowReceipt {
  readonly escrowedKeyId: string;
  readonly personId: string;
  /** DER SubjectPublicKeyInfo. */
  readonly spki: Uint8Array;
  readonly [escrowed]: true;
}

/**
 * The escrowed key of a waiting encryption enrolment: generated, locked and stored at the first call; the same one at
 * every further call. Locked to the vault, to a claim link for the owner, and to the gateways where the person lets them
 * open mail.
 * @throws AuthorityError `not-found`, `wrong-state` (the enrolment waits no longer, the person left)
 */
export const escrowKey = operation({
  action: 'key.escrow',
  permission: 'system',
  input: z.strictObject({ enrollmentId: z.uuid() }),
  subject: ({ enrollmentId }) => `enrollment:${enrollmentId}`,
  async run(tx, { enrollmentId }, _by, world) {
    const enrollment = await lockEnrollment(tx, enrollmentId);
    if (enrollment === undefined) throw new AuthorityError('not-found', 'There is no such enrolment. No key was made.');
    if (enrollment.use !== 'encryption' || enrollment.state !== 'waiting') {
      throw new AuthorityError('wrong-state', `This enrolment is ${enrollment.state}. No key was made.`);
    }
    const known =
      enrollment.escrowed_key_id === null ? undefined : await escrowedKeyById(tx, enrollment.escrowed_key_id);
    if (known !== undefined) {
      return {
        result: receipt(known.id, known.person_id, known.spki),
        audit: { personId: known.person_id, escrowedKeyId: known.id, existing: true },
      };
    }
    const person = await lockPerson(tx, enrollment.person_id);
    if (person?.state !== 'active') {
      throw new AuthorityError('wrong-state', 'The person has left in the meantime. No key was made.');
    }
    const { escrowedKeyId, spki, audit } = await makeRecord(tx, world, person);
    await setEnrollmentKey(tx, enrollment.id, escrowedKeyId);
    return {
      result: receipt(escrowedKeyId, person.id, spki),
      audit: { personId: person.id, escrowedKeyId, existing: false, ...audit },
    };
  },
});

async function makeRecord(tx: Transaction, world: World, person: PersonRow) {
  const at = world.clock();
  const vault = await currentVault(tx);
  const { document } = await profileForUse(tx, 'encryption');
  const recordId = randomUUID();
  const binding = { recordId, personId: person.id, vaultId: vault.id };
  const key = await generateSealedKey(document.keys.generate ?? 'rsa-3072', binding);
  try {
    const claim = await claimFor(tx, world, vault, person.id, at);
    const gateways = person.gateway_decrypts ? await enrolledGateways(tx, at) : [];
    const locks: Pick<LockRow, 'kind' | 'holder' | 'wrapped' | 'expires_at'>[] = [
      {
        kind: 'vault',
        holder: vault.id,
        wrapped: await makeVaultLock(world, vault, recordId, key.dek),
        expires_at: null,
      },
      {
        kind: 'claim',
        holder: claim.id,
        wrapped: makeClaimLock(recordId, claim.secret, key.dek),
        expires_at: claim.expiresAt,
      },
    ];
    for (const gateway of gateways) {
      const wrapped = await makeGatewayLock(gateway.certificate, key.dek);
      locks.push({ kind: 'gateway', holder: gateway.id, wrapped, expires_at: null });
    }
    const spkiSha256 = createHash('sha256').update(key.spki).digest();
    await insertEscrowedKey(
      tx,
      {
        id: recordId,
        person_id: person.id,
        vault_id: vault.id,
        key_algorithm: key.algorithm,
        spki: key.spki,
        spki_sha256: spkiSha256,
        format_version: FORMAT_VERSION,
        sealed: key.sealed,
        created_at: at,
      },
      locks,
    );
    return {
      escrowedKeyId: recordId,
      spki: key.spki,
      audit: {
        vaultId: vault.id,
        claimId: claim.id,
        key: key.algorithm,
        spkiSha256: spkiSha256.toString('hex'),
        locks: locks.map(({ kind, holder }) => `${kind}:${holder}`),
      },
    };
  } finally {
    key.dek.fill(0);
  }
}

/**
 * The claim that a new key is locked to. A link that nobody has seen yet will do; one that was shown is known to its
 * owner only, so a new one takes its place.
 */
async function claimFor(tx: Transaction, world: World, vault: VaultRow, personId: string, at: Date) {
  const open = await lockOpenClaim(tx, personId);
  if (open?.sealed_secret != null && open.expires_at > at) {
    const sealedUnder = open.vault_id === null ? vault : await vaultById(tx, open.vault_id);
    const secret = await unsealClaimSecret(world, sealedUnder, open.id, open.sealed_secret);
    return { id: open.id, secret, expiresAt: open.expires_at };
  }
  if (open !== undefined) await endClaim(tx, open.id, at);
  const id = randomUUID();
  const secret = newToken();
  const expiresAt = claimExpiry(world, at);
  await insertClaim(tx, {
    id,
    person_id: personId,
    secret_hash: hashToken(secret),
    sealed_secret: await sealClaimSecret(world, vault, id, secret),
    vault_id: vault.id,
    created_at: at,
    expires_at: expiresAt,
  });
  return { id, secret, expiresAt };
}

function receipt(escrowedKeyId: string, personId: string, spki: Uint8Array): EscrowReceipt {
  return { escrowedKeyId, personId, spki } as EscrowReceipt;
}
