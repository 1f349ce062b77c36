/** Passkeys (WebAuthn level 3): discoverable, with user verification, so that one touch is both factors. */
import { randomBytes } from 'node:crypto';
import type * as webauthn from '@simplewebauthn/server';
import { AuthorityError } from '../errors.ts';
import type { Snapshot, Transaction } from '../store/database.ts';
import { lockPasskey, type PasskeyRow, type StoredCredential, setPasskeyCounter } from '../store/operators.ts';
import { lockPersonPasskey, notePersonPasskey, type PersonPasskeyRow } from '../store/person-passkeys.ts';
import { spendChallenge } from '../store/tokens.ts';
import type { World } from '../world.ts';
import { openSecret, sealSecret } from './sealing.ts';

type Json = Record<string, unknown>;
type RegistrationResponse = Parameters<typeof webauthn.verifyRegistrationResponse>[0]['response'];
type AuthenticationResponse = Parameters<typeof webauthn.verifyAuthenticationResponse>[0]['response'];

/** Loaded with the first passkey: it takes a tenth of the time in which the office starts. */
const library = (): Promise<typeof webauthn> => import('@simplewebauthn/server');

/** @param origin of the page that asks, already known to be ours: passkeys belong to its host */
export async function passkeyRegistration(account: {
  readonly origin: string;
  readonly challenge: Uint8Array;
  readonly userId: Uint8Array;
  readonly address: string;
  readonly name: string;
  readonly organisation: string;
  /** Passkeys that are there already: an authenticator that holds one makes no second. */
  readonly known?: readonly { readonly credential_id: string }[];
}): Promise<Json> {
  const { generateRegistrationOptions } = await library();
  const options = await generateRegistrationOptions({
    rpName: `Chancery, ${account.organisation}`,
    rpID: new URL(account.origin).hostname,
    userName: account.address,
    userDisplayName: account.name,
    userID: Uint8Array.from(account.userId),
    challenge: Uint8Array.from(account.challenge),
    authenticatorSelection: { residentKey: 'required', userVerification: 'required' },
    supportedAlgorithmIDs: ALGORITHMS,
    timeout: CHALLENGE_MS,
    excludeCredentials: (account.known ?? []).map(({ credential_id: id }) => ({ id })),
  });
  return { ...options };
}

/** @throws AuthorityError `unusable-input` */
export async function acceptPasskey(
  response: Json,
  expected: { readonly origin: string; readonly challenge: Uint8Array },
): Promise<Extract<StoredCredential, { kind: 'passkey' }>> {
  const { verifyRegistrationResponse } = await library();
  const verified = await verifyRegistrationResponse({
    response: response as unknown as RegistrationResponse,
    expectedChallenge: Buffer.from(expected.challenge).toString('base64url'),
    expectedOrigin: expected.origin,
    expectedRPID: new URL(expected.origin).hostname,
    requireUserVerification: true,
    supportedAlgorithmIDs: ALGORITHMS,
  }).catch((cause: unknown) => {
    throw unusablePasskey(cause);
  });
  if (!verified.verified) throw unusablePasskey(undefined);
  const { credential } = verified.registrationInfo;
  return {
    kind: 'passkey',
    credentialId: credential.id,
    publicKey: credential.publicKey,
    counter: credential.counter,
    transports: credential.transports ?? [],
  };
}

/** What a challenge is for: an answer to one is none to another. */
export type ChallengeUse =
  | 'operator'
  | 'person'
  /** One person, signed in, shows a passkey of theirs again, or makes one. */
  | `person:${string}:${'show' | 'enrol'}`;

/** Nothing is stored for a challenge until it is answered: whoever asks for a million of them fills no table. */
export async function passkeyChallenge(
  world: World,
  snapshot: Snapshot,
  origin: string,
  use: ChallengeUse,
  allowed: readonly { readonly credential_id: string }[] = [],
): Promise<{ flow: string; options: Json }> {
  const { challenge, flow } = await newFlow(world, snapshot, use);
  const { generateAuthenticationOptions } = await library();
  const options = await generateAuthenticationOptions({
    rpID: new URL(origin).hostname,
    challenge: Uint8Array.from(challenge),
    userVerification: 'required',
    timeout: CHALLENGE_MS,
    ...(allowed.length === 0 ? {} : { allowCredentials: allowed.map(({ credential_id: id }) => ({ id })) }),
  });
  return { flow, options: { ...options } };
}

