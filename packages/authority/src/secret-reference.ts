/** A secret is never written in a configuration file: it is read from a file or the environment when the process starts. */
import { z } from 'zod';

export const SecretReference = z.union([z.strictObject({ file: z.string() }), z.strictObject({ env: z.string() })]);
export type SecretReference = z.infer<typeof SecretReference>;
