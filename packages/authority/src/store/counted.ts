/** How far lists are counted. */

/** Beyond this many a list is not counted: nobody reads so far. */
export const COUNTED = 1_000;

export interface Counted {
  /** At most 1,000; then there may be more. */
  readonly total: number;
  readonly totalIsExact: boolean;
}

/** @param found of at most `COUNTED + 1` that were looked for */
export const counted = (found: number): Counted => ({
  total: Math.min(found, COUNTED),
  totalIsExact: found <= COUNTED,
});
