/**
 * Opens encrypted content. Whatever goes wrong after a recipient was matched is one error, reached by the same steps: a
 * content key that does not unwrap is replaced by a random one and the content decrypted all the same (RFC 3218 section 2.3).
 */
import { randomBytes } from 'node:crypto';
import { asBuffer, type DerReader } from '../asn1/der.ts';
import { oids } from '../asn1/oids.ts';
import { SmimeError } from '../errors.ts';
import { DerivationBudget } from '../pkcs12/derive.ts';
import { type Certificate, parseCertificate } from '../x509/certificate.ts';
import { readAuthEnvelopedData } from './auth-enveloped-data.ts';
import { openContent, type ReadableCipher, requireModern } from './content-encryption.ts';
import { readContentInfo } from './content-info.ts';
import { readEncryptedData } from './encrypted-data.ts';
import { type Envelope, readEnvelopedData } from './enveloped-data.ts';
import { formatIdentifier } from './identifier.ts';
import { matchRecipients, type OpeningKey } from './match-recipients.ts';
import type { Unwrap } from './recipients/attempt.ts';
import type { Recipient } from './recipients/recipient.ts';

/** What `decryptContent` found: the content, and whether anything vouches for its ciphertext. */
export interface DecryptedContent {
  readonly content: Uint8Array;
  /** Dotted object identifier. */
  readonly contentType: string;
  /** True for AuthEnvelopedData: nobody altered the ciphertext. Never says who made it. */
  readonly authenticated: boolean;
  readonly cipher: ReadableCipher;
  /** Everybody the message names as a recipient, for a person. */
  readonly recipients: readonly string[];
}

/** With what to open encrypted content. */
export interface OpeningInput {
  readonly keys: readonly OpeningKey[];
  /** Read Triple DES, DES and RC2 too; default false. */
  readonly legacy?: boolean;
  /** Certificates of senders who may name their own key instead of sending one (RFC 5652 section 6.2.2). */
  readonly originators?: readonly Certificate[];
}

/**
 * Opens encrypted octets that are no message: `der` is a ContentInfo, BER or DER, with EnvelopedData, AuthEnvelopedData or
 * EncryptedData.
 * Throws, before any key is used: `no-matching-recipient` where none of the keys is named, `legacy-algorithm` for what is read
 * only as legacy, `unsupported` for algorithms that are not implemented. Throws `decryption-failed` for everything else.
 */
export async function decryptContent(input: OpeningInput & { readonly der: Uint8Array }): Promise<DecryptedContent> {
  const envelope = readEnvelope(input.der);
  requireModern(envelope.content, input.legacy ?? false);
  for (const unwrap of waysInto(envelope, input)) {
    const content = await open(envelope, unwrap);
    if (content === undefined) continue;
    return {
      content,
      contentType: envelope.content.contentType,
      authenticated: envelope.mac !== undefined,
      cipher: envelope.content.cipher,
      recipients: envelope.recipients.map(describeRecipient),
    };
  }
  throw decryptionFailed();
}

/** The one error of every failure; it must not say which. */
export function decryptionFailed(): SmimeError {
  return new SmimeError('decryption-failed', 'the message could not be decrypted');
}

export function describeRecipient(recipient: Recipient): string {
  switch (recipient.kind) {
    case 'shared-key':
      return `whoever has the key ${recipient.keyIdentifier.toString('hex')}`;
    case 'password':
      return 'whoever knows a password';
    case 'direct':
      return 'whoever has the key of the content';
    case 'other':
      return `a recipient of a kind that is not known here${recipient.type === undefined ? '' : ` (${recipient.type})`}`;
    default:
      return formatIdentifier(recipient.identifier);
  }
}

function readEnvelope(der: Uint8Array): Envelope {
  return orFailed(() => {
    const { contentType, content } = readContentInfo(der);
    return readEnvelopeOf(contentType, content);
  });
}

/** @param content stands before the content of a ContentInfo. Throws `SmimeError` for what is no encrypted content. */
export function readEnvelopeOf(contentType: string, content: DerReader): Envelope {
  if (contentType === oids.envelopedData) return readEnvelopedData(content);
  if (contentType === oids.authEnvelopedData) return readAuthEnvelopedData(content);
  if (contentType === oids.encryptedData) return readEncryptedData(content);
  throw decryptionFailed();
}

/** What is malformed fails as everything else does; only what is not implemented is told apart. */
export function orFailed<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof SmimeError && error.code !== 'unsupported') throw decryptionFailed();
    throw error;
  }
}

/** The ways to the content key that are worth trying. Throws as `matchRecipients` does. */
export function waysInto(envelope: Pick<Envelope, 'recipients' | 'originators'>, input: OpeningInput): Unwrap[] {
  return matchRecipients(envelope.recipients, input.keys, {
    legacy: input.legacy ?? false,
    originators: [...envelope.originators.flatMap(readable), ...(input.originators ?? [])],
    budget: new DerivationBudget(),
  });
}

/** A certificate that cannot be read can only be missed. */
function readable(der: Buffer): Certificate[] {
  try {
    return [parseCertificate(der)];
  } catch (error) {
    if (error instanceof SmimeError) return [];
    throw error;
  }
}

async function open(envelope: Envelope, unwrap: Unwrap): Promise<Buffer | undefined> {
  const { content } = envelope;
  const { contentKey, fits } = await unwrapOrReplace(unwrap, content.keyLength);
  try {
    const opened = openContent(content, contentKey, envelope.additional, envelope.mac);
    return fits ? opened : undefined;
  } catch {
    return undefined;
  }
}

/** The content key or, where it does not unwrap or has another length, a random one that opens nothing. */
export async function unwrapOrReplace(
  unwrap: Unwrap,
  keyLength: number,
): Promise<{ readonly contentKey: Buffer; readonly fits: boolean }> {
  const substitute = randomBytes(keyLength);
  const unwrapped = await unwrap().catch(() => substitute);
  const fits = unwrapped.length === keyLength && unwrapped !== substitute;
  return { contentKey: fits ? asBuffer(unwrapped) : substitute, fits };
}
