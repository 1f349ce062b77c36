/** Which S/MIME layer an entity is, by its MIME type and by what the CMS object inside says of itself (RFC 8551 section 3.2, 3.10). */
import type { DerReader } from '../asn1/der.ts';
import { oids } from '../asn1/oids.ts';
import { readContentInfo } from '../cms/content-info.ts';
import { SmimeError } from '../errors.ts';
import { decodeBody, type MimeEntity } from '../mime/entity.ts';
import { fileNames } from '../mime/file-name.ts';

export type Layer =
  | { readonly kind: 'none' }
  /** multipart/signed with an S/MIME protocol or an S/MIME second part. */
  | { readonly kind: 'clear-signed' }
  | CmsLayer
  | UnknownCms;

type CmsKind = 'signed-data' | 'enveloped-data' | 'auth-enveloped-data' | 'compressed-data';

export interface CmsLayer {
  readonly kind: CmsKind;
  /** The ContentInfo, BER or DER. */
  readonly der: Uint8Array;
  /** Stands before the content's own element; for one reader. */
  readonly content: DerReader;
}

export interface UnknownCms {
  readonly kind: 'unknown-cms';
  readonly der: Uint8Array;
  /** For a person: why it is not known. */
  readonly why: string;
}

const kinds = new Map<string, CmsKind>([
  [oids.signedData, 'signed-data'],
  [oids.envelopedData, 'enveloped-data'],
  [oids.authEnvelopedData, 'auth-enveloped-data'],
  [oids.compressedData, 'compressed-data'],
]);

/** @param contentType dotted object identifier; undefined for other content */
export const kindOfContent = (contentType: string): CmsKind | undefined => kinds.get(contentType);

const signatureTypes: ReadonlySet<string> = new Set(['application/pkcs7-signature', 'application/x-pkcs7-signature']);
const mimeTypes: ReadonlySet<string> = new Set(['application/pkcs7-mime', 'application/x-pkcs7-mime']);

export function layerOf(bytes: Uint8Array, entity: MimeEntity): Layer {
  const { type, parameters } = entity.contentType;
  if (type === 'multipart/signed') {
    const protocol = parameters.get('protocol')?.toLowerCase() ?? '';
    const smime = isSignatureType(protocol) || entity.parts.some((part) => isSignatureType(part.contentType.type));
    return { kind: smime ? 'clear-signed' : 'none' };
  }
  if (!isObjectType(entity)) return { kind: 'none' };
  return layerOfObject(decodeBody(bytes, entity));
}

/** @param der a ContentInfo, BER or DER, or whatever stands in its place */
export function layerOfObject(der: Uint8Array): CmsLayer | UnknownCms {
  try {
    const { contentType, content } = readContentInfo(der);
    const kind = kinds.get(contentType);
    if (kind !== undefined) return { kind, der, content };
    return { kind: 'unknown-cms', der, why: `its content is of the type ${contentType}` };
  } catch (error) {
    if (!(error instanceof SmimeError)) throw error;
    return { kind: 'unknown-cms', der, why: error.message };
  }
}

/** Whether the body of an entity is a CMS object by its type; some senders give no better one than the file name (RFC 8551 section 3.10). */
export function isObjectType(entity: MimeEntity): boolean {
  const { type } = entity.contentType;
  return (
    mimeTypes.has(type) ||
    (type === 'application/octet-stream' && fileNames(entity).some((name) => /\.p7m$/i.test(name)))
  );
}

export const isSignatureType = (type: string): boolean => signatureTypes.has(type);
