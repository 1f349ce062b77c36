/** The authority's configuration: one TOML file, one schema, parsed once, frozen. Every field has a usable default. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parse as parseToml } from 'smol-toml';
import { z } from 'zod';

/** A secret is never written in the file: it is read from a file or the environment when the process starts. */
const SecretReference = z.union([z.strictObject({ file: z.string() }), z.strictObject({ env: z.string() })]);
export type SecretReference = z.infer<typeof SecretReference>;

const LdapTarget = z.strictObject({
  url: z.string().regex(/^ldaps?:\/\//, 'begins with ldap:// or ldaps://'),
  bindDn: z.string(),
  password: SecretReference,
  baseDn: z.string(),
  /** `{address}` is replaced by the person's address, escaped (RFC 4515). */
  filter: z.string().default('(mail={address})'),
  attribute: z.string().default('userCertificate;binary'),
  /** Seconds until a directory that does not answer is given up until the next try. */
  timeoutSeconds: z.int().min(1).max(120).default(10),
});
export type LdapTarget = z.infer<typeof LdapTarget>;

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
      /** Unseals the software key store. Without it the first start makes one, and says where. */
      secret: SecretReference.optional(),
    })
    .prefault({}),
  claims: z.strictObject({ expiresAfterDays: z.int().min(1).max(90).default(14) }).prefault({}),
  escrow: z.strictObject({ threshold: z.int().min(2).max(9).default(2) }).prefault({}),
  crl: z
    .strictObject({
      /** Hours between CRLs when nothing is revoked, and hours that each is good for (S/MIME BR: at most 240). */
      everyHours: z.int().min(1).max(168).default(24),
      validHours: z.int().min(2).max(240).default(168),
    })
    .prefault({}),
  publication: z.strictObject({ ldap: z.record(z.string(), LdapTarget).default({}) }).prefault({}),
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
  return Object.freeze({ ...parsed.data, home: path.resolve(home) });
}

/** Where the office is reached, without a trailing slash: in links, in certificates. */
export function publicUrlOf(config: AuthorityConfig): string {
  const { publicUrl, host, port } = config.server;
  return publicUrl?.replace(/\/+$/, '') ?? `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** What is in force, for a person to read. References stand for secrets; a password inside a database URL is left out. */
export function describeConfig(config: AuthorityConfig): Record<string, unknown> {
  const { url } = config.database;
  return {
    ...config,
    database: url === undefined ? { embedded: path.join(config.home, 'postgres') } : { url: withoutPassword(url) },
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

export class ConfigError extends Error {
  override readonly name = 'ConfigError';
}

/** Resolves a secret reference; relative files are relative to `home`. A trailing newline is not part of a secret. */
export function readSecret(reference: SecretReference, home: string): string {
  if ('env' in reference) {
    const value = process.env[reference.env];
    if (value === undefined || value === '')
      throw new ConfigError(`The environment variable ${reference.env} is not set`);
    return value;
  }
  const file = path.resolve(home, reference.file);
  try {
    return readFileSync(file, 'utf8').replace(/\r?\n$/, '');
  } catch (error) {
    throw new ConfigError(`The secret file ${file} cannot be read: ${(error as Error).message}`);
  }
}
