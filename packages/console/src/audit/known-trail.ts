/**
 * What this browser remembers of the audit trail, whichever page saw it: the latest checkpoint and whose key signs it. Nothing in
 * it is secret, or about anybody.
 */
import type { KnownTrail } from '@chancery/vault';

export interface RememberedTrail extends KnownTrail {
  /** All keys that the office had then. A person's own page lets it add one; for an officer only `keys` ever count. */
  readonly offered: readonly string[];
}

const PLACE = 'chancery.trail';

/** Null before the first time in this browser. */
export function knownTrail(): RememberedTrail | null {
  try {
    const kept = JSON.parse(localStorage.getItem(PLACE) ?? 'null') as Kept | null;
    const checkpoint = kept?.checkpoint ?? kept?.note;
    if (!Array.isArray(kept?.keys) || typeof checkpoint !== 'string') return null;
    const keys = kept.keys.map(String);
    return { keys, checkpoint, offered: Array.isArray(kept.offered) ? kept.offered.map(String) : keys };
  } catch {
    return null;
  }
}

/** @param known without `offered` where the page did not look at it: then what another page saw is kept */
export function rememberTrail({
  keys,
  checkpoint,
  offered = knownTrail()?.offered,
}: KnownTrail & { readonly offered?: readonly string[] | undefined }): void {
  try {
    localStorage.setItem(PLACE, JSON.stringify({ keys, checkpoint, offered }));
  } catch {
    // A browser that keeps nothing takes the office's word each time.
  }
}

interface Kept extends Partial<RememberedTrail> {
  /** What people's own page once called the checkpoint. */
  readonly note?: string;
}
