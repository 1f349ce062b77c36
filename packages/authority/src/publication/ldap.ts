/** LDAP directories (RFC 4511, 4523): `userCertificate;binary` of the entry with the person's address. */
import { Attribute, Change, Client } from 'ldapts';
import { type LdapTarget, readSecret } from '../config.ts';
import type { Directory } from './directory.ts';

export function ldapDirectory(name: string, target: LdapTarget, home: string): Directory {
  return {
    name,
    async reconcile(address, ours, wanted) {
      const timeout = target.timeoutSeconds * 1000;
      const client = new Client({ url: target.url, timeout, connectTimeout: timeout });
      try {
        await client.bind(target.bindDn, readSecret(target.password, home));
        const { dn, values } = await entryOf(client, target, address);
        const has = (list: readonly Uint8Array[], value: Uint8Array) =>
          list.some((one) => Buffer.compare(one, value) === 0);
        const remove = values.filter((value) => has(ours, value) && !has(wanted, value));
        const add = wanted.filter((value) => !has(values, value));
        const change = (operation: 'add' | 'delete', list: readonly Uint8Array[]) =>
          list.length === 0
            ? []
            : [
                new Change({
                  operation,
                  modification: new Attribute({
                    type: target.attribute,
                    values: list.map((value) => Buffer.from(value)),
                  }),
                }),
              ];
        // One request: a directory applies it whole or not at all (RFC 4511 section 4.6).
        const changes = [...change('delete', remove), ...change('add', add)];
        if (changes.length > 0) await client.modify(dn, changes);
      } finally {
        await client.unbind().catch(() => {});
      }
    },
  };
}

async function entryOf(client: Client, target: LdapTarget, address: string): Promise<{ dn: string; values: Buffer[] }> {
  const { searchEntries } = await client.search(target.baseDn, {
    scope: 'sub',
    filter: target.filter.replaceAll('{address}', escapeFilter(address)),
    attributes: [target.attribute],
    explicitBufferAttributes: [target.attribute],
    sizeLimit: 2,
  });
  const [entry, second] = searchEntries;
  if (entry === undefined) throw new Error(`no entry matches ${address}`);
  if (second !== undefined) throw new Error(`more than one entry matches ${address}`);
  const found = entry[target.attribute] ?? [];
  const values = (Array.isArray(found) ? found : [found]).filter((value) => Buffer.isBuffer(value));
  return { dn: entry.dn, values };
}

/** RFC 4515 section 3. */
function escapeFilter(text: string): string {
  return text.replace(/[\0()*\\]/g, (character) => `\\${character.charCodeAt(0).toString(16).padStart(2, '0')}`);
}
