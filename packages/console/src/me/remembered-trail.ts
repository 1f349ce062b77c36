/**
 * The last checkpoint that this browser has checked, and the keys that signed then: the next time it sees whether the trail has
 * only grown. Nothing in it is secret, or about anybody.
 */
export interface Remembered {
  /** Signed note. */
  readonly note: string;
  /** Verifier keys. */
  readonly keys: readonly string[];
}

const PLACE = 'chancery.trail';

export function rememberTrail(trail: Remembered): void {
  try {
    localStorage.setItem(PLACE, JSON.stringify(trail));
  } catch {
    // A browser that keeps nothing compares nothing.
  }
}

export function rememberedTrail(): Remembered | null {
  try {
    const kept = JSON.parse(localStorage.getItem(PLACE) ?? 'null') as Partial<Remembered> | null;
    const fits =
      typeof kept?.note === 'string' && Array.isArray(kept.keys) && kept.keys.every((key) => typeof key === 'string');
    return fits ? { note: kept.note as string, keys: kept.keys as string[] } : null;
  } catch {
    return null;
  }
}
