/**
 * Escrow: the record of a sealed key and its locks, and the receipt that says so. There is no certificate for encryption
 * without a receipt, and only this file makes one.
 */
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { AuthorityError } from '../errors.ts';
import { operation } from '../operation.ts';
import { insertClaim, lockOpenClaim } from '../store/claims.ts';
import type { Transaction } from '../store/database.ts';
import { lockEnrollment, setEnrollmentKey } from '../store/enrollments.ts';
import { type EscrowedKeyRow, escrowedKeyById } from '../store/escrow.ts';
import { findOffice } from '../store/office.ts';
import { lockPerson, type PersonRow } from '../store/people.ts';
import { profileForUse } from '../store/profiles.ts';
import { hashToken, newToken } from '../store/tokens.ts';
import { currentVault, type VaultRow, vaultById } from '../store/vaults.ts';
import type { World } from '../world.ts';
import { claimExpiry, endClaim, sealClaimSecret, unsealClaimSecret } from './claim-link.ts';
import { generateSealedKey } from './generate.ts';
import { storeRecord } from './record.ts';

declare const escrowed: unique symbol;

/** The proof that this very key is in escrow. */
export interface EscrowReceipt {
  readonly escrowedKeyId: string;
  readonly personId: string;
  /** DER SubjectPublicKeyInfo. */
  readonly spki: Uint8Array;
  /** Where it was made. */
  readonly origin: 'kra' | 'device';
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
        result: receipt(known.id, known.person_id, known.spki, known.origin),
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
      result: receipt(escrowedKeyId, person.id, spki, 'kra'),
      audit: { personId: person.id, escrowedKeyId, existing: false, ...audit },
    };
  },
});

async function makeRecord(tx: Transaction, world: World, person: PersonRow) {
  const at = world.clock();
  const vault = await currentVault(tx);
  const { document } = await profileForUse(tx, 'encryption');
  if (!document.keyOrigins.includes('kra')) {
    throw new AuthorityError(
      'wrong-state',
      'Keys for encryption are made on people’s devices in this office. No key was made here.',
    );
  }
  const recordId = randomUUID();
  const binding = { recordId, personId: person.id, vaultId: vault.id };
  const spec = document.keys.generate ?? 'rsa-3072';
  const key = await generateSealedKey(spec, binding, await world.keyPool?.take(spec));
  try {
    const claim = await claimFor(tx, world, vault, person.id, at);
    const audit = await storeRecord(tx, world, { recordId, person, vault, origin: 'kra', key, claim });
    return { escrowedKeyId: recordId, spki: key.spki, audit };
  } finally {
    key.dek.fill(0);
  }
}

/** For the scheduler: spare keys of the kind that the next person gets, before there is a next person. */
export async function fillKeyPool(world: World): Promise<void> {
  if (world.keyPool === undefined) return;
  const document = await world.database.snapshot(async (snapshot) =>
    (await findOffice(snapshot)) === undefined ? undefined : (await profileForUse(snapshot, 'encryption')).document,
  );
  if (document?.keyOrigins.includes('kra') === true) world.keyPool.fill(document.keys.generate ?? 'rsa-3072');
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

function receipt(
  escrowedKeyId: string,
  personId: string,
  spki: Uint8Array,
  origin: EscrowedKeyRow['origin'],
): EscrowReceipt {
  if (origin === 'imported') {
    throw new AuthorityError('wrong-state', 'This key came from another office: it is not certified here.');
  }
  return { escrowedKeyId, personId, spki, origin } as EscrowReceipt;
}
