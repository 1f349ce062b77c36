/**
 * The way to a token that may go away: calls queue for its sessions, a lost token is opened anew in a fresh process, and what a call
 * needs repeated is repeated, a bounded number of times.
 */
import { KeyStoreError } from '../errors.ts';
import type { KeyStoreHealth } from '../key-store.ts';
import type { LoginGuard } from './login-guard.ts';
import { type TokenCall, type TokenCalls, type TokenDevice, TokenFault } from './protocol.ts';
import { startTokenProcess, type TokenProcess } from './token-child.ts';

export interface TokenLinkOptions {
  readonly module: string;
  /** The label of the token. */
  readonly token: string;
  /** Asked at each login, so that a corrected PIN needs no restart. May throw. */
  readonly pin: () => string;
  /** Calls at once. */
  readonly sessions: number;
  /** Milliseconds for one call in the token. */
  readonly timeoutMs: number;
  readonly guard: LoginGuard;
  /** Told of loss and return. */
  readonly notify?: ((event: 'lost' | 'returned', detail: string) => void) | undefined;
  /** For tests. */
  readonly start?: ((threads: number) => TokenProcess) | undefined;
}

export class TokenLink {
  readonly #options: TokenLinkOptions;
  readonly #queue: (() => void)[] = [];
  #free: number;
  #closed = false;
  #current: TokenProcess | undefined;
  #device: TokenDevice | undefined;
  #opening: Opening | undefined;
  /** When the next try to open may begin, and how long to wait after that one. */
  #notBefore = 0;
  #pauseMs = SHORTEST_PAUSE_MS;
  #state: KeyStoreHealth['state'] = 'unavailable';
  #since = new Date();
  #lastError: KeyStoreHealth['lastError'];
  readonly #ending = new Set<Promise<void>>();

  constructor(options: TokenLinkOptions) {
    this.#options = options;
    this.#free = options.sessions;
  }

