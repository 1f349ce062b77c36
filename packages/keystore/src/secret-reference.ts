/** A secret is never written in a configuration file: it is read from a file or the environment when the process starts. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { z } from 'zod';

export const SecretReference = z.union([z.strictObject({ file: z.string() }), z.strictObject({ env: z.string() })]);
export type SecretReference = z.infer<typeof SecretReference>;

/**
 * Resolves a secret reference. A trailing newline is not part of a secret.
 * @param folder in which relative file names are looked up. @param failure the error of the caller's own kind
 */
export function readSecret(reference: SecretReference, folder: string, failure: (message: string) => Error): string {
  if ('env' in reference) {
    const value = process.env[reference.env];
    if (value === undefined || value === '') throw failure(`The environment variable ${reference.env} is not set`);
    return value;
  }
  const file = path.resolve(folder, reference.file);
  try {
    return readFileSync(file, 'utf8').replace(/\r?\n$/, '');
  } catch (error) {
    throw failure(`The secret file ${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
}
