/** Makes one copy of an outgoing message what the plan says it is to be: signed, then encrypted, never the other way round. */
import type { Copy } from '@chancery/mail-policy';
import { type Certificate, encryptMessage, encryptStream, SmimeError, signMessage, signStream } from '@chancery/smime';
import { chooseAlgorithms, type Reader } from './choose-algorithms.ts';
import type { SigningKey } from './enrolment.ts';
import { GatewayError, reasonOf } from './errors.ts';
import { LargeMessage, type Message, type Scratch } from './large-message.ts';

/**
 * @param readers every recipient of the copy, when it is to be encrypted
 * @param replyTo the author's own encryption certificate, told to correspondents in the signature
 * @param scratch where a large message is written, once for each layer
 * @returns the whole message, lines ending in CRLF
 * @throws GatewayError `key-unusable` when the plan needs a key or a certificate that does not work
 */
export async function protect(
  message: Message,
  copy: Pick<Copy, 'sign' | 'encrypt' | 'form' | 'cipher' | 'oaep' | 'header'>,
  key: SigningKey | undefined,
  readers: readonly Reader[],
  scratch: Pick<Scratch, 'keep'>,
  replyTo?: Certificate,
): Promise<Message> {
  let result = message;
  const hidden = copy.header === 'clear' ? 'no-confidentiality' : copy.header;
  const headerProtection = copy.encrypt || copy.header === 'none' ? hidden : 'clear';
  if (copy.sign) {
    if (key === undefined) throw new GatewayError('key-unusable', 'The signing key is not here');
    try {
      const { signer, certificate, chain } = key;
      result = await withHeader(headerProtection, (header) => {
        const how = {
          signers: [{ signer, certificate, chain }],
          form: copy.form,
          headerProtection: header,
          legacyDisplay: true,
          ...(replyTo === undefined ? {} : { encryptionCertificate: replyTo }),
        };
        return message instanceof LargeMessage
          ? scratch.keep(signStream({ source: () => message.read(), ...how }))
          : signMessage({ message, ...how });
      });
    } catch (error) {
      if (error instanceof GatewayError) throw error;
      throw new GatewayError('key-unusable', `The message could not be signed: ${reasonOf(error)}`, error);
    }
  }
  if (copy.encrypt) {
    if (readers.length === 0) throw new GatewayError('key-unusable', 'There is no certificate to encrypt with');
    try {
      const signed = result;
      // One that is signed has its header within.
      result = await withHeader(copy.sign ? 'none' : hidden, (header) => {
        const how = { ...chooseAlgorithms(copy, readers), headerProtection: header, legacyDisplay: true };
        return signed instanceof LargeMessage
          ? scratch.keep(encryptStream({ source: () => signed.read(), ...how }))
          : encryptMessage({ message: signed, ...how });
      });
    } catch (error) {
      if (error instanceof GatewayError) throw error;
      throw new GatewayError('key-unusable', `The message could not be encrypted: ${reasonOf(error)}`, error);
    }
  }
  return result;
}

/** What is an object of cryptography already, though neither signed nor encrypted (certificates, compressed data), has no header to protect. */
async function withHeader<Policy extends string>(
  policy: Policy,
  make: (policy: Policy | 'none') => Promise<Message>,
): Promise<Message> {
  try {
    return await make(policy);
  } catch (error) {
    if (policy === 'none' || !(error instanceof SmimeError) || error.code !== 'invalid-argument') throw error;
    return make('none');
  }
}
