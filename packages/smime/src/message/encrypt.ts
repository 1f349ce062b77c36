/** Encrypts a message (RFC 8551 section 3.3, 3.4). */
import { type EncryptionInput, makeEnvelope } from '../cms/encrypt-content.ts';
import { contentCiphers } from '../keys/algorithms.ts';
import { splitMessage } from '../mime/canonical.ts';
import { encodeBase64After } from '../mime/transfer-encoding.ts';
import type { HeaderConfidentiality } from './header-block.ts';
import { type HeaderProtection, splitWithHeaders } from './protect-headers.ts';

/** A message to encrypt, to whom and how. */
export interface EncryptInput extends EncryptionInput, HeaderProtection {
  /** A whole RFC 5322 message; sign it first. Its Content-* fields are encrypted, all other fields stay outside, readable. */
  readonly message: Uint8Array;
  /**
   * Header protection (RFC 9788) of a message that is *not* signed; one that is has it from `signMessage`. Default `none`.
   */
  readonly headerProtection?: 'none' | HeaderConfidentiality;
}

/** Encrypts a message; the result has its lines ended by CRLF. Certificates are not judged here. Throws `invalid-argument` for no recipients. */
export async function encryptMessage(input: EncryptInput): Promise<Uint8Array> {
  const { message, headerProtection = 'none' } = input;
  const { outerHeaders, entity } =
    headerProtection === 'none' ? splitMessage(message) : splitWithHeaders(message, headerProtection, input);
  const { pieces, length } = await makeEnvelope(entity, input);
  return encodeBase64After(Buffer.concat([outerHeaders, encryptedHeader(input)]), pieces, length);
}

/** Before the base64 of the encrypted object. */
export function encryptedHeader(input: Pick<EncryptInput, 'cipher'>): Buffer {
  const { authenticated } = contentCiphers[input.cipher ?? 'aes-256-cbc'];
  return Buffer.from(
    'MIME-Version: 1.0\r\n' +
      // RFC 8551 3.2.2: the name of the newer type is spelt in camel case.
      `Content-Type: application/pkcs7-mime; smime-type=${authenticated ? 'authEnveloped-data' : 'enveloped-data'}; name="smime.p7m"\r\n` +
      'Content-Transfer-Encoding: base64\r\n' +
      'Content-Disposition: attachment; filename="smime.p7m"\r\n' +
      '\r\n',
    'latin1',
  );
}
