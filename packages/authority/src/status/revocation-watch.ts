/**
 * Knows what has been revoked, so that an answer in memory never outlives the commit of a revocation: every question is answered
 * with versions that were read after it came. Questions that come together share one read, so that a thousand cost what one costs.
 */
import { changedSince, revocationVersions } from '../store/revocations.ts';
import type { StatusWorld } from '../world.ts';

/** Told what changed before anybody who asked since is answered; `undefined`: more than is worth naming. */
export type Forget = (authorityId: string, serialNumbers: readonly string[] | undefined) => void;

/** Changes between two reads that are looked up one by one. */
const MOST_NAMED = 10_000;

export class RevocationWatch {
  readonly #world: StatusWorld;
  readonly #forget: Forget;
  #versions = new Map<string, number>();
  #running: Promise<void> | undefined;
  #next: Promise<void> | undefined;

  constructor(world: StatusWorld, forget: Forget) {
    this.#world = world;
    this.#forget = forget;
  }

  /** Resolves once everything is known that had committed when it was called. Rejects where the database cannot be asked. */
  current(): Promise<void> {
    if (this.#running === undefined) return this.#start();
    // The read that runs may have begun before: whoever comes now waits for the one after it.
    this.#next ??= this.#running.then(
      () => this.#start(),
      () => this.#start(),
    );
    return this.#next;
  }

  /** As of the last read. */
  version(authorityId: string): number {
    return this.#versions.get(authorityId) ?? 0;
  }

  #start(): Promise<void> {
    this.#next = undefined;
    const running = this.#read().finally(() => {
      if (this.#running === running) this.#running = undefined;
    });
    this.#running = running;
    return running;
  }

  async #read(): Promise<void> {
    const versions = await this.#world.database.glance(revocationVersions);
    for (const [authorityId, version] of versions) {
      const known = this.version(authorityId);
      if (version === known) continue;
      const changed = await this.#world.database.glance((snapshot) =>
        changedSince(snapshot, authorityId, known, MOST_NAMED + 1),
      );
      this.#forget(authorityId, version < known || changed.length > MOST_NAMED ? undefined : changed);
      this.#versions.set(authorityId, version);
    }
  }
}
