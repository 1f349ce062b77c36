/** A text area hands lines over with LF; a message on the wire has CRLF, and signatures cover it (RFC 8551 section 3.1.1). */
export function octetsOfText(text: string): Uint8Array<ArrayBuffer> {
  return new TextEncoder().encode(text.replaceAll(/\r\n|\r|\n/g, '\r\n'));
}

/** The octets of a layer as text for a person: lines kept, control characters shown as dots. */
export function excerpt(octets: Uint8Array, [start, end]: readonly [number, number], most: number): string {
  const text = new TextDecoder('latin1').decode(octets.subarray(start, Math.min(end, start + most)));
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what this is about
  return text.replaceAll('\r\n', '\n').replaceAll(/[\x00-\x08\x0b-\x1f\x7f-\x9f]/g, '·');
}
