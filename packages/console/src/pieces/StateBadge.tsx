import type { Worded } from '../words.ts';

/** One word and its tone; the word carries the meaning, the colour only repeats it. */
export function StateBadge({ state, of }: { state: Worded; of?: string }) {
  return (
    <span className="badge" data-tone={state[1]}>
      {of !== undefined && <span className="badge-of">{of}</span>}
      {state[0]}
    </span>
  );
}
