/** What `[gateway.recipients]` says: where certificates of people outside are looked for, in which order, and for how long. */
import { isIP } from 'node:net';
import { SecretReference } from '@chancery/keystore';
import { z } from 'zod';
import { ResolverAddress } from '../dns/resolver.ts';

/** `partner.example`, or `.partner.example` for it and everything below. */
const Domain = z
  .string()
  .regex(/^\.?[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63})*$/i, 'is a domain, with a dot before it for those below')
  .transform((value) => value.toLowerCase());

const common = {
  /** As explanations and the journal call it. */
  name: z.string().regex(/^[a-z0-9-]{1,40}$/, 'has small letters, digits and hyphens'),
  /**
   * One that does not answer has mail wait (451). `true`: it then counts as one that has nothing. What must be encrypted is refused
   * then, and never goes out in the clear; what is to be encrypted if possible goes on as though nothing were there.
   */
  ignoreFailures: z.boolean().default(false),
};
/** Whom it is asked about. A directory learns every address that it is asked for. */
const domains = z.array(Domain).min(1);
const timeoutSeconds = z.int().min(1).max(30).default(5);

const LdapSourceConfig = z
  .strictObject({
    ...common,
    kind: z.literal('ldap'),
    domains,
    url: z.string().regex(/^ldaps?:\/\//, 'begins with ldap:// or ldaps://'),
    startTls: z.boolean().default(false),
    /** PEM: what its certificate is checked against; without it, what Node trusts. */
    ca: z.string().optional(),
    /** Without it nobody signs in. */
    bindDn: z.string().optional(),
    password: SecretReference.optional(),
    baseDn: z.string(),
    /** `{address}` is replaced by the address, escaped (RFC 4515). */
    filter: z
      .string()
      .regex(/\{address\}/, 'holds {address}')
      .default('(mail={address})'),
    timeoutSeconds,
  })
  .refine(({ url, startTls }) => !startTls || url.startsWith('ldap://'), {
    path: ['startTls'],
    message: 'goes with ldap://; ldaps:// is TLS from the first octet',
  })
  .refine(({ bindDn, password }) => (bindDn === undefined) === (password === undefined), {
    path: ['password'],
    message: 'goes with bindDn',
  })
  .refine(
    ({ password, url, startTls }) =>
      password === undefined || startTls || url.startsWith('ldaps://') || isLoopback(url),
    {
      path: ['url'],
      message: 'would send the password in the clear: use ldaps://, or startTls = true',
    },
  );
export type LdapSourceConfig = z.output<typeof LdapSourceConfig>;

const SmimeaSourceConfig = z.strictObject({
  ...common,
  kind: z.literal('smimea'),
  /** Without it, everybody. */
  domains: domains.optional(),
  resolver: ResolverAddress,
  timeoutSeconds,
});
export type SmimeaSourceConfig = z.output<typeof SmimeaSourceConfig>;

const HttpSourceConfig = z.strictObject({
  ...common,
  kind: z.literal('http'),
  domains,
  /** `{address}` is replaced by the address, percent-encoded; it stands in the path or the query. */
  url: z
    .string()
    .regex(
      /^https:\/\/[^/?#{}@]+[/?][^#]*\{address\}/,
      'begins with https://, and holds {address} in its path or query',
    ),
  ca: z.string().optional(),
  /** Sent as `Authorization: Bearer`. */
  token: SecretReference.optional(),
  timeoutSeconds,
});
export type HttpSourceConfig = z.output<typeof HttpSourceConfig>;

/** A partner whose gateway opens the mail of all its people (in the manner of RFC 3183). */
const DomainCertificateConfig = z.strictObject({
  domain: Domain,
  /** PEM: its certificate first, then what leads to an anchor. */
  certificate: z.string(),
  /**
   * `path`: it must lead to an anchor, and name an address or host of that domain. `as-given`: the administrator compared it with the
   * partner; it is that certificate and no other, whoever issued it.
   */
  trust: z.enum(['path', 'as-given']).default('path'),
});
export type DomainCertificateConfig = z.output<typeof DomainCertificateConfig>;

export const RecipientsConfig = z
  .strictObject({
    /** In this order: where two have a good certificate, the first one's is used. Pinned certificates come before all of them. */
    source: z
      .array(z.discriminatedUnion('kind', [LdapSourceConfig, SmimeaSourceConfig, HttpSourceConfig]))
      .max(20)
      .default([]),
    domain: z.array(DomainCertificateConfig).max(1000).default([]),
    /** Seconds that all of them have together: a mail waits no longer for a directory that hangs. */
    timeoutSeconds: z.number().min(0.1).max(60).default(8),
  })
  .refine(({ source }) => new Set(source.map(({ name }) => name)).size === source.length, {
    path: ['source'],
    message: 'names two sources alike',
  });
export type RecipientsConfig = z.output<typeof RecipientsConfig>;

function isLoopback(url: string): boolean {
  const host = new URL(url).hostname.replace(/^\[|\]$/g, '');
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}
