import path from 'node:path';
import { z } from 'zod';
import { SecretReference } from './secret-reference.ts';

/** A PKCS#11 token as configurations name it. */
export const Pkcs11Token = z.strictObject({
  /** The shared library of the token's vendor. */
  module: z.string().refine((file) => path.isAbsolute(file), 'is not an absolute path'),
  /** The label of the token; numbers of slots change. */
  token: z.string().min(1).max(32),
  /** The user PIN. */
  pin: SecretReference,
  /** Calls at once: each takes a session. */
  sessions: z.int().min(1).max(64).default(4),
  /** Seconds until a call that does not answer is given up. */
  timeoutSeconds: z.int().min(1).max(300).default(10),
});
