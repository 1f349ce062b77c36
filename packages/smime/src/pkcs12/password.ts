/** One password, many octets: programs disagree about how to encode it. */

/** The octets that a password may have been turned into by whoever wrote the file, the likeliest first. */
export interface PasswordForms {
  /** For the functions of PKCS#12 itself (RFC 7292 B.1). */
  readonly pkcs12: readonly Buffer[];
  /** For PBKDF2 and scrypt (RFC 8018: "an octet string"). */
  readonly pkcs5: readonly Buffer[];
}

export function passwordForms(password: string): PasswordForms {
  const utf8 = Buffer.from(password, 'utf8');
  const ascii = utf8.length === password.length;
  return {
    pkcs12: [
      bmpPassword(password),
      // No password is two zero octets to some programs and no octet at all to others (NSS).
      ...(password === '' ? [Buffer.alloc(0)] : []),
      // OpenSSL before 1.1.0 widened each octet of what was typed, not each character.
      ...(ascii ? [] : [bmpPassword(utf8.toString('latin1'))]),
    ],
    pkcs5: [
      utf8,
      // NSS before 3.31 took the BMPString for PBKDF2 too.
      bmpPassword(password),
      ...(ascii || /[^\0-\xff]/.test(password) ? [] : [Buffer.from(password, 'latin1')]),
    ],
  };
}

/** RFC 7292 B.1: UTF-16, big-endian, two zero octets at the end. */
export function bmpPassword(password: string): Buffer {
  return Buffer.from(`${password}\0`, 'utf16le').swap16();
}
