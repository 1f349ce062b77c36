/** What this browser remembers of the audit trail from one approval to the next: the latest checkpoint and whose key signs it. */
import type { KnownTrail } from '@chancery/vault';

const PLACE = 'chancery.trail';

/** Null at the first approval in this browser. */
export function knownTrail(): KnownTrail | null {
  try {
    const kept = JSON.parse(localStorage.getItem(PLACE) ?? 'null') as Partial<KnownTrail> | null;
    if (!Array.isArray(kept?.keys) || typeof kept.checkpoint !== 'string') return null;
    return { keys: kept.keys.map(String), checkpoint: kept.checkpoint };
  } catch {
    return null;
  }
}

export function rememberTrail(known: KnownTrail): void {
  try {
    localStorage.setItem(PLACE, JSON.stringify(known));
  } catch {
    // A browser that keeps nothing takes the office's word each time.
  }
}
