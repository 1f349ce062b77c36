/** A secret, from where the configuration says that it is. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { SecretReference } from './config-smtp.ts';
import { GatewayError, reasonOf } from './errors.ts';

/** Resolves a secret reference. A trailing newline is not part of a secret. */
export function readSecret(reference: SecretReference, baseDirectory: string): string {
  if ('env' in reference) {
    const value = process.env[reference.env];
    if (value === undefined || value === '') {
      throw new GatewayError('configuration', `The environment variable ${reference.env} is not set`);
    }
    return value;
  }
  const file = path.resolve(baseDirectory, reference.file);
  try {
    return readFileSync(file, 'utf8').replace(/\r?\n$/, '');
  } catch (error) {
    throw new GatewayError('configuration', `The secret file ${file} cannot be read: ${reasonOf(error)}`);
  }
}
