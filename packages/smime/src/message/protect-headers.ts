/** Header protection (RFC 9788 section 5), written: the fields go into what is signed or encrypted, and some of them stay outside only in part. */
import { asBuffer } from '../asn1/der.ts';
import { SmimeError } from '../errors.ts';
import { type SplitMessage, splitMessage } from '../mime/canonical.ts';
import { scanMessage } from '../mime/scan.ts';
import { type ConfidentialField, type HeaderConfidentiality, protectHeader } from './header-block.ts';
import { layerOf } from './layer.ts';
import { addLegacyDisplay } from './legacy-display.ts';

/** How a header is protected, beside the policy (RFC 9788 section 5.2). */
export interface HeaderProtection {
  /** Repeat hidden fields in the text, for programs that do not know of header protection. Default false. */
  readonly legacyDisplay?: boolean;
  /** Of an answer, what `respondTo` found: fields that are hidden outside though the policy would not hide them. */
  readonly confidential?: readonly ConfidentialField[];
}

/**
 * @param policy `clear` for a message that is only signed
 * Throws `invalid-argument` for a message that is signed or encrypted already, since its own header lies within, and where
 * confidential fields would go out in the clear.
 */
export function splitWithHeaders(
  message: Uint8Array,
  policy: HeaderConfidentiality | 'clear',
  { legacyDisplay = false, confidential = [] }: HeaderProtection,
): SplitMessage {
  const given = asBuffer(message);
  const root = scanMessage(given);
  if (layerOf(given, root).kind !== 'none') throw protectedAlready();
  const block = protectHeader(root.headers, ({ start, end }) => given.subarray(start, end), policy, confidential);
  const shown = legacyDisplay && block.hidden.length > 0 ? addLegacyDisplay(given, root, block.hidden) : given;
  const { entity } = splitMessage(shown);
  const { headerEnd } = scanMessage(entity);
  return {
    outerHeaders: block.outerHeaders,
    entity: Buffer.concat([block.innerHeader(entity.subarray(0, headerEnd)), entity.subarray(headerEnd)]),
  };
}

export const protectedAlready = (): SmimeError =>
  new SmimeError('invalid-argument', 'the header of a message is protected where it is signed or encrypted first');
