/** The authority's configuration: one TOML file, one schema, parsed once, frozen. Every field has a usable default. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { NoticeEvent, OperatorRole, recoveryReasons } from '@chancery/api';
import { Pkcs11Token, readSecret as readSecretOf, SecretReference } from '@chancery/keystore';
import { parseVerifierKey } from '@chancery/trail';
import { parse as parseToml } from 'smol-toml';
import { z } from 'zod';
import { AcmeConfig } from './acme-config.ts';
import { DevicesConfig } from './delivery/devices-config.ts';
import { EnrolmentConfig } from './enrolment-config.ts';
import { EvidenceConfig } from './evidence-config.ts';
import { IdentityConfig } from './identity/configuration.ts';
import { DirectoryConfig } from './identity/directory/directory-config.ts';
import { OidcProvider } from './identity/providers/provider-config.ts';
import { PublicationConfig, publicationTargets } from './publication-config.ts';

function isWitnessKey(text: string): boolean {
  try {
    return parseVerifierKey(text).use === 'witness';
  } catch {
    return false;
  }
}

const CrlOverride = z.strictObject({
  /** Hours between CRLs when nothing is revoked, and hours that each is good for (S/MIME BR: at most 240). */
  everyHours: z.int().min(1).max(168).optional(),
  validHours: z.int().min(2).max(240).optional(),
  /** Lists that new certificates are shared out among, beside the complete one. May grow at any time. */
  shards: z.int().min(1).max(1024).optional(),
  /** Hours between delta CRLs; none are made without it. Each is good for twice as long. */
  deltaHours: z.int().min(1).max(120).optional(),
});
const { everyHours, validHours, shards } = CrlOverride.shape;
const CrlGeneral = CrlOverride.extend({
  everyHours: everyHours.default(24),
  validHours: validHours.default(168),
  shards: shards.default(1),
  /** By slug of an authority: what differs for that one. */
  authority: z.record(z.string().regex(/^[a-z0-9-]+$/), CrlOverride).default({}),
});
export type CrlConfig = Omit<z.output<typeof CrlGeneral>, 'authority'>;

const StatusConfig = z.strictObject({
  /** Where `chancery status` listens: OCSP, CRLs and CA certificates, for a public network. */
  host: z.string().default('127.0.0.1'),
  port: z.int().min(0).max(65_535).default(8081),
  database: z
    .strictObject({
      /** As a role that may only read; `chancery status --print-grants` makes it. Without it, that of `database`. */
      url: z.union([z.string(), SecretReference]).optional(),
    })
    .prefault({}),
  /** Where the keys of OCSP responders are: those and no others, so that `chancery status` needs nothing else. */
  keys: z
    .strictObject({
      store: z.enum(['software', 'pkcs11']).default('software'),
      /** Of software keys; relative to the data folder. */
      folder: z.string().min(1).default('status-keys'),
      /** Unseals them. */
      secret: SecretReference.optional(),
      pkcs11: Pkcs11Token.optional(),
    })
    .refine(({ store, secret }) => store !== 'software' || secret !== undefined, {
      path: ['secret'],
      message: 'names what unseals the software keys',
    })
    .refine(({ store, pkcs11 }) => store !== 'pkcs11' || pkcs11 !== undefined, {
      path: ['pkcs11'],
      message: 'store = "pkcs11" needs the table [status.keys.pkcs11] with module, token and pin',
    })
    .optional(),
  /** Megabytes of signed OCSP answers that are kept in memory. */
  cacheMegabytes: z.int().min(1).max(4096).default(64),
});

const everyMinutes = z.int().min(1).max(10_080);
const Witness = z.discriminatedUnion('kind', [
  /** Appended to: on another machine's file system, or a device that is written once. */
  z.strictObject({ kind: z.literal('file'), path: z.string().min(1), everyMinutes: everyMinutes.default(1) }),
  /** The signed note is POSTed, as text/plain. */
  z.strictObject({
    kind: z.literal('url'),
    url: z.url({ protocol: /^https?$/ }),
    /** Sent as a bearer token. */
    token: SecretReference.optional(),
    everyMinutes: everyMinutes.default(10),
  }),
  /** The signed note is mailed, by the server of `[mail]`. */
  z.strictObject({ kind: z.literal('mail'), address: z.email(), everyMinutes: everyMinutes.default(1_440) }),
  /** C2SP tlog-witness: it checks that the trail goes on from what it saw, and signs. */
  z.strictObject({
    kind: z.literal('tlog-witness'),
    /** Its submission prefix. */
    url: z.url({ protocol: /^https?$/ }),
    /** Its verifier key: name+hash+key. */
    key: z.string().refine(isWitnessKey, 'is not the verifier key of a witness'),
    everyMinutes: everyMinutes.default(10),
  }),
]);
export type WitnessConfig = z.output<typeof Witness>;

