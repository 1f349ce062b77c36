/** Private keys held by node:crypto in this process, behind the engine's two ports. */
import type { KeyObject } from 'node:crypto';
import { SmimeError } from '../errors.ts';
import type { Decrypter, Signer } from './ports.ts';

/** A `Signer` over a private `KeyObject`. Throws `SmimeError` `unsupported` for other key kinds. */
export function localSigner(_key: KeyObject): Signer {
  throw new SmimeError('unsupported', 'being built');
}

/** A `Decrypter` over a private `KeyObject`. Throws `SmimeError` `unsupported` for other key kinds. */
export function localDecrypter(_key: KeyObject): Decrypter {
  throw new SmimeError('unsupported', 'being built');
}
