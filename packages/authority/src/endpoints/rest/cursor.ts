/** Page cursors that are a number, as they come back from a client. */
import { AuthorityError } from '../../errors.ts';

/** @throws AuthorityError `invalid-request` for a cursor that no page gave out */
export function cursorNumber(after: string | undefined): number | undefined {
  if (after === undefined) return undefined;
  if (/^\d{1,15}$/.test(after)) return Number(after);
  throw unknownCursor();
}

export function unknownCursor(): AuthorityError {
  const message = 'is not the "next" of a page';
  return new AuthorityError('invalid-request', `The request cannot be used: after: ${message}. Nothing was changed.`, {
    fields: [{ path: 'after', message }],
  });
}
