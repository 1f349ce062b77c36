/** Signed answers, by the octets of the request: what was asked before is answered without reading, asking or signing. */

export interface CachedAnswer {
  /** DER OCSPResponse. */
  readonly der: Buffer;
  readonly thisUpdate: Date;
  readonly nextUpdate: Date;
  /** Strong, quoted. */
  readonly etag: string;
}

interface Entry {
  readonly answer: CachedAnswer;
  /** Milliseconds since 1970: from then on it is signed anew. */
  readonly freshUntil: number;
  readonly subjects: readonly string[];
  readonly octets: number;
}

/** Octets that an entry takes beside its request and its answer. */
const OVERHEAD = 400;

/** The least recently used go first. */
export class AnswerCache {
  readonly #limit: number;
  readonly #entries = new Map<string, Entry>();
  /** From certificate to the requests that name it: by hash algorithms, with others. */
  readonly #bySubject = new Map<string, Set<string>>();
  #octets = 0;

  /** @param limit octets in all */
  constructor(limit: number) {
    this.#limit = limit;
  }

  get size(): number {
    return this.#entries.size;
  }

  get octets(): number {
    return this.#octets;
  }

  /** @param request the request's octets as latin1 text */
  get(request: string, now: number): CachedAnswer | undefined {
    const entry = this.#entries.get(request);
    if (entry === undefined) return undefined;
    if (now >= entry.freshUntil || now < entry.answer.thisUpdate.getTime()) {
      this.#drop(request, entry);
      return undefined;
    }
    this.#entries.delete(request);
    this.#entries.set(request, entry);
    return entry.answer;
  }

  put(
    request: string,
    answer: CachedAnswer,
    freshUntil: number,
    authorityId: string,
    serialNumbers: readonly string[],
  ): void {
    const present = this.#entries.get(request);
    if (present !== undefined) this.#drop(request, present);
    const subjects = serialNumbers.map((serial) => subject(authorityId, serial));
    const octets = OVERHEAD + request.length + answer.der.length;
    if (octets > this.#limit) return;
    this.#entries.set(request, { answer, freshUntil, subjects, octets });
    this.#octets += octets;
    for (const one of subjects) {
      const requests = this.#bySubject.get(one);
      if (requests === undefined) this.#bySubject.set(one, new Set([request]));
      else requests.add(request);
    }
    for (const [oldest, entry] of this.#entries) {
      if (this.#octets <= this.#limit) break;
      this.#drop(oldest, entry);
    }
  }

  /** Whatever it knows about those certificates; without them, everything. */
  forget(authorityId: string, serialNumbers: readonly string[] | undefined): void {
    if (serialNumbers === undefined) {
      this.#entries.clear();
      this.#bySubject.clear();
      this.#octets = 0;
      return;
    }
    for (const serial of serialNumbers) {
      for (const request of [...(this.#bySubject.get(subject(authorityId, serial)) ?? [])]) {
        const entry = this.#entries.get(request);
        if (entry !== undefined) this.#drop(request, entry);
      }
    }
  }

  #drop(request: string, entry: Entry): void {
    this.#entries.delete(request);
    this.#octets -= entry.octets;
    for (const one of entry.subjects) {
      const requests = this.#bySubject.get(one);
      requests?.delete(request);
      if (requests?.size === 0) this.#bySubject.delete(one);
    }
  }
}

const subject = (authorityId: string, serialNumber: string): string => `${authorityId} ${serialNumber}`;
