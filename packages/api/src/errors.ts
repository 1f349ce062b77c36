/** What a refused request carries: RFC 9457 problem+json with one of these stable codes. */
import { z } from 'zod';

export const errorCodes = [
  /** The request's shape is wrong; `fields` says where. */
  'invalid-request',
  /** A CSV file has lines that cannot be imported; `fields` has one entry a line. Nothing was imported. */
  'invalid-import',
  /** A certificate request, certificate, message or password inside a well-formed request is unusable. */
  'unusable-input',
  'unauthenticated',
  'wrong-credentials',
  'forbidden',
  'not-found',
  /** The thing exists already (an address taken, a key seen before). */
  'conflict',
  /** The thing is not in a state that allows this (already revoked, request expired, claim used). */
  'wrong-state',
  /** A recovery rule refused: not enough officers, the requester's own approval, the subject's own approval. */
  'quorum-refused',
  /** A certificate would break its profile or a lint. */
  'lint-failed',
  'rate-limited',
  /** The office has not been set up yet: open the set-up link that the first start printed. */
  'not-set-up',
  /** Something of ours is down; try again later. Nothing was lost. */
  'unavailable',
  'internal',
] as const;

export type ErrorCode = (typeof errorCodes)[number];

export const Problem = z.object({
  type: z.string(),
  title: z.string().describe('One sentence: what happened, what was not lost, what to do next'),
  status: z.int(),
  code: z.enum(errorCodes),
  fields: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
});
export type Problem = z.infer<typeof Problem>;
