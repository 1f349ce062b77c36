/** EncryptedData (RFC 5652 section 8): content under a key that its reader has already. It names nobody. Read only. */
import { contextConstructed, type DerReader } from '../asn1/der.ts';
import { readEncryptedContent } from './content-encryption.ts';
import type { Envelope } from './enveloped-data.ts';

/** @param reader stands before the EncryptedData */
export function readEncryptedData(reader: DerReader): Envelope {
  const data = reader.enter();
  data.smallInteger();
  const content = readEncryptedContent(data, false);
  data.skipIf(contextConstructed(1));
  data.finish('the EncryptedData');
  return { recipients: [{ kind: 'direct' }], content, mac: undefined, additional: Buffer.alloc(0), originators: [] };
}
