/** Takes mail in. It knows SMTP and nothing of policy: every whole message is handed to one function, which answers. */
import { BlockList, isIPv6, type Socket } from 'node:net';
import { domainToASCII } from 'node:url';
import { SMTPServer, type SMTPServerAddress, type SMTPServerDataStream, type SMTPServerSession } from 'smtp-server';
import { SMTPConnection } from 'smtp-server/lib/smtp-connection.js';
import { openBudget } from '../budget.ts';
import { networkOf } from '../config.ts';
import { GatewayError, reasonOf } from '../errors.ts';
import { headerBlockEnd } from '../header-block.ts';
import { atWorkOctets, headerOctets, inFlightOctets } from '../limits.ts';
import type { Log } from '../log.ts';
import { bareLineEnd, notAClient, type Reply, spoolFull, tooBig, tryLater, unreadable } from './reply.ts';

/** A message as it came, with what is known of who brought it. */
export interface Arrival {
  /** Envelope sender as given, its domain in ASCII; empty for a notification. */
  readonly sender: string;
  readonly recipients: readonly string[];
  readonly message: Buffer;
  readonly client: {
    /** IP address: of the first client where a trusted MTA in front told us (XFORWARD). */
    readonly address: string;
    readonly helo: string;
    readonly name: string;
  };
}

export interface Answer {
  readonly reply: Reply;
  /** Called when the client has most likely read the reply. */
  readonly confirmed?: () => void;
}

export interface ListenerOptions {
  readonly host: string;
  readonly port: number;
  readonly name: string;
  readonly maxMessageSize: number;
  readonly maxRecipients: number;
  readonly maxConnections: number;
  readonly trustedPeers: readonly string[];
  /** Addresses and networks that may connect. */
  readonly clients: readonly string[];
  readonly log: Log;
}

export interface Listener {
  readonly port: number;
  /** Finishes the transactions under way, takes no more. */
  stop(): Promise<void>;
}

/**
 * Listens for SMTP. Every message is answered only with what `answer` resolves to.
 * @throws GatewayError `port-in-use`
 */
export async function listen(
  options: ListenerOptions,
  answer: (arrival: Arrival) => Promise<Answer>,
): Promise<Listener> {
  const { log, maxMessageSize } = options;
  const working = new Set<Promise<void>>();
  const mayConnect = anyOf(options.clients);
  const server = new Server(
    {
      name: options.name,
      size: maxMessageSize,
      authOptional: true,
      disabledCommands: ['AUTH', 'STARTTLS'],
      disableReverseLookup: true,
      // Internationalised addresses need every next hop to know them: until ours tells, clients are not invited.
      hideSMTPUTF8: true,
      hideENHANCEDSTATUSCODES: false,
      heloResponse: '%s',
      socketTimeout: clientPatience,
      useXForward: [...options.trustedPeers],
      maxClients: options.maxConnections,
      ...{ maxRecipients: options.maxRecipients },
      logger: false,
      onConnect(session, callback) {
        if (mayConnect(session.remoteAddress)) callback(null);
        else callback(Object.assign(new Error(notAClient().text), { responseCode: notAClient().code }));
      },
      onData(stream, session, callback) {
        // smtp-server empties and reuses the envelope once the callback has run: everything is copied before.
        const arrival = copyOf(session);
        const connection = server.connectionOf(session.id);
        const work = receive(stream, maxMessageSize)
          .then((received) => ('reply' in received ? received : respond(arrival, received.message)))
          .then(
            ({ reply, confirmed }) => {
              connection?.awaitConfirmation(confirmed);
              if (reply.code < 300) callback(null, reply.text);
              else callback(Object.assign(new Error(reply.text), { responseCode: reply.code }));
            },
            (error: unknown) => {
              // The client went away in the middle: nothing was accepted.
              log.info('smtp.aborted', { client: arrival.client.address, reason: reasonOf(error) });
              callback(
                Object.assign(new Error(tryLater('the message did not come through').text), { responseCode: 451 }),
              );
            },
          );
        working.add(work);
        work.finally(() => working.delete(work));
      },
    },
    maxMessageSize,
  );

  async function respond(arrival: Omit<Arrival, 'message'>, message: Buffer): Promise<Answer> {
    try {
      const flaw = flawOf(message);
      if (flaw !== undefined) return { reply: flaw };
      return await atWork.spend(message.length, () => answer({ ...arrival, message }));
    } catch (error) {
      log.error('smtp.failed', { client: arrival.client.address, reason: reasonOf(error) });
      if (error instanceof GatewayError && error.code === 'spool-unavailable') return { reply: spoolFull() };
      return { reply: tryLater('something of the gateway is not working') };
    } finally {
      inFlight.release(message.length);
    }
  }

  await new Promise<void>((resolve, reject) => {
    const failed = (error: NodeJS.ErrnoException) => {
      const where = `${options.host}:${options.port}`;
      reject(
        error.code === 'EADDRINUSE'
          ? new GatewayError(
              'port-in-use',
              `${where} is in use by another program. Stop it, or set another port for the gateway.`,
            )
          : new GatewayError('port-in-use', `${where} cannot be listened on: ${error.message}`),
      );
    };
    server.once('error', failed);
    server.listen(options.port, options.host, () => {
      server.off('error', failed);
      server.on('error', (error) => log.info('smtp.connection', { reason: error.message }));
      resolve();
    });
  });
  const bound = server.server.address();
  return {
    port: typeof bound === 'object' && bound !== null ? bound.port : options.port,
    async stop() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      await Promise.allSettled(working);
      server.endIdle();
      await closed;
    },
  };
}

