/** What `[publication]` of the configuration says: where certificates, lists and CA certificates are published. */

import { SecretReference } from '@chancery/keystore';
import { z } from 'zod';

const LdapTarget = z
  .strictObject({
    /** What `filter`, `attribute`, `smimeForm` and `limit` are without being said. */
    kind: z.enum(['ldap', 'active-directory']).default('ldap'),
    url: z.string().regex(/^ldaps?:\/\//, 'begins with ldap:// or ldaps://'),
    /** TLS on the port of `ldap://`, before anything else is said. */
    startTls: z.boolean().default(false),
    /** What the directory's certificate is checked against, PEM; without it, what Node trusts. Relative to the data folder. */
    ca: z.string().optional(),
    bindDn: z.string(),
    password: SecretReference,
    baseDn: z.string(),
    /** `{address}` is replaced by the person's address, escaped (RFC 4515). */
    filter: z
      .string()
      .regex(/\{address\}/, 'holds {address}')
      .optional(),
    attribute: z.string().optional(),
    /** The attribute for S/MIME's own values, which hold the chain as well; none are published without it. */
    smimeAttribute: z.string().optional(),
    smimeForm: z.enum(['certs-only', 'microsoft']).optional(),
    /** Values that the attribute may hold, others' among them. */
    limit: z.int().min(1).max(1000).optional(),
    /** Seconds until a directory that does not answer is given up until the next try. */
    timeoutSeconds: z.int().min(1).max(120).default(10),
    /** The entry for an authority's certificate and CRLs; `{name}` is its slug, or `slug-N` for the list of shard N. */
    authorityDn: z
      .string()
      .regex(/\{name\}/, 'holds {name}')
      .optional(),
  })
  .refine(({ url, startTls }) => !startTls || url.startsWith('ldap://'), {
    path: ['startTls'],
    message: 'goes with ldap://; ldaps:// is TLS from the first octet',
  })
  .refine(({ kind, url, startTls }) => kind !== 'active-directory' || startTls || url.startsWith('ldaps://'), {
    path: ['url'],
    message: 'Active Directory is written to over TLS only: ldaps://, or startTls = true',
  });
export type LdapTarget = z.infer<typeof LdapTarget>;

/** What holds for that directory, where nothing else is said. Entra Connect carries 15 values of a certificate attribute at most. */
const LDAP_KINDS = {
  ldap: {
    filter: '(mail={address})',
    attribute: 'userCertificate;binary',
    smimeForm: 'certs-only',
    limit: undefined,
    idAttribute: 'entryUUID',
  },
  'active-directory': {
    filter: '(&(objectCategory=person)(|(mail={address})(proxyAddresses=smtp:{address})))',
    attribute: 'userCertificate',
    smimeForm: 'microsoft',
    limit: 15,
    idAttribute: 'objectGUID',
  },
} as const;

export function ldapSettings(target: LdapTarget) {
  const kind = LDAP_KINDS[target.kind];
  const attribute = target.attribute ?? kind.attribute;
  return {
    url: target.url,
    baseDn: target.baseDn,
    filter: target.filter ?? kind.filter,
    attribute,
    smimeAttribute: target.smimeAttribute,
    smimeForm: target.smimeForm ?? kind.smimeForm,
    limit: target.limit ?? kind.limit,
    idAttribute: kind.idAttribute,
    attributes: target.smimeAttribute === undefined ? [attribute] : [attribute, target.smimeAttribute],
  };
}

/** A zone of the DNS, signed by its own server, in which certificates stand as SMIMEA records. */
const DnsTarget = z.strictObject({
  /** The zones' primary server. */
  host: z.string().min(1),
  port: z.int().min(1).max(65_535).default(53),
  /** Addresses in other domains are left out. */
  zones: z.array(z.string().regex(/^[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63})*$/, 'is a domain in small letters')).min(1),
  /** TSIG (RFC 8945). */
  key: z.strictObject({
    name: z.string().min(1),
    algorithm: z.enum(['hmac-sha256', 'hmac-sha384', 'hmac-sha512']).default('hmac-sha256'),
    /** In base64. */
    secret: SecretReference,
  }),
  /** The whole certificate, or its digest: then a sender checks one that it has from elsewhere. */
  association: z.enum(['full', 'sha256', 'sha512']).default('full'),
  /** Seconds. */
  ttl: z.int().min(0).max(604_800).default(3_600),
  timeoutSeconds: z.int().min(1).max(120).default(10),
});
export type DnsTarget = z.infer<typeof DnsTarget>;

/** It stands in commands that people copy. */
const TargetName = z.string().regex(/^[a-z0-9-]{1,40}$/, 'has small letters, digits and hyphens');

/** Over TLS; without it to the same machine only, where a test, or a proxy that speaks TLS, is. */
const ServiceUrl = z
  .url({ protocol: /^https?$/ })
  .refine((url) => /^https:|^http:\/\/(127\.0\.0\.1|\[::1\]|localhost)(:|\/|$)/.test(url), 'begins with https://')
  .transform((url) => url.replace(/\/+$/, ''));

/** Mailboxes of Exchange Online: by a runbook that an administrator runs, or with `invoke` by commands over HTTP. */
const ExchangeTarget = z.strictObject({
  invoke: z
    .strictObject({
      tenant: z.string().regex(/^[A-Za-z0-9.-]+$/, 'is the id of a tenant, or its domain'),
      /** An application with the permission Exchange.ManageAsApp and a role that may write mailboxes. */
      clientId: z.string().min(1),
      clientSecret: SecretReference,
      loginUrl: ServiceUrl.default('https://login.microsoftonline.com'),
      adminUrl: ServiceUrl.default('https://outlook.office365.com'),
      timeoutSeconds: z.int().min(1).max(300).default(60),
    })
    .optional(),
});
export type ExchangeTarget = z.infer<typeof ExchangeTarget>;

/** A folder that a web server, or rsync, hands on. */
const FolderTarget = z.strictObject({
  /** Relative to the data folder. */
  path: z.string().min(1),
});
export type FolderTarget = z.infer<typeof FolderTarget>;

export const PublicationConfig = z
  .strictObject({
    /** Hours from one comparison of every target with the inventory to the next; 0: only when somebody begins one. */
    reconcileEveryHours: z.int().min(0).max(8_760).default(24),
    ldap: z.record(z.string(), LdapTarget).default({}),
    dns: z.record(z.string(), DnsTarget).default({}),
    exchange: z.record(TargetName, ExchangeTarget).default({}),
    folder: z.record(z.string(), FolderTarget).default({}),
  })
  .prefault({});

/** Every place in which people's certificates are published, by name. */
export function publicationTargets({
  publication,
}: {
  readonly publication: z.output<typeof PublicationConfig>;
}): string[] {
  return [publication.ldap, publication.dns, publication.exchange].flatMap((some) => Object.keys(some)).sort();
}
