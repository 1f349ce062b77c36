/** How each form of name is compared with a constraint on it: RFC 5280 4.2.1.10, RFC 9598 6 for addresses, RFC 9549 for domains. */
import { domainToASCII } from 'node:url';

/** One subtree of a name constraint. */
export interface Constraint<T> {
  /** @param excluded whether the constraint excludes: what may be meant by the name is excluded then, what must be is permitted */
  matches(name: T, excluded: boolean): boolean;
  /** True where the name, or the constraint itself, is none of its kind. */
  refuses?(name: T): boolean;
}

/**
 * An address; a host for all mailboxes on it; `.domain` for all mailboxes on hosts below it; nothing for all mailboxes. The same for
 * rfc822Name and SmtpUTF8Mailbox (RFC 9598 6), whose domains are compared in A-labels.
 */
export function emailConstraint(text: string): Constraint<string> {
  const at = text.lastIndexOf('@');
  const host = hostOf(text.slice(at + 1).replace(/^\./, ''));
  const below = text.startsWith('.');
  const local = at > 0 ? unquoted(text.slice(0, at)) : undefined;
  if (text === '') return { matches: () => true };
  return {
    refuses: (name) => host === undefined || mailbox(name) === undefined,
    matches: (name, excluded) => {
      const found = mailbox(name);
      if (!found || host === undefined) return false;
      if (below) return found.host.endsWith(`.${host}`);
      if (found.host !== host) return false;
      // RFC 5321 2.4 lets a host tell cases apart, and no host does.
      if (local === undefined || found.local === local) return true;
      return excluded && found.local.toLowerCase() === local.toLowerCase();
    },
  };
}

/** The name itself or anything below it; with a leading dot only what is below; nothing for all names. */
export function dnsConstraint(text: string): Constraint<string> {
  const wanted = domain(text.replace(/^\./, ''));
  if (text === '') return { matches: () => true };
  return {
    refuses: (name) => wanted === undefined || domain(name.replace(/^\*\./, '')) === undefined,
    matches: (name, excluded) => {
      const wildcard = name.startsWith('*.');
      const found = domain(wildcard ? name.slice(2) : name);
      if (found === undefined || wanted === undefined) return false;
      if (found.endsWith(`.${wanted}`) || (found === wanted && (wildcard || !text.startsWith('.')))) return true;
      // A wildcard also stands for names that are excluded.
      return excluded && wildcard && wanted.endsWith(`.${found}`);
    },
  };
}

/** The host: exactly, or with a leading dot anything below. A URI without a domain name for its host is refused. */
export function uriConstraint(text: string): Constraint<string> {
  const wanted = domain(text.replace(/^\./, ''));
  return {
    refuses: (name) => wanted === undefined || uriHost(name) === undefined,
    matches: (name) => {
      const found = uriHost(name);
      if (found === undefined || wanted === undefined) return false;
      return text.startsWith('.') ? found.endsWith(`.${wanted}`) : found === wanted;
    },
  };
}

/** Hex of address and mask (RFC 4632) against hex of the address. An IPv4 constraint says nothing of IPv6 addresses. */
export function ipConstraint(text: string): Constraint<string> {
  const half = text.length / 2;
  const mask = bits(text.slice(half));
  const wanted = bits(text.slice(0, half));
  const prefix = mask.replace(/0+$/, '').length;
  const sound = (half === 8 || half === 32) && !mask.slice(0, prefix).includes('0');
  return {
    refuses: (name) => !sound || (name.length !== 8 && name.length !== 32),
    matches: (name) => name.length === half && bits(name).slice(0, prefix) === wanted.slice(0, prefix),
  };
}

function mailbox(address: string): { readonly local: string; readonly host: string } | undefined {
  const at = address.lastIndexOf('@');
  const host = at > 0 ? hostOf(address.slice(at + 1)) : undefined;
  return host === undefined ? undefined : { local: unquoted(address.slice(0, at)), host };
}

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

/** A user name or a port beside the host, and nothing that one reader takes for the end of the host and another does not. */
function uriHost(uri: string): string | undefined {
  const host = /^[a-z][a-z0-9+.-]*:\/\/(?:[a-z0-9._~!$&'()*+,;=:%-]*@)?([a-z0-9_.-]+)(?::[0-9]*)?(?:[/?#]|$)/i.exec(
    uri,
  )?.[1];
  // An address is no domain name; its last label would be a number.
  return host === undefined || /(^|\.)(0x[0-9a-f]*|[0-9]+)\.?$/i.test(host) ? undefined : domain(host);
}

const bits = (hex: string): string =>
  [...hex].map((digit) => Number.parseInt(digit, 16).toString(2).padStart(4, '0')).join('');
