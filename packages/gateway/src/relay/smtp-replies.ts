/** Reads the replies of an SMTP server off a socket, one promise for each that is awaited. */
import type { Socket } from 'node:net';

export interface SmtpReply {
  readonly code: number;
  /** All lines as they came, joined by blanks where there are several. */
  readonly text: string;
  readonly lines: readonly string[];
}

/** Octets of one reply: no server needs more, and one that never ends its reply gets no more. */
const longestReply = 64 * 1024;

export class ReplyReader {
  #socket: Socket | undefined;
  #text = '';
  #lines: string[] = [];
  readonly #waiting: { settle: (reply: SmtpReply) => void; fail: (error: Error) => void }[] = [];
  #failure: Error | undefined;

  /** Whether the server said something, or left, without being asked. */
  get broken(): boolean {
    return this.#failure !== undefined;
  }

  get quiet(): boolean {
    return this.#text === '' && this.#lines.length === 0;
  }

  attach(socket: Socket): void {
    this.detach();
    this.#socket = socket;
    socket.on('data', this.#onData);
    socket.on('error', this.fail);
    socket.on('close', this.#onClose);
    socket.on('end', this.#onClose);
  }

  /** Before TLS takes the socket over: what came unasked in the clear counts for nothing (RFC 3207 section 6). */
  detach(): void {
    this.#socket?.off('data', this.#onData);
    this.#socket?.off('end', this.#onClose);
    this.#socket?.off('close', this.#onClose);
    this.#text = '';
    this.#lines = [];
  }

  next(): Promise<SmtpReply> {
    return new Promise((settle, fail) => {
      if (this.#failure !== undefined) fail(this.#failure);
      else this.#waiting.push({ settle, fail });
    });
  }

  readonly fail = (error: Error): void => {
    this.#failure ??= error;
    for (const { fail } of this.#waiting.splice(0)) fail(this.#failure);
  };

  readonly #onClose = (): void => this.fail(new Error('The server closed the connection'));

  readonly #onData = (chunk: Buffer): void => {
    this.#text += chunk.toString('latin1');
    for (let end = this.#text.indexOf('\n'); end !== -1; end = this.#text.indexOf('\n')) {
      const line = this.#text.slice(0, end).replace(/\r$/, '');
      this.#text = this.#text.slice(end + 1);
      this.#lines.push(line);
      if (!/^\d{3}(?: |$)/.test(line)) {
        if (/^\d{3}-/.test(line) && this.#lines.length < 200) continue;
        this.fail(new Error('The server does not speak SMTP'));
        return;
      }
      const lines = this.#lines;
      this.#lines = [];
      const reply = { code: Number(line.slice(0, 3)), text: wordsOf(lines), lines };
      const waiter = this.#waiting.shift();
      if (waiter === undefined) this.fail(new Error(`The server said unasked: ${reply.text}`));
      else waiter.settle(reply);
    }
    if (this.#text.length > longestReply) this.fail(new Error('The server never ends its reply'));
  };
}

function wordsOf(lines: readonly string[]): string {
  const [first = '', ...more] = lines.map((line) => Buffer.from(line, 'latin1').toString());
  const rest = more.map((line) => line.replace(/^\d{3}[ -](?:[245]\.\d{1,3}\.\d{1,3} )?/, ''));
  return [first.replace(/^(\d{3})-/, '$1 '), ...rest].join(' ').slice(0, 2000);
}
