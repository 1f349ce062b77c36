/** The authority's one error class. Each endpoint owns a table from these codes to its own protocol's errors. */
import type { ErrorCode } from '@chancery/api';

export class AuthorityError extends Error {
  override readonly name = 'AuthorityError';
  readonly code: ErrorCode;
  /** Where in the input, for `invalid-request` and `invalid-import`. */
  readonly fields: readonly { path: string; message: string }[];

  /** @param message what happened, what was not lost, what to do next: it is shown to a person as it stands */
  constructor(
    code: ErrorCode,
    message: string,
    options: { fields?: readonly { path: string; message: string }[]; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.fields = options.fields ?? [];
  }
}
