/**
 * Fetches what certificates point to, without letting whoever made them choose what we ask: only HTTP to public addresses, and only
 * so often, so long and so much. The engine opens no socket itself: the caller's `fetch` does.
 */
import { limits } from '../limits.ts';
import { isPublicAddress } from './public-address.ts';

/** The caller's way into the network. Certificates of strangers decide what is asked: read each field. */
export interface OnlineInput {
  /** The global `fetch`, or one that connects to `addresses` alone: only that is safe from a name that changes its address meanwhile. */
  readonly fetch: (url: string, init: OnlineRequest) => Promise<OnlineResponse>;
  /**
   * Every address of a host name, as text. A name is asked only where all of them are public. Absent: names are refused and only
   * literal public addresses asked, unless `unresolvedNames` is `allow`.
   */
  readonly resolve?: (host: string) => Promise<readonly string[]>;
  /** `allow` where the caller's `fetch` itself keeps away from internal addresses, as a proxy does. */
  readonly unresolvedNames?: 'allow';
  /** Origins that are asked whatever their port and addresses: `http://pki.example.internal:8080`. */
  readonly allow?: readonly string[];
  /** Kept answers. They are verified at each use, so that a cache needs no protection beyond that of its size. */
  readonly cache?: OnlineCache;
  /** Ends everything after so long; default 10,000 ms. */
  readonly milliseconds?: number;
  /** Addresses asked or refused in one validation, redirects included; default 16. */
  readonly requests?: number;
  /** Send a nonce with each OCSP request and take no answer without it (RFC 9654); many responders do not repeat it. */
  readonly nonce?: boolean;
}

/** What the caller's `fetch` is given beside the URL. */
export interface OnlineRequest {
  readonly method: 'GET' | 'POST';
  readonly headers: Record<string, string>;
  readonly body?: Uint8Array<ArrayBuffer>;
  /** Redirects are judged like the first URL. */
  readonly redirect: 'manual';
  readonly signal: AbortSignal;
  /** What `resolve` said, or the literal address; empty where nothing is known. */
  readonly addresses: readonly string[];
}

/** The part of a `Response` that is used. */
export interface OnlineResponse {
  readonly status: number;
  readonly headers: { get(name: string): string | null };
  readonly body: AsyncIterable<Uint8Array> | null;
}

/** What is remembered between validations. */
export interface OnlineCache {
  get(key: string): Promise<Uint8Array | undefined>;
  /** @param until when the content itself says that it grows old; undefined where it does not say */
  set(key: string, content: Uint8Array, until: Date | undefined): Promise<void>;
}

/** One thing that was asked for. */
export interface FetchRecord {
  readonly url: string;
  readonly kind: 'issuer' | 'crl' | 'ocsp';
  /** `fetched`, `cached`, or why not: `scheme-refused`, `address-refused`, `too-large`, `timed-out`, … */
  readonly outcome: string;
}

/** Why something was not fetched. */
class FetchFailure extends Error {
  override readonly name = 'FetchFailure';
  readonly outcome: string;
  constructor(outcome: string) {
    super(outcome);
    this.outcome = outcome;
  }
}

export interface Wanted {
  readonly url: string;
  readonly kind: FetchRecord['kind'];
  readonly accept: string;
  /** The most octets that an answer may have. */
  readonly octets: number;
  /** An OCSP request, to be sent by POST. */
  readonly post?: Uint8Array;
  /** Under which the answer is kept; absent: not kept. */
  readonly key?: string;
}

/** One validation's requests. Call `close` at the end. */
export class GuardedFetch {
  readonly records: FetchRecord[] = [];
  private readonly online: OnlineInput;
  private readonly controller = new AbortController();
  private readonly timer: ReturnType<typeof setTimeout>;
  private left: number;

  constructor(online: OnlineInput) {
    this.online = online;
    this.left = online.requests ?? limits.fetchRequests;
    this.timer = setTimeout(() => this.controller.abort(), online.milliseconds ?? limits.fetchMilliseconds);
  }

  close(): void {
    clearTimeout(this.timer);
    this.controller.abort();
  }

  /**
   * What `read` makes of the answer; undefined where there is none or `read` throws. Never throws for what a server does.
   * @param read gives the object and when it grows old
   */
  async get<T>(
    wanted: Wanted,
    read: (content: Uint8Array) => { object: T; until: Date | undefined },
  ): Promise<T | undefined> {
    const { url, kind, key } = wanted;
    const cached = await this.cached(key);
    if (cached) {
      try {
        const { object } = read(cached);
        this.records.push({ url, kind, outcome: 'cached' });
        return object;
      } catch {
        // Spoiled: fetched again.
      }
    }
    let outcome = 'fetched';
    try {
      const content = await this.fetch(wanted);
      const { object, until } = readable(content, read);
      await this.keep(key, content, until);
      return object;
    } catch (error) {
      outcome = error instanceof FetchFailure ? error.outcome : 'unreachable';
      return undefined;
    } finally {
      this.records.push({ url, kind, outcome });
    }
  }

  /** A cache that fails is none. */
  private async cached(key: string | undefined): Promise<Uint8Array | undefined> {
    try {
      return key === undefined ? undefined : await this.inTime(this.online.cache?.get(key));
    } catch {
      return undefined;
    }
  }

