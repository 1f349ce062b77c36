/** Passwords, as Argon2id hashes (RFC 9106). */
import { hash, verify } from '@node-rs/argon2';

/** OWASP's floor for Argon2id: 19 MiB, 2 passes, 1 lane; 20 ms a guess. The library's default algorithm is Argon2id. */
const COST = { memoryCost: 19_456, timeCost: 2, parallelism: 1 };

export function hashPassword(password: string): Promise<string> {
  return hash(password.normalize('NFC'), COST);
}

/** Without a hash it takes as long and says no: how long an answer takes must not tell who has an account. */
export async function verifyPassword(password: string, stored: string | null): Promise<boolean> {
  const matches = await verify(stored ?? (await nobody()), password.normalize('NFC'));
  return matches && stored !== null;
}

let nobodysHash: Promise<string> | undefined;

function nobody(): Promise<string> {
  nobodysHash ??= hashPassword('nobody has this password');
  return nobodysHash;
}
