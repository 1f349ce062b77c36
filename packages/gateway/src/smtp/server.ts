/** smtp-server with the changes that a relay needs. */
import type { Socket } from 'node:net';
import { SMTPServer } from 'smtp-server';
import { SMTPConnection } from 'smtp-server/lib/smtp-connection.js';
import { tooBig, tooManyErrors } from './reply.ts';

/** Milliseconds that a client has to close its side when the gateway stops. */
const lastPatience = 300;

interface ServerLimits {
  readonly size: number;
  /** Refusals of one connection before it is closed; 0 for any number. */
  errorsOf(peer: string): number;
}

export class Server extends SMTPServer {
  readonly #limits: ServerLimits;
  readonly #byId = new Map<string, Connection>();

  constructor(options: ConstructorParameters<typeof SMTPServer>[0], limits: ServerLimits) {
    super(options);
    this.#limits = limits;
  }

  /** As in the base class, with our `Connection`. */
  override connect(socket: Socket, socketOptions?: ConstructorParameters<typeof SMTPConnection>[2]): void {
    const connection = new Connection(this, socket, socketOptions, this.#limits);
    this.connections.add(connection);
    this.#byId.set(connection.id, connection);
    socket.once('close', (failed: boolean) => {
      this.#byId.delete(connection.id);
      connection.closed(failed);
    });
    connection.on('error', (error: Error) => this._onError(error));
    connection.on('connect', (data) => this._onClientConnect(data));
    connection.init();
  }

  connectionOf(id: string): Connection | undefined {
    return this.#byId.get(id);
  }

  /** Once all work is done, a client that only keeps its connection open must not hold up the end. */
  endIdle(): void {
    for (const connection of this.#byId.values()) connection.end();
  }
}

class Connection extends SMTPConnection {
  readonly #limits: ServerLimits;
  /** Who is connected, whatever XFORWARD says of whom that one speaks for. */
  readonly peer: string;
  #errors = 0;
  #confirmed: (() => void) | undefined;
  /** Called once, when the connection has ended. */
  onGone: (() => void) | undefined;

  constructor(
    server: Server,
    socket: Socket,
    options: ConstructorParameters<typeof SMTPConnection>[2],
    limits: ServerLimits,
  ) {
    super(server, socket, options);
    this.#limits = limits;
    this.peer = this.remoteAddress;
  }

  /** The base class waits 100 ms for clients that talk too soon, which makes 10 connections a second of a relay's one client. */
  override init(): void {
    this._setListeners(() => {
      const { maxClients } = this._server.options;
      if (maxClients !== undefined && this._server.connections.size > maxClients) {
        this.send(421, `${this.name} Too many connections, try again in a moment`, false);
        return;
      }
      this.connectionReady();
    });
  }

  /** Our replies bring their own enhanced status code; the base class would put its general one before. */
  override send(code: number, data: string | string[], context?: string | false): void {
    if (
      code >= 400 &&
      code !== 421 &&
      ++this.#errors > (this.#limits.errorsOf(this.peer) || Number.POSITIVE_INFINITY)
    ) {
      super.send(tooManyErrors().code, tooManyErrors().text, false);
      return;
    }
    if (context === 'MESSAGE_TOO_BIG') {
      const { code: own, text } = tooBig(this.#limits.size);
      super.send(own, text, false);
      return;
    }
    if (Array.isArray(data) && !this.secure) {
      // A password is asked for under TLS only.
      super.send(
        code,
        data.filter((line) => !line.startsWith('AUTH ')),
        context,
      );
      return;
    }
    const hasOwn = typeof data === 'string' && /^[245]\.\d{1,3}\.\d{1,3} /.test(data);
    super.send(code, data, hasOwn ? false : context);
  }

  awaitConfirmation(confirmed: (() => void) | undefined): void {
    this.#confirmed = this._socket.destroyed || this._socket.readableEnded ? undefined : confirmed;
  }

  /** A client that says anything more, or leaves in good order, has read our reply. */
  override _onCommand(command: Buffer, callback: () => void): void {
    this.#confirm();
    super._onCommand(command, callback);
  }

  closed(failed: boolean): void {
    if (!failed) this.#confirm();
    this.onGone?.();
    this.onGone = undefined;
  }

  end(): void {
    this.send(421, `${this.name} is stopping`, false);
    setTimeout(() => this._socket.destroy(), lastPatience).unref();
  }

  #confirm(): void {
    const confirmed = this.#confirmed;
    this.#confirmed = undefined;
    confirmed?.();
  }
}
