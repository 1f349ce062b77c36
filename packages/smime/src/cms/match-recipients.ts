/** Which of the keys at hand may open which entries of an encrypted message. Looks at nothing secret. */
import { SmimeError } from '../errors.ts';
import { encryptionSchemeOf } from '../keys/algorithms.ts';
import type { Decrypter } from '../keys/ports.ts';
import { limits } from '../limits.ts';
import type { Certificate } from '../x509/certificate.ts';
import { names } from './identifier.ts';
import type { OpeningContext, Unwrap } from './recipients/attempt.ts';
import { openEncapsulated } from './recipients/kem.ts';
import { openAgreed } from './recipients/key-agreement.ts';
import { openTransported } from './recipients/key-transport.ts';
import { openWithPassword, type Password } from './recipients/password.ts';
import type { KeyRecipient, Recipient } from './recipients/recipient.ts';
import { openShared, type SharedKey } from './recipients/shared-key.ts';

/** A private key to open messages with, and the certificate by which messages name it. */
export interface DecryptionKey {
  readonly decrypter: Decrypter;
  /** Names the key among the recipients. Without it every entry that the kind of key fits is tried, within a budget. */
  readonly certificate?: Certificate;
}

/** The key of the content itself, for EncryptedData. */
export interface ContentKey {
  readonly contentKey: Uint8Array;
}

/** What opens a message: a private key, a key that is shared with the sender, a password, the key of the content. */
export type OpeningKey = DecryptionKey | SharedKey | Password | ContentKey;

/**
 * The ways that are worth trying, as many as the budget allows.
 * Throws `SmimeError` `no-matching-recipient` where the message names none of the keys; where it does, and all these entries
 * are made in a way that is not read, `unsupported` or `legacy-algorithm`.
 */
export function matchRecipients(
  recipients: readonly Recipient[],
  keys: readonly OpeningKey[],
  context: OpeningContext,
): Unwrap[] {
  const ways: Unwrap[] = [];
  let refusal: SmimeError | undefined;
  for (const key of keys) {
    for (const recipient of recipients) {
      if (ways.length >= limits.recipientAttempts) return ways;
      try {
        const way = wayTo(recipient, key, context);
        if (way) ways.push(way);
      } catch (error) {
        if (!(error instanceof SmimeError)) throw error;
        if (error.code === 'unsupported' || error.code === 'legacy-algorithm') refusal ??= error;
        else ways.push(() => Promise.reject(error));
      }
    }
  }
  if (ways.length > 0) return ways;
  throw (
    refusal ??
    new SmimeError('no-matching-recipient', 'none of the keys at hand belongs to a recipient of this message')
  );
}

/** Undefined where the entry is not for this key. */
function wayTo(recipient: Recipient, key: OpeningKey, context: OpeningContext): Unwrap | undefined {
  switch (recipient.kind) {
    case 'key-transport':
    case 'key-agreement':
    case 'kem':
      return 'decrypter' in key && isFor(recipient, key) ? wayByKey(recipient, key.decrypter, context) : undefined;
    case 'shared-key':
      return 'keyEncryptionKey' in key && recipient.keyIdentifier.equals(key.identifier)
        ? openShared(recipient, key.keyEncryptionKey, context.legacy)
        : undefined;
    case 'password':
      return 'password' in key ? openWithPassword(recipient, key, context) : undefined;
    case 'direct':
      return 'contentKey' in key ? () => Promise.resolve(key.contentKey) : undefined;
    case 'other':
      return undefined;
  }
}

function isFor({ kind, identifier }: KeyRecipient, { decrypter, certificate }: DecryptionKey): boolean {
  return kind === encryptionSchemeOf(decrypter.kind) && (certificate === undefined || names(identifier, certificate));
}

function wayByKey(recipient: KeyRecipient, decrypter: Decrypter, context: OpeningContext): Unwrap {
  switch (recipient.kind) {
    case 'key-transport':
      return openTransported(recipient, decrypter);
    case 'key-agreement':
      return openAgreed(recipient, decrypter, context);
    case 'kem':
      return openEncapsulated(recipient, decrypter, context.legacy);
  }
}
