/**
 * Opening escrowed keys. Here, and only here, a sealed private key becomes clear again: in a Buffer that is zeroed before
 * the function returns. What leaves is a PKCS#12 under a password, a message to a certificate, a lock that only its owner's
 * link opens, or the text of messages that the request names; never a key in the clear.
 */
import { createPrivateKey } from 'node:crypto';
import {
  createPkcs12,
  decryptMessage,
  encryptContent,
  localDecrypter,
  type OpeningKey,
  type Pkcs12Profile,
  parseCertificate,
  SmimeError,
} from '@chancery/smime';
import { z } from 'zod';
import { AuthorityError } from '../errors.ts';
import { operation } from '../operation.ts';
import { chainOf } from '../store/authorities.ts';
import { type ClaimRow, lockOpenClaim } from '../store/claims.ts';
import type { Snapshot, Transaction } from '../store/database.ts';
import { addLock, type EscrowedKeyRow, keysLockedTo } from '../store/escrow.ts';
import { forgetPassword, lockRecovery } from '../store/recovery.ts';
import { vaultById } from '../store/vaults.ts';
import type { World } from '../world.ts';
import { openAead } from './aead.ts';
import { type Approved, beginRelease, endRelease, NOTHING_RELEASED, type OpenableKey } from './begin-release.ts';
import { type CanonicalRequest, readCanonical } from './canonical-request.ts';
import { claimExpiry, endClaim, insertShownClaim, unsealClaimSecret } from './claim-link.ts';
import { associatedData } from './generate.ts';
import { makeClaimLock, openClaimLock } from './locks/claim.ts';
import { matchMessages, messageFile, type NamedMessage } from './named-messages.ts';
import { whyNotPassword } from './quorum.ts';
import { distinct, makePassword, type NamedFile, recoveredMessage, safeName, zipOf } from './recovered-files.ts';
import { factsOf, noSuchRequest, officerOf, refused } from './recovery.ts';
import { sendOwnerLink } from './recovery-notices.ts';
import { openUnderVault, sealUnderVault } from './vault.ts';
import { peopleOf } from './whom.ts';

export interface ReleasedFile {
  readonly fileName: string;
  readonly mediaType: string;
  readonly data: Uint8Array;
}

/**
 * Releases the keys of an approved request to its requester, once: as PKCS#12 under a password that only an approving
 * officer is told, or encrypted to the named certificate (CMS AuthEnvelopedData around a MIME message that holds the
 * PKCS#12 and its password). One PKCS#12 for each person, so that each can be handed to whoever works on that one.
 * @throws AuthorityError `quorum-refused`, `not-found`, `wrong-state` (another delivery)
 */
export const releaseKey = operation({
  action: 'recovery.release',
  permission: 'recovery:release',
  irreversible: true,
  input: z.strictObject({ id: z.uuid() }),
  subject: ({ id }) => `recovery:${id}`,
  async run(tx, { id }, by, world) {
    const approved = await beginRelease(tx, world, id, by);
    const { canonical, vault } = approved;
    const { delivery } = canonical;
    if (delivery.kind !== 'pkcs12' && delivery.kind !== 'certificate') throw otherDelivery(delivery.kind);
    const password = makePassword();
    const file = await packRecovered(tx, world, approved, delivery, password);
    const sealedPassword =
      delivery.kind === 'pkcs12'
        ? await sealUnderVault(world, vault, passwordPurpose(id), Buffer.from(password))
        : null;
    return { result: file, audit: await endRelease(tx, world, approved, sealedPassword) };
  },
});

/**
 * Locks the keys of an approved request to a link for each owner, which goes to them by mail and to nobody else. A link that
 * they have not used ends; what nobody had seen of it yet moves to the new one.
 * @throws AuthorityError as `releaseKey`
 */
export const releaseToOwner = operation({
  action: 'recovery.release-to-owner',
  permission: 'recovery:release',
  irreversible: true,
  input: z.strictObject({ id: z.uuid() }),
  subject: ({ id }) => `recovery:${id}`,
  async run(tx, { id }, by, world) {
    const approved = await beginRelease(tx, world, id, by);
    const { canonical, keys } = approved;
    if (canonical.delivery.kind !== 'owner') throw otherDelivery(canonical.delivery.kind);
    const links = [];
    for (const person of canonical.people) {
      const own = keys.filter(({ key }) => key.person_id === person.id);
      const link = await lockToOwner(tx, world, person.id, own);
      await sendOwnerLink(tx, world, canonical, { person, ...link });
      links.push({ ...person, claimId: link.claimId, expiresAt: link.expiresAt });
    }
    const audit = await endRelease(tx, world, approved, null);
    // Each owner's claim has records of its own.
    return { result: links, audit: { ...audit, ...(links.length === 1 && { claimIds: [links[0]?.claimId] }) } };
  },
});

