/** The office's errors as EST has them: HTTP status, and a sentence in plain text (RFC 7030 section 4.2.3). */
import type { ErrorCode } from '@chancery/api';

export const estStatuses = {
  'invalid-request': 400,
  'invalid-import': 400,
  'unusable-input': 400,
  unauthenticated: 401,
  // Another challenge may do better.
  'wrong-credentials': 401,
  forbidden: 403,
  'not-found': 404,
  conflict: 409,
  'wrong-state': 403,
  'quorum-refused': 403,
  'lint-failed': 400,
  'rate-limited': 429,
  'not-set-up': 503,
  unavailable: 503,
  internal: 500,
} as const satisfies Record<ErrorCode, number>;