  /** Throws `unavailable`, `pin-refused`, `closed`; what the token says of the key, as `KeyStoreError` or `TokenFault`. */
  async call<Name extends TokenCall>(
    name: Name,
    ...args: Parameters<TokenCalls[Name]>
  ): Promise<ReturnType<TokenCalls[Name]>> {
    for (let attempt = 1; ; ) {
      // Not while holding a session: where the token is gone, all who wait learn it together.
      await this.#connected();
      await this.#enter();
      try {
        const process = this.#current;
        // Lost while this call was in the queue: that was no try of its own.
        if (process === undefined) continue;
        try {
          return await process.call(name, this.#options.timeoutMs * (LONGER[name] ?? 1), ...args);
        } catch (error) {
          if (!(error instanceof TokenFault && error.lost)) throw error;
          this.#lose(process, error);
          if (attempt === ATTEMPTS || this.#closed) throw this.#unavailable(error);
          attempt += 1;
        }
      } finally {
        this.#leave();
      }
    }
  }

  async health(): Promise<Omit<KeyStoreHealth, 'name'>> {
    this.#requireOpen();
    // Where all sessions are busy the token is at work: that is answer enough.
    if (this.#free > 0) {
      const checked = this.call('check').catch((error: unknown) => {
        if (!this.#closed) this.#note(error);
      });
      // The first time, its process has to start.
      await Promise.race([checked, unhurried(this.#device === undefined ? STARTING_MS : HEALTH_MS)]);
    }
    const { manufacturer = '', model = '' } = this.#device ?? {};
    return {
      state: this.#state,
      since: this.#since,
      device: this.#device && [model, manufacturer].filter((text) => text !== '').join(', '),
      sessions: { free: this.#free, total: this.#options.sessions },
      lastError: this.#lastError,
    };
  }

  async close(): Promise<void> {
    this.#closed = true;
    for (const wake of this.#queue.splice(0)) wake();
    await this.#opening?.done.catch(() => undefined);
    const current = this.#current;
    this.#current = undefined;
    await Promise.all([...this.#ending, current?.end()]);
  }

  #requireOpen(): void {
    if (this.#closed)
      throw new KeyStoreError('closed', `The key store in the token "${this.#options.token}" was closed.`);
  }

  /** Waits for a session. */
  async #enter(): Promise<void> {
    this.#requireOpen();
    if (this.#free > 0) {
      this.#free -= 1;
      return;
    }
    if (this.#queue.length >= LONGEST_QUEUE)
      throw new KeyStoreError(
        'unavailable',
        `${LONGEST_QUEUE} calls wait for the token "${this.#options.token}" already. Nothing was done. Raise keys.pkcs11.sessions, or try again later.`,
      );
    // Whoever leaves hands its session over.
    await new Promise<void>((resolve) => this.#queue.push(resolve));
    if (this.#closed) {
      this.#leave();
      this.#requireOpen();
    }
  }

  #leave(): void {
    const next = this.#queue.shift();
    if (next === undefined) this.#free += 1;
    else next();
  }

  /** The process in use; a fresh one where there is none. Its failure counts only if it began after this call. */
  async #connected(): Promise<TokenProcess> {
    const asked = performance.now();
    for (;;) {
      this.#requireOpen();
      if (this.#current !== undefined) return this.#current;
      this.#opening ??= this.#open();
      const opening = this.#opening;
      try {
        return await opening.done;
      } catch (error) {
        // The token may have come back after that one had looked.
        if (opening.begins >= asked || this.#closed) throw error;
      }
    }
  }

  #open(): Opening {
    const begins = Math.max(performance.now(), this.#notBefore);
    const done = this.#openAt(begins).finally(() => {
      this.#opening = undefined;
    });
    // Every caller may have given up.
    done.catch(() => undefined);
    return { begins, done };
  }

  async #openAt(begins: number): Promise<TokenProcess> {
    const { guard, module, token, sessions, timeoutMs, notify, start = startTokenProcess } = this.#options;
    guard.requireFree();
    const wait = begins - performance.now();
    if (wait > 0) await unhurried(wait);
    this.#requireOpen();
    let process: TokenProcess | undefined;
    try {
      guard.requireFree();
      const pin = this.#options.pin();
      process = start(sessions);
      this.#device = await process.call('open', timeoutMs + STARTING_MS, { module, token, pin, sessions });
    } catch (error) {
      if (process !== undefined) this.#end(process, true);
      this.#notBefore = performance.now() + this.#pauseMs;
      this.#pauseMs = Math.min(this.#pauseMs * 2, LONGEST_PAUSE_MS);
      // Only a token that was asked says this without a path.
      const refused = error instanceof KeyStoreError && error.code === 'pin-refused' && error.path === undefined;
      const reason = refused ? await guard.remember(error.message) : error;
      this.#note(reason);
      throw reason instanceof KeyStoreError && reason.code !== 'damaged' ? reason : this.#unavailable(reason);
    }
    this.#pauseMs = SHORTEST_PAUSE_MS;
    this.#current = process;
    if (this.#state !== 'available') {
      this.#state = 'available';
      this.#since = new Date();
      notify?.('returned', `The token "${token}" is open.`);
    }
    return process;
  }

  /** What others asked of that process may still be answered. */
  #lose(process: TokenProcess, fault: TokenFault): void {
    if (this.#current === process) {
      this.#current = undefined;
      this.#end(process, false);
    }
    this.#note(fault);
  }

  #end(process: TokenProcess, now: boolean): void {
    const ending = process.end(now).finally(() => this.#ending.delete(ending));
    this.#ending.add(ending);
  }

  #note(error: unknown): void {
    const message = error instanceof Error ? error.message : String(error);
    this.#lastError = { at: new Date(), message };
    if (this.#state !== 'unavailable') {
      this.#state = 'unavailable';
      this.#since = new Date();
      this.#options.notify?.('lost', message);
    }
  }

  #unavailable(cause: unknown): KeyStoreError {
    const said = cause instanceof Error ? cause.message : String(cause);
    return new KeyStoreError(
      'unavailable',
      `The token "${this.#options.token}" does not answer (${said}). Nothing was signed or changed. See that it is plugged in and its service runs; Chancery finds it again by itself.`,
      { cause },
    );
  }
}

interface Opening {
  readonly begins: number;
  readonly done: Promise<TokenProcess>;
}

/** A token that is gone three times within one call is not there. */
const ATTEMPTS = 3;
/** Between tries to open: a token that comes back is found soon, and one that does not costs little. */
const SHORTEST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 1000;
/** More would only wait for each other: at 10 ms a signature this is more than a minute. */
const LONGEST_QUEUE = 10_000;
/** For the process itself to start, on a machine that is busy. */
const STARTING_MS = 10_000;
/** A health page that takes longer is of no use. */
const HEALTH_MS = 2000;
/** Primes of RSA keys are searched for, in some tokens for minutes. */
const LONGER: Partial<Record<TokenCall, number>> = { generatePair: 12, list: 3 };

function unhurried(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
