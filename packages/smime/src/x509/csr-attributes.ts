/** CsrAttrs (RFC 7030 section 4.5.2 as clarified by RFC 9908): what an EST server asks its clients to put into their requests. */
import { encodeInteger, encodeOid, encodeSequence, encodeSetOf } from '../asn1/der.ts';
import { oids } from '../asn1/oids.ts';
import { type Extension, encodeExtensions } from './extensions.ts';

/** What clients are asked for. */
export interface CsrAttributesInput {
  /** The key to make: RSA of so many bits, or one on a curve. */
  readonly key?: { readonly rsaBits: number } | { readonly curve: 'p256' | 'p384' | 'p521' };
  /** Extensions to ask for, as they are to stand in the request (RFC 9908 section 3.1). */
  readonly extensions?: readonly Extension[];
  /** Ask for a challengePassword in the request. */
  readonly challengePassword?: boolean;
}

/** DER CsrAttrs. */
export function buildCsrAttributes(input: CsrAttributesInput): Uint8Array {
  const items: Uint8Array[] = [];
  if (input.challengePassword === true) items.push(encodeOid(oids.challengePassword));
  const { key } = input;
  if (key !== undefined)
    items.push(
      'curve' in key
        ? attribute(oids.ecPublicKey, encodeOid(curves[key.curve]))
        : attribute(oids.rsaEncryption, encodeInteger(key.rsaBits)),
    );
  const { extensions = [] } = input;
  if (extensions.length > 0) items.push(attribute(oids.extensionRequest, encodeExtensions(extensions)));
  return encodeSequence(...items);
}

const curves = { p256: oids.prime256v1, p384: oids.secp384r1, p521: oids.secp521r1 } as const;

const attribute = (type: string, value: Uint8Array): Uint8Array =>
  encodeSequence(encodeOid(type), encodeSetOf([value]));
