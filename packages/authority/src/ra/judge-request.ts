/** What is asked of a device's request by itself: whose names it has, and whether its key is fresh. */
import { createHash } from 'node:crypto';
import { type CertificateRequest, nameValues, oids } from '@chancery/smime';
import { seenBefore } from '../ca/check-key.ts';
import { AuthorityError } from '../errors.ts';
import type { Snapshot } from '../store/database.ts';
import { usesOfKeys } from '../store/intents.ts';
import { isAddressOf, type PersonRow } from '../store/people.ts';

export const UNDONE = 'Nothing was issued.';

export function refused(code: AuthorityError['code'], rule: string): AuthorityError {
  return new AuthorityError(code, `${rule}. ${UNDONE}`);
}

/** Of the secret that a request is sealed under while it waits. */
export const purposeOf = (id: string): string => `chancery:device-enrolment:${id}`;

/**
 * What a request names decides nothing; but one that names somebody else is not this person's.
 * @throws AuthorityError `forbidden`
 */
export function requireOwnNames(request: CertificateRequest, person: PersonRow): void {
  const foreign = addressesIn(request).find((address) => !isAddressOf(person, address));
  if (foreign === undefined) return;
  throw refused('forbidden', 'The request names an address that is not this person’s');
}

/** Wherever an address stands: in the alternative names, in the subject, and where devices put one into the common name. */
export function addressesIn(request: CertificateRequest): string[] {
  const common = nameValues(request.subject, oids.commonName).filter((value) => value.includes('@'));
  return [...new Set([...request.emails, ...common])];
}

/**
 * Never certified before, but for one that is renewed. Whoever issues holds the key before, and `prepareCertificate` looks again.
 * @throws AuthorityError `conflict`
 */
export async function requireFresh(snapshot: Snapshot, spkiSha256: Buffer, renews: string | undefined): Promise<void> {
  const uses = (await usesOfKeys(snapshot, [spkiSha256])).get(spkiSha256.toString('hex')) ?? [];
  const certified = uses.filter(({ kind }) => kind === 'certificate');
  if (certified.length === 0) return;
  if (renews === undefined || !certified.some(({ serial_number }) => serial_number === renews)) throw seenBefore();
}

export const digestOf = (spki: Uint8Array): Buffer => createHash('sha256').update(spki).digest();
