/** Page cursors, as they come back from a client: a number, or an instant and an id. */
import { AuthorityError } from '../../errors.ts';

/** @throws AuthorityError `invalid-request` for a cursor that no page gave out */
export function cursorNumber(after: string | undefined): number | undefined {
  if (after === undefined) return undefined;
  if (/^\d{1,15}$/.test(after)) return Number(after);
  throw unknownCursor();
}

/** @throws AuthorityError `invalid-request` for a cursor that no page gave out */
export function instantCursor(after: string | undefined): { at: Date; id: string } | undefined {
  if (after === undefined) return undefined;
  const [at, id, ...rest] = after.split('~');
  const instant = new Date(at ?? '');
  if (rest.length > 0 || Number.isNaN(instant.getTime()) || !/^[0-9a-f-]{36}$/.test(id ?? '')) throw unknownCursor();
  return { at: instant, id: id ?? '' };
}

export const writeInstantCursor = (at: Date, id: string): string => `${at.toISOString()}~${id}`;

export function unknownCursor(): AuthorityError {
  const message = 'is not the "next" of a page';
  return new AuthorityError('invalid-request', `The request cannot be used: after: ${message}. Nothing was changed.`, {
    fields: [{ path: 'after', message }],
  });
}