/**
 * Decrypts the messages that an approved request names. They are handed in again, all of them, and each must be the one that
 * was named; their text leaves, and no key does.
 * @throws AuthorityError as `releaseKey`, `quorum-refused` for another message, `unusable-input` where none of them opens
 */
export const releaseMessages = operation({
  action: 'recovery.release-messages',
  permission: 'recovery:release',
  irreversible: true,
  input: z.strictObject({ id: z.uuid(), messages: z.array(z.instanceof(Uint8Array)).min(1).max(100) }),
  subject: ({ id }) => `recovery:${id}`,
  async run(tx, { id, messages }, by, world) {
    const approved = await beginRelease(tx, world, id, by);
    const { canonical, keys } = approved;
    if (canonical.delivery.kind !== 'decrypt') throw otherDelivery(canonical.delivery.kind);
    const named = matchMessages(canonical.delivery.messages, messages);
    const opened = await openMessages(keys, named);
    const notOpened = named
      .filter(({ sha256 }) => !opened.some((one) => one.sha256 === sha256))
      .map(({ sha256 }) => sha256);
    if (opened.length === 0) {
      throw new AuthorityError(
        'unusable-input',
        'None of these messages opens with a key of this request. Nothing was released. Look whether they were sent to these people in that time, and make a new request.',
      );
    }
    const digests = opened.map(({ sha256 }) => sha256);
    const audit = await endRelease(tx, world, approved, null);
    return {
      result: { ...messageFile(opened, world.clock()), opened: digests, notOpened },
      audit: { ...audit, opened: digests, notOpened },
    };
  },
});

/** The password of a released PKCS#12, once, to an officer who approved. @throws AuthorityError `quorum-refused`, `wrong-state` */
export const releasePassword = operation({
  action: 'recovery.release-password',
  permission: 'recovery:approve',
  irreversible: true,
  input: z.strictObject({ id: z.uuid() }),
  subject: ({ id }) => `recovery:${id}`,
  async run(tx, { id }, by, world) {
    const request = await lockRecovery(tx, id);
    if (request === undefined) throw noSuchRequest(NOTHING_RELEASED);
    const { facts, decisions, vault } = await factsOf(tx, request);
    const refusal = whyNotPassword(facts, decisions, officerOf(by, vault));
    if (refusal !== null) throw refused(refusal, 'Nothing was told.');
    if (request.sealed_password === null) {
      throw new AuthorityError(
        'wrong-state',
        'There is no password to tell: it was told once already, or the key went to a certificate. Nothing was changed. Where it was lost, make a new request.',
      );
    }
    const opened = await openUnderVault(world, vault, passwordPurpose(id), request.sealed_password);
    const password = opened.toString('latin1');
    opened.fill(0);
    await forgetPassword(tx, id);
    return { result: { password }, audit: { ...peopleOf(readCanonical(request)) } };
  },
});

export interface ClaimPackage {
  readonly secret: string;
  readonly keys: readonly {
    key: EscrowedKeyRow;
    wrapped: Uint8Array;
    certificate: Uint8Array;
    authorityId: string | null;
  }[];
  readonly password: string;
  readonly profile: Pkcs12Profile;
  readonly friendlyName: string;
}

/** The keys of a claim as PKCS#12, opened with the secret of its link. @throws AuthorityError `wrong-credentials` */
export async function packClaimed(snapshot: Snapshot, claim: ClaimPackage): Promise<Uint8Array> {
  return pack(snapshot, {
    ...claim,
    keys: claim.keys.map(({ key, wrapped, certificate, authorityId }) => ({
      key,
      certificate,
      authorityId,
      openDek: async () => openClaimLock(key.id, claim.secret, wrapped),
    })),
  });
}

export interface OwnedPackage extends Omit<ClaimPackage, 'secret' | 'keys'> {
  /** Each with its data key, as its owner's browser opened it; the caller zeroes those. */
  readonly keys: readonly {
    key: EscrowedKeyRow;
    dek: Uint8Array;
    certificate: Uint8Array;
    authorityId: string | null;
  }[];
}

/** Keys that their owner has opened, as PKCS#12. @throws AuthorityError `wrong-credentials` for a data key that is not of its record */
export async function packOwned(snapshot: Snapshot, owned: OwnedPackage): Promise<Uint8Array> {
  const keys = owned.keys.map(({ dek, ...one }) => ({ ...one, openDek: async () => Buffer.from(dek) }));
  return pack(snapshot, { ...owned, keys }).catch((error: unknown) => {
    if (!(error instanceof AuthorityError)) throw error;
    throw new AuthorityError(
      'wrong-credentials',
      'A key does not open with what this passkey gave. Nothing was delivered. Use the passkey that it is locked to.',
    );
  });
}

