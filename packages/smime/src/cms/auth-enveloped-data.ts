/** AuthEnvelopedData (RFC 5083): encrypted content that cannot be altered unnoticed. It still does not say who sent it. */
import { contextConstructed, type DerReader, encodeInteger, tag } from '../asn1/der.ts';
import { oids } from '../asn1/oids.ts';
import { type Chunks, chunkedElement } from './chunks.ts';
import { readEncryptedContent, type SealedContent } from './content-encryption.ts';
import { wrapContentInfo } from './content-info.ts';
import { type Envelope, readOriginators } from './enveloped-data.ts';
import { readRecipients } from './recipients/recipient.ts';

/** @param reader stands before the AuthEnvelopedData */
export function readAuthEnvelopedData(reader: DerReader): Envelope {
  const data = reader.enter();
  data.smallInteger();
  const originators = readOriginators(data);
  const recipients = readRecipients(data);
  const content = readEncryptedContent(data, true);
  let additional = Buffer.alloc(0);
  if (data.peek() === contextConstructed(1)) {
    // RFC 5083 2.2: the attributes as a SET OF are the additional authenticated data.
    additional = Buffer.from(data.element());
    additional[0] = tag.set;
  }
  const mac = data.octetString();
  data.skipIf(contextConstructed(2));
  data.finish('the AuthEnvelopedData');
  return { recipients, content, mac, additional, originators };
}

export function encodeAuthEnvelopedData(recipients: Buffer, sealed: SealedContent): Chunks {
  // By reference: the tag is known only once the content is.
  const mac = chunkedElement(tag.octetString, sealed.mac ?? Buffer.alloc(0));
  return wrapContentInfo(
    oids.authEnvelopedData,
    chunkedElement(tag.sequence, encodeInteger(0), recipients, sealed.info, mac),
  );
}