const Syslog = z.strictObject({
  kind: z.literal('syslog'),
  transport: z.enum(['tls', 'tcp', 'udp']).default('tls'),
  host: z.string().min(1),
  port: z.int().min(1).max(65_535).default(6514),
  /** What the collector's certificate is checked against, PEM; without it, what Node trusts. Relative to the data folder. */
  ca: z.string().optional(),
  /** 13 is "log audit". */
  facility: z.int().min(0).max(23).default(13),
  /** As the collector knows the office; that of `server.publicUrl` without it. */
  hostName: z.string().max(255).optional(),
  /** Of the structured data. 32473 is the number for examples (RFC 5612): put your own where the collector cares. */
  dataId: z
    .string()
    .regex(/^[\x21\x23-\x3c\x3e\x3f\x41-\x5c\x5e-\x7e]{1,20}@\d[\d.]{0,10}$/, 'is not name@number')
    .default('chancery@32473'),
  /** Octets of a message; details that do not fit are left out. */
  maxOctets: z.int().min(2_048).max(65_000).default(8_192),
});
export type SyslogConfig = z.output<typeof Syslog>;

const TargetName = z.string().regex(/^[a-z0-9-]{1,40}$/, 'has small letters, digits and hyphens');
/** The server that the office's own mail goes to: notices, sign-in links. */
const MailConfig = z
  .strictObject({
    host: z.string().min(1),
    port: z.int().min(1).max(65_535).default(587),
    /** `implicit` from the first octet (port 465), `required` by STARTTLS, `opportunistic` where offered, `never` for the same machine. */
    tls: z.enum(['implicit', 'required', 'opportunistic', 'never']).default('required'),
    /** An address, or a name and an address in angle brackets. */
    from: z
      .string()
      .regex(/^([^<>@\r\n]*<[^<>@\s]+@[^<>@\s]+>|[^<>@\s]+@[^<>@\s]+)$/, 'is an address, or `Name <address>`'),
    user: z.string().min(1).optional(),
    password: SecretReference.optional(),
    /** Seconds until a server that does not answer is given up until the next try. */
    timeoutSeconds: z.int().min(1).max(300).default(30),
  })
  .refine(({ user, password }) => (user === undefined) === (password === undefined), {
    path: ['password'],
    message: 'user and password come together',
  })
  .refine(({ user, tls }) => user === undefined || tls === 'implicit' || tls === 'required', {
    path: ['tls'],
    message: 'a password goes over TLS only: implicit or required',
  });
export type MailConfig = z.output<typeof MailConfig>;

/** Told of what happens, by POST of JSON that is signed (HMAC-SHA256). */
const Webhook = z
  .strictObject({
    url: z.url({ protocol: /^https?$/ }),
    /** Both sides have it; the signature is made with it. */
    secret: SecretReference,
    /** Of which events; of all without it. */
    events: z.array(NoticeEvent).min(1).optional(),
    /** It is in a network of our own: then its address may be private, and plain HTTP will do. */
    private: z.boolean().default(false),
    /** Seconds until one that does not answer is given up until the next try. */
    timeoutSeconds: z.int().min(1).max(60).default(10),
  })
  .refine(({ url, private: own }) => own || url.startsWith('https:'), {
    path: ['url'],
    message: 'is https, or private = true',
  });
export type WebhookConfig = z.output<typeof Webhook>;

/** Where Prometheus scrapes. */
const Metrics = z
  .strictObject({
    host: z.string().default('127.0.0.1'),
    port: z.int().min(0).max(65_535).default(9464),
    /** Asked of whoever scrapes, as a bearer token. */
    token: SecretReference.optional(),
  })
  .refine(({ host, token }) => token !== undefined || /^(127(\.\d{1,3}){3}|::1|localhost)$/.test(host), {
    path: ['token'],
    message: 'is needed where more than this machine can reach it',
  });
export type MetricsConfig = z.output<typeof Metrics>;

/** For every request, for none, or for those reasons. */
const WhenAsked = z.union([z.enum(['always', 'never']), z.array(z.enum(recoveryReasons)).min(1)]);

