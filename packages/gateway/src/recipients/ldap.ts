/** A partner's LDAP directory: `userCertificate` (RFC 4523) and `userSMIMECertificate` (RFC 2798) of whoever has the address. */
import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { Client, type ClientOptions, ResultCodeError } from 'ldapts';
import { reasonOf } from '../errors.ts';
import { candidatesIn } from './certificates-in.ts';
import type { LdapSourceConfig } from './recipients-config.ts';
import { mostOctets, type RecipientSource, type SourceAnswer, servesAny } from './source.ts';

/** Entries that are looked at: an address is one person's, or a few accounts of theirs. */
const mostEntries = 5;
const attributes = ['userSMIMECertificate;binary', 'userSMIMECertificate', 'userCertificate;binary', 'userCertificate'];

/** @param password of `bindDn`, where there is one */
export function openLdapSource(config: LdapSourceConfig, password: string | undefined): RecipientSource {
  const timeout = config.timeoutSeconds * 1000;
  const tls: NonNullable<ClientOptions['tlsOptions']> = config.ca === undefined ? {} : { ca: readFileSync(config.ca) };
  const host = new URL(config.url).hostname.replace(/^\[|\]$/g, '');
  let client: Client | undefined;
  let opening: Promise<Client> | undefined;

  async function open(): Promise<Client> {
    // Told of TLS options, the client speaks TLS on whatever port.
    const isSecure = config.url.startsWith('ldaps:');
    const fresh = new Client({
      url: config.url,
      timeout,
      connectTimeout: timeout,
      ...(isSecure && { tlsOptions: tls }),
    });
    try {
      // The name that its certificate must be for; an IP address is none that TLS asks for (RFC 6066 section 3).
      if (config.startTls) await fresh.startTLS({ ...tls, ...(isIP(host) === 0 ? { servername: host } : { host }) });
      if (config.bindDn !== undefined) await fresh.bind(config.bindDn, password ?? '');
    } catch (error) {
      await fresh.unbind().catch(() => undefined);
      throw error;
    }
    client = fresh;
    return fresh;
  }

  /** One connection for everybody; one that broke is opened anew. */
  async function connected(): Promise<Client> {
    if (client?.isConnected === true) return client;
    opening ??= open().finally(() => {
      opening = undefined;
    });
    return opening;
  }

  async function search(address: string): Promise<SourceAnswer> {
    const directory = await connected();
    const { searchEntries } = await directory.search(config.baseDn, {
      scope: 'sub',
      filter: config.filter.replaceAll('{address}', () => escapeFilter(address)),
      attributes,
      explicitBufferAttributes: attributes,
      sizeLimit: mostEntries,
      timeLimit: config.timeoutSeconds,
    });
    const values = searchEntries
      .slice(0, mostEntries)
      .flatMap((entry) => attributes.flatMap((name) => buffers(entry[name])));
    const candidates = candidatesIn(values);
    if (candidates.length > 0) return { said: 'found', candidates };
    const remark =
      searchEntries.length === 0 ? 'no entry with this address' : 'an entry without a certificate that can be read';
    return { said: 'nothing', remark };
  }

  async function drop(): Promise<void> {
    const broken = client;
    client = undefined;
    await broken?.unbind().catch(() => undefined);
  }

  return {
    name: config.name,
    serves: servesAny(config.domains),
    async find(address, signal) {
      for (let attempt = 1; ; attempt++) {
        const reused = client !== undefined;
        try {
          return await orAborted(search(address), signal);
        } catch (error) {
          if (error instanceof ResultCodeError && NOTHING.has(error.code))
            return { said: 'nothing', remark: 'no such entry' };
          await drop();
          // A server ends what lies idle: once more, on a connection of its own.
          if (reused && attempt === 1 && !signal.aborted) continue;
          return { said: 'unknown', reason: `the directory does not answer: ${reasonOf(error) || 'no connection'}` };
        }
      }
    },
    close: drop,
  };
}

/** noSuchObject: the base is not there, so neither is anybody below it. */
const NOTHING: ReadonlySet<number> = new Set([32]);

/** RFC 4515 section 3. */
export function escapeFilter(text: string): string {
  return text.replace(/[*()\\\0]/g, (one) => `\\${one.charCodeAt(0).toString(16).padStart(2, '0')}`);
}

function buffers(value: unknown): Buffer[] {
  const values: unknown[] = Array.isArray(value) ? value : [value];
  return values.filter((one): one is Buffer => Buffer.isBuffer(one) && one.length > 0 && one.length <= mostOctets);
}

export function orAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  if (signal.aborted) {
    work.catch(() => undefined);
    return Promise.reject(new Error('no answer in time'));
  }
  return new Promise((resolve, reject) => {
    const late = () => reject(new Error('no answer in time'));
    signal.addEventListener('abort', late, { once: true });
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', late));
  });
}
