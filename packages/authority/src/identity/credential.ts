/** Choosing what to sign in with, at the far end of a one-time link. */
import { createHmac } from 'node:crypto';
import type { NewCredential, Role } from '@chancery/api';
import { AuthorityError } from '../errors.ts';
import type { Snapshot } from '../store/database.ts';
import type { StoredCredential } from '../store/operators.ts';
import type { World } from '../world.ts';
import { acceptPasskey, passkeyRegistration } from './passkey.ts';
import { hashPassword } from './password.ts';
import { sealSecret } from './sealing.ts';
import { base32, totpStep, totpUri } from './totp.ts';

/**
 * What the browser needs to make a credential. Everything secret in it follows from the link's own token, so that a page
 * that is opened twice shows the same code, and nothing is stored before the person has chosen.
 */
export async function offerCredential(offer: {
  readonly token: string;
  readonly origin: string;
  readonly organisation: string;
  readonly name: string;
  /** Null where the person types it themselves. */
  readonly address: string | null;
  readonly typedAddress?: string | undefined;
  readonly roles: readonly Role[];
}) {
  const secret = totpSecretOf(offer.token);
  const label = offer.address ?? offer.typedAddress ?? 'operator';
  return {
    address: offer.address,
    name: offer.name === '' ? null : offer.name,
    roles: [...offer.roles],
    totp: { secret, uri: totpUri(secret, `Chancery ${offer.organisation}`.trim(), label) },
    passkey: await passkeyRegistration({
      origin: offer.origin,
      challenge: derive(offer.token, 'passkey challenge'),
      userId: derive(offer.token, 'passkey user').subarray(0, 16),
      address: label,
      name: offer.name,
      organisation: offer.organisation,
    }),
  };
}

/**
 * Checks what was chosen and makes it ready to be stored.
 * @throws AuthorityError `wrong-credentials` for a wrong code, `unusable-input`
 */
export async function acceptCredential(
  world: World,
  snapshot: Snapshot,
  choice: {
    readonly token: string;
    readonly origin: string;
    readonly operatorId: string;
    readonly credential: NewCredential;
  },
): Promise<StoredCredential> {
  const { credential, token, operatorId } = choice;
  if (credential.kind === 'passkey') {
    return acceptPasskey(credential.response, {
      origin: choice.origin,
      challenge: derive(token, 'passkey challenge'),
    });
  }
  const secret = totpSecretOf(token);
  if (credential.totpSecret !== secret) {
    throw new AuthorityError(
      'unusable-input',
      'The TOTP secret is not the one that this link gave. Nothing was changed. Reload the page and scan the code again.',
    );
  }
  const step = totpStep(secret, credential.totpCode, world.clock(), null);
  if (step === undefined) {
    throw new AuthorityError(
      'wrong-credentials',
      'The six digits do not fit. Nothing was changed. Check the clock of the device that shows them, and enter the next ones.',
    );
  }
  return {
    kind: 'password',
    passwordHash: await hashPassword(credential.password),
    sealedTotpSecret: await sealSecret(world, snapshot, totpPurpose(operatorId), Buffer.from(secret)),
    totpStep: step,
  };
}

/** What an operator's TOTP secret is sealed for. */
export function totpPurpose(operatorId: string): string {
  return `chancery:totp:${operatorId}`;
}

function totpSecretOf(token: string): string {
  return base32(derive(token, 'totp').subarray(0, 20));
}

/** The token has 256 random bits: HMAC-SHA-256 under it is a generator. */
function derive(token: string, purpose: string): Buffer {
  return createHmac('sha256', token).update(`chancery ${purpose}`).digest();
}
