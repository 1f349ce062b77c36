/** Between a gateway and its next server: passes octets on both ways, and keeps what the client said. */
import { connect, createServer, type Server, type Socket } from 'node:net';

export class WireTap {
  readonly port: number;
  readonly #server: Server;
  readonly #said: Buffer[] = [];
  readonly #sockets = new Set<Socket>();

  private constructor(server: Server, port: number) {
    this.#server = server;
    this.port = port;
  }

  /** Listens at once, so that a client can be configured with its port before there is a server behind it. */
  static async open(target: () => number): Promise<WireTap> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const bound = server.address();
    const tap = new WireTap(server, typeof bound === 'object' && bound !== null ? bound.port : 0);
    server.on('connection', (client) => {
      const next = connect(target(), '127.0.0.1');
      client.on('data', (chunk: Buffer) => tap.#said.push(chunk));
      client.pipe(next).pipe(client);
      for (const socket of [client, next]) {
        tap.#sockets.add(socket);
        socket.on('error', () => client.destroy());
        socket.on('close', () => tap.#sockets.delete(socket));
      }
    });
    return tap;
  }

  /** Everything since the last call, one character per octet. */
  take(): string {
    return Buffer.concat(this.#said.splice(0)).toString('latin1');
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((resolve) => this.#server.close(() => resolve()));
  }
}
