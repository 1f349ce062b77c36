/** Text that PostgreSQL keeps: it takes neither a NUL nor half of a surrogate pair, and strangers' mail has both. */

/**
 * The same value, with U+FFFD where a string has what no text column and no jsonb takes. One such string would otherwise have everything
 * refused that a gateway tells in one call, again and again.
 * @param value JSON
 */
export function storable<T>(value: T): T {
  const text = JSON.stringify(value);
  // Most have none: a look at the text costs less than one at each string.
  if (!/\\u(0000|d[89a-f])/.test(text)) return value;
  return JSON.parse(text, (_key, part: unknown) =>
    typeof part === 'string' ? part.replaceAll('\0', '\ufffd').toWellFormed() : part,
  ) as T;
}
