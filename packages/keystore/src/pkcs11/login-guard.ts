/**
 * Remembers that a token refused the PIN, across restarts: a service that is restarted in a loop must not use up the tries after which
 * a token locks itself. The PIN itself is not remembered, not even as a hash: a PIN of a few digits would be found from it.
 */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { createFile, makeFolder, removeFile } from '../durable-file.ts';
import { KeyStoreError } from '../errors.ts';

/** A person says that the PIN is right now. False where no refusal was remembered. @param file as given to the store */
export function forgetRefusedPin(file: string): Promise<boolean> {
  return removeFile(path.resolve(file));
}

export class LoginGuard {
  /** The file whose presence means: do not log in. */
  readonly #file: string;

  constructor(file: string) {
    this.#file = path.resolve(file);
  }

  /** Throws `pin-refused` where an earlier try was refused. */
  requireFree(): void {
    if (existsSync(this.#file)) throw this.#refused();
  }

  /** Returns once it is on the disk. @param refusal what the token said; it holds no PIN */
  async remember(refusal: string): Promise<KeyStoreError> {
    await makeFolder(path.dirname(this.#file));
    await createFile(this.#file, Buffer.from(`${new Date().toISOString()} ${refusal}\n`));
    return this.#refused(refusal);
  }

  #refused(refusal = 'The token refused the PIN before.'): KeyStoreError {
    return new KeyStoreError(
      'pin-refused',
      `${refusal} Chancery does not try again, so that the token does not lock itself. Correct the PIN that keys.pkcs11.pin names, then run "chancery keys try-pin" or remove ${this.#file}. No restart is needed.`,
      { path: this.#file },
    );
  }
}