/** What a recovery needs beside the officers. It stands in each request from when it is made. */
const RecoveryConfig = z.strictObject({
  /** Somebody who neither asks nor approves records who checked whose identity, and how. */
  identityCheck: WhenAsked.default('never'),
  /** The same for a manager who agrees. */
  managerApproval: WhenAsked.default('never'),
  /** Hours between the last approval that is needed and the release, in which officers may still reject. */
  coolOffHours: z.int().min(0).max(336).default(0),
  /** Hours between the request and the release, whoever approves before. */
  leastAgeHours: z.int().min(0).max(336).default(0),
});

const AuthorityConfigSchema = z.strictObject({
  server: z
    .strictObject({
      host: z.string().default('127.0.0.1'),
      port: z.int().min(0).max(65_535).default(8080),
      /** Where relying parties reach us: it stands in every certificate (CRL, OCSP, CA addresses). No trailing slash. */
      publicUrl: z.url().optional(),
    })
    .prefault({}),
  database: z
    .strictObject({
      /** Any PostgreSQL from 15 on. Without it, the embedded PostgreSQL runs in the data folder. */
      url: z.union([z.string(), SecretReference]).optional(),
    })
    .prefault({}),
  keys: z
    .strictObject({
      /** Where new keys are made. Keys that are elsewhere are used where they are. */
      store: z.enum(['software', 'pkcs11']).default('software'),
      /** Unseals the software key store. Without it the first start makes one, and says where. */
      secret: SecretReference.optional(),
      pkcs11: Pkcs11Token.optional(),
    })
    .refine(({ store, pkcs11 }) => store !== 'pkcs11' || pkcs11 !== undefined, {
      path: ['pkcs11'],
      message: 'store = "pkcs11" needs the table [keys.pkcs11] with module, token and pin',
    })
    .prefault({}),
  claims: z.strictObject({ expiresAfterDays: z.int().min(1).max(90).default(14) }).prefault({}),
  renewal: z
    .strictObject({
      /** Renewals that begin on one day (UTC) by themselves. What is near its end waits for no ceiling. */
      perDay: z.int().min(1).max(1_000_000).default(2_000),
      /** The first part of a profile's window, over which the renewals of its holders are spread: 0 at once, 0.5 half of it. */
      spread: z.number().min(0).max(0.5).default(0.5),
    })
    .prefault({}),
  escrow: z
    .strictObject({
      threshold: z.int().min(2).max(9).default(2),
      recovery: RecoveryConfig.prefault({}),
      /** RSA keys that are made before somebody needs them, in memory; 0 makes each when it is needed. */
      spareKeys: z.int().min(0).max(1000).default(16),
      retention: z
        .strictObject({
          /** Days that a key is announced before it is destroyed. */
          warnDays: z.int().min(1).max(366).default(30),
          /** Operators who must agree to each; 0: at its end a key is destroyed by itself. */
          operators: z.union([z.literal(0), z.literal(2)]).default(0),
        })
        .prefault({}),
      drill: z
        .strictObject({
          /** Days from one drill to the next; 0: only when somebody begins one. */
          everyDays: z.int().min(0).max(3650).default(90),
          /** Keys that are drawn for one. */
          records: z.int().min(1).max(10_000).default(20),
        })
        .prefault({}),
    })
    .prefault({}),
  enrolment: EnrolmentConfig.prefault({}),
  /** Absent: ACME is not answered. */
  acme: AcmeConfig.optional(),
  mail: MailConfig.optional(),
  journal: z
    .strictObject({
      /** Whole days (UTC) that the records of mail are kept; what the rules did stays longer, as figures without addresses. */
      keepDays: z.int().min(1).max(3_660).default(366),
    })
    .prefault({}),
  notices: z.strictObject({ webhook: z.record(TargetName, Webhook).default({}) }).prefault({}),
  /** Absent: nothing is served. */
  metrics: Metrics.optional(),
  roles: z
    .strictObject({
      /** Pairs of roles that one operator never holds together, beside those that never go together anywhere. */
      exclusive: z
        .array(z.tuple([OperatorRole, OperatorRole]))
        .max(12)
        .default([]),
    })
    .prefault({}),
  identity: IdentityConfig.extend({
    /** Who says who somebody is, beside the office itself. */
    oidc: z.record(TargetName, OidcProvider).default({}),
    /** Directories whose people are the office's. */
    ldap: z.record(TargetName, DirectoryConfig).default({}),
  }).prefault({}),
  devices: DevicesConfig.prefault({}),
  crl: CrlGeneral.prefault({}),
  status: StatusConfig.prefault({}),
  audit: z
    .strictObject({
      /** Who is told of the trail's checkpoints, so that nobody can write it anew. */
      witness: z.record(TargetName, Witness).default({}),
      /** Where its records go as they are made. */
      export: z.record(TargetName, Syslog).default({}),
    })
    .prefault({}),
  publication: PublicationConfig,
  evidence: EvidenceConfig.prefault({}),
});

