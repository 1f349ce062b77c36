/** What directories print, and what they show to clients over TLS. */
import path from 'node:path';
import { run } from './run-program.ts';

export interface DumpedEntry {
  readonly dn: string;
  /** DER in base64, in order. */
  readonly certificates: readonly string[];
  /** Values of `userSMIMECertificate` in base64, in order. */
  readonly smime: readonly string[];
}

/** @param text of ldapsearch with `-LLL -o ldif-wrap=no` */
export function readDump(text: string): Map<string, DumpedEntry> {
  return new Map(
    text.split(/\n\n+/).flatMap((block) => {
      const values = (name: string) =>
        [...block.matchAll(new RegExp(`^${name}(?:;binary)?:: ?(\\S+)$`, 'gm'))].map((match) => match[1] ?? '');
      const line = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(block)?.[1];
      const [dn, mail] = [line('dn'), line('mail') ?? line('proxyAddresses')?.replace(/^smtp:/i, '')];
      if (dn === undefined || mail === undefined) return [];
      const entry = {
        dn,
        certificates: values('userCertificate').toSorted(),
        smime: values('userSMIMECertificate').toSorted(),
      };
      return [[mail, entry] as const];
    }),
  );
}

/** `server.pem` and `server.key` in that folder: signed by itself, for that name. */
export function makeServerCertificate(folder: string, name: string): void {
  const [key, certificate] = ['server.key', 'server.pem'].map((file) => path.join(folder, file));
  const { code, text } = run('openssl', [
    ...['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '30'],
    ...['-keyout', key ?? '', '-out', certificate ?? '', '-subj', '/CN=directory', '-addext', `subjectAltName=${name}`],
  ]);
  if (code !== 0) throw new Error(`openssl req: ${text}`);
}
