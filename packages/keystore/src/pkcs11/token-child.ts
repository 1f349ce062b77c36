/** One life of the process that holds the module: started, asked, and ended for good. */
import { type ChildProcess, fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { decodeError, type TokenCall, type TokenCalls, TokenFault, type TokenReply } from './protocol.ts';

/** What the link needs of a process; tests put their own in its place. */
export interface TokenProcess {
  /** Throws what the call threw, or a `TokenFault`: `timed-out`, after which the process is ended, or `process-ended`. */
  call<Name extends TokenCall>(
    name: Name,
    timeoutMs: number,
    ...args: Parameters<TokenCalls[Name]>
  ): Promise<ReturnType<TokenCalls[Name]>>;
  /** Ends it once what was asked is answered; at once where `now`. */
  end(now?: boolean): Promise<void>;
}

/** @param threads how many calls run side by side */
export function startTokenProcess(threads: number): TokenProcess {
  return new TokenChild(threads);
}

interface Waiting {
  readonly name: TokenCall;
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

const PROGRAM = fileURLToPath(new URL('./token-process.ts', import.meta.url));

class TokenChild implements TokenProcess {
  readonly #child: ChildProcess;
  readonly #waiting = new Map<number, Waiting>();
  readonly #ended: Promise<void>;
  #alive = true;
  #next = 1;

  constructor(threads: number) {
    this.#child = fork(PROGRAM, [], {
      // Options of this process (a debugger's port, a test runner's loader) are not for that one.
      execArgv: [],
      serialization: 'advanced',
      // A module that writes to a terminal might write anything.
      stdio: ['ignore', 'ignore', 'ignore', 'ipc'],
      env: { ...process.env, UV_THREADPOOL_SIZE: String(threads + 1) },
    });
    this.#child.on('message', (reply) => this.#settle(reply as TokenReply));
    this.#ended = new Promise((resolve) => {
      const gone = () => {
        this.#alive = false;
        for (const { name, reject, timer } of this.#waiting.values()) {
          clearTimeout(timer);
          reject(new TokenFault('process-ended', name));
        }
        this.#waiting.clear();
        resolve();
      };
      this.#child.on('exit', gone);
      this.#child.on('error', gone);
    });
    // An idle token keeps no program from ending.
    this.#child.unref();
    this.#child.channel?.unref();
  }

  call<Name extends TokenCall>(
    name: Name,
    timeoutMs: number,
    ...args: Parameters<TokenCalls[Name]>
  ): Promise<ReturnType<TokenCalls[Name]>> {
    return new Promise((resolve, reject) => {
      if (!this.#alive || !this.#child.connected) {
        reject(new TokenFault('process-ended', name));
        return;
      }
      const id = this.#next;
      this.#next += 1;
      const timer = setTimeout(() => {
        this.#take(id)?.reject(new TokenFault('timed-out', name));
        // A call into a module cannot be called off; only its process can be ended.
        this.#kill();
      }, timeoutMs);
      this.#waiting.set(id, { name, resolve: resolve as (value: unknown) => void, reject, timer });
      this.#child.channel?.ref();
      this.#child.send({ id, call: name, args }, (error) => {
        if (error !== null) this.#take(id)?.reject(new TokenFault('process-ended', name));
      });
    });
  }

  async end(now = false): Promise<void> {
    if (!now && this.#alive) {
      while (this.#waiting.size > 0) await Promise.race([this.#ended, pause(20)]);
      // Sessions are closed in order; a module that takes longer is not waited for.
      await this.call('close', CLOSING_MS).catch(() => undefined);
    }
    // Whoever waits for its end must live to see it.
    if (this.#alive) this.#child.ref();
    this.#kill();
    await this.#ended;
  }

  #settle(reply: TokenReply): void {
    const waiting = this.#take(reply.id);
    if (waiting === undefined) return;
    if ('value' in reply) waiting.resolve(reply.value);
    else waiting.reject(decodeError(reply));
  }

  #take(id: number): Waiting | undefined {
    const waiting = this.#waiting.get(id);
    if (waiting === undefined) return undefined;
    clearTimeout(waiting.timer);
    this.#waiting.delete(id);
    if (this.#waiting.size === 0) this.#child.channel?.unref();
    return waiting;
  }

  #kill(): void {
    this.#child.kill('SIGKILL');
  }
}

const CLOSING_MS = 2000;

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