async function packRecovered(
  snapshot: Snapshot,
  world: World,
  { canonical: { people }, keys }: Approved,
  delivery: Extract<CanonicalRequest['delivery'], { kind: 'pkcs12' | 'certificate' }>,
  password: string,
): Promise<ReleasedFile> {
  const profile = delivery.kind === 'pkcs12' ? delivery.profile : 'modern';
  const packed: NamedFile[] = [];
  for (const { id, name, address } of people) {
    const own = keys.filter(({ key }) => key.person_id === id);
    const data = await pack(snapshot, { keys: own, password, profile, friendlyName: `${name} <${address}>` });
    packed.push({ name: `${safeName(address)}.recovered.p12`, data });
  }
  const files = distinct(packed);
  const [only, ...more] = files;
  if (only === undefined) throw new AuthorityError('internal', 'This request is for nobody. Nothing was released.');
  const base = more.length === 0 ? only.name.replace(/\.p12$/, '') : 'recovered-keys';
  if (delivery.kind === 'pkcs12') {
    return more.length === 0
      ? { fileName: only.name, mediaType: 'application/x-pkcs12', data: only.data }
      : { fileName: `${base}.zip`, mediaType: 'application/zip', data: zipOf(files, world.clock()) };
  }
  const content = recoveredMessage(
    people.map(({ address }) => address),
    files,
    password,
  );
  try {
    const data = await encryptContent({
      content,
      recipients: [parseCertificate(Buffer.from(delivery.certificate, 'base64'))],
      cipher: 'aes-256-gcm',
    });
    return { fileName: `${base}.p7m`, mediaType: 'application/pkcs7-mime', data };
  } finally {
    content.fill(0);
  }
}

/** A new claim for one owner, with a lock for each of these keys. Its secret is not kept. */
async function lockToOwner(
  tx: Transaction,
  world: World,
  personId: string,
  keys: readonly OpenableKey[],
): Promise<{ claimId: string; secret: string; expiresAt: Date }> {
  const at = world.clock();
  const open = await lockOpenClaim(tx, personId);
  const unseen = open !== undefined && open.expires_at > at ? await keysOfUnseenClaim(tx, world, open) : [];
  if (open !== undefined) await endClaim(tx, open.id, at);
  const expiresAt = claimExpiry(world, at);
  const { id: claimId, secret } = await insertShownClaim(tx, personId, { at, expiresAt });
  const more = unseen.filter(({ key }) => !keys.some((one) => one.key.id === key.id));
  for (const one of [...keys, ...more]) {
    const dek = await one.openDek();
    try {
      // What the owner could not open is not delivered.
      openSealed(one.key, dek).fill(0);
      const wrapped = makeClaimLock(one.key.id, secret, dek);
      await addLock(tx, one.key.id, { kind: 'claim', holder: claimId, wrapped, expires_at: expiresAt }, at);
    } finally {
      dek.fill(0);
    }
  }
  return { claimId, secret, expiresAt };
}

/** What waits behind a link that nobody was shown: the office still has its secret, and its owner would lose these. */
async function keysOfUnseenClaim(tx: Transaction, world: World, claim: ClaimRow): Promise<OpenableKey[]> {
  if (claim.sealed_secret === null || claim.vault_id === null) return [];
  const sealedUnder = await vaultById(tx, claim.vault_id);
  const secret = await unsealClaimSecret(world, sealedUnder, claim.id, claim.sealed_secret);
  const keys = await keysLockedTo(tx, { kind: 'claim', holder: claim.id, personId: claim.person_id });
  return keys.map(({ wrapped, ...one }) => ({
    ...one,
    openDek: async () => openClaimLock(one.key.id, secret, wrapped),
  }));
}

interface UnseenKeys {
  readonly keyIds: readonly string[];
  /** DER. */
  readonly certificates: readonly Uint8Array[];
  pack(how: {
    readonly password: string;
    readonly profile: Pkcs12Profile;
    readonly only?: number;
  }): Promise<Uint8Array>;
}

/**
 * Has keys packed that wait behind a link which nobody was shown: until it is, the office opens them by design, and this opens no
 * more than that. @throws AuthorityError `wrong-state` where there are none
 */
