/**
 * Escrow: the record of a sealed key and its locks, and the receipt that says so. There is no certificate for encryption
 * without a receipt, and only this file makes one.
 */
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { AuthorityError } from '../errors.ts';
import { bulkOperation, type Done, orRefusal } from '../operation.ts';
import type { Principal } from '../principal.ts';
import { insertClaim, lockOpenClaim } from '../store/claims.ts';
import type { Transaction } from '../store/database.ts';
import { type EnrollmentRow, lockEnrollments, setEnrollmentKey } from '../store/enrollments.ts';
import { type EscrowedKeyRow, escrowedKeysByIds } from '../store/escrow.ts';
import { findOffice } from '../store/office.ts';
import { lockPeople, type PersonRow } from '../store/people.ts';
import { profileForUse, profileOfPerson } from '../store/profiles.ts';
import { hashToken, newToken } from '../store/tokens.ts';
import { currentVault, type VaultRow, vaultById } from '../store/vaults.ts';
import type { World } from '../world.ts';
import { claimExpiry, endClaim, sealClaimSecret, unsealClaimSecret } from './claim-link.ts';
import { type EncryptionKeySpec, generateSealedKey, type SealedKey } from './generate.ts';
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
export const escrowKey = bulkOperation({
  action: 'key.escrow',
  permission: 'system',
  input: z.strictObject({ enrollmentId: z.uuid() }),
  subject: ({ enrollmentId }) => `enrollment:${enrollmentId}`,
  runAll: escrowAll,
});

type Escrowed = Done<EscrowReceipt> | AuthorityError;

async function escrowAll(
  tx: Transaction,
  inputs: readonly { readonly enrollmentId: string }[],
  _by: Principal,
  world: World,
): Promise<Escrowed[]> {
  const enrollments = await lockEnrollments(
    tx,
    inputs.map(({ enrollmentId }) => enrollmentId),
  );
  const waiting = [...enrollments.values()].filter(isWaiting);
  // Not those whose key is there: another worker may be signing for them, which holds the person and wants the enrolment.
  const people = await lockPeople(
    tx,
    waiting.flatMap(({ person_id, escrowed_key_id }) => (escrowed_key_id === null ? person_id : [])),
  );
  const receipts = await receiptsOf(tx, waiting);
  const lacking = waiting.filter((one) => !receipts.has(one.id) && people.get(one.person_id)?.state === 'active');
  const made = await makeKeys(tx, world, lacking, people);
  try {
    const escrowed: Escrowed[] = [];
    for (const { enrollmentId } of inputs) escrowed.push(await orRefusal(() => escrowOne(enrollmentId)));
    return escrowed;
  } finally {
    for (const one of made.values()) if (!(one instanceof AuthorityError)) one.key.dek.fill(0);
  }

  async function escrowOne(enrollmentId: string): Promise<Done<EscrowReceipt>> {
    const enrollment = enrollments.get(enrollmentId);
    if (enrollment === undefined) throw new AuthorityError('not-found', 'There is no such enrolment. No key was made.');
    if (!isWaiting(enrollment)) {
      throw new AuthorityError('wrong-state', `This enrolment is ${enrollment.state}. No key was made.`);
    }
    const known = receipts.get(enrollmentId);
    if (known !== undefined) {
      const { personId, escrowedKeyId } = known;
      return { result: known, audit: { personId, escrowedKeyId, existing: true } };
    }
    const [person, fresh] = [people.get(enrollment.person_id), made.get(enrollmentId)];
    if (fresh instanceof AuthorityError) throw fresh;
    if (person === undefined || fresh === undefined) {
      throw new AuthorityError('wrong-state', 'The person has left or was suspended in the meantime. No key was made.');
    }
    const audit = await storeNewKey(tx, world, person, fresh);
    await setEnrollmentKey(tx, enrollmentId, fresh.recordId);
    const result = receipt(fresh.recordId, person.id, fresh.key.spki, 'kra');
    // Asked for a second time in the same breath, it is the same.
    receipts.set(enrollmentId, result);
    return { result, audit: { personId: person.id, escrowedKeyId: fresh.recordId, existing: false, ...audit } };
  }
}

const isWaiting = ({ use, state }: EnrollmentRow): boolean => use === 'encryption' && state === 'waiting';

/** Of enrolments whose key is in escrow already, by enrolment. */
async function receiptsOf(tx: Transaction, enrollments: readonly EnrollmentRow[]): Promise<Map<string, EscrowReceipt>> {
  const keys = await escrowedKeysByIds(
    tx,
    enrollments.flatMap(({ escrowed_key_id }) => escrowed_key_id ?? []),
  );
  const byId = new Map(keys.map((key) => [key.id, key]));
  return new Map(
    enrollments.flatMap(({ id, escrowed_key_id }) => {
      const key = byId.get(escrowed_key_id ?? '');
      return key === undefined ? [] : [[id, receipt(key.id, key.person_id, key.spki, key.origin)] as const];
    }),
  );
}

interface NewKey {
  readonly recordId: string;
  readonly vault: VaultRow;
  readonly key: SealedKey;
}

/** Side by side, for they are made on threads of their own. The caller zeroes each DEK. */
async function makeKeys(
  tx: Transaction,
  world: World,
  enrollments: readonly EnrollmentRow[],
  people: ReadonlyMap<string, PersonRow>,
): Promise<Map<string, NewKey | AuthorityError>> {
  if (enrollments.length === 0) return new Map();
  const vault = await currentVault(tx);
  const specs = new Map<string | undefined, EncryptionKeySpec | AuthorityError>();
  const chosenFor = ({ person_id }: EnrollmentRow) => people.get(person_id)?.profiles.encryption;
  for (const chosen of new Set(enrollments.map(chosenFor))) specs.set(chosen, await specOf(tx, chosen));
  const made = await Promise.allSettled(
    enrollments.map(async (enrollment) => {
      const { id, person_id: personId } = enrollment;
      const spec = specs.get(chosenFor(enrollment)) ?? 'rsa-3072';
      if (spec instanceof AuthorityError) return [id, spec] as const;
      const recordId = randomUUID();
      const spare = await world.keyPool?.take(spec);
      const key = await generateSealedKey(spec, { recordId, personId, vaultId: vault.id }, spare);
      return [id, { recordId, vault, key }] as const;
    }),
  );
  const failed = made.find((one) => one.status === 'rejected');
  const keys = made.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  if (failed === undefined) return new Map<string, NewKey | AuthorityError>(keys);
  for (const [, one] of keys) if (!(one instanceof AuthorityError)) one.key.dek.fill(0);
  throw failed.reason;
}

/** Of the kind that a person's profile asks for. @param chosen the one that their groups give them */
async function specOf(tx: Transaction, chosen: string | undefined): Promise<EncryptionKeySpec | AuthorityError> {
  const profiles = chosen === undefined ? {} : { encryption: chosen };
  const { document } = await profileOfPerson(tx, { profiles }, 'encryption');
  if (document.keyOrigins.includes('kra')) return document.keys.generate ?? 'rsa-3072';
  return new AuthorityError(
    'wrong-state',
    'Keys for encryption are made on people’s devices in this office. No key was made here.',
  );
}

async function storeNewKey(tx: Transaction, world: World, person: PersonRow, { recordId, vault, key }: NewKey) {
  const claim = await claimFor(tx, world, vault, person.id, world.clock());
  return storeRecord(tx, world, { recordId, person, vault, origin: 'kra', key, claim });
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
