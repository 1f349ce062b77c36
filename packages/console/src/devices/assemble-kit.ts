/** Puts a person's keys into the kit for their mail program: here, in their browser, and nowhere else. */
import type { Kit } from '@chancery/api';
import { fromBase64, toBase64 } from '../files.ts';
import { type ZipEntry, zipOf } from './zip.ts';

export interface KitKeys {
  /** PKCS#12 under the password that the person was shown. */
  encryption: Uint8Array;
  /** The same for the key that was made in this browser, with its certificate, DER; null where it stays elsewhere. */
  signing: { pkcs12: Uint8Array; certificate: Uint8Array } | null;
}

/** A ZIP archive: what Thunderbird installs, or a folder for Windows. */
export function assembleKit({ files }: Kit, { encryption, signing }: KitKeys, at: Date): Uint8Array<ArrayBuffer> {
  const keys: ZipEntry[] = [
    ...(signing === null ? [] : [{ name: 'keys/signing.p12', octets: signing.pkcs12 }]),
    { name: 'keys/encryption.p12', octets: encryption },
  ];
  const index = {
    files: keys.map(({ name }) => name.replace('keys/', '')),
    signing: signing === null ? null : toBase64(signing.certificate),
  };
  return zipOf(
    [
      ...files.map(({ name, data }) => ({ name, octets: fromBase64(data) })),
      ...keys,
      { name: 'keys.json', octets: new TextEncoder().encode(JSON.stringify(index)) },
    ],
    at,
  );
}
