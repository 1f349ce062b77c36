/**
 * Opens encrypted content. Whatever goes wrong after a recipient was matched is one error, reached by the same steps: a
 * content key that does not unwrap is replaced by a random one and the content decrypted all the same (RFC 3218 section 2.3).
 */
import { randomBytes } from 'node:crypto';
import { asBuffer } from '../asn1/der.ts';
import { oids } from '../asn1/oids.ts';
import { SmimeError } from '../errors.ts';
import type { Decrypter } from '../keys/ports.ts';
import { limits } from '../limits.ts';
import type { Certificate } from '../x509/certificate.ts';
import { keyIdentifier } from '../x509/extensions.ts';
import { readAuthEnvelopedData } from './auth-enveloped-data.ts';
import { openContent, type ReadableCipher } from './content-encryption.ts';
import { readContentInfo } from './content-info.ts';
import { type Envelope, readEnvelopedData } from './enveloped-data.ts';
import { formatIdentifier, names } from './identifier.ts';
import { type KeyRecipient, type Recipient, unwrapContentKey } from './recipients/recipient.ts';

/** A private key to open messages with, and the certificate by which messages name it. */
export interface DecryptionKey {
  readonly decrypter: Decrypter;
  /** Names the key among the recipients. Without it every entry that the kind of key fits is tried, within a budget. */
  readonly certificate?: Certificate;
}

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

/**
 * Opens encrypted octets that are no message: `der` is a ContentInfo, BER or DER, with EnvelopedData or AuthEnvelopedData.
 * Throws `no-matching-recipient` where none of the keys is named, `decryption-failed` for everything else.
 */
export async function decryptContent(input: {
  readonly der: Uint8Array;
  readonly keys: readonly DecryptionKey[];
}): Promise<DecryptedContent> {
  const envelope = readEnvelope(input.der);
  const matches = matchRecipients(envelope.recipients, input.keys);
  for (const match of matches) {
    const content = await open(envelope, match);
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
  return 'identifier' in recipient ? formatIdentifier(recipient.identifier) : `a recipient by ${recipient.kind}`;
}

function readEnvelope(der: Uint8Array): Envelope {
  try {
    const { contentType, content } = readContentInfo(der);
    if (contentType === oids.envelopedData) return readEnvelopedData(content);
    if (contentType === oids.authEnvelopedData) return readAuthEnvelopedData(content);
  } catch (error) {
    if (!(error instanceof SmimeError)) throw error;
  }
  throw decryptionFailed();
}

/** An entry of the message and a key that may be the one it names. */
interface Match {
  readonly recipient: KeyRecipient;
  readonly decrypter: Decrypter;
}

/** As many as the budget allows. Throws `no-matching-recipient` where there is none. */
function matchRecipients(recipients: readonly Recipient[], keys: readonly DecryptionKey[]): Match[] {
  const matches: Match[] = [];
  for (const { decrypter, certificate } of keys) {
    const kind = decrypter.kind === 'rsa' ? 'key-transport' : 'key-agreement';
    const ownIdentifier = certificate ? undefined : keyIdentifier(decrypter.spki);
    for (const recipient of recipients) {
      if (!('identifier' in recipient) || recipient.kind !== kind) continue;
      const { identifier } = recipient;
      const named = certificate
        ? names(identifier, certificate)
        : !('subjectKeyIdentifier' in identifier) ||
          identifier.subjectKeyIdentifier.equals(ownIdentifier ?? Buffer.alloc(0));
      if (named) matches.push({ recipient, decrypter });
    }
  }
  if (matches.length === 0)
    throw new SmimeError('no-matching-recipient', 'none of the keys at hand belongs to a recipient of this message');
  return matches.slice(0, limits.recipientAttempts);
}

async function open(envelope: Envelope, match: Match): Promise<Buffer | undefined> {
  const { content } = envelope;
  const { contentKey, fits } = await unwrapOrReplace(match, content.keyLength);
  try {
    const opened = openContent(content, contentKey, envelope.additional, envelope.mac);
    return fits ? Buffer.concat(opened) : undefined;
  } catch {
    return undefined;
  }
}

/** The content key or, where it does not unwrap or has another length, a random one that opens nothing. */
async function unwrapOrReplace(
  { recipient, decrypter }: Match,
  keyLength: number,
): Promise<{ readonly contentKey: Buffer; readonly fits: boolean }> {
  const substitute = randomBytes(keyLength);
  const unwrapped = await unwrapContentKey(recipient, decrypter).catch(() => substitute);
  const fits = unwrapped.length === keyLength && unwrapped !== substitute;
  return { contentKey: fits ? asBuffer(unwrapped) : substitute, fits };
}
