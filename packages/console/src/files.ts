/** Octets in and out of the browser. */

/** RFC 4648 section 4. */
export function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(atob(text), (character) => character.charCodeAt(0));
}

export function toBase64(octets: Uint8Array): string {
  let binary = '';
  for (let start = 0; start < octets.length; start += 0x8000) {
    binary += String.fromCharCode(...octets.subarray(start, start + 0x8000));
  }
  return btoa(binary);
}

/** RFC 7468: DER in base64 (on one line) as PEM. */
export function toPem(label: string, base64: string): string {
  return `-----BEGIN ${label}-----\n${base64.replace(/(.{64})(?=.)/g, '$1\n')}\n-----END ${label}-----\n`;
}

/** Hands a file to the person. */
export function save(fileName: string, mediaType: string, content: Uint8Array<ArrayBuffer> | string): void {
  const url = URL.createObjectURL(new Blob([content], { type: mediaType }));
  const link = document.createElement('a');
  link.href = url;
  link.download = fileName;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/** DER in base64 of every certificate in a PEM file, or of the one that a DER file is; none of anything else. */
export function readCertificates(octets: Uint8Array): string[] {
  if (octets[0] === 0x30) return [toBase64(octets)];
  const text = new TextDecoder().decode(octets);
  return [...text.matchAll(/-----BEGIN CERTIFICATE-----([A-Za-z0-9+/=\s]+)-----END CERTIFICATE-----/g)].map(
    ([, base64 = '']) => base64.replace(/\s/g, ''),
  );
}
