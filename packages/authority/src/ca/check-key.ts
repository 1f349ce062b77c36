/** The key that a certificate is asked for: what it is, whether it deserves one, and whether it is fresh. */
import type { ProfileDocument } from '@chancery/api';
import { parseKeyReference } from '@chancery/keystore';
import { type CertificateRequest, keyKindOf, parseRequest, SmimeError, verifyRequestSignature } from '@chancery/smime';
import { AuthorityError } from '../errors.ts';
import type { Transaction } from '../store/database.ts';
import { escrowHolds, type UseOfKey } from '../store/intents.ts';
import type { KeyOrigin } from '../store/schema.ts';
import type { World } from '../world.ts';
import { modulusBits, weaknessesOf } from './key-strength.ts';
import type { PrepareInput } from './prepare-input.ts';

/** Its public half, and the request that it came with. */
export async function keyOf(
  world: World,
  input: PrepareInput,
): Promise<{ spki: Uint8Array; request: CertificateRequest | undefined }> {
  if (input.use === 'encryption') return { spki: input.key.spki, request: undefined };
  if ('keyReference' in input)
    return { spki: await world.keyStore.publicKey(parseKeyReference(input.keyReference)), request: undefined };
  try {
    const request = parseRequest(input.request);
    return { spki: request.spki, request };
  } catch (error) {
    if (!(error instanceof SmimeError)) throw error;
    const where = error.offset === undefined ? '' : ` at octet ${error.offset}`;
    throw unusable(`The certificate request cannot be read: ${error.message}${where}.`);
  }
}

export function requireOrigin(profile: ProfileDocument, origin: KeyOrigin): void {
  if (profile.keyOrigins.includes(origin)) return;
  throw unusable(
    `The profile "${profile.name}" takes keys from ${profile.keyOrigins.join(', ')}, and this one comes from ${origin}.`,
  );
}

/** Sound, and of a kind and length that the profile takes. */
export function requireSoundKey(spki: Uint8Array, { keys }: ProfileDocument): void {
  const weaknesses = weaknessesOf(spki);
  if (weaknesses.length > 0) throw unusable(`The key cannot be certified: ${weaknesses.join('; ')}.`);
  const kind = keyKindOf(spki);
  const bits = modulusBits(spki);
  if (!(keys.algorithms as readonly string[]).includes(kind))
    throw unusable(
      `The key cannot be certified: the profile accepts ${keys.algorithms.join(', ')}, and this is ${kind}.`,
    );
  const { minimum, maximum } = keys.rsaBits;
  if (bits !== undefined && (bits < minimum || bits > maximum))
    throw unusable(
      `The key cannot be certified: the profile wants RSA of ${minimum} to ${maximum} bits, and this has ${bits}.`,
    );
}

/**
 * One key, one holder, one purpose. An escrowed key may be certified again, for the same person: an address that is added
 * changes the certificate, and its owner has the key already. So may one that signs, where its own certificate is renewed.
 * @returns intents that a crash left behind for it, to be given up
 */
export async function requireFreshKey(
  tx: Transaction,
  { input, spkiSha256 }: { readonly input: PrepareInput; readonly spkiSha256: Buffer },
  uses: readonly UseOfKey[],
): Promise<string[]> {
  const certificates = uses.filter(({ kind }) => kind === 'certificate');
  const intents = uses.filter(({ kind }) => kind === 'intent');
  const isSameHolder = (other: UseOfKey) =>
    other.use === input.use &&
    other.person_id === ('personId' in input ? input.personId : null) &&
    other.gateway_id === (input.use === 'gateway' ? input.gatewayId : null);
  if (input.use === 'encryption') {
    const genuine = await escrowHolds(tx, {
      escrowedKeyId: input.key.escrowedKeyId,
      personId: input.personId,
      spkiSha256,
    });
    if (!genuine) throw unusable('The escrow receipt is not for a key of this person.');
    if (certificates.some((other) => !isSameHolder(other) || other.revocation_reason === 'keyCompromise'))
      throw seenBefore();
  } else if (input.use === 'signing' && input.renews !== undefined) {
    const { renews } = input;
    const isRenewed = certificates.some(({ serial_number }) => serial_number === renews);
    if (!isRenewed || certificates.some((other) => !isSameHolder(other) || other.revocation_reason === 'keyCompromise'))
      throw seenBefore();
  } else if (certificates.length > 0) throw seenBefore();
  if (!intents.every(isSameHolder)) throw seenBefore();
  return intents.map(({ serial_number }) => serial_number).sort();
}

export function seenBefore(): AuthorityError {
  return new AuthorityError(
    'conflict',
    'This key has been certified before. Nothing was issued. Make a fresh key and ask again.',
  );
}

function unusable(what: string): AuthorityError {
  return new AuthorityError('unusable-input', `${what} Nothing was issued.`);
}

/** @throws AuthorityError `unusable-input` where the request is not signed by its own key */
export function requirePossession(request: CertificateRequest): void {
  if (verifyRequestSignature(request)) return;
  throw unusable(
    'The certificate request is not signed by its own key, so nothing proves that whoever sent it has the key.',
  );
}
