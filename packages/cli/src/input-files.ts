/** What commands read from files: certificates, CRLs and keys, PEM or DER, whichever the file turns out to be. */
import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import {
  type Certificate,
  type Crl,
  parseCertificate,
  parseCrl,
  pemBlocks,
  readPkcs12,
  SmimeError,
} from '@chancery/smime';
import { CommandError } from './exit-codes.ts';

/** @param file a path; `-` for standard input */
export function readInput(file: string): Buffer {
  try {
    return readFileSync(file === '-' ? 0 : file);
  } catch (error) {
    throw new CommandError(`${file} cannot be read: ${(error as Error).message}`);
  }
}

/** For paths in a batch, where standard input is taken, and where a pipe or device could keep all other cases waiting. */
export function readRegularFile(file: string): Buffer {
  try {
    if (!statSync(file).isFile()) throw new Error('it is no regular file');
    return readFileSync(file);
  } catch (error) {
    throw new CommandError(`${file} cannot be read: ${(error as Error).message}`);
  }
}

/** Every certificate of a file, PEM or DER. @param name of the file, for the error */
export function certificatesIn(bytes: Uint8Array, name: string): Certificate[] {
  return readable(name, () => objectsIn(bytes, name, ['CERTIFICATE', 'X509 CERTIFICATE']).map(parseCertificate));
}

/** Every CRL of a file, PEM or DER. */
export function crlsIn(bytes: Uint8Array, name: string): Crl[] {
  return readable(name, () => objectsIn(bytes, name, ['X509 CRL']).map(parseCrl));
}

/** DER of the first certificate request of a file, PEM or DER; what is inside is not looked at. */
export function requestIn(bytes: Uint8Array, name: string): Uint8Array {
  const [der] = readable(name, () => objectsIn(bytes, name, ['CERTIFICATE REQUEST', 'NEW CERTIFICATE REQUEST']));
  if (der !== undefined) return der;
  throw new CommandError(`${name} holds no certificate request.`);
}

export interface LoadedKey {
  readonly privateKey: KeyObject;
  /** Found beside the key, by its public key. */
  readonly certificate: Certificate | undefined;
  /** CA certificates that came along. */
  readonly chain: readonly Certificate[];
}

/** Private keys of a PKCS#12 file (DER or PEM), of PEM text (with any certificates beside them), or of DER PKCS#8. */
export async function keysIn(bytes: Uint8Array, name: string, password: string): Promise<LoadedKey[]> {
  try {
    const blocks = isDer(bytes) ? [] : pemBlocks(Buffer.from(bytes).toString('latin1'));
    const container = blocks.find(({ label }) => label === 'PKCS12')?.der;
    if (container) return await keysOfPkcs12(container, password);
    if (blocks.length === 0) {
      const key = pkcs8(bytes, password);
      return key ? [{ privateKey: key, certificate: undefined, chain: [] }] : await keysOfPkcs12(bytes, password);
    }
    return keysOfPem(bytes, password);
  } catch (error) {
    throw new CommandError(`${name} holds no private key that can be used: ${(error as Error).message}`);
  }
}

async function keysOfPkcs12(der: Uint8Array, password: string): Promise<LoadedKey[]> {
  const { keys, certificates } = await readPkcs12(der, password);
  const chain = certificates.map(({ certificate }) => parseCertificate(certificate)).filter(isCa);
  return keys.map((one) => ({
    privateKey: createPrivateKey({ key: Buffer.from(one.privateKey), format: 'der', type: 'pkcs8' }),
    certificate: one.certificate === undefined ? undefined : parseCertificate(one.certificate),
    chain,
  }));
}

function keysOfPem(bytes: Uint8Array, password: string): LoadedKey[] {
  const text = Buffer.from(bytes).toString('latin1');
  const certificates = pemBlocks(text)
    .filter(({ label }) => label === 'CERTIFICATE')
    .map(({ der }) => parseCertificate(der));
  const keys = text.match(/-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?-----END [A-Z ]*PRIVATE KEY-----/g) ?? [];
  if (keys.length === 0) throw new Error('no private key among its PEM blocks');
  return keys.map((pem) => {
    const privateKey = createPrivateKey({ key: pem, ...(password === '' ? {} : { passphrase: password }) });
    return { privateKey, certificate: certificateOf(privateKey, certificates), chain: certificates.filter(isCa) };
  });
}

/** The first of the certificates that is of this key. */
function certificateOf(privateKey: KeyObject, certificates: readonly Certificate[]): Certificate | undefined {
  const spki = createPublicKey(privateKey).export({ format: 'der', type: 'spki' });
  return certificates.find((candidate) => spki.equals(candidate.spki));
}

function pkcs8(der: Uint8Array, password: string): KeyObject | undefined {
  try {
    return createPrivateKey({
      key: Buffer.from(der),
      format: 'der',
      type: 'pkcs8',
      ...(password === '' ? {} : { passphrase: password }),
    });
  } catch {
    return undefined;
  }
}

function objectsIn(bytes: Uint8Array, name: string, labels: readonly string[]): Uint8Array[] {
  if (isDer(bytes)) return [bytes];
  const found = pemBlocks(Buffer.from(bytes).toString('latin1')).filter(({ label }) => labels.includes(label));
  if (found.length === 0) throw new CommandError(`${name} holds no ${labels[0]}, neither in PEM nor in DER.`);
  return found.map(({ der }) => der);
}

function readable<T>(name: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof SmimeError) throw new CommandError(`${name} cannot be read: ${error.message}.`);
    throw error;
  }
}

const isDer = (bytes: Uint8Array): boolean => bytes[0] === 0x30;
const isCa = ({ basicConstraints }: Certificate): boolean => basicConstraints?.ca === true;
