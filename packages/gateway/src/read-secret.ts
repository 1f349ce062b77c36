// By itself: the listeners' thread needs it, and nothing else of the key stores.
import { readSecret as readSecretOf, type SecretReference } from '@chancery/keystore/secret-reference';
import { GatewayError } from './errors.ts';

/** A secret, from where the configuration says that it is. @throws GatewayError `configuration` */
export const readSecret = (reference: SecretReference, baseDirectory: string): string =>
  readSecretOf(reference, baseDirectory, (message) => new GatewayError('configuration', message));