export type AuthorityConfig = z.output<typeof AuthorityConfigSchema> & {
  /** The data folder, absolute. */
  readonly home: string;
};

/**
 * Reads `authority.toml` from the data folder, or the defaults when there is none.
 * @throws ConfigError naming the file and every field that cannot be used
 */
export function loadAuthorityConfig(home: string, file = path.join(home, 'authority.toml')): AuthorityConfig {
  let text = '';
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  return parseAuthorityConfig(text, home, file);
}

export function parseAuthorityConfig(toml: string, home: string, file = 'authority.toml'): AuthorityConfig {
  let raw: unknown;
  try {
    raw = parseToml(toml);
  } catch (error) {
    throw new ConfigError(`${file} is not TOML: ${(error as Error).message}`);
  }
  const parsed = AuthorityConfigSchema.safeParse(raw);
  if (!parsed.success) {
    const lines = parsed.error.issues.map((issue) => `  ${issue.path.join('.')}: ${issue.message}`);
    throw new ConfigError(`${file} cannot be used:\n${lines.join('\n')}`);
  }
  const config = Object.freeze({ ...parsed.data, home: path.resolve(home) });
  if (config.acme !== undefined && config.mail === undefined)
    throw new ConfigError(`${file} cannot be used:\n  acme: challenges are mailed, which needs the table [mail]`);
  const names = publicationTargets(config);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined)
    throw new ConfigError(`${file} cannot be used:\n  publication: two targets are called ${twice}`);
  for (const slug of ['', ...Object.keys(config.crl.authority)]) {
    const { everyHours, validHours, deltaHours = 0 } = crlConfigOf(config, slug);
    const where = slug === '' ? 'crl' : `crl.authority.${slug}`;
    // A list is made well before the one in force ends, so that a day without a database is not a day without mail.
    if (everyHours >= validHours || deltaHours > everyHours) {
      throw new ConfigError(
        `${file} cannot be used:\n  ${where}: everyHours is less than validHours, and deltaHours at most everyHours`,
      );
    }
  }
  return config;
}

/** What holds for that authority's lists. */
export function crlConfigOf({ crl }: Pick<AuthorityConfig, 'crl'>, slug: string): CrlConfig {
  const own = crl.authority[slug] ?? {};
  const deltaHours = own.deltaHours ?? crl.deltaHours;
  return {
    everyHours: own.everyHours ?? crl.everyHours,
    validHours: own.validHours ?? crl.validHours,
    shards: own.shards ?? crl.shards,
    ...(deltaHours !== undefined && { deltaHours }),
  };
}

/** Where the office is reached, without a trailing slash: in links, in certificates. */
export function publicUrlOf(config: AuthorityConfig): string {
  const { publicUrl, host, port } = config.server;
  return publicUrl?.replace(/\/+$/, '') ?? `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** What is in force, for a person to read. References stand for secrets; a password inside a database URL is left out. */
export function describeConfig(config: AuthorityConfig): Record<string, unknown> {
  const { url } = config.database;
  const { url: statusUrl } = config.status.database;
  return {
    ...config,
    database: url === undefined ? { embedded: path.join(config.home, 'postgres') } : { url: withoutPassword(url) },
    status: { ...config.status, database: statusUrl === undefined ? {} : { url: withoutPassword(statusUrl) } },
  };
}

function withoutPassword(url: string | SecretReference): string | SecretReference {
  if (typeof url !== 'string') return url;
  try {
    const parsed = new URL(url);
    if (parsed.password !== '') parsed.password = 'REDACTED';
    if (parsed.searchParams.has('password')) parsed.searchParams.set('password', 'REDACTED');
    return parsed.href;
  } catch {
    // Not a URL but a connection string of keywords, which may hold a password anywhere.
    return 'REDACTED';
  }
}

/** Certificates that a server's own is checked against, PEM. @throws ConfigError */
export function readTrust(file: string, home: string): string {
  const absolute = path.resolve(home, file);
  try {
    return readFileSync(absolute, 'utf8');
  } catch (error) {
    throw new ConfigError(`The certificates in ${absolute} cannot be read: ${(error as Error).message}`);
  }
}

export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/** Resolves a secret reference; relative files are relative to `home`. A trailing newline is not part of a secret. */
export const readSecret = (reference: SecretReference, home: string): string =>
  readSecretOf(reference, home, (message) => new ConfigError(message));
