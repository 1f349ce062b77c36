/** The private keys in a file, each with its certificate: PKCS#12, or PEM with the certificate in it or beside it. */
import { createPrivateKey, createPublicKey } from 'node:crypto';
import type { FileHandle } from 'node:fs/promises';
import { parseCertificate, pemBlocks, readPkcs12, SmimeError } from '@chancery/smime';
import { kindOf } from './certificates.ts';
import { openFile, type WalkedFile } from './walk.ts';

export interface FoundKey {
  /** DER. */
  readonly certificate: Uint8Array;
  /** DER PrivateKeyInfo, in clear: whoever takes it zeroes it. */
  readonly pkcs8: Uint8Array;
}

/** Octets of a file with keys: a person's whole history is a few hundred kilobytes. */
const LARGEST = 16_777_216;

/**
 * Undefined for a file that is none of keys. Throws an Error that says, for a person, why its keys cannot be had; it never
 * quotes what is in the file.
 * @param named on the command line, so that a symbolic link is followed
 */
export async function keysIn(
  file: WalkedFile,
  passwords: readonly string[],
  named: boolean,
): Promise<FoundKey[] | undefined> {
  const octets = await contentOf(file, named);
  try {
    if (octets[0] === 0x30) {
      const kind = kindOf(octets);
      if (kind === 'enveloped')
        throw new Error(
          'encrypted CMS, as "certutil -getkey" writes it: let a key recovery agent open it with "certutil -recoverkey"',
        );
      return kind === 'pkcs12' ? await keysOfPkcs12(octets, passwords) : undefined;
    }
    if (octets.subarray(0, 4).toString('hex') === 'feedfeed')
      throw new Error('a Java key store (JKS): convert it with "keytool -importkeystore -deststoretype PKCS12"');
    const text = octets.toString('latin1');
    const container = /-----BEGIN PKCS12-----/.test(text)
      ? pemBlocks(text).find(({ label }) => label === 'PKCS12')
      : undefined;
    if (container !== undefined) return await keysOfPkcs12(container.der, passwords);
    return PRIVATE_KEY.test(text) ? await keysOfPem(text, file, passwords, named) : undefined;
  } finally {
    octets.fill(0);
  }
}

const PRIVATE_KEY = /-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----/;

async function contentOf(file: WalkedFile, named: boolean): Promise<Buffer> {
  let handle: FileHandle | undefined;
  try {
    handle = await openFile(file, named);
    const { size } = await handle.stat();
    if (size <= LARGEST) return await handle.readFile();
    const head = Buffer.alloc(8);
    await handle.read(head, 0, head.length, 0);
    // A large file that cannot be one of keys is no fault of it.
    if (head[0] !== 0x30 && head[0] !== 0x2d && head[0] !== 0xfe) return Buffer.alloc(0);
    throw new Error(`larger than ${LARGEST / 1_048_576} MB: no file of keys`);
  } finally {
    await handle?.close();
  }
}

async function keysOfPkcs12(der: Uint8Array, passwords: readonly string[]): Promise<FoundKey[]> {
  const { keys, certificates } = await opened(der, passwords);
  if (keys.length === 0) throw new Error('a PKCS#12 file without a private key');
  const lone = keys.filter(({ certificate }) => certificate === undefined).length;
  if (lone > 0 && lone === keys.length)
    throw new Error(`no certificate of its ${lone === 1 ? 'key' : 'keys'} among the ${certificates.length} in it`);
  // Copies: what is not encrypted in the file is a view of it, and the file's octets are zeroed.
  return keys.flatMap(({ privateKey, certificate }) => {
    if (certificate === undefined) return [];
    const pkcs8 = Buffer.from(privateKey);
    privateKey.fill(0);
    return [{ certificate: Buffer.from(certificate), pkcs8 }];
  });
}

async function opened(der: Uint8Array, passwords: readonly string[]) {
  let refusal: unknown = new Error('no password for it');
  for (const password of passwords) {
    try {
      return await readPkcs12(der, password);
    } catch (error) {
      if (!(error instanceof SmimeError)) throw error;
      refusal = error;
      if (error.code !== 'wrong-password') break;
    }
  }
  throw refusal instanceof SmimeError && refusal.code === 'wrong-password'
    ? new Error(passwords.length > 1 ? 'none of the passwords opens it' : 'the password does not open it')
    : refusal;
}

async function keysOfPem(
  text: string,
  file: WalkedFile,
  passwords: readonly string[],
  named: boolean,
): Promise<FoundKey[]> {
  const blocks = text.match(/-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----[\s\S]*?-----END [A-Z0-9 ]*PRIVATE KEY-----/g) ?? [];
  if (blocks.length === 0) throw new Error('a private key in PEM that is cut off');
  const certificates = certificatesOf(text);
  if (certificates.length === 0) certificates.push(...(await certificatesBeside(file, named)));
  const found: FoundKey[] = [];
  for (const pem of blocks) {
    const key = privateKeyOf(pem, passwords);
    const publicKey = createPublicKey(key);
    const own = certificates.find((one) => one.publicKey.equals(publicKey));
    if (own === undefined)
      throw new Error('no certificate of its key, neither in it nor beside it under the same name (.crt, .cer, .pem)');
    found.push({ certificate: own.der, pkcs8: key.export({ format: 'der', type: 'pkcs8' }) });
  }
  return found;
}

function privateKeyOf(pem: string, passwords: readonly string[]) {
  for (const passphrase of ['', ...passwords]) {
    try {
      return createPrivateKey({ key: pem, passphrase });
    } catch {
      // OpenSSL says the same of a wrong password and of a damaged key.
    }
  }
  throw new Error('a private key in PEM that cannot be read, or that the password does not open');
}

async function certificatesBeside({ path: file, name }: WalkedFile, named: boolean) {
  const stem = file.replace(/\.[^./\\]+$/, '');
  for (const ending of ['crt', 'cer', 'pem', 'cert']) {
    const beside = `${stem}.${ending}`;
    if (beside === file) continue;
    const octets = await contentOf({ path: beside, name: `${name} (.${ending})` }, named).catch(() => undefined);
    if (octets === undefined) continue;
    return octets[0] === 0x30 ? [parseCertificate(octets)] : certificatesOf(octets.toString('latin1'));
  }
  return [];
}

function certificatesOf(text: string) {
  return [...text.matchAll(/-----BEGIN CERTIFICATE-----[\s\S]*?-----END CERTIFICATE-----/g)].map(([pem]) => {
    const [block] = pemBlocks(pem);
    if (block === undefined) throw new Error('a certificate in PEM that cannot be read');
    return parseCertificate(block.der);
  });
}
