/** One entry of a directory as the person, or the group, that it presents. */
import type { Entry } from 'ldapts';
import type { PresentedPerson } from '../sources/present.ts';
import type { DirectoryConfig } from './directory-config.ts';

/** What tells entries apart for ever: a DN changes with a name. Undefined where the directory does not say. */
export function keyOf(kind: DirectoryConfig['kind'], entry: Entry): string | undefined {
  if (kind === 'openldap') return textOf(entry, 'entryUUID')?.toLowerCase();
  const octets = valuesOf(entry, 'objectGUID')[0];
  return Buffer.isBuffer(octets) && octets.length === 16 ? guidOf(octets) : undefined;
}

/** The attribute that `keyOf` reads. */
export function keyAttribute(kind: DirectoryConfig['kind']): string {
  return kind === 'openldap' ? 'entryUUID' : 'objectGUID';
}

/** As the value of a filter: octets, where it is kept as octets. */
export function keyInFilter(kind: DirectoryConfig['kind'], key: string): Buffer | string {
  return kind === 'openldap' ? key : octetsOf(key);
}

/** Attributes of a person that are read. */
export function personAttributes({ kind, attributes, inactive }: DirectoryConfig): string[] {
  const states = inactive === undefined ? STATES[kind] : Object.keys(inactive);
  const named = Object.values(attributes).filter((name) => name !== '');
  return [...new Set([keyAttribute(kind), 'cn', ...named, ...states, stampAttribute(kind)])];
}

/** By which what has changed is found. */
function stampAttribute(kind: DirectoryConfig['kind']): 'uSNChanged' | 'modifyTimestamp' {
  return kind === 'openldap' ? 'modifyTimestamp' : 'uSNChanged';
}

/**
 * @param keys of all people who were listed, by their DNs: of managers
 * @param at the present instant: accounts end
 */
export function readPerson(
  config: DirectoryConfig,
  entry: Entry,
  key: string,
  keys: ReadonlyMap<string, string>,
  at: Date,
): PresentedPerson {
  const { attributes: names } = config;
  const of = (name: string) => (name === '' ? undefined : (textOf(entry, name) ?? null));
  const mail = addressesOf(entry, names.address);
  const proxies = addressesOf(entry, names.aliases);
  const address = mail[0]?.text ?? proxies.find(({ primary }) => primary)?.text ?? null;
  const aliases = [...mail.slice(1), ...proxies].map(({ text }) => text).filter((text) => !sameAddress(text, address));
  const manager = names.manager === '' ? undefined : textOf(entry, names.manager);
  return {
    key,
    active: isActive(config, entry, at),
    name: textOf(entry, names.name) ?? textOf(entry, 'cn') ?? '',
    address,
    ...(names.aliases !== '' && { aliases: distinct(aliases) }),
    ...(names.externalId !== '' && { externalId: of(names.externalId) }),
    attributes: {
      givenName: of(names.givenName),
      surname: of(names.surname),
      title: of(names.title),
      department: of(names.department),
      employeeId: of(names.employeeId),
      country: of(names.country)?.toUpperCase() ?? of(names.country),
    },
    ...(names.manager !== '' && {
      manager: manager === undefined ? null : (keys.get(dnKey(manager)) ?? null),
    }),
  };
}

/** For comparing DNs that one server wrote: it writes each the same way, but for case and blanks. */
export function dnKey(dn: string): string {
  return dn.replace(/\s*([,=+])\s*/g, '$1').toLowerCase();
}

export function textOf(entry: Entry, name: string): string | undefined {
  const [first] = textsOf(entry, name);
  return first;
}

function textsOf(entry: Entry, name: string): string[] {
  return valuesOf(entry, name)
    .map((value) => (Buffer.isBuffer(value) ? value.toString('utf8') : value).trim())
    .filter((value) => value !== '');
}

/** A directory may answer in its own spelling. */
export function valuesOf(entry: Entry, name: string): (string | Buffer)[] {
  const wanted = name.toLowerCase();
  const found = Object.entries(entry).find(([one]) => one.toLowerCase() === wanted)?.[1] ?? [];
  return Array.isArray(found) ? found : [found];
}

const STATES: Record<DirectoryConfig['kind'], readonly string[]> = {
  'active-directory': ['userAccountControl', 'accountExpires'],
  openldap: ['pwdAccountLockedTime', 'nsAccountLock'],
};

/** MS-ADTS 2.2.16: ADS_UF_ACCOUNTDISABLE. */
const ACCOUNT_DISABLED = 0x2;
/** Locked for good, not for a while (draft-behera-ldap-password-policy 5.3.3). */
const LOCKED_FOR_EVER = '000001010000Z';

function isActive({ kind, inactive }: DirectoryConfig, entry: Entry, at: Date): boolean {
  if (inactive !== undefined) {
    return !Object.entries(inactive).some(([name, values]) => {
      const has = new Set(textsOf(entry, name).map((one) => one.toLowerCase()));
      return values.some((value) => has.has(value.toLowerCase()));
    });
  }
  if (kind === 'openldap') {
    const locked = textOf(entry, 'pwdAccountLockedTime') === LOCKED_FOR_EVER;
    return !locked && textOf(entry, 'nsAccountLock')?.toLowerCase() !== 'true';
  }
  const control = Number(textOf(entry, 'userAccountControl') ?? 0);
  return (control & ACCOUNT_DISABLED) === 0 && !isExpired(textOf(entry, 'accountExpires'), at);
}

/** MS-ADA1 2.1: 100 nanoseconds since 1601; 0 and the greatest number mean never. */
function isExpired(text: string | undefined, at: Date): boolean {
  if (text === undefined || !/^\d{1,19}$/.test(text)) return false;
  const ticks = BigInt(text);
  if (ticks === 0n || ticks >= 0x7fff_ffff_ffff_ffffn) return false;
  return ticks / 10_000n - 11_644_473_600_000n <= BigInt(at.getTime());
}

/** `SMTP:` is the primary one among an account's addresses, `smtp:` a further one; other protocols are not mail. */
function addressesOf(entry: Entry, name: string): { text: string; primary: boolean }[] {
  if (name === '') return [];
  return textsOf(entry, name).flatMap((value) => {
    const [, protocol, address] = /^([A-Za-z0-9.]+):(.*)$/.exec(value) ?? [];
    if (protocol === undefined || address === undefined) return [{ text: value, primary: false }];
    return protocol.toLowerCase() === 'smtp' ? [{ text: address.trim(), primary: protocol === 'SMTP' }] : [];
  });
}

const sameAddress = (one: string, other: string | null): boolean => one.toLowerCase() === other?.toLowerCase();

function distinct(addresses: readonly string[]): string[] {
  return [...new Map(addresses.map((one) => [one.toLowerCase(), one])).values()];
}

/** The first three parts are kept backwards (MS-DTYP 2.3.4.2). */
function guidOf(octets: Buffer): string {
  const hex = ordered(octets).toString('hex');
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

function octetsOf(guid: string): Buffer {
  return ordered(Buffer.from(guid.replaceAll('-', ''), 'hex'));
}

function ordered(octets: Buffer): Buffer {
  const part = (from: number, to: number) => Buffer.from(octets.subarray(from, to)).reverse();
  return Buffer.concat([part(0, 4), part(4, 6), part(6, 8), octets.subarray(8)]);
}
