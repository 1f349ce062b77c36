/** A connection to a directory that we publish in, over TLS where that is said, and signed in. */
import { isIP } from 'node:net';
import { Client, type ClientOptions } from 'ldapts';
import { readSecret, readTrust } from '../config.ts';
import type { LdapTarget } from '../publication-config.ts';

/** @param home the folder that the files of the password and of the trust are relative to. @throws whatever went wrong */
export async function connectLdap(target: LdapTarget, home: string): Promise<Client> {
  const { url, startTls, bindDn, password } = target;
  const timeout = target.timeoutSeconds * 1000;
  const tlsOptions: NonNullable<ClientOptions['tlsOptions']> =
    target.ca === undefined ? {} : { ca: readTrust(target.ca, home) };
  // Told of TLS options, the client speaks TLS on whatever port.
  const isSecure = url.startsWith('ldaps:');
  const client = new Client({ url, timeout, connectTimeout: timeout, ...(isSecure && { tlsOptions }) });
  try {
    if (startTls) await client.startTLS({ ...tlsOptions, ...serverOf(url) });
    await client.bind(bindDn, readSecret(password, home));
    return client;
  } catch (error) {
    await client.unbind().catch(() => {});
    throw error;
  }
}

/** Whose certificate it must be; servers take no address for a name in the handshake (RFC 6066 section 3). */
function serverOf(url: string): { host: string; servername?: string } {
  const host = new URL(url).hostname.replace(/^\[|\]$/g, '');
  return isIP(host) === 0 ? { host, servername: host } : { host };
}

/** ldapts leaves the message of a refused connection empty. */
export function ldapReason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code } = error as NodeJS.ErrnoException;
  return error.message || (typeof code === 'string' ? code : error.name);
}
