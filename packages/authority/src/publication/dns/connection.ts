/** A connection to a zone's primary server: over TCP, every request and every answer signed. */
import { randomInt } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { encodeRequest, type Message, parseMessage, type Question, type ResourceRecord } from '@chancery/dns';
import { checkAnswer, signRequest, type TsigKey } from './tsig.ts';

export interface DnsServer {
  readonly host: string;
  readonly port: number;
  readonly key: TsigKey;
  /** Milliseconds. */
  readonly timeout: number;
}

export class DnsConnection {
  readonly #socket: Socket;
  readonly #server: DnsServer;
  readonly #clock: () => Date;

  private constructor(socket: Socket, server: DnsServer, clock: () => Date) {
    this.#socket = socket;
    this.#server = server;
    this.#clock = clock;
  }

  /** @throws Error when nobody answers there */
  static async open(server: DnsServer, clock: () => Date): Promise<DnsConnection> {
    const socket = connect({ host: server.host, port: server.port });
    socket.setNoDelay(true);
    await new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error('timeout')), server.timeout);
      socket.once('connect', () => {
        clearTimeout(timer);
        resolve();
      });
      socket.once('error', (error) => {
        clearTimeout(timer);
        reject(error);
      });
    }).catch((error: unknown) => {
      socket.destroy();
      throw error;
    });
    return new DnsConnection(socket, server, clock);
  }

  /** One at a time. @throws TsigRefused, and Error when it breaks or what comes is not an answer of that server to this request */
  async ask(kind: 'query' | 'update', question: Question, updates: readonly ResourceRecord[] = []): Promise<Message> {
    const id = randomInt(0x10000);
    const { signed, mac } = signRequest(
      encodeRequest({ id, kind, question, updates }),
      this.#server.key,
      this.#clock(),
    );
    if (signed.length > 0xffff) throw new Error('the request is too long for the DNS');
    const length = Buffer.alloc(2);
    length.writeUInt16BE(signed.length);
    this.#socket.write(Buffer.concat([length, signed]));
    const octets = await this.#receive();
    const answer = parseMessage(octets);
    if (answer.id !== id) throw new Error('what came is not the answer');
    checkAnswer(octets, answer, this.#server.key, mac, this.#clock());
    return answer;
  }

  close(): void {
    this.#socket.destroy();
  }

  /** The next message, whole. */
  #receive(): Promise<Buffer> {
    const socket = this.#socket;
    let received = Buffer.alloc(0);
    return new Promise((resolve, reject) => {
      const end = (settle: () => void) => {
        clearTimeout(timer);
        socket.off('data', take).off('error', fail).off('close', close);
        settle();
      };
      const take = (chunk: Buffer) => {
        received = Buffer.concat([received, chunk]);
        if (received.length < 2) return;
        const whole = received.readUInt16BE(0) + 2;
        if (received.length === whole) end(() => resolve(received.subarray(2)));
        else if (received.length > whole) end(() => reject(new Error('more came than the answer')));
      };
      const fail = (error: Error) => end(() => reject(error));
      const close = () => end(() => reject(new Error('the connection was closed')));
      const timer = setTimeout(() => fail(new Error('timeout')), this.#server.timeout);
      socket.on('data', take).on('error', fail).on('close', close);
      if (socket.destroyed) close();
    });
  }
}
