/**
 * Opening escrowed keys. Here, and only here, a sealed private key becomes clear again: in a Buffer that is zeroed before
 * the function returns, and what leaves is a PKCS#12 under a password or a message to a certificate.
 */
import { createDecipheriv, randomInt } from 'node:crypto';
import { createPkcs12, encryptContent, parseCertificate } from '@chancery/smime';
import { checkPartial, combinePartials, type Partial } from '@chancery/vault';
import { z } from 'zod';
import { AuthorityError } from '../errors.ts';
import { operation } from '../operation.ts';
import { chainOf } from '../store/authorities.ts';
import type { Snapshot } from '../store/database.ts';
import { certificatesOfKeys, type EscrowedKeyRow, escrowedKeysOfPerson, locksOfKeys } from '../store/escrow.ts';
import {
  forgetPassword,
  lockRecovery,
  markReleased,
  type RecoveryDecision,
  type RecoveryRow,
} from '../store/recovery.ts';
import type { VaultRow } from '../store/vaults.ts';
import type { World } from '../world.ts';
import { associatedData } from './generate.ts';
import { openClaimLock } from './locks/claim.ts';
import { type OpenedPoint, openVaultLock } from './locks/vault.ts';
import { type DecisionFacts, type RequestFacts, whyNotPassword, whyNotRelease } from './quorum.ts';
import { type CanonicalRequest, factsOf, isRequestIntact, officerOf, openingOf, readCanonical } from './recovery.ts';
import { keyOfVault, openUnderVault, sealUnderVault, trust } from './vault.ts';

export interface ReleasedFile {
  readonly fileName: string;
  readonly mediaType: string;
  readonly data: Uint8Array;
}

/**
 * Releases the keys of an approved request to its requester, once: as PKCS#12 under a password that only an approving
 * officer is told, or encrypted to the named certificate (CMS AuthEnvelopedData around a MIME message that holds the
 * PKCS#12 and its password).
 * @throws AuthorityError `quorum-refused`, `not-found`
 */
