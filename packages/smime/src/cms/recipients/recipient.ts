/** RecipientInfos (RFC 5652 section 6.2): one way for each recipient to the same content key. */
import { contextConstructed, type DerReader, encodeElement, tag } from '../../asn1/der.ts';
import { SmimeError } from '../../errors.ts';
import type { Decrypter } from '../../keys/ports.ts';
import { limits } from '../../limits.ts';
import type { Certificate } from '../../x509/certificate.ts';
import { type KeyAgreementRecipient, makeKeyAgreement, readKeyAgreement, unwrapAgreed } from './key-agreement.ts';
import { type KeyTransportRecipient, makeKeyTransport, readKeyTransport, unwrapTransported } from './key-transport.ts';

export type Recipient =
  | KeyTransportRecipient
  | KeyAgreementRecipient
  | { readonly kind: 'key-encryption-key' | 'password' | 'other' };
/** The kinds that a private key opens. */
export type KeyRecipient = KeyTransportRecipient | KeyAgreementRecipient;

/** Reads the SET OF RecipientInfo. */
export function readRecipients(reader: DerReader): Recipient[] {
  const set = reader.enter(tag.set);
  const recipients: Recipient[] = [];
  while (!set.atEnd) {
    if (recipients.length >= limits.recipients)
      throw new SmimeError('limit-exceeded', `more than ${limits.recipients} recipients`, { offset: set.position });
    const choice = set.peek();
    if (choice === tag.sequence) recipients.push(readKeyTransport(set.enter()));
    else if (choice === contextConstructed(1)) recipients.push(...readKeyAgreement(set.enter(contextConstructed(1))));
    else {
      set.skip();
      recipients.push({
        kind:
          choice === contextConstructed(2)
            ? 'key-encryption-key'
            : choice === contextConstructed(3)
              ? 'password'
              : 'other',
      });
    }
  }
  return recipients;
}

/** The content key, or octets that are none; throws for some failures and not for others: the caller hides which. */
export function unwrapContentKey(recipient: KeyRecipient, decrypter: Decrypter): Promise<Uint8Array> {
  return recipient.kind === 'key-transport'
    ? unwrapTransported(recipient, decrypter)
    : unwrapAgreed(recipient, decrypter);
}

/** SET OF RecipientInfo, and whether RSA alone is in it (which decides the version of EnvelopedData). */
export function makeRecipients(
  certificates: readonly Certificate[],
  contentKey: Uint8Array,
  keyTransport: 'pkcs1' | 'oaep',
): { set: Buffer; rsaOnly: boolean } {
  if (certificates.length === 0) throw new SmimeError('invalid-argument', 'encryption needs at least one recipient');
  if (certificates.length > limits.recipients)
    throw new SmimeError('limit-exceeded', `more than ${limits.recipients} recipients`);
  const infos = certificates.map((certificate) => {
    if (certificate.keyKind === 'rsa') return makeKeyTransport(certificate, contentKey, keyTransport);
    return makeKeyAgreement(certificate, contentKey);
  });
  return {
    set: encodeElement(tag.set, ...infos.sort(Buffer.compare)),
    rsaOnly: certificates.every(({ keyKind }) => keyKind === 'rsa'),
  };
}
