/** Mozilla's remote protocol (Marionette, version 3): frames of `length:[type, id, error|command, result|parameters]`. */
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

type Waiting = { resolve: (value: unknown) => void; reject: (error: Error) => void };

export class Marionette {
  readonly #socket: Socket;
  readonly #waiting = new Map<number, Waiting>();
  #received = Buffer.alloc(0);
  #lastId = 0;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk) => {
      this.#received = Buffer.concat([this.#received, chunk]);
      this.#readFrames();
    });
    socket.on('close', () => {
      for (const { reject } of this.#waiting.values()) reject(new Error('Thunderbird closed the connection'));
    });
  }

  /** Tries until the program listens, for `timeout` ms, and opens a session in its privileged (chrome) scope. */
  static async open(port: number, timeout = 60_000): Promise<Marionette> {
    const deadline = Date.now() + timeout;
    for (;;) {
      const socket = await new Promise<Socket | undefined>((resolve) => {
        const attempt = connect(port, '127.0.0.1', () => resolve(attempt)).on('error', () => resolve(undefined));
      });
      if (socket !== undefined) {
        const client = new Marionette(socket);
        await client.command('WebDriver:NewSession', { capabilities: {} });
        await client.command('Marionette:SetContext', { value: 'chrome' });
        return client;
      }
      if (Date.now() > deadline) throw new Error(`Nothing listens on Marionette's port ${port}`);
      await sleep(200);
    }
  }

  command(name: string, parameters: Record<string, unknown>): Promise<unknown> {
    this.#lastId += 1;
    const frame = JSON.stringify([0, this.#lastId, name, parameters]);
    const answer = new Promise((resolve, reject) => this.#waiting.set(this.#lastId, { resolve, reject }));
    this.#socket.write(`${Buffer.byteLength(frame)}:${frame}`);
    return answer;
  }

  /** Runs the body of an async function inside the program; `args` is in scope, and what it returns must be JSON. */
  async run<T>(body: string, ...args: unknown[]): Promise<T> {
    const script = `
      const done = arguments[arguments.length - 1];
      const args = Array.from(arguments).slice(0, -1);
      (async () => { ${body} })().then(
        (value) => done({ value: value === undefined ? null : value }),
        (error) => done({ error: String(error) + "\\n" + error.stack }),
      );`;
    const answer = (await this.command('WebDriver:ExecuteAsyncScript', {
      script,
      args,
      newSandbox: true,
      sandbox: 'system',
      scriptTimeout: 60_000,
    })) as { value: { value: T } | { error: string } };
    if ('error' in answer.value) throw new Error(answer.value.error);
    return answer.value.value;
  }

  close(): void {
    this.#socket.destroy();
  }

  #readFrames(): void {
    for (;;) {
      const colon = this.#received.indexOf(':');
      const length = Number(this.#received.subarray(0, Math.max(colon, 0)).toString());
      if (colon < 0 || this.#received.length < colon + 1 + length) return;
      const frame: unknown = JSON.parse(this.#received.subarray(colon + 1, colon + 1 + length).toString());
      this.#received = this.#received.subarray(colon + 1 + length);
      // The first frame is a greeting, not an answer.
      if (Array.isArray(frame)) this.#settle(frame);
    }
  }

  #settle([, id, error, result]: unknown[]): void {
    const waiting = this.#waiting.get(id as number);
    this.#waiting.delete(id as number);
    if (error === null) waiting?.resolve(result);
    else waiting?.reject(new Error(JSON.stringify(error)));
  }
}
