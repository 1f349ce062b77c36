/** Signs a message (RFC 8551 section 3.5). */
import { randomBytes } from 'node:crypto';
import { joined } from '../cms/chunks.ts';
import { contentToSign, makeSignedData, type SignatureInput, signatureDigests } from '../cms/make-signature.ts';
import type { DigestName } from '../keys/algorithms.ts';
import { type SplitMessage, splitMessage } from '../mime/canonical.ts';
import { encodeBase64After, encodeBase64Lines } from '../mime/transfer-encoding.ts';
import type { HeaderConfidentiality } from './header-block.ts';
import { type HeaderProtection, splitWithHeaders } from './protect-headers.ts';

/** A message to sign, with whose key and in which form. */
export interface SignInput extends Omit<SignatureInput, 'signingTime'>, HeaderProtection {
  /** A whole RFC 5322 message. Its Content-* fields move into what is signed; all other fields stay outside, unsigned unless the header is protected. */
  readonly message: Uint8Array;
  /** `clear` (the default): multipart/signed, readable everywhere. `opaque`: one application/pkcs7-mime, safe from relays that rewrite. */
  readonly form?: 'clear' | 'opaque';
  /** UTC; default: now. Clients compare it with the Date field. */
  readonly signingTime?: Date;
  /**
   * Header protection (RFC 9788): the fields are signed as well. `clear` for a message that is only signed; another policy for
   * one that is encrypted next, since it hides fields outside. Default `none`.
   */
  readonly headerProtection?: 'none' | 'clear' | HeaderConfidentiality;
}

/**
 * Signs a message; the result has its lines ended by CRLF. What is signed is made safe for transport first: 8-bit text, long lines, white
 * space at line ends and lines that begin `From ` are re-encoded. Throws `invalid-argument` where key and certificate differ.
 */
export async function signMessage(input: SignInput): Promise<Uint8Array> {
  const { outerHeaders, entity } = split(input);
  const signature = { ...input, signingTime: input.signingTime ?? new Date() };
  const signed = await makeSignedData(contentToSign(entity, input.form !== 'opaque'), signature);
  if (input.form === 'opaque')
    return encodeBase64After(Buffer.concat([outerHeaders, opaqueHeader]), signed.chunks, signed.length);
  const der = joined(signed);
  const frame = clearFrame(input);
  return Buffer.concat([outerHeaders, frame.before, entity, frame.between, encodeBase64Lines(der), frame.after]);
}

/** What stands around the entity and its signature in a multipart/signed. */
export function clearFrame(input: Pick<SignInput, 'signers'>): { before: Buffer; between: Buffer; after: Buffer } {
  // Random, so that it stands nowhere in the content; the form keeps it from being mistaken for base64 or text.
  const boundary = `----=_signed_${randomBytes(18).toString('hex')}`;
  return {
    before: ascii(
      'MIME-Version: 1.0\r\n' +
        'Content-Type: multipart/signed; protocol="application/pkcs7-signature";\r\n' +
        ` micalg=${micalgOf(input)}; boundary="${boundary}"\r\n` +
        '\r\n' +
        'This is a message signed with S/MIME.\r\n' +
        `\r\n--${boundary}\r\n`,
    ),
    between: ascii(
      `\r\n--${boundary}\r\n` +
        'Content-Type: application/pkcs7-signature; name="smime.p7s"\r\n' +
        'Content-Transfer-Encoding: base64\r\n' +
        'Content-Disposition: attachment; filename="smime.p7s"\r\n' +
        '\r\n',
    ),
    after: ascii(`\r\n--${boundary}--\r\n`),
  };
}

function split({ message, headerProtection = 'none', ...how }: SignInput): SplitMessage {
  return headerProtection === 'none' ? splitMessage(message) : splitWithHeaders(message, headerProtection, how);
}

/** RFC 8551 section 3.5.3.2: the digests of all signers, with a comma between them, which needs quotes. */
function micalgOf(input: Pick<SignInput, 'signers'>): string {
  const names = signatureDigests(input).map((digest) => micalgNames[digest] ?? 'unknown');
  return names.length === 1 ? (names[0] as string) : `"${names.join(',')}"`;
}

/** Of the digests that are written. */
const micalgNames: Partial<Record<DigestName, string>> = {
  sha256: 'sha-256',
  sha384: 'sha-384',
  sha512: 'sha-512',
  shake256: 'shake256',
};

const ascii = (text: string): Buffer => Buffer.from(text, 'latin1');

/** Before the base64 of an object that carries its content. */
export const opaqueHeader = ascii(
  'MIME-Version: 1.0\r\n' +
    'Content-Type: application/pkcs7-mime; smime-type=signed-data; name="smime.p7m"\r\n' +
    'Content-Transfer-Encoding: base64\r\n' +
    'Content-Disposition: attachment; filename="smime.p7m"\r\n' +
    '\r\n',
);
