/** LDAP directories (RFC 4511, 4523): `userCertificate;binary` of the entry with the person's address. */
import { Attribute, Change, Client, ResultCodeError } from 'ldapts';
import { type LdapTarget, readSecret } from '../config.ts';
import { type Directory, DirectoryDown } from './directory.ts';

/** @param home the folder that the password's file is relative to */
export function ldapDirectory(name: string, target: LdapTarget, home: string): Directory {
  return {
    name,
    async reconcile(address, ours, wanted) {
      const timeout = target.timeoutSeconds * 1000;
      const client = new Client({ url: target.url, timeout, connectTimeout: timeout });
      try {
        await bind(client, target, home);
        await reconcileEntry(client, target, address, ours, wanted);
      } catch (error) {
        // What the directory answers concerns this entry; anything else, that nobody answers.
        if (error instanceof ResultCodeError || error instanceof DirectoryDown || error instanceof NoSuchEntry) {
          throw error;
        }
        throw new DirectoryDown(`${target.url} does not answer: ${reasonOf(error)}`);
      } finally {
        await client.unbind().catch(() => {});
      }
    },
  };
}

class NoSuchEntry extends Error {}

async function bind(client: Client, target: LdapTarget, home: string): Promise<void> {
  try {
    await client.bind(target.bindDn, readSecret(target.password, home));
  } catch (error) {
    if (!(error instanceof ResultCodeError)) throw error;
    throw new DirectoryDown(`${target.url} does not let us in as ${target.bindDn}: ${reasonOf(error)}`);
  }
}

async function reconcileEntry(
  client: Client,
  target: LdapTarget,
  address: string,
  ours: readonly Uint8Array[],
  wanted: readonly Uint8Array[],
): Promise<void> {
  const entry = await entryOf(client, target, address);
  if (entry === undefined) {
    if (wanted.length === 0) return;
    throw new NoSuchEntry(`no entry under ${target.baseDn} matches ${address}`);
  }
  const has = (list: readonly Uint8Array[], value: Uint8Array) => list.some((one) => Buffer.compare(one, value) === 0);
  const remove = entry.values.filter((value) => has(ours, value) && !has(wanted, value));
  const add = wanted.filter((value) => !has(entry.values, value));
  const change = (operation: 'add' | 'delete', list: readonly Uint8Array[]) => {
    if (list.length === 0) return [];
    const values = list.map((value) => Buffer.from(value));
    return [new Change({ operation, modification: new Attribute({ type: target.attribute, values }) })];
  };
  // One request: a directory applies it whole or not at all (RFC 4511 section 4.6). Values are named one by one, never
  // replaced: what others write meanwhile stays.
  const changes = [...change('delete', remove), ...change('add', add)];
  if (changes.length > 0) await client.modify(entry.dn, changes);
}

async function entryOf(
  client: Client,
  target: LdapTarget,
  address: string,
): Promise<{ dn: string; values: Buffer[] } | undefined> {
  const { searchEntries } = await client.search(target.baseDn, {
    scope: 'sub',
    filter: target.filter.replaceAll('{address}', escapeFilter(address)),
    attributes: [target.attribute],
    explicitBufferAttributes: [target.attribute],
    sizeLimit: 2,
  });
  const [entry, second] = searchEntries;
  if (second !== undefined) throw new NoSuchEntry(`more than one entry under ${target.baseDn} matches ${address}`);
  if (entry === undefined) return undefined;
  // A directory may answer in its own spelling.
  const wantedName = target.attribute.toLowerCase();
  const found = Object.entries(entry).find(([name]) => name.toLowerCase() === wantedName)?.[1] ?? [];
  const values = (Array.isArray(found) ? found : [found]).map((value) =>
    Buffer.isBuffer(value) ? value : Buffer.from(value, 'latin1'),
  );
  return { dn: entry.dn, values };
}

/** RFC 4515 section 3. */
export function escapeFilter(text: string): string {
  return text.replace(/[\0()*\\]/g, (character) => `\\${character.charCodeAt(0).toString(16).padStart(2, '0')}`);
}

/** ldapts leaves the message of a refused connection empty. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code } = error as NodeJS.ErrnoException;
  return error.message || (typeof code === 'string' ? code : error.name);
}
