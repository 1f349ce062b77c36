/** PEM armour (RFC 7468). Text around the blocks is ignored, as `openssl x509 -text` writes it. */
import { SmimeError } from '../errors.ts';

/** One armoured block: the label between the dashes and the DER inside. */
export interface PemBlock {
  readonly label: string;
  readonly der: Buffer;
}

/** All blocks of a text, in order. Throws `malformed-pem` for a block without its end or with bad base64. */
export function pemBlocks(text: string): PemBlock[] {
  const blocks: PemBlock[] = [];
  let from = 0;
  for (;;) {
    const begin = text.indexOf('-----BEGIN ', from);
    if (begin < 0) return blocks;
    const labelEnd = text.indexOf('-----', begin + 11);
    const label = labelEnd < 0 ? '' : text.slice(begin + 11, labelEnd);
    if (label === '' || label.includes('\n'))
      throw new SmimeError('malformed-pem', 'a BEGIN line is broken', { offset: begin });
    const closing = `-----END ${label}-----`;
    const end = text.indexOf(closing, labelEnd + 5);
    if (end < 0) throw new SmimeError('malformed-pem', `the block "${label}" has no end`, { offset: begin });
    let body = text.slice(labelEnd + 5, end);
    // RFC 1421 headers (Proc-Type, DEK-Info) end with an empty line; RFC 7468 has none.
    const headers = /^[\r\n]*[A-Za-z-]+:[\s\S]*?\r?\n\r?\n/.exec(body);
    if (headers) body = body.slice(headers[0].length);
    const base64 = body.replace(/[ \t\r\n]+/g, '');
    if (!isBase64(base64))
      throw new SmimeError('malformed-pem', `the block "${label}" holds characters that are no base64`, {
        offset: labelEnd + 5,
      });
    blocks.push({ label, der: Buffer.from(base64, 'base64') });
    from = end + closing.length;
  }
}

/** DER of the first block, or of the first with that label. Throws `malformed-pem` where there is none. */
export function pemToDer(text: string, label?: string): Buffer {
  const block = pemBlocks(text).find((candidate) => label === undefined || candidate.label === label);
  if (!block) throw new SmimeError('malformed-pem', label === undefined ? 'no PEM block' : `no PEM block "${label}"`);
  return block.der;
}

/** PEM text with lines of 64 characters and a final newline. */
export function derToPem(der: Uint8Array, label: string): string {
  const base64 = Buffer.from(der.buffer, der.byteOffset, der.byteLength).toString('base64');
  const lines: string[] = [];
  for (let p = 0; p < base64.length; p += 64) lines.push(base64.slice(p, p + 64));
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}

function isBase64(text: string): boolean {
  return text.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(text);
}
