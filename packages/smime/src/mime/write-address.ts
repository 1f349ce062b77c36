/** Addresses as a header field holds them (RFC 5322 section 3.4). */
import type { Mailbox } from './addresses.ts';
import { encodeHeaderText } from './header-text.ts';

/** A local part that is no dot-atom is quoted (RFC 5322 section 3.4.1). */
export function writtenAddress(address: string): string {
  const at = address.lastIndexOf('@');
  const local = address.slice(0, at);
  const atom = /^[^\s()<>[\]:;@\\,."]+(\.[^\s()<>[\]:;@\\,."]+)*$/.test(local);
  return atom ? address : `${quoted(local)}${address.slice(at)}`;
}

/** With its display name, in ASCII but for the address. */
export function writtenMailbox({ name, address }: Pick<Mailbox, 'name' | 'address'>): string {
  if (name === undefined || name === '') return writtenAddress(address);
  return `${writtenName(name)} <${writtenAddress(address)}>`;
}

function writtenName(name: string): string {
  if (/[^\x20-\x7e]|=\?/.test(name)) return encodeHeaderText(name).replaceAll('\r\n', '');
  return /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~ -]+$/.test(name) ? name : quoted(name);
}

const quoted = (text: string): string => `"${text.replace(/["\\]/g, '\\$&')}"`;
