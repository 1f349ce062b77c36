/** Scores what others made: cryptography and policy apart. */
import { expect } from 'vitest';
import { type Certificate, parseCertificate, SmimeError, verifyContent } from '../src/index.ts';

export interface SignedCase {
  readonly der: Uint8Array;
  /** For a detached signature. */
  readonly content?: Uint8Array;
  /** DER of certificates that are not in the object. */
  readonly certificates?: readonly Uint8Array[];
  readonly anchors?: readonly Certificate[];
}

/** The mathematics of every signer: no trust, no policy. An object that cannot be read gives the code of its error. */
export async function signaturesOf({ der, content, certificates = [], anchors = [] }: SignedCase): Promise<string[]> {
  try {
    const { signers } = await verifyContent({
      der,
      ...(content && { content }),
      anchors,
      intermediates: certificates.map(parseCertificate),
      revocation: 'none',
      legacy: true,
    });
    return signers.map(({ signature }) => signature);
  } catch (error) {
    if (error instanceof SmimeError) return [error.code];
    throw error;
  }
}
/**
 * Compares the cases that went otherwise than expected with the exceptions that are known, each with its reason: one more is a
 * failure, and so is one less.
 */
export function expectExceptions(found: readonly string[], known: Readonly<Record<string, string>>): void {
  expect([...found].sort()).toEqual(Object.keys(known).sort());
}
