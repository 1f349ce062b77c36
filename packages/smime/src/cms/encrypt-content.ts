/** Encrypts octets to certificates: EnvelopedData for CBC, AuthEnvelopedData for GCM. */
import { randomBytes } from 'node:crypto';
import { type ContentCipher, contentCiphers } from '../keys/algorithms.ts';
import type { Certificate } from '../x509/certificate.ts';
import { encodeAuthEnvelopedData } from './auth-enveloped-data.ts';
import { aroundGap, type Chunks, joined } from './chunks.ts';
import { startSealing } from './content-encryption.ts';
import { encodeEnvelopedData } from './enveloped-data.ts';
import { makeRecipients } from './recipients/recipient.ts';

/** To whom, and how: what `encryptContent` and `encryptMessage` have in common. */
export interface EncryptionInput {
  readonly recipients: readonly Certificate[];
  /** Default `aes-256-cbc`, which every client reads. */
  readonly cipher?: ContentCipher;
  /** For RSA recipients; default `pkcs1`, which every client reads. */
  readonly keyTransport?: 'pkcs1' | 'oaep';
}

/**
 * A DER ContentInfo that any of the recipients opens. Certificates are not judged here: the caller has validated them.
 * Throws `invalid-argument` for no recipients, and for a key that cannot be encrypted to.
 */
export async function encryptContent(input: EncryptionInput & { readonly content: Uint8Array }): Promise<Uint8Array> {
  return joined(makeEnvelope(input.content, input));
}

export function makeEnvelope(content: Uint8Array, input: EncryptionInput): Chunks {
  const envelope = startEnvelope(content.length, input);
  const chunks = [envelope.before, envelope.update(content), ...envelope.finish()];
  return { chunks, length: chunks.reduce((sum, chunk) => sum + chunk.length, 0) };
}

/** An envelope whose content comes piece by piece. */
interface OpenEnvelope {
  /** Octets of the whole object. */
  readonly length: number;
  /** All that stands before the ciphertext. */
  readonly before: Buffer;
  update(content: Uint8Array): Buffer;
  /** The last of the ciphertext, and all that follows it. */
  finish(): Uint8Array[];
}

/** @param length octets of the content: DER states every length beforehand */
function startEnvelope(length: number, input: EncryptionInput): OpenEnvelope {
  const cipher = input.cipher ?? 'aes-256-cbc';
  const contentKey = randomBytes(contentCiphers[cipher].keyLength);
  const { set, rsaOnly } = makeRecipients(input.recipients, contentKey, input.keyTransport ?? 'pkcs1');
  const sealing = startSealing(length, cipher, contentKey);
  contentKey.fill(0);
  const object =
    sealing.mac === undefined ? encodeEnvelopedData(set, rsaOnly, sealing) : encodeAuthEnvelopedData(set, sealing);
  const { before, after } = aroundGap(object);
  return { length: object.length, before, update: sealing.update, finish: () => [sealing.final(), ...after] };
}