/** Milliseconds between two commands: RFC 5321 4.5.3.2.7 asks for five minutes. */
const clientPatience = 300_000;
/** Milliseconds that a client has to close its side when the gateway stops. */
const lastPatience = 300;

const atWork = openBudget(atWorkOctets);

/** Octets being received and worked on, over all listeners of this process. */
const inFlight = {
  octets: 0,
  take(octets: number): boolean {
    if (this.octets + octets > inFlightOctets) return false;
    this.octets += octets;
    return true;
  },
  release(octets: number): void {
    this.octets -= octets;
  },
};

/** The octets of one message, or why they are not taken; the rest is read and dropped then. Throws when the client goes away. */
async function receive(stream: SMTPServerDataStream, limit: number): Promise<{ message: Buffer } | Answer> {
  const chunks: Buffer[] = [];
  let taken = 0;
  let refusal: Reply | undefined;
  try {
    for await (const chunk of stream as AsyncIterable<Buffer>) {
      if (refusal !== undefined) continue;
      if (taken + chunk.length > limit) refusal = tooBig(limit);
      else if (!inFlight.take(chunk.length)) refusal = spoolFull();
      if (refusal === undefined) {
        chunks.push(chunk);
        taken += chunk.length;
      } else {
        chunks.length = 0;
        inFlight.release(taken);
        taken = 0;
      }
    }
  } catch (error) {
    inFlight.release(taken);
    throw error;
  }
  return refusal === undefined ? { message: Buffer.concat(chunks, taken) } : { reply: refusal };
}

function flawOf(message: Buffer): Reply | undefined {
  if (hasBareLineEnd(message)) return bareLineEnd();
  // RFC 5321 4.5.2 does not allow it, and who drops it reads another message than who keeps it.
  if (message.includes(0)) return unreadable('it has a NUL octet');
  if (headerBlockEnd(message) > headerOctets) return unreadable('its header is too long');
  return undefined;
}

/** A CR without LF, or an LF without CR, anywhere. */
export function hasBareLineEnd(octets: Buffer): boolean {
  for (let at = octets.indexOf(0x0a); at !== -1; at = octets.indexOf(0x0a, at + 1)) {
    if (octets[at - 1] !== 0x0d) return true;
  }
  for (let at = octets.indexOf(0x0d); at !== -1; at = octets.indexOf(0x0d, at + 1)) {
    if (octets[at + 1] !== 0x0a) return true;
  }
  return false;
}

function copyOf(session: SMTPServerSession): Omit<Arrival, 'message'> {
  const { mailFrom, rcptTo } = session.envelope;
  return {
    sender: mailFrom === false ? '' : addressOf(mailFrom),
    recipients: [...new Set(rcptTo.map(addressOf))],
    client: {
      address: session.remoteAddress,
      helo: session.hostNameAppearsAs || '',
      name: typeof session.clientHostname === 'string' ? session.clientHostname : '',
    },
  };
}

/** smtp-server shows international domains in Unicode; everything here compares and sends them in ASCII. */
function addressOf({ address }: SMTPServerAddress): string {
  const at = address.lastIndexOf('@');
  if (at === -1) return address;
  const domain = address.slice(at + 1);
  return `${address.slice(0, at)}@${domain.startsWith('[') ? domain : domainToASCII(domain) || domain}`;
}

function anyOf(networks: readonly string[]): (address: string) => boolean {
  const list = new BlockList();
  for (const network of networks) {
    const parts = networkOf(network);
    if (parts !== undefined) list.addSubnet(parts.address, parts.bits, parts.family);
  }
  return (address) => list.check(address, isIPv6(address) ? 'ipv6' : 'ipv4');
}

/** smtp-server with the two changes a relay needs. */
class Server extends SMTPServer {
  readonly #sizeLimit: number;
  readonly #byId = new Map<string, Connection>();

  constructor(options: ConstructorParameters<typeof SMTPServer>[0], sizeLimit: number) {
    super(options);
    this.#sizeLimit = sizeLimit;
  }

  /** As in the base class, with our `Connection`. */
  override connect(socket: Socket, socketOptions?: ConstructorParameters<typeof SMTPConnection>[2]): void {
    const connection = new Connection(this, socket, socketOptions, this.#sizeLimit);
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
  readonly #sizeLimit: number;
  #confirmed: (() => void) | undefined;

  constructor(
    server: Server,
    socket: Socket,
    options: ConstructorParameters<typeof SMTPConnection>[2],
    sizeLimit: number,
  ) {
    super(server, socket, options);
    this.#sizeLimit = sizeLimit;
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
    if (context === 'MESSAGE_TOO_BIG') {
      const { code: own, text } = tooBig(this.#sizeLimit);
      super.send(own, text, false);
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
