/** Encrypts octets to certificates: EnvelopedData for CBC, AuthEnvelopedData for GCM. */
import { randomBytes } from 'node:crypto';
import { type ContentCipher, contentCiphers } from '../keys/algorithms.ts';
import type { Certificate } from '../x509/certificate.ts';
import { encodeAuthEnvelopedData } from './auth-enveloped-data.ts';
import { type Chunks, joined } from './chunks.ts';
import { sealContent } from './content-encryption.ts';
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
  const cipher = input.cipher ?? 'aes-256-cbc';
  const contentKey = randomBytes(contentCiphers[cipher].keyLength);
  const { set, rsaOnly } = makeRecipients(input.recipients, contentKey, input.keyTransport ?? 'pkcs1');
  const sealed = sealContent(content, cipher, contentKey);
  contentKey.fill(0);
  return sealed.mac === undefined ? encodeEnvelopedData(set, rsaOnly, sealed) : encodeAuthEnvelopedData(set, sealed);
}