/** A challenge for a passkey that is to be made. */
export async function newFlow(
  world: World,
  snapshot: Snapshot,
  use: ChallengeUse,
): Promise<{ challenge: Uint8Array; flow: string }> {
  const challenge = randomBytes(32);
  const expires = world.clock().getTime() + CHALLENGE_MS;
  const flow = Buffer.from(JSON.stringify({ challenge: challenge.toString('base64url'), expires }));
  const sealed = await sealSecret(world, snapshot, purposeOf(use), flow);
  return { challenge, flow: Buffer.from(sealed).toString('base64url') };
}

/** The challenge of a flow, spent by this call. @throws AuthorityError `wrong-credentials` */
export async function spendFlow(world: World, tx: Transaction, use: ChallengeUse, flow: string): Promise<Uint8Array> {
  const challenge = await openFlow(world, tx, use, flow);
  const at = world.clock();
  if (challenge === undefined || challenge.expires <= at.getTime()) throw refused();
  if (!(await spendChallenge(tx, challenge.challenge, at, new Date(challenge.expires)))) throw refused();
  return Buffer.from(challenge.challenge, 'base64url');
}

interface PasskeyAnswer {
  readonly flow: string;
  readonly response: Json;
  readonly origin: string;
}

/**
 * The operator's passkey that answered the challenge in `flow`, its counter moved on and the challenge spent.
 * @throws AuthorityError `wrong-credentials`
 */
export async function passkeyAnswer(world: World, tx: Transaction, answer: PasskeyAnswer): Promise<PasskeyRow> {
  const { passkey, counter } = await checkAnswer(world, tx, 'operator', answer, lockPasskey);
  await setPasskeyCounter(tx, passkey.credential_id, counter);
  return passkey;
}

/** The same of a person's passkey; an operator's is none. */
export async function personPasskeyAnswer(
  world: World,
  tx: Transaction,
  use: ChallengeUse,
  answer: PasskeyAnswer,
): Promise<PersonPasskeyRow> {
  const { passkey, counter } = await checkAnswer(world, tx, use, answer, lockPersonPasskey);
  await notePersonPasskey(tx, passkey.credential_id, { counter, at: world.clock() });
  return passkey;
}

async function checkAnswer<Row extends Pick<PasskeyRow, 'credential_id' | 'public_key' | 'counter'>>(
  world: World,
  tx: Transaction,
  use: ChallengeUse,
  answer: PasskeyAnswer,
  find: (tx: Transaction, credentialId: string) => Promise<Row | undefined>,
): Promise<{ passkey: Row; counter: number }> {
  const challenge = await openFlow(world, tx, use, answer.flow);
  const at = world.clock();
  if (challenge === undefined || challenge.expires <= at.getTime()) throw refused();
  const id = typeof answer.response.id === 'string' ? answer.response.id : '';
  const passkey = await find(tx, id);
  if (passkey === undefined) throw refused();
  const { verifyAuthenticationResponse } = await library();
  const verified = await verifyAuthenticationResponse({
    response: answer.response as unknown as AuthenticationResponse,
    expectedChallenge: challenge.challenge,
    expectedOrigin: answer.origin,
    expectedRPID: new URL(answer.origin).hostname,
    requireUserVerification: true,
    credential: {
      id: passkey.credential_id,
      publicKey: Uint8Array.from(passkey.public_key),
      counter: Number(passkey.counter),
    },
  }).catch((cause: unknown) => {
    throw refused(cause);
  });
  if (!verified.verified) throw refused();
  if (!(await spendChallenge(tx, challenge.challenge, at, new Date(challenge.expires)))) throw refused();
  return { passkey, counter: verified.authenticationInfo.newCounter };
}

const CHALLENGE_MS = 300_000;
/** COSE: EdDSA, ES256, RS256, what authenticators have. */
const ALGORITHMS = [-8, -7, -257];
/** Of operators as it always was. */
const purposeOf = (use: ChallengeUse): string =>
  use === 'operator' ? 'chancery:passkey-challenge' : `chancery:passkey-challenge:${use}`;

async function openFlow(
  world: World,
  snapshot: Snapshot,
  use: ChallengeUse,
  flow: string,
): Promise<{ challenge: string; expires: number } | undefined> {
  try {
    const opened = await openSecret(world, snapshot, purposeOf(use), Buffer.from(flow, 'base64url'));
    return JSON.parse(Buffer.from(opened).toString()) as { challenge: string; expires: number };
  } catch (error) {
    if (error instanceof AuthorityError) throw error;
    return undefined;
  }
}

function refused(cause?: unknown): AuthorityError {
  return new AuthorityError(
    'wrong-credentials',
    'This passkey does not sign in here. Nothing was changed. Start again, or sign in with password and code.',
    { cause },
  );
}

function unusablePasskey(cause: unknown): AuthorityError {
  return new AuthorityError(
    'unusable-input',
    'This passkey could not be taken. The link is still good. Try again, or choose a password with a code.',
    { cause },
  );
}
