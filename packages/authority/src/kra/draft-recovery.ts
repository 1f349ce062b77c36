/** From what somebody asks for to what the officers will read: whose keys, which, how they leave, and under which rules. */
import { randomUUID } from 'node:crypto';
import type { Routes } from '@chancery/api';
import {
  type Certificate,
  encryptionSchemeOf,
  formatName,
  keyKindOf,
  parseCertificate,
  pemToDer,
  SmimeError,
} from '@chancery/smime';
import type { z } from 'zod';
import type { AuthorityConfig } from '../config.ts';
import { AuthorityError } from '../errors.ts';
import type { Principal } from '../principal.ts';
import type { Snapshot } from '../store/database.ts';
import { certificatesOfKeys, escrowedKeysOfPerson, locksOfKeys } from '../store/escrow.ts';
import { type PersonRow, personById, whyAway } from '../store/people.ts';
import { currentVault, type VaultRow, vaultById } from '../store/vaults.ts';
import type { World } from '../world.ts';
import type { CanonicalRequest } from './canonical-request.ts';
import { sealedHalfOf } from './locks/vault.ts';
import { keyOfVault } from './vault.ts';

type Asked = z.output<Routes['requestRecovery']['body']>;
type PersonOfRequest = CanonicalRequest['people'][number];
type Named = Pick<PersonRow, 'id' | 'name' | 'address'>;

export interface Draft {
  readonly canonical: CanonicalRequest;
  /** Asked for, and without a key that fits. */
  readonly withoutKeys: readonly Named[];
  /** That the keys lie in. */
  readonly vault: VaultRow;
}

/**
 * Nothing is written down.
 * @throws AuthorityError `forbidden` (no operator), `not-found`, `wrong-state` (no key in escrow), `unusable-input`
 */
export async function draftRequest(snapshot: Snapshot, world: World, asked: Asked, by: Principal): Promise<Draft> {
  if (by.kind !== 'operator') {
    throw new AuthorityError(
      'forbidden',
      'Only an operator asks for a key, under their own name. Nothing was asked for. Sign in to the console.',
    );
  }
  const at = world.clock();
  const subjects = await subjectsOf(snapshot, asked);
  const { people, withoutKeys } = await keysAskedFor(snapshot, subjects, asked);
  const { vault, locks } = await vaultOfKeys(
    snapshot,
    people.flatMap(({ keys }) => keys.map(({ id }) => id)),
  );
  const { plan } = keyOfVault(vault);
  const expiresAt = new Date(at.getTime() + asked.expiresInHours * HOUR);
  const rules = rulesOf(world.config.escrow.recovery, asked, at);
  checkTimes(rules, asked.expiresInHours, expiresAt);
  checkNotice(asked);
  const canonical: CanonicalRequest = {
    version: 3,
    id: randomUUID(),
    vaultId: vault.id,
    people,
    records: locks
      .map(({ escrowed_key_id, wrapped }) => ({
        id: escrowed_key_id,
        encapsulation: sealedHalfOf(wrapped).encapsulation,
      }))
      .sort((one, other) => (one.id < other.id ? -1 : 1)),
    reason: asked.reason,
    caseNumber: asked.caseNumber,
    explanation: asked.explanation,
    period: asked.period ?? null,
    delivery: deliveryOf(asked, subjects, world, at),
    rules,
    withholdNotice: asked.withholdNotice,
    threshold: plan.threshold,
    requestedBy: { id: by.id, name: by.name, address: by.address },
    requestedAt: at.toISOString(),
    expiresAt: expiresAt.toISOString(),
  };
  return { canonical, withoutKeys, vault };
}

const HOUR = 3_600_000;
/** What one release computes in one go: a derivation for each key of a PKCS#12, and a partial of each officer. */
const MOST_KEYS = 2000;

async function subjectsOf(snapshot: Snapshot, { personId, personIds }: Asked): Promise<PersonRow[]> {
  if ((personId === undefined) === (personIds === undefined)) {
    throw unusable('Name one person (personId) or several (personIds).', 'Choose one of the two.');
  }
  const people = [];
  for (const id of new Set(personIds ?? (personId === undefined ? [] : [personId]))) {
    const person = await personById(snapshot, id);
    if (person === undefined) throw new AuthorityError('not-found', 'There is no such person. Nothing was asked for.');
    people.push(person);
  }
  return people.sort((one, other) => (one.id < other.id ? -1 : 1));
}

