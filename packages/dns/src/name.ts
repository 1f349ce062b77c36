/** Names in messages (RFC 1035 sections 3.1 and 4.1.4). */

/** Octets, with the length of each label and of the root (RFC 1035 section 2.3.4). */
const longestName = 255;
/** So many labels have place in it: one pointer for each is as much as anybody needs. */
const mostLabels = 127;

/**
 * Uncompressed; a dot at its end may be there or not.
 * @throws Error where it is no name: a label that is empty or over 63 octets, over 255 octets in all
 */
export function encodeName(name: string): Buffer {
  const labels = name.replace(/\.$/, '').split('.');
  const parts = labels.map((label) => {
    const octets = Buffer.from(label, 'latin1');
    if (octets.length === 0 || octets.length > 63) throw new Error(`${name} is not a name of the DNS`);
    return Buffer.concat([Buffer.of(octets.length), octets]);
  });
  const encoded = Buffer.concat([...parts, Buffer.of(0)]);
  if (encoded.length > longestName) throw new Error(`${name} is too long for the DNS`);
  return encoded;
}

/**
 * In lower case, without the last dot; the root is empty. Each pointer leads further back, so that a name ends. A dot or a backslash
 * within a label has a backslash before it: two names that differ are never the same text.
 * @param start where it begins in the message
 * @returns the name, and where what stands behind it begins
 * @throws RangeError or Error where it is none
 */
export function readName(octets: Buffer, start: number): { name: string; next: number } {
  const labels: string[] = [];
  let next: number | undefined;
  let octetsOfName = 1;
  let pointers = 0;
  for (let at = start, before = start; ; ) {
    const length = octets.readUInt8(at);
    if (length === 0) return { name: labels.join('.').toLowerCase(), next: next ?? at + 1 };
    if ((length & 0xc0) === 0xc0) {
      const target = octets.readUInt16BE(at) & 0x3fff;
      if (target >= before) throw new Error('A name of the DNS points forward');
      pointers += 1;
      if (pointers > mostLabels) throw new RangeError('A name of the DNS points on and on');
      next ??= at + 2;
      before = target;
      at = target;
      continue;
    }
    if (length > 63 || at + 1 + length > octets.length) throw new RangeError('A label ends behind the message');
    octetsOfName += 1 + length;
    if (octetsOfName > longestName) throw new RangeError('A name is too long for the DNS');
    labels.push(octets.toString('latin1', at + 1, at + 1 + length).replace(/[.\\]/g, '\\$&'));
    at += 1 + length;
  }
}
