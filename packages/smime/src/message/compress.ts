/** Compresses a message, and expands one (RFC 3274, RFC 8551 section 3.6). */
import { oids } from '../asn1/oids.ts';
import { encodeCompressedData, readCompressedData } from '../cms/compressed-data.ts';
import { SmimeError } from '../errors.ts';
import { splitMessage, withEntity } from '../mime/canonical.ts';
import { scanMessage } from '../mime/scan.ts';
import { encodeBase64After } from '../mime/transfer-encoding.ts';
import { layerOf } from './layer.ts';

/** A message to compress or to expand. */
export interface CompressionInput {
  /** A whole RFC 5322 message. */
  readonly message: Uint8Array;
}

/**
 * Compresses a message (zlib): its Content-* fields and its body become an object, all other fields stay outside. It protects nothing; to sign
 * and encrypt as well, compress first or sign first, and encrypt last: a ciphertext does not shrink. Few mail programs read the result. Throws
 * `limit-exceeded` for more than `limits.decompressedOctets`.
 */
export function compressMessage({ message }: CompressionInput): Uint8Array {
  const { outerHeaders, entity } = splitMessage(message);
  const { chunks, length } = encodeCompressedData(entity);
  return encodeBase64After(Buffer.concat([outerHeaders, compressedHeader]), chunks, length);
}

/**
 * The message with what was compressed in its place, as it was before. Layers within stay; `verifyMessage` and `inspectMessage` look through
 * compressed ones by themselves. Throws `unexpected-structure` for a message that is not compressed as a whole, or damaged, and
 * `limit-exceeded` before it expands to more than `limits.decompressedOctets` or 200 times its size.
 */
export function expandMessage({ message }: CompressionInput): Uint8Array {
  const root = scanMessage(message);
  const layer = layerOf(message, root);
  const doubtful = root.ambiguities.some(({ severity }) => severity === 'error');
  if (doubtful || layer.kind !== 'compressed-data')
    throw new SmimeError('unexpected-structure', 'the message is not compressed as a whole');
  const { contentType, content } = readCompressedData(layer.content);
  if (contentType !== oids.data)
    throw new SmimeError('unexpected-structure', `what is compressed is of the type ${contentType}`);
  return withEntity(message, root, content);
}

const compressedHeader = Buffer.from(
  'MIME-Version: 1.0\r\n' +
    'Content-Type: application/pkcs7-mime; smime-type=compressed-data; name="smime.p7z"\r\n' +
    'Content-Transfer-Encoding: base64\r\n' +
    'Content-Disposition: attachment; filename="smime.p7z"\r\n' +
    '\r\n',
  'latin1',
);
