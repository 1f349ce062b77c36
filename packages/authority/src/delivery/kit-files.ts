/** Files of kits. */
import type { NamedFile } from '../kra/recovered-files.ts';

export const textFile = (name: string, text: string): NamedFile => ({ name, data: Buffer.from(text, 'utf8') });

/** For Windows: its line ends. ASCII. */
export const windowsFile = (name: string, text: string): NamedFile => textFile(name, text.replaceAll('\n', '\r\n'));

/** Numbered: names of authorities are no file names. DER. */
export const certificateFiles = (name: string, certificates: readonly Uint8Array[]): NamedFile[] =>
  certificates.map((data, n) => ({ name: `${name}-${n + 1}.cer`, data }));

/** An address of an LDAP directory (RFC 4516), its base percent-encoded. */
export function directoryUrl({
  host,
  port,
  tls,
  baseDn,
}: {
  host: string;
  port: number;
  tls: boolean;
  baseDn: string;
}): string {
  return `${tls ? 'ldaps' : 'ldap'}://${host}:${port}/${encodeURIComponent(baseDn)}??sub?(objectclass=*)`;
}
