/** A bound for lists of many megabytes: how many go out at once, and how slowly somebody may take one. */
import type { ServerResponse } from 'node:http';

export interface DownloadLimits {
  /** Octets; what is smaller is handed out as it is asked for. */
  readonly large: number;
  /** More are told to ask again: each holds a connection and the octets of its list. */
  readonly atOnce: number;
  /** Milliseconds before the pace is looked at, for whoever is far away. */
  readonly grace: number;
  /** Octets per second, on the average; whoever takes less is let go, lest a few hold all the places. */
  readonly pace: number;
}

/** A list of a million entries has 40 MB: at that pace it takes twenty minutes. */
export const DOWNLOAD_LIMITS: DownloadLimits = { large: 1_000_000, atOnce: 200, grace: 30_000, pace: 32_768 };

export class LargeDownloads {
  readonly #limits: DownloadLimits;
  /** Each once: a list that was followed by another is looked up again. */
  readonly #admitted = new WeakSet<ServerResponse>();
  #underWay = 0;

  constructor(limits: DownloadLimits) {
    this.#limits = limits;
  }

  /** False: too many are under way. Otherwise the response has a place, and gives it back by itself when it ends. */
  admit(octets: number, response: ServerResponse): boolean {
    if (octets < this.#limits.large || this.#admitted.has(response)) return true;
    if (this.#underWay >= this.#limits.atOnce) return false;
    this.#admitted.add(response);
    this.#underWay++;
    response.once('close', () => this.#underWay--);
    return true;
  }

  /** From now on the response has so long as its size allows. */
  hurry(octets: number, response: ServerResponse): void {
    const { large, grace, pace } = this.#limits;
    if (octets < large) return;
    const timer = setTimeout(() => response.destroy(), grace + (octets / pace) * 1000);
    response.once('close', () => clearTimeout(timer));
  }
}
