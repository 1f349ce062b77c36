/** Algorithms that are read only where the caller says `legacy`: archives are full of them, and nobody should rely on them. */
import { SmimeError } from '../errors.ts';

/** @param what a clause for a person: `the content is encrypted with Triple DES` */
export function legacyAlgorithm(what: string): SmimeError {
  return new SmimeError('legacy-algorithm', `${what}, which is read only as legacy`);
}
