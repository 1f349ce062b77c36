import { type Certificate, encryptContent } from '@chancery/smime';

/**
 * A private key on its way into escrow, base64. For the office alone: nothing between here and its memory can read it. What the key
 * came with goes inside, so that it is this key's.
 * @param companion its certificate, or the request for one, DER
 * @param pkcs8 DER; the caller zeroes it
 */
export async function sealForEscrow(transport: Certificate, companion: Uint8Array, pkcs8: Uint8Array): Promise<string> {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(companion.length);
  const content = Buffer.concat([length, companion, pkcs8]);
  try {
    const sealed = await encryptContent({
      content,
      recipients: [transport],
      cipher: 'aes-256-gcm',
      keyTransport: 'oaep',
    });
    return Buffer.from(sealed).toString('base64');
  } finally {
    content.fill(0);
  }
}
