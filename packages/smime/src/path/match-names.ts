/** How each form of name is compared with a constraint on it: RFC 5280 4.2.1.10, RFC 9598 6 for addresses, RFC 9549 for domains. */
import { domainToASCII } from 'node:url';

/** One form of name. Names and constraints are read once each and then compared, often thousands with thousands. */
export interface NameForm<T> {
  /** Undefined for what is no name of this form: no constraint on the form lets it pass. */
  readonly readName: (text: string) => T | undefined;
  /** Undefined for what is no constraint of this form. */
  readonly readConstraint: (text: string) => Constraint<T> | undefined;
}

/** @param excluded whether the constraint excludes: what may be meant by the name is excluded then, what must be is permitted */
export type Constraint<T> = (name: T, excluded: boolean) => boolean;

interface Mailbox {
  readonly local: string;
  readonly host: string;
}

/**
 * An address; a host for all mailboxes on it; `.domain` for all mailboxes on hosts below it; nothing for all mailboxes. The same for
 * rfc822Name and SmtpUTF8Mailbox (RFC 9598 6), whose domains are compared in A-labels.
 */
export const emailForm: NameForm<Mailbox> = {
  readName: (text) => {
    const at = text.lastIndexOf('@');
    const host = at > 0 ? hostOf(text.slice(at + 1)) : undefined;
    return host === undefined ? undefined : { local: unquoted(text.slice(0, at)), host };
  },
  readConstraint: (text) => {
    if (text === '') return () => true;
    const at = text.lastIndexOf('@');
    const host = hostOf(text.slice(at + 1).replace(/^\./, ''));
    if (host === undefined) return undefined;
    if (text.startsWith('.')) return (name) => name.host.endsWith(`.${host}`);
    if (at <= 0) return (name) => name.host === host;
    const local = unquoted(text.slice(0, at));
    const folded = local.toLowerCase();
    // RFC 5321 2.4 lets a host tell cases apart, and no host does.
    return (name, excluded) =>
      name.host === host && (name.local === local || (excluded && name.local.toLowerCase() === folded));
  },
};

/** The name itself or anything below it; with a leading dot only what is below; nothing for all names. */
export const dnsForm: NameForm<{ readonly name: string; readonly wildcard: boolean }> = {
  readName: (text) => {
    const wildcard = text.startsWith('*.');
    const name = domain(wildcard ? text.slice(2) : text);
    return name === undefined ? undefined : { name, wildcard };
  },
  readConstraint: (text) => {
    if (text === '') return () => true;
    const dotted = text.startsWith('.');
    const wanted = domain(dotted ? text.slice(1) : text);
    if (wanted === undefined) return undefined;
    const below = `.${wanted}`;
    return ({ name, wildcard }, excluded) =>
      name.endsWith(below) ||
      (name === wanted && (wildcard || !dotted)) ||
      // A wildcard also stands for names that are excluded.
      (excluded && wildcard && wanted.endsWith(`.${name}`));
  },
};

/** The host: exactly, or with a leading dot anything below. A URI without a domain name for its host is none of this form. */
export const uriForm: NameForm<string> = {
  readName: (uri) => {
    // A user name or a port beside the host, and nothing that one reader takes for the end of the host and another does not.
    const host = /^[a-z][a-z0-9+.-]*:\/\/(?:[a-z0-9._~!$&'()*+,;=:%-]*@)?([a-z0-9_.-]+)(?::[0-9]*)?(?:[/?#]|$)/i.exec(
      uri,
    )?.[1];
    // An address is no domain name; its last label would be a number.
    return host === undefined || /(^|\.)(0x[0-9a-f]*|[0-9]+)\.?$/i.test(host) ? undefined : domain(host);
  },
  readConstraint: (text) => {
    const wanted = domain(text.replace(/^\./, ''));
    if (wanted === undefined) return undefined;
    return text.startsWith('.') ? (host) => host.endsWith(`.${wanted}`) : (host) => host === wanted;
  },
};

/** Hex of address and mask (RFC 4632) against hex of the address. An IPv4 constraint says nothing of IPv6 addresses. */
export const ipForm: NameForm<string> = {
  readName: (hex) => (hex.length === 8 || hex.length === 32 ? bits(hex) : undefined),
  readConstraint: (hex) => {
    const half = hex.length / 2;
    const mask = bits(hex.slice(half));
    const length = mask.replace(/0+$/, '').length;
    if ((half !== 8 && half !== 32) || mask.slice(0, length).includes('0')) return undefined;
    const prefix = bits(hex.slice(0, half)).slice(0, length);
    return (address) => address.length === mask.length && address.startsWith(prefix);
  },
};

/** No document says what a constraint on an identifier means: it is taken with all below it. */
export const identifierForm: NameForm<string> = {
  readName: (oid) => oid,
  readConstraint: (oid) => (name) => name === oid || name.startsWith(`${oid}.`),
};

/** Nor on a user principal name: it is taken like an address, as Windows does, where neither side has a case. */
export const principalForm: NameForm<Mailbox> = {
  readName: (text) => emailForm.readName(text.toLowerCase()),
  readConstraint: (text) => emailForm.readConstraint(text.toLowerCase()),
};

/** `"a\.b"` and `a.b` are one local part (RFC 5322 3.2.4). */
const unquoted = (local: string): string =>
  /^".*"$/s.test(local) ? local.slice(1, -1).replace(/\\(.)/gs, '$1') : local;

/** A domain, or the literal of an address in brackets. */
const hostOf = (text: string): string | undefined =>
  /^\[[0-9a-f.:]+\]$/i.test(text) ? text.toLowerCase() : domain(text);

/** Labels in lower case and A-labels, without a final dot; undefined for what is no domain name. */
function domain(text: string): string | undefined {
  const ascii = /^[\0-\x7f]*$/.test(text) ? text : domainToASCII(text);
  const name = ascii.toLowerCase().replace(/\.$/, '');
  return name.split('.').every((label) => /^[a-z0-9_]([a-z0-9_-]{0,61}[a-z0-9_])?$/.test(label)) ? name : undefined;
}

const bits = (hex: string): string =>
  [...hex].map((digit) => Number.parseInt(digit, 16).toString(2).padStart(4, '0')).join('');
