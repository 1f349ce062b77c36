/** A connection to a directory, for one pass: bound once, and never again without being noticed. */
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import path from 'node:path';
import { type ConnectionOptions, connect as connectTls } from 'node:tls';
import { Client, type Entry, type Filter, ResultCodeError } from 'ldapts';
import { readSecret } from '../../config.ts';
import type { DirectoryConfig } from './directory-config.ts';

/** The directory cannot be read just now, with a sentence for an administrator. Nothing was changed by it. */
export class DirectoryUnread extends Error {
  override readonly name = 'DirectoryUnread';
}

export interface DirectoryConnection {
  /** Everything under `base` that the filter finds, page by page. */
  search(
    base: string,
    filter: Filter | string,
    attributes: readonly string[],
    scope?: 'sub' | 'base',
  ): AsyncGenerator<Entry[]>;
  /** The entry itself; undefined where it is not there, or is not shown to us. */
  read(dn: string, attributes: readonly string[]): Promise<Entry | undefined>;
}

/**
 * Opens a connection, hands it to `run`, and closes it.
 * @param home the folder that files of the configuration are relative to
 * @throws DirectoryUnread
 */
export async function withDirectory<T>(
  config: DirectoryConfig,
  home: string,
  run: (connection: DirectoryConnection) => Promise<T>,
): Promise<T> {
  const client = clientOf(config, home);
  try {
    await signIn(client, config, home);
    return await run({
      async *search(base, filter, attributes, scope = 'sub') {
        const pages = client.searchPaginated(base, {
          scope,
          filter,
          attributes: [...attributes],
          explicitBufferAttributes: BINARY,
          paged: { pageSize: config.pageSize },
        });
        for await (const { searchEntries } of pages) yield searchEntries;
      },
      async read(dn, attributes) {
        const { searchEntries } = await client.search(dn, {
          scope: 'base',
          filter: '(objectClass=*)',
          attributes: [...attributes],
          explicitBufferAttributes: BINARY,
        });
        return searchEntries[0];
      },
    });
  } catch (error) {
    if (error instanceof DirectoryUnread) throw error;
    throw new DirectoryUnread(explain(config, error), { cause: error });
  } finally {
    await client.unbind().catch(() => {});
  }
}

/** Attributes whose values are octets. */
const BINARY = ['objectGUID', 'invocationId', 'invocationID'];

function clientOf(config: DirectoryConfig, home: string): Client {
  let opened = false;
  // The library connects anew by itself, and asks on without having signed in: the answers to nobody would be few or none, and
  // everybody who is not among them would be taken to have left.
  const once = <A extends unknown[], R>(open: (...input: A) => R) =>
    ((...input: A) => {
      if (opened)
        throw new DirectoryUnread(`The connection to ${config.url} was lost while it was read. Nothing was changed.`);
      opened = true;
      return open(...input);
    }) as never;
  const timeout = config.timeoutSeconds * 1000;
  return new Client({
    url: config.url,
    timeout,
    connectTimeout: timeout,
    createConnection: once(connect as never),
    ...(config.url.startsWith('ldaps:') && {
      createSecureConnection: once(connectTls as never),
      tlsOptions: tlsOptions(config, home),
    }),
  });
}

async function signIn(client: Client, config: DirectoryConfig, home: string): Promise<void> {
  if (config.startTls) await client.startTLS(tlsOptions(config, home));
  try {
    await client.bind(config.bindDn, readSecret(config.password, home));
  } catch (error) {
    if (!(error instanceof ResultCodeError)) throw error;
    throw new DirectoryUnread(
      `${config.url} does not let us in as ${config.bindDn} (${nameOf(error)}). Check bindDn and password.`,
      { cause: error },
    );
  }
}

function tlsOptions(config: DirectoryConfig, home: string): ConnectionOptions {
  const { hostname } = new URL(config.url);
  const host = hostname.replace(/^\[|\]$/g, '');
  return {
    // Whose certificate it has to be; a name goes into the handshake as well.
    host,
    ...(/^[\d.]+$|:/.test(host) ? {} : { servername: host }),
    minVersion: 'TLSv1.2',
    ...(config.ca !== undefined && { ca: readFileSync(path.resolve(home, config.ca)) }),
  };
}

function explain({ url, baseDn, pageSize }: DirectoryConfig, error: unknown): string {
  const name = nameOf(error);
  if (error instanceof ResultCodeError) {
    if (error.code === SIZE_LIMIT || error.code === ADMIN_LIMIT) {
      return `${url} gives out no more than a part of its people (${name}). Nothing was changed. Allow our account to read in pages of ${pageSize}, or set a smaller pageSize.`;
    }
    if (error.code === REFERRAL) {
      return `${url} refers us to another server for ${baseDn}. Nothing was changed. Name the server that holds it, and a base that it holds.`;
    }
    if (error.code === NO_SUCH_OBJECT) {
      return `${url} has nothing at a base of the configuration, or does not show it to us (${name}). Nothing was changed. Check baseDn.`;
    }
    return `${url} refuses to be read: ${name}. Nothing was changed.`;
  }
  return `${url} cannot be read: ${name}. Nothing was changed.`;
}

/** RFC 4511 appendix A. */
const SIZE_LIMIT = 4;
const REFERRAL = 10;
const ADMIN_LIMIT = 11;
const NO_SUCH_OBJECT = 32;

/** ldapts leaves the message of a refused connection empty. */
function nameOf(error: unknown): string {
  if (error instanceof ResultCodeError) return `${error.name.replace(/Error$/, '')}, code ${error.code}`;
  if (!(error instanceof Error)) return String(error);
  const { code } = error as NodeJS.ErrnoException;
  return error.message || (typeof code === 'string' ? code : error.name);
}