async function keysAskedFor(
  snapshot: Snapshot,
  subjects: readonly PersonRow[],
  { escrowedKeyIds: wanted, period }: Asked,
): Promise<{ people: PersonOfRequest[]; withoutKeys: Named[] }> {
  const people: PersonOfRequest[] = [];
  const withoutKeys: Named[] = [];
  const theirs = new Set<string>();
  for (const { id, name, address } of subjects) {
    const all = (await escrowedKeysOfPerson(snapshot, id)).map((key) => key.id);
    for (const one of all) theirs.add(one);
    const certified = await certificatesOfKeys(snapshot, all);
    const keys = all
      .filter((key) => wanted.length === 0 || wanted.includes(key))
      .sort()
      .flatMap((key) => {
        const found = certified.get(key);
        if (found === undefined) return [];
        const { notBefore, notAfter } = parseCertificate(found.certificate);
        if (period !== undefined && (notAfter < new Date(period.from) || notBefore > new Date(period.until))) return [];
        const { serialNumber } = found;
        return [{ id: key, serialNumber, notBefore: notBefore.toISOString(), notAfter: notAfter.toISOString() }];
      });
    if (keys.length === 0) withoutKeys.push({ id, name, address });
    else people.push({ id, name, address, keys });
  }
  const stranger = wanted.find((id) => !theirs.has(id));
  if (stranger !== undefined) {
    const whose = subjects.length === 1 ? "this person's" : "these people's";
    throw new AuthorityError(
      'not-found',
      `The escrowed key ${stranger} is not one of ${whose}. Nothing was asked for.`,
    );
  }
  const count = people.reduce((sum, { keys }) => sum + keys.length, 0);
  if (count === 0) {
    throw new AuthorityError(
      'wrong-state',
      period === undefined
        ? 'There is no certified key of theirs in escrow yet. Nothing was asked for. Try again once the certificate is there.'
        : 'No key of theirs in escrow has a certificate that was valid in that time. Nothing was asked for. Choose another time.',
    );
  }
  if (count > MOST_KEYS) {
    throw unusable(
      `These are ${count} keys, and one request opens at most ${MOST_KEYS}.`,
      'Make several requests of it.',
    );
  }
  return { people, withoutKeys };
}

/**
 * The vault that these keys lie in, and their locks there, which a quorum of its officers opens. For a while after a vault was
 * replaced that is the one before: its officers open what has not moved yet.
 * @throws AuthorityError `wrong-state` while keys of a provisional vault move, or where they lie in several
 */
async function vaultOfKeys(snapshot: Snapshot, escrowedKeyIds: readonly string[]) {
  const current = await currentVault(snapshot);
  const locks = (await locksOfKeys(snapshot, escrowedKeyIds)).filter(({ kind }) => kind === 'vault');
  const ids = [...new Set(locks.map(({ holder }) => holder))];
  const vaults = [];
  for (const id of ids) vaults.push(await vaultById(snapshot, id));
  if (current.state === 'live' && vaults.some(({ state }) => state !== 'live')) {
    throw new AuthorityError(
      'wrong-state',
      'A key of theirs is still on its way into the vault. Nothing was asked for. Try again in a few minutes.',
    );
  }
  if (vaults.length > 1) {
    const behind = locks.filter(({ holder }) => holder !== current.id).length;
    throw new AuthorityError(
      'wrong-state',
      `Of these ${locks.length} keys ${behind} still lie in a vault that was replaced, whose own officers open them, and one request opens one vault. Nothing was asked for. Make a request of their own for those keys, or wait until they have moved.`,
    );
  }
  return { vault: vaults[0] ?? current, locks };
}

