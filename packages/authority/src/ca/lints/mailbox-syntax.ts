/** What counts as one mailbox, and as a host, in a certificate. */

/** Local-part@Domain of RFC 5321 4.1.2, nothing before, after or between; with RFC 6531, characters beyond ASCII in the local part. */
export function isMailbox(text: string): boolean {
  // RFC 5321 4.5.3.1: 64 octets before the @ and 255 after it.
  return text.length <= 320 && MAILBOX.test(text);
}

/** Labels of letters, digits and hyphens (RFC 1034 3.5, RFC 1123 2.1). */
export function isHostName(text: string): boolean {
  return text.length <= 253 && HOST.test(text);
}

const LABEL = '[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?';
const DOMAIN = `${LABEL}(?:\\.${LABEL})*`;
const ATOM = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~\\u0080-\\u{10ffff}-]+";
const QUOTED = '"(?:[ !#-\\[\\]-~\\u0080-\\u{10ffff}]|\\\\[ -~])*"';
const HOST = new RegExp(`^${DOMAIN}$`);
const MAILBOX = new RegExp(`^(?:${ATOM}(?:\\.${ATOM})*|${QUOTED})@(?:${DOMAIN}|\\[[A-Za-z0-9:.]+\\])$`, 'u');