  private async keep(key: string | undefined, content: Uint8Array, until: Date | undefined): Promise<void> {
    try {
      if (key !== undefined) await this.inTime(this.online.cache?.set(key, content, until));
    } catch {
      // The content is at hand all the same.
    }
  }

  private async fetch({ url: first, accept, octets, post }: Wanted): Promise<Uint8Array> {
    let url = first;
    for (let redirects = 0; redirects <= limits.fetchRedirects; redirects++) {
      if (--this.left < 0) throw new FetchFailure('too-many-requests');
      const { href, addresses } = await this.admit(url);
      const response = await this.inTime(
        this.online.fetch(href, {
          method: post ? 'POST' : 'GET',
          headers: { accept, ...(post && { 'content-type': 'application/ocsp-request' }) },
          ...(post && { body: Uint8Array.from(post) }),
          redirect: 'manual',
          signal: this.controller.signal,
          addresses,
        }),
      );
      if (response.status === 200) return await this.body(response, octets);
      void cancel(response);
      const location = response.headers.get('location');
      // 303 and, in practice, 301 and 302 would turn a POST into a GET.
      const followed = post ? [307, 308] : [301, 302, 303, 307, 308];
      if (!followed.includes(response.status) || location === null) throw new FetchFailure(`status-${response.status}`);
      url = URL.parse(location, href)?.href ?? location;
    }
    throw new FetchFailure('too-many-redirects');
  }

  /** The URL in the one form that all readers read alike, and the addresses behind it. Throws where it is not to be asked. */
  private async admit(text: string): Promise<{ href: string; addresses: readonly string[] }> {
    const url = text.length > limits.fetchUrlOctets ? null : URL.parse(text);
    if (!url) throw new FetchFailure('malformed-url');
    if (url.protocol !== 'http:' && url.protocol !== 'https:') throw new FetchFailure('scheme-refused');
    if (url.username !== '' || url.password !== '') throw new FetchFailure('credentials-refused');
    url.hash = '';
    const { href } = url;
    if (this.online.allow?.includes(url.origin)) return { href, addresses: [] };
    if (url.port !== '') throw new FetchFailure('port-refused');
    const literal = literalAddress(url.hostname);
    if (literal !== undefined) {
      if (!isPublicAddress(literal)) throw new FetchFailure('address-refused');
      return { href, addresses: [literal] };
    }
    if (isLocalName(url.hostname)) throw new FetchFailure('name-refused');
    if (!this.online.resolve) {
      if (this.online.unresolvedNames !== 'allow') throw new FetchFailure('name-unresolved');
      return { href, addresses: [] };
    }
    const addresses = await this.inTime(this.online.resolve(url.hostname));
    if (addresses.length === 0) throw new FetchFailure('name-unresolved');
    if (!addresses.every(isPublicAddress)) throw new FetchFailure('address-refused');
    return { href, addresses };
  }

  private async body(response: OnlineResponse, most: number): Promise<Uint8Array> {
    if (Number(response.headers.get('content-length') ?? 0) > most) {
      void cancel(response);
      throw new FetchFailure('too-large');
    }
    const chunks: Uint8Array[] = [];
    let length = 0;
    const iterator = response.body?.[Symbol.asyncIterator]();
    for (
      let next = await this.inTime(iterator?.next());
      next && !next.done;
      next = await this.inTime(iterator?.next())
    ) {
      length += next.value.length;
      if (length > most) {
        void iterator?.return?.().catch(() => undefined);
        throw new FetchFailure('too-large');
      }
      chunks.push(next.value);
    }
    return Buffer.concat(chunks);
  }

  /** Also where the caller's function does not heed the signal. */
  private async inTime<T>(work: PromiseLike<T> | T): Promise<T> {
    const { signal } = this.controller;
    let stop = (): void => {};
    const end = new Promise<never>((_, reject) => {
      stop = () => reject(new FetchFailure('timed-out'));
      if (signal.aborted) stop();
      else signal.addEventListener('abort', stop, { once: true });
    });
    try {
      return await Promise.race([end, work]);
    } finally {
      signal.removeEventListener('abort', stop);
    }
  }
}

function readable<T>(content: Uint8Array, read: (content: Uint8Array) => T): T {
  try {
    return read(content);
  } catch {
    throw new FetchFailure('unreadable');
  }
}

/** Lets go of a body that nobody reads. */
async function cancel({ body }: OnlineResponse): Promise<void> {
  await body?.[Symbol.asyncIterator]()
    .return?.()
    .catch(() => undefined);
}

/** The URL parser has put every notation of an address (octal, hexadecimal, one number) into its usual form. */
function literalAddress(host: string): string | undefined {
  if (host.startsWith('[')) return host.slice(1, -1);
  return /^[0-9.]+$/.test(host) ? host : undefined;
}

/** Names that never belong to the public Internet (RFC 6761, 6762, 8375, and the reserved `internal`), and names without a dot. */
function isLocalName(host: string): boolean {
  const name = host.replace(/\.$/, '');
  return (
    !name.includes('.') ||
    /\.(localhost|local|localdomain|internal|intranet|lan|home|corp|home\.arpa|onion)$/.test(name)
  );
}