export const releaseKey = operation({
  action: 'recovery.release',
  permission: 'recovery:release',
  irreversible: true,
  input: z.strictObject({ id: z.uuid() }),
  subject: ({ id }) => `recovery:${id}`,
  async run(tx, { id }, by, world) {
    const at = world.clock();
    const request = await lockRecovery(tx, id);
    if (request === undefined) throw noSuchRequest();
    const { facts, decisions, vault } = await factsOf(tx, request);
    const refusal = isRequestIntact(request)
      ? whyNotRelease(facts, decisions, by, at)
      : 'The stored request is not the one that was made';
    if (refusal !== null) throw refused(refusal);

    const canonical = readCanonical(request);
    const password = makePassword();
    const points = openedPoints(request, vault, facts, decisions);
    const file = await packRecovered(tx, world, canonical, vault, points, password);
    const sealedPassword =
      canonical.delivery.kind === 'pkcs12'
        ? await sealUnderVault(world, vault, passwordPurpose(id), Buffer.from(password))
        : null;
    await markReleased(tx, id, at, sealedPassword);
    return {
      result: file,
      audit: {
        personId: request.person_id,
        escrowedKeyIds: canonical.records.map(({ id: escrowedKeyId }) => escrowedKeyId),
        delivery: canonical.delivery.kind,
        digest: request.digest,
        approvedBy: decisions
          .filter(({ decision }) => decision === 'approve')
          .map(({ officerId, officerName }) => ({ officerId, officerName })),
        reason: canonical.reason,
        caseNumber: canonical.caseNumber,
      },
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
    if (request === undefined) throw noSuchRequest();
    const { facts, decisions, vault } = await factsOf(tx, request);
    const refusal = whyNotPassword(facts, decisions, officerOf(by, vault));
    if (refusal !== null) throw refused(refusal);
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
    return { result: { password }, audit: { personId: request.person_id } };
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
  readonly profile: 'modern' | 'compat';
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
  request: CanonicalRequest,
  vault: VaultRow,
  points: ReadonlyMap<string, OpenedPoint>,
  password: string,
): Promise<ReleasedFile> {
  const rows = (await escrowedKeysOfPerson(snapshot, request.person.id)).filter(({ id }) => points.has(id));
  const certificates = await certificatesOfKeys(
    snapshot,
    rows.map(({ id }) => id),
  );
  const locks = await locksOfKeys(
    snapshot,
    rows.map(({ id }) => id),
  );
  const keys = [];
  for (const key of rows) {
    const certificate = certificates.get(key.id);
    const lock = locks.find(({ kind, escrowed_key_id }) => kind === 'vault' && escrowed_key_id === key.id);
    const point = points.get(key.id);
    if (certificate === undefined || lock === undefined || point === undefined) continue;
    keys.push({ key, ...certificate, openDek: () => openVaultLock(world, vault, key.id, lock.wrapped, point) });
  }
  if (keys.length !== request.records.length) {
    throw new AuthorityError(
      'internal',
      'Not every key of this request is in escrow with its certificate. Nothing was released.',
    );
  }
  const { delivery } = request;
  const friendlyName = `${request.person.name} <${request.person.address}>`;
  const profile = delivery.kind === 'pkcs12' ? delivery.profile : 'modern';
  const pkcs12 = await pack(snapshot, { keys, password, profile, friendlyName });
  const name = fileNameOf(request.person.address);
  if (delivery.kind === 'pkcs12') {
    return { fileName: `${name}.p12`, mediaType: 'application/x-pkcs12', data: pkcs12 };
  }
  const content = recoveredMessage({ address: request.person.address, fileName: `${name}.p12`, pkcs12, password });
  try {
    const data = await encryptContent({
      content,
      recipients: [parseCertificate(Buffer.from(delivery.certificate, 'base64'))],
      cipher: 'aes-256-gcm',
    });
    return { fileName: `${name}.p7m`, mediaType: 'application/pkcs7-mime', data };
  } finally {
    content.fill(0);
  }
}

/**
 * What the approving officers' parts add up to, for each record. Each part is checked again: what opens a key is not taken
 * from the database on trust.
 */
function openedPoints(
  request: RecoveryRow,
  vault: VaultRow,
  facts: RequestFacts,
  decisions: readonly (DecisionFacts & RecoveryDecision)[],
): Map<string, OpenedPoint> {
  const { key } = keyOfVault(vault);
  const opening = openingOf(request);
  const partials = decisions
    .filter(({ decision, digest, inOffice }) => decision === 'approve' && digest === facts.digest && inOffice)
    .flatMap(({ partial }) => (partial === null ? [] : [JSON.parse(partial) as Partial]));
  return trust(() => {
    for (const partial of partials) checkPartial(partial, key, opening);
    const points = combinePartials(partials, key, opening);
    return new Map(opening.records.map(({ id }, at) => [id, points[at] as OpenedPoint]));
  });
}

/** A sealed key with what it is bound to, and what opens its lock. */
export interface SealedKeyAndLock {
  readonly key: Pick<EscrowedKeyRow, 'id' | 'person_id' | 'vault_id' | 'spki_sha256' | 'format_version' | 'sealed'>;
  readonly openDek: () => Promise<Buffer>;
}

interface OpenableKey {
  readonly key: EscrowedKeyRow;
  readonly certificate: Uint8Array;
  readonly authorityId: string | null;
  readonly openDek: () => Promise<Buffer>;
}

async function pack(
  snapshot: Snapshot,
  input: {
    readonly keys: readonly OpenableKey[];
    readonly password: string;
    readonly profile: 'modern' | 'compat';
    readonly friendlyName: string;
  },
): Promise<Uint8Array> {
  const opened: { privateKey: Buffer; certificate: Uint8Array; friendlyName: string }[] = [];
  const chain: Uint8Array[] = [];
  try {
    for (const one of input.keys) {
      // A key that came from another office is as old as its certificate, not as its record here.
      const made = one.key.origin === 'imported' ? parseCertificate(one.certificate).notBefore : one.key.created_at;
      const friendlyName = `${input.friendlyName} ${made.toISOString().slice(0, 10)}`;
      opened.push({ privateKey: await openKey(one), certificate: one.certificate, friendlyName });
      if (one.authorityId !== null) chain.push(...(await chainOf(snapshot, one.authorityId)));
    }
    const { password, profile } = input;
    return await createPkcs12({ entries: opened, chain, password, profile });
  } finally {
    for (const { privateKey } of opened) privateKey.fill(0);
  }
}

/** The PKCS#8 of an escrowed key; the caller zeroes it. */
export async function openKey({ key, openDek }: SealedKeyAndLock): Promise<Buffer> {
  const dek = await openDek();
  const pieces: Buffer[] = [];
  try {
    const { sealed } = key;
    const decipher = createDecipheriv('aes-256-gcm', dek, sealed.subarray(0, 12), { authTagLength: 16 });
    decipher.setAAD(
      associatedData(
        { recordId: key.id, personId: key.person_id, vaultId: key.vault_id },
        key.spki_sha256,
        key.format_version,
      ),
    );
    decipher.setAuthTag(sealed.subarray(-16));
    pieces.push(decipher.update(sealed.subarray(12, -16)), decipher.final());
    return Buffer.concat(pieces);
  } catch {
    throw new AuthorityError(
      'internal',
      `The escrow record ${key.id} does not open: it was altered, or restored beside another key store. Nothing was released.`,
    );
  } finally {
    dek.fill(0);
    for (const piece of pieces) piece.fill(0);
  }
}

/** A MIME message that mail programs show: what it is, the password, and the file to import. */
function recoveredMessage(file: { address: string; fileName: string; pkcs12: Uint8Array; password: string }): Buffer {
  const boundary = 'recovered-key';
  const base64 = Buffer.from(file.pkcs12).toString('base64').replace(/.{76}/g, '$&\r\n');
  return Buffer.from(
    [
      `Content-Type: multipart/mixed; boundary="${boundary}"`,
      '',
      `--${boundary}`,
      'Content-Type: text/plain; charset=us-ascii',
      '',
      `The encryption keys of ${file.address}, recovered from escrow.`,
      'Import the attached file into your mail program. Its password:',
      '',
      file.password,
      '',
      `--${boundary}`,
      `Content-Type: application/x-pkcs12; name="${file.fileName}"`,
      'Content-Transfer-Encoding: base64',
      `Content-Disposition: attachment; filename="${file.fileName}"`,
      '',
      base64,
      `--${boundary}--`,
      '',
    ].join('\r\n'),
    'latin1',
  );
}

/** Safe in every file system and header. */
function fileNameOf(address: string): string {
  return `${address.replace(/[^\w.@+-]/g, '_')}.recovered`;
}

/** Six groups of four from 32 letters that are not mistaken for one another: 120 bits. */
function makePassword(): string {
  const letters = 'abcdefghijkmnpqrstuvwxyz23456789';
  const group = () => Array.from({ length: 4 }, () => letters.charAt(randomInt(letters.length))).join('');
  return Array.from({ length: 6 }, group).join('-');
}

export const passwordPurpose = (requestId: string): string => `chancery:recovery-password:${requestId}`;

function refused(rule: string): AuthorityError {
  return new AuthorityError('quorum-refused', `${rule}. Nothing was released.`);
}

function noSuchRequest(): AuthorityError {
  return new AuthorityError('not-found', 'There is no such recovery request. Nothing was released.');
}
