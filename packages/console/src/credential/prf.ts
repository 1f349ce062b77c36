/** What pages have in common that ask a passkey for secret octets: its PRF extension, Web Authentication level 3, section 10.1.4. */

/** In words, for whoever did not let the authenticator answer (`NotAllowedError`). */
export const NOT_GIVEN = 'The passkey was not given, or the browser waited too long. Nothing was done. Try again.';

/** A copy of what the extension gave: browsers and libraries spell octets differently. */
export function prfOctets(output: ArrayBuffer | ArrayBufferView): Uint8Array<ArrayBuffer> {
  return ArrayBuffer.isView(output)
    ? Uint8Array.from(new Uint8Array(output.buffer, output.byteOffset, output.byteLength))
    : new Uint8Array(output);
}
