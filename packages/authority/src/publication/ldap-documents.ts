/** CA certificates and CRLs in LDAP directories (RFC 4523): one entry for an authority, and one for the list of each shard. */
import { Attribute, Change, type Client, NoSuchObjectError } from 'ldapts';
import type { LdapTarget } from '../publication-config.ts';
import type { StatusDocument } from '../status/documents.ts';
import type { DocumentTarget } from './document-target.ts';
import { connectLdap, ldapReason } from './ldap-connection.ts';

const ATTRIBUTES: Readonly<Record<StatusDocument['kind'], readonly string[]>> = {
  certificate: ['cACertificate;binary'],
  complete: ['certificateRevocationList;binary'],
  delta: ['deltaRevocationList;binary'],
  // A directory has a certificate of each authority, and needs no chains.
  chain: [],
};

/** A root signs authorities alone: its list is one of authorities, too (RFC 4523 2.2), and some look for it there only. */
const ROOT_LIST = 'authorityRevocationList;binary';

function attributesOf({ kind, authority }: StatusDocument): readonly string[] {
  return kind === 'complete' && authority.role === 'root' ? [...ATTRIBUTES.complete, ROOT_LIST] : ATTRIBUTES[kind];
}

/** @param authorityDn the entry's name, with `{name}` in it; @param home the folder that the password's file is relative to */
export function ldapDocumentTarget(
  name: string,
  target: LdapTarget,
  authorityDn: string,
  home: string,
): DocumentTarget {
  return {
    name,
    takes: (document) => attributesOf(document).length > 0,
    async put(document, octets) {
      const dn = entryOf(document, authorityDn);
      let client: Client | undefined;
      try {
        client = await connectLdap(target, home);
        const values = attributesOf(document).map((type) => new Attribute({ type, values: [octets] }));
        try {
          // One modification: all of them, or none.
          const changes = values.map((modification) => new Change({ operation: 'replace', modification }));
          await client.modify(dn, changes);
        } catch (error) {
          if (!(error instanceof NoSuchObjectError)) throw error;
          await client.add(dn, [new Attribute({ type: 'objectClass', values: [...CLASSES] }), ...values]);
        }
      } catch (error) {
        throw new Error(`${target.url}: ${dn}: ${ldapReason(error)}`, { cause: error });
      } finally {
        await client?.unbind().catch(() => {});
      }
    },
  };
}

/** RFC 4523: the structural class of an entry for lists, and the two that let it hold a certificate and a delta as well. */
const CLASSES = ['top', 'cRLDistributionPoint', 'pkiCA', 'deltaCRL'];

/** Slugs are letters, digits and hyphens: nothing in them needs escaping (RFC 4514). */
function entryOf({ authority, shard }: StatusDocument, authorityDn: string): string {
  return authorityDn.replaceAll('{name}', shard === null ? authority.slug : `${authority.slug}-${shard}`);
}
