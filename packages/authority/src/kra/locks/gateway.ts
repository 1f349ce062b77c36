/** The gateway lock: opens with the key of one named gateway, which never left that gateway. */
import { encryptContent, parseCertificate } from '@chancery/smime';

/** CMS AuthEnvelopedData, DER, of the DEK. @param certificate of the gateway, DER */
export async function makeGatewayLock(certificate: Uint8Array, dek: Uint8Array): Promise<Buffer> {
  return Buffer.from(
    await encryptContent({ content: dek, recipients: [parseCertificate(certificate)], cipher: 'aes-256-gcm' }),
  );
}
