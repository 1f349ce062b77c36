/** SHA-256 of each message, hexadecimal: how a request names them. */
export async function digestsOf(messages: readonly Uint8Array<ArrayBuffer>[]): Promise<string[]> {
  const digests = await Promise.all(messages.map((octets) => crypto.subtle.digest('SHA-256', octets)));
  return digests.map((digest) =>
    Array.from(new Uint8Array(digest), (octet) => octet.toString(16).padStart(2, '0')).join(''),
  );
}
