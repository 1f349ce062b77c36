/** Decrypts a message (RFC 8551 section 3.3, 3.4). */
import { oids } from '../asn1/oids.ts';
import type { ReadableCipher } from '../cms/content-encryption.ts';
import { decryptContent, decryptionFailed, type OpeningInput } from '../cms/decrypt-content.ts';
import { withEntity } from '../mime/canonical.ts';
import { scanMessage } from '../mime/scan.ts';
import { type EffectiveHeader, effectiveMessage } from './effective-message.ts';
import { layerOf } from './layer.ts';

/** A message to decrypt, and with what to open it. */
export interface DecryptInput extends OpeningInput {
  /** A whole RFC 5322 message, as it arrived. */
  readonly message: Uint8Array;
  /**
   * The header of what is returned, where the composer protected his (RFC 9788 section 4). `protected` (the default): his fields, for a
   * reader. `delivered`: those that arrived, for a program that judges them itself.
   */
  readonly header?: 'protected' | 'delivered';
}

/** What `decryptMessage` opened. */
export interface DecryptedMessage {
  /** The whole message: the outer fields that are not about content, then the decrypted entity. What is signed in it is as it was. */
  readonly message: Uint8Array;
  /** What became of the header, where the composer protected his and `header` did not ask for the delivered one. */
  readonly header?: EffectiveHeader;
  /** What was encrypted, as it is: header fields and body of the entity. */
  readonly content: Uint8Array;
  /** False for CBC: the text may have been altered, so that nothing in it may be loaded, run or sent on unless a signature inside holds. */
  readonly authenticated: boolean;
  readonly cipher: ReadableCipher;
  readonly recipients: readonly string[];
}

/**
 * Opens a message whose root is the encrypted object. A ciphertext among other parts is never opened: its text would be
 * placed into somebody else's HTML (EFAIL, 2018).
 * Throws as `decryptContent` does, nothing else.
 */
export async function decryptMessage(input: DecryptInput): Promise<DecryptedMessage> {
  const root = scanMessage(input.message);
  const layer = layerOf(input.message, root);
  const doubtful = root.ambiguities.some(({ severity }) => severity === 'error');
  if (doubtful || (layer.kind !== 'enveloped-data' && layer.kind !== 'auth-enveloped-data')) throw decryptionFailed();
  const { content, contentType, authenticated, cipher, recipients } = await decryptContent({
    ...input,
    der: layer.der,
  });
  if (contentType !== oids.data) throw decryptionFailed();
  const opened =
    input.header === 'delivered'
      ? { message: withEntity(input.message, root, content) }
      : await effectiveMessage(input.message, root, content);
  return { ...opened, content, authenticated, cipher, recipients };
}
