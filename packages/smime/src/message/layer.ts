/** Which S/MIME layer an entity is, by its MIME type and by what the CMS object inside says of itself (RFC 8551 section 3.2, 3.10). */
import { oids } from '../asn1/oids.ts';
import { readContentInfo } from '../cms/content-info.ts';
import { SmimeError } from '../errors.ts';
import { parseContentType } from '../mime/content-type.ts';
import { decodeBody, headerValue, type MimeEntity } from '../mime/entity.ts';

export type Layer =
  | { readonly kind: 'none' }
  /** multipart/signed with an S/MIME protocol or an S/MIME second part. */
  | { readonly kind: 'clear-signed' }
  | {
      readonly kind: 'signed-data' | 'enveloped-data' | 'auth-enveloped-data' | 'compressed-data' | 'unknown-cms';
      readonly der: Uint8Array;
    };

const kinds = new Map<string, Exclude<Layer['kind'], 'none' | 'clear-signed'>>([
  [oids.signedData, 'signed-data'],
  [oids.envelopedData, 'enveloped-data'],
  [oids.authEnvelopedData, 'auth-enveloped-data'],
  [oids.compressedData, 'compressed-data'],
]);

const signatureTypes: ReadonlySet<string> = new Set(['application/pkcs7-signature', 'application/x-pkcs7-signature']);
const mimeTypes: ReadonlySet<string> = new Set(['application/pkcs7-mime', 'application/x-pkcs7-mime']);

export function layerOf(bytes: Uint8Array, entity: MimeEntity): Layer {
  const { type, parameters } = entity.contentType;
  if (type === 'multipart/signed') {
    const protocol = parameters.get('protocol')?.toLowerCase() ?? '';
    const smime = isSignatureType(protocol) || entity.parts.some((part) => isSignatureType(part.contentType.type));
    return { kind: smime ? 'clear-signed' : 'none' };
  }
  if (!mimeTypes.has(type) && !(type === 'application/octet-stream' && isNamedP7m(entity))) return { kind: 'none' };
  const der = decodeBody(bytes, entity);
  try {
    return { kind: kinds.get(readContentInfo(der).contentType) ?? 'unknown-cms', der };
  } catch (error) {
    if (error instanceof SmimeError) return { kind: 'unknown-cms', der };
    throw error;
  }
}

export const isSignatureType = (type: string): boolean => signatureTypes.has(type);

/** RFC 8551 section 3.10: some senders give no better type than the file name. */
function isNamedP7m(entity: MimeEntity): boolean {
  const disposition = headerValue(entity, 'content-disposition');
  const name =
    entity.contentType.parameters.get('name') ??
    (disposition === undefined ? undefined : parseContentType(`x/${disposition}`, []).parameters.get('filename'));
  return name?.toLowerCase().endsWith('.p7m') === true;
}
