/** A PKCS#11 module in this process: loaded, initialised, and its errors read. */
import type { PKCS11 } from 'pkcs11js';
import { KeyStoreError } from '../errors.ts';
import { TokenFault } from './protocol.ts';

export type { Attribute, Handle, Mechanism, PKCS11 as Cryptoki, TokenInfo } from 'pkcs11js';

/** Throws `unavailable`, saying what to build or correct. */
export async function loadModule(file: string): Promise<PKCS11> {
  const cryptoki = new (await loadBinding())();
  try {
    cryptoki.load(file);
  } catch (cause) {
    throw new KeyStoreError(
      'unavailable',
      `The PKCS#11 module ${file} cannot be loaded (${firstLine(cause)}). Install it, or correct keys.pkcs11.module.`,
    );
  }
  during('C_Initialize', () => cryptoki.C_Initialize({ flags: CKF_OS_LOCKING_OK }), [
    'CKR_CRYPTOKI_ALREADY_INITIALIZED',
  ]);
  return cryptoki;
}

/** Runs one call of the module; what it throws becomes a `TokenFault`. @param fine codes that are as good as success */
export function during<T>(call: string, run: () => T, fine: readonly string[] = []): T | undefined {
  try {
    return run();
  } catch (error) {
    const fault = faultOf(error, call);
    if (fine.includes(fault.cryptoki)) return undefined;
    throw fault;
  }
}

/** The code stands in the message, and for some calls of pkcs11js only in the middle of it. */
export function faultOf(error: unknown, call: string): TokenFault {
  if (error instanceof TokenFault) return error;
  const text = error instanceof Error ? `${error.message}\n${error.stack}` : String(error);
  return new TokenFault(/CKR_\w+/.exec(text)?.[0] ?? firstLine(error), call);
}

const CKF_OS_LOCKING_OK = 2;

async function loadBinding(): Promise<typeof PKCS11> {
  try {
    // A native addon, built on demand, and loaded in no other process.
    return (await import('pkcs11js')).default.PKCS11;
  } catch (cause) {
    throw new KeyStoreError(
      'unavailable',
      `pkcs11js, through which tokens are reached, is not built here (${firstLine(cause)}). Run "npm run build:pkcs11" in the folder of Chancery; it needs a C++ compiler, make and Python 3.`,
    );
  }
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n', 1)[0] ?? '';
}
