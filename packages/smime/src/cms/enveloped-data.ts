/** EnvelopedData (RFC 5652 section 6): content that only its recipients can read, and that nobody vouches for. */
import { contextConstructed, type DerReader, encodeInteger, tag } from '../asn1/der.ts';
import { oids } from '../asn1/oids.ts';
import { limits } from '../limits.ts';
import type { Chunks } from './chunks.ts';
import { chunkedElement } from './chunks.ts';
import { type EncryptedContent, readEncryptedContent, type SealedContent } from './content-encryption.ts';
import { wrapContentInfo } from './content-info.ts';
import { type Recipient, readRecipients } from './recipients/recipient.ts';
import { readChoices } from './signed-data.ts';

/** What both encrypted kinds have in common. */
export interface Envelope {
  readonly recipients: readonly Recipient[];
  readonly content: EncryptedContent;
  /** The authentication tag, and the octets it covers beside the content; absent in EnvelopedData. */
  readonly mac: Buffer | undefined;
  readonly additional: Uint8Array;
  /** DER of the X.509 certificates that the sender put beside, some of which may be his own. */
  readonly originators: readonly Buffer[];
}

/** @param reader stands before the EnvelopedData */
export function readEnvelopedData(reader: DerReader): Envelope {
  const data = reader.enter();
  data.smallInteger();
  const originators = readOriginators(data);
  const recipients = readRecipients(data);
  const content = readEncryptedContent(data, false);
  data.skipIf(contextConstructed(1));
  data.finish('the EnvelopedData');
  return { recipients, content, mac: undefined, additional: Buffer.alloc(0), originators };
}

/** The certificates of the OriginatorInfo, where there is one (RFC 5652 section 6.1). @param data stands before it */
export function readOriginators(data: DerReader): Buffer[] {
  const info = data.enterIf(contextConstructed(0));
  return readChoices(info?.enterIf(contextConstructed(0)), limits.carriedCertificates, 'certificates');
}

export function encodeEnvelopedData(recipients: Buffer, version: number, sealed: SealedContent): Chunks {
  return wrapContentInfo(
    oids.envelopedData,
    chunkedElement(tag.sequence, encodeInteger(version), recipients, sealed.info),
  );
}
