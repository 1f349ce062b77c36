/** What SCEP says of each of the office's errors (RFC 8894 section 3.2.1.4), or that it is HTTP's to say. */
import type { ErrorCode } from '@chancery/api';
import { pkiFailures } from '@chancery/smime';

type Failure = { readonly failInfo: number } | { readonly status: number };

const badRequest = { failInfo: pkiFailures.badRequest };

/**
 * `badMessageCheck` is for signatures and decryption alone, and said where those are looked at. What will be otherwise in a minute
 * is no verdict on the request: a client that is told so by HTTP tries again.
 */
export const scepFailures = {
  'invalid-request': badRequest,
  'invalid-import': badRequest,
  'unusable-input': badRequest,
  unauthenticated: badRequest,
  'wrong-credentials': badRequest,
  forbidden: badRequest,
  'not-found': { failInfo: pkiFailures.badCertId },
  conflict: badRequest,
  'wrong-state': badRequest,
  'quorum-refused': badRequest,
  'lint-failed': badRequest,
  'rate-limited': { status: 429 },
  'not-set-up': { status: 503 },
  unavailable: { status: 503 },
  internal: { status: 500 },
} as const satisfies Record<ErrorCode, Failure>;
