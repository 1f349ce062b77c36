/** Makes one copy of an outgoing message what the plan says it is to be: signed, then encrypted, never the other way round. */
import { type Certificate, encryptMessage, signMessage } from '@chancery/smime';
import type { SigningKey } from './enrolment.ts';
import { GatewayError, reasonOf } from './errors.ts';
import type { Copy } from './policy/decide.ts';

/**
 * @param certificates of every recipient of the copy, when it is to be encrypted
 * @param replyTo the author's own encryption certificate, told to correspondents in the signature
 * @returns the whole message, lines ending in CRLF
 * @throws GatewayError `key-unusable` when the plan needs a key or a certificate that does not work
 */
export async function protect(
  message: Uint8Array,
  copy: Pick<Copy, 'sign' | 'encrypt' | 'form' | 'cipher'>,
  key: SigningKey | undefined,
  certificates: readonly Certificate[],
  replyTo?: Certificate,
): Promise<Uint8Array> {
  let result = message;
  if (copy.sign) {
    if (key === undefined) throw new GatewayError('key-unusable', 'The signing key is not here');
    try {
      result = await signMessage({
        message: result,
        signers: [{ signer: key.signer, certificate: key.certificate, chain: key.chain }],
        form: copy.form,
        ...(replyTo === undefined ? {} : { encryptionCertificate: replyTo }),
      });
    } catch (error) {
      throw new GatewayError('key-unusable', `The message could not be signed: ${reasonOf(error)}`, error);
    }
  }
  if (copy.encrypt) {
    if (certificates.length === 0) throw new GatewayError('key-unusable', 'There is no certificate to encrypt with');
    try {
      result = await encryptMessage({ message: result, recipients: [...certificates], cipher: copy.cipher });
    } catch (error) {
      throw new GatewayError('key-unusable', `The message could not be encrypted: ${reasonOf(error)}`, error);
    }
  }
  return result;
}