export async function packUnseen<T>(
  tx: Transaction,
  world: World,
  { personId, friendlyName }: { readonly personId: string; readonly friendlyName: string },
  use: (keys: UnseenKeys) => Promise<T>,
): Promise<T> {
  const claim = await lockOpenClaim(tx, personId);
  const open = claim !== undefined && claim.expires_at > world.clock();
  const keys = open ? await keysOfUnseenClaim(tx, world, claim) : [];
  if (keys.length === 0) {
    throw new AuthorityError('wrong-state', 'No key of theirs waits that nobody has seen. Nothing was opened.');
  }
  return use({
    keyIds: keys.map(({ key }) => key.id),
    certificates: keys.map(({ certificate }) => certificate),
    pack: ({ only, ...how }) =>
      pack(tx, { keys: only === undefined ? keys : keys.slice(only, only + 1), friendlyName, ...how }),
  });
}

/** Those that open, as plain messages. Signatures inside are left as they are. */
async function openMessages(keys: readonly OpenableKey[], messages: readonly NamedMessage[]): Promise<NamedMessage[]> {
  const openingKeys: OpeningKey[] = [];
  for (const one of keys) {
    const pkcs8 = await openKey(one);
    try {
      const key = createPrivateKey({ key: pkcs8, format: 'der', type: 'pkcs8' });
      openingKeys.push({ decrypter: localDecrypter(key), certificate: parseCertificate(one.certificate) });
    } finally {
      pkcs8.fill(0);
    }
  }
  const opened: NamedMessage[] = [];
  for (const one of messages) {
    try {
      // Mail of ten years ago is under ciphers of ten years ago.
      const { message } = await decryptMessage({ message: one.message, keys: openingKeys, legacy: true });
      opened.push({ ...one, message });
    } catch (error) {
      if (!(error instanceof SmimeError)) throw error;
    }
  }
  return opened;
}

async function pack(
  snapshot: Snapshot,
  input: {
    readonly keys: readonly OpenableKey[];
    readonly password: string;
    readonly profile: Pkcs12Profile;
    readonly friendlyName: string;
  },
): Promise<Uint8Array> {
  const opened: { privateKey: Buffer; certificate: Uint8Array; friendlyName: string }[] = [];
  const chain: Uint8Array[] = [];
  const authorities = new Set<string>();
  try {
    for (const one of input.keys) {
      // A key that came from another office is as old as its certificate, not as its record here.
      const made = one.key.origin === 'imported' ? parseCertificate(one.certificate).notBefore : one.key.created_at;
      const friendlyName = `${input.friendlyName} ${made.toISOString().slice(0, 10)}`;
      opened.push({ privateKey: await openKey(one), certificate: one.certificate, friendlyName });
      if (one.authorityId !== null && !authorities.has(one.authorityId)) {
        authorities.add(one.authorityId);
        chain.push(...(await chainOf(snapshot, one.authorityId)));
      }
    }
    const { password, profile } = input;
    return await createPkcs12({ entries: opened, chain, password, profile });
  } finally {
    for (const { privateKey } of opened) privateKey.fill(0);
  }
}

/** A sealed key with what it is bound to, and what opens its lock. */
export interface SealedKeyAndLock {
  readonly key: Pick<EscrowedKeyRow, 'id' | 'person_id' | 'vault_id' | 'spki_sha256' | 'format_version' | 'sealed'>;
  readonly openDek: () => Promise<Buffer>;
}

/** The PKCS#8 of an escrowed key; the caller zeroes it. */
export async function openKey({ key, openDek }: SealedKeyAndLock): Promise<Buffer> {
  const dek = await openDek();
  try {
    return openSealed(key, dek);
  } finally {
    dek.fill(0);
  }
}

/** The same with its data key, which stays as it is. */
function openSealed(key: SealedKeyAndLock['key'], dek: Uint8Array): Buffer {
  const binding = { recordId: key.id, personId: key.person_id, vaultId: key.vault_id };
  try {
    return openAead(dek, key.sealed, associatedData(binding, key.spki_sha256, key.format_version));
  } catch {
    throw new AuthorityError(
      'internal',
      `The escrow record ${key.id} does not open: it was altered, or restored beside another key store. Nothing was released.`,
    );
  }
}

export const passwordPurpose = (requestId: string): string => `chancery:recovery-password:${requestId}`;

function otherDelivery(kind: CanonicalRequest['delivery']['kind']): AuthorityError {
  const what = {
    pkcs12: 'for a PKCS#12 file',
    certificate: 'for a file that is encrypted to a certificate',
    owner: 'for the owner of the keys, and nobody else gets them',
    decrypt: 'for messages to be decrypted, and no key leaves',
  }[kind];
  return new AuthorityError(
    'quorum-refused',
    `What the officers approved is ${what}. Nothing was released. Release it in that way.`,
  );
}