/** What the configuration asks for now; it stands in the request from here on. */
function rulesOf(
  { identityCheck, managerApproval, coolOffHours, leastAgeHours }: AuthorityConfig['escrow']['recovery'],
  { reason, notBefore }: Pick<Asked, 'reason' | 'notBefore'>,
  at: Date,
): CanonicalRequest['rules'] {
  const holds = (rule: typeof identityCheck) => rule === 'always' || (rule !== 'never' && rule.includes(reason));
  const aged = leastAgeHours === 0 ? [] : [at.getTime() + leastAgeHours * HOUR];
  const locked = Math.max(...aged, ...(notBefore === undefined ? [] : [Date.parse(notBefore)]));
  return {
    identityCheck: holds(identityCheck),
    managerApproval: holds(managerApproval),
    coolOffHours,
    notBefore: Number.isFinite(locked) ? new Date(locked).toISOString() : null,
  };
}

function checkTimes(rules: CanonicalRequest['rules'], hours: number, expiresAt: Date): void {
  if (rules.coolOffHours >= hours) {
    throw unusable(
      `It would lapse after ${hours} hours, and ${rules.coolOffHours} must pass after the last approval (cool-off).`,
      'Let it lapse later.',
    );
  }
  if (rules.notBefore !== null && new Date(rules.notBefore) >= expiresAt) {
    throw unusable(
      `It would lapse before ${rules.notBefore}, until when it is locked (time lock).`,
      'Let it lapse later.',
    );
  }
}

function checkNotice({ withholdNotice, reason, delivery }: Asked): void {
  if (!withholdNotice) return;
  if (reason !== 'legal-hold' && reason !== 'investigation') {
    throw unusable(
      'Its owner is kept from a request for a legal hold or an investigation only.',
      'Choose that reason, or let the owner know.',
    );
  }
  if (delivery.kind === 'owner') {
    throw unusable(
      'What goes to its owner cannot be kept from them.',
      'Choose another delivery, or let the owner know.',
    );
  }
}

function deliveryOf(
  { delivery }: Asked,
  subjects: readonly PersonRow[],
  world: World,
  at: Date,
): CanonicalRequest['delivery'] {
  switch (delivery.kind) {
    case 'pkcs12':
      return delivery;
    case 'certificate':
      return certificateDelivery(delivery.certificate, at);
    case 'owner': {
      const gone = subjects.find(({ state }) => state !== 'active');
      if (gone !== undefined) {
        throw unusable(
          `${whyAway(gone)}, and the link would go to a mailbox that they may not open.`,
          'Choose another delivery.',
        );
      }
      // Shown to anybody else, the link would be the key.
      if (world.mail === undefined) {
        throw unusable(
          'The link goes to its owner by mail, and this office can send none.',
          'Configure [mail], or choose another delivery.',
        );
      }
      return delivery;
    }
    case 'decrypt': {
      if (new Set(delivery.messages.map(({ sha256 }) => sha256)).size !== delivery.messages.length) {
        throw unusable('A message is named twice.', 'Name each once.');
      }
      return delivery;
    }
  }
}

function certificateDelivery(text: string, at: Date): CanonicalRequest['delivery'] {
  const another = 'Choose another certificate.';
  let certificate: Certificate;
  try {
    const trimmed = text.trim();
    certificate = parseCertificate(
      trimmed.startsWith('-----BEGIN') ? pemToDer(trimmed, 'CERTIFICATE') : Buffer.from(trimmed, 'base64'),
    );
    certificate.publicKey.asymmetricKeyType;
  } catch (error) {
    const why = error instanceof SmimeError ? `: ${error.message}` : '';
    throw unusable(`The recipient's certificate cannot be read${why}.`, another);
  }
  if (certificate.notAfter < at || certificate.notBefore > at) {
    throw unusable(
      `The recipient's certificate is good from ${certificate.notBefore.toISOString()} to ${certificate.notAfter.toISOString()} only.`,
      another,
    );
  }
  const scheme = encryptionSchemeOf(keyKindOf(certificate.spki));
  const usage = certificate.keyUsage;
  const encrypts = usage === undefined || usage.has(scheme === 'key-agreement' ? 'keyAgreement' : 'keyEncipherment');
  if (scheme === undefined || !encrypts) throw unusable("The recipient's certificate is not for encryption.", another);
  return {
    kind: 'certificate',
    certificate: Buffer.from(certificate.der).toString('base64'),
    recipient: formatName(certificate.subject),
  };
}

/** @param what and @param next are sentences */
function unusable(what: string, next: string): AuthorityError {
  return new AuthorityError('unusable-input', `${what} Nothing was asked for. ${next}`);
}
