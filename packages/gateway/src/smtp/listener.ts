/** Takes mail in. It knows SMTP and nothing of policy: every whole message is handed to one function, which answers. */
import type { TLSSocket } from 'node:tls';
import type { SMTPServerDataStream } from 'smtp-server';
import { openBudget } from '../budget.ts';
import type { ClientLimits, ListenerLogin, ListenerTls } from '../config-smtp.ts';
import { GatewayError, reasonOf } from '../errors.ts';
import { headerBlockEnd } from '../header-block.ts';
import { LargeMessage, openScratch, type Scratch } from '../large-message.ts';
import { atWorkOctets, headerOctets, inFlightOctets, largeAtWorkOctets, largeOctets } from '../limits.ts';
import type { Log } from '../log.ts';
import { withinAny } from '../network.ts';
import { hasWholeLines } from '../relay/wire-form.ts';
import { certificateObjection, certificateShown, readTlsMaterial, watchTls } from './listener-tls.ts';
import { openLogin } from './login.ts';
import { Pieces } from './pieces.ts';
import { countedAs, openRates } from './rates.ts';
import * as reply from './reply.ts';
import { Server } from './server.ts';
import { type ArrivalEnvelope, envelopeOf, recipientDomain } from './session.ts';

type Reply = reply.Reply;

/** A message as it came, with what is known of who brought it. */
export interface Arrival extends ArrivalEnvelope {
  readonly message: Buffer | LargeMessage;
}

export interface Answer {
  readonly reply: Reply;
  /** Told to `confirmed` when the client has most likely read the reply. */
  readonly confirms?: string;
}

/** What stands behind a listener. All of it is data, so that it may be in another thread. */
export interface MailHandler {
  /** Every message is answered with what it resolves to, and with 451 when it throws. */
  answer(arrival: Arrival): Promise<Answer>;
  confirmed(id: string): void;
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
  readonly tls?: ListenerTls | undefined;
  readonly login?: ListenerLogin | undefined;
  readonly limits: ClientLimits;
  /** What the files of passwords are relative to. */
  readonly baseDirectory: string;
  readonly log: Log;
  /** Folder where large messages lie while they are worked on; without it all are held in memory. */
  readonly scratchFolder?: string;
  /** Octets above which a message is large. */
  readonly largeFrom?: number;
}

export interface Listener {
  readonly port: number;
  /**
   * From now on, mail of clients that are not trusted peers is taken for recipients at these domains alone: in lower case,
   * international ones in ASCII. Before the first call it is taken for any.
   */
  takeFor(domains: readonly string[]): void;
  /** Finishes the transactions under way, takes no more. */
  stop(): Promise<void>;
}

/** Listens for SMTP. @throws GatewayError `port-in-use`, `configuration` */
export async function listen(options: ListenerOptions, handler: MailHandler): Promise<Listener> {
  const { log, maxMessageSize, scratchFolder } = options;
  const working = new Set<Promise<void>>();
  const mayConnect = withinAny(options.clients);
  const { tls, limits } = options;
  const isTrusted = (peer: string) => options.trustedPeers.includes(peer);
  let domains: ReadonlySet<string> | undefined;
  const rates = openRates(limits, isTrusted, Date.now);
  const login = options.login === undefined ? undefined : openLogin(options.login, options.baseDirectory, Date.now);
  if (login !== undefined && tls === undefined) {
    throw new GatewayError('configuration', 'A listener that asks for passwords needs TLS: set certificate and key');
  }
  const peerOf = (session: { id: string }) => server.connectionOf(session.id)?.peer ?? '';
  const server = new Server(
    {
      name: options.name,
      size: maxMessageSize,
      authOptional: true,
      authMethods: ['PLAIN', 'LOGIN'],
      disabledCommands: [
        ...(login === undefined ? ['AUTH'] : []),
        ...(tls === undefined || tls.mode === 'implicit' ? ['STARTTLS'] : []),
      ],
      ...(tls === undefined
        ? {}
        : {
            secure: tls.mode === 'implicit',
            ...(await readTlsMaterial(tls)),
            minVersion: 'TLSv1.2' as const,
            requestCert: tls.clientCertificates !== 'none',
            // Judged in onSecure, where the client can be told.
            rejectUnauthorized: false,
          }),
      disableReverseLookup: true,
      hideSMTPUTF8: false,
      hideDSN: false,
      hideENHANCEDSTATUSCODES: false,
      heloResponse: '%s',
      socketTimeout: clientPatience,
      useXForward: [...options.trustedPeers],
      maxClients: options.maxConnections,
      ...{ maxRecipients: options.maxRecipients },
      logger: false,
      onConnect(session, callback) {
        if (!mayConnect(session.remoteAddress)) return callback(refusal(reply.notAClient()));
        const connection = server.connectionOf(session.id);
        if (connection === undefined) return callback(null);
        const { peer } = connection;
        if (!rates.enter(peer)) return callback(refusal(reply.tooMany('connections')));
        connection.onGone = () => rates.leave(peer);
        callback(null);
      },
      onSecure(socket, session, callback) {
        const objection = tls === undefined ? undefined : certificateObjection(socket as TLSSocket, tls);
        if (objection === undefined) return callback(null);
        const shown = certificateShown(socket as TLSSocket);
        log.warn('smtp.certificate-refused', { client: peerOf(session), reason: objection, ...shown });
        callback(refusal(reply.certificateRefused(objection)));
      },
      onAuth({ username = '', password }, session, callback) {
        const { secure } = session;
        if (login === undefined || !secure) return callback(refusal(reply.tlsFirst()));
        login.check(peerOf(session), username, password ?? '').then(
          (verdict) => {
            if (verdict === 'good') return callback(null, { user: username });
            log.warn('smtp.login-refused', { client: peerOf(session), throttled: verdict === 'throttled' });
            callback(refusal(verdict === 'bad' ? reply.loginRefused() : reply.loginThrottled()));
          },
          () => callback(refusal(reply.tryLater('something of the gateway is not working'))),
        );
      },
      onMailFrom(_address, session, callback) {
        if (tls?.required === true && !session.secure) return callback(refusal(reply.tlsFirst()));
        // A client that must show a certificate has shown none where there is no TLS.
        if (tls?.clientCertificates === 'required' && !session.secure) return callback(refusal(reply.tlsFirst()));
        if (options.login?.required === true && !session.user) return callback(refusal(reply.loginFirst()));
        if (!rates.spend(peerOf(session), 'messages', 1)) return callback(refusal(reply.tooMany('messages')));
        callback(null);
      },
      onRcptTo(address, session, callback) {
        const domain = recipientDomain(address);
        // RFC 5321 4.5.1: a postmaster needs no domain.
        if (domains !== undefined && domain !== '' && !domains.has(domain) && !isTrusted(peerOf(session)))
          return callback(refusal(reply.notForUs(domain)));
        callback(rates.spend(peerOf(session), 'recipients', 1) ? null : refusal(reply.tooMany('recipients')));
      },
      onData(stream, session, callback) {
        // smtp-server empties and reuses the envelope once the callback has run: everything is copied before.
        const arrival = envelopeOf(session);
        const connection = server.connectionOf(session.id);
        const scratch = scratchFolder === undefined ? undefined : openScratch(scratchFolder);
        const { peer } = connection ?? { peer: '' };
        const share = isTrusted(peer) ? '' : countedAs(peer);
        const largeFrom = options.largeFrom ?? largeOctets;
        const work = receive(stream, share, maxMessageSize, largeFrom, scratch)
          .then((received) => ('reply' in received ? received : respond(arrival, share, received.message)))
          .finally(() => scratch?.clear())
          .then(
            ({ reply: said, confirms }) => {
              connection?.awaitConfirmation(confirms === undefined ? undefined : () => handler.confirmed(confirms));
              if (said.code < 300) callback(null, said.text);
              else callback(refusal(said));
            },
            (error: unknown) => {
              // The client went away in the middle: nothing was accepted.
              log.info('smtp.aborted', { client: arrival.client.address, reason: reasonOf(error) });
              callback(refusal(reply.tryLater('the message did not come through')));
            },
          );
        working.add(work);
        work.finally(() => working.delete(work));
      },
    },
    { size: maxMessageSize, errorsOf: (peer) => (isTrusted(peer) ? 0 : limits.errorsPerConnection) },
  );

  async function respond(arrival: ArrivalEnvelope, share: string, message: Buffer | LargeMessage): Promise<Answer> {
    const isLarge = message instanceof LargeMessage;
    // Another thread takes the octets with it.
    const { length } = message;
    try {
      const flaw = isLarge ? undefined : flawOf(message);
      if (flaw !== undefined) return { reply: flaw };
      return await atWork.spend(isLarge ? largeAtWorkOctets : length, () => handler.answer({ ...arrival, message }));
    } catch (error) {
      return { reply: replyToFailure(error, arrival, log) };
    } finally {
      if (!isLarge) inFlight.release(share, length);
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
  const stopWatching = tls === undefined ? undefined : watchTls(tls, (fresh) => server.updateSecureContext(fresh), log);
  const bound = server.server.address();
  return {
    port: typeof bound === 'object' && bound !== null ? bound.port : options.port,
    takeFor(some) {
      domains = new Set(some);
    },
    async stop() {
      stopWatching?.();
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      await Promise.allSettled(working);
      server.endIdle();
      await closed;
    },
  };
}

/** A message that could not be worked on: its client keeps it. */
export function replyToFailure(error: unknown, { client }: Pick<Arrival, 'client'>, log: Log): Reply {
  log.error('smtp.failed', { client: client.address, reason: reasonOf(error) });
  return error instanceof GatewayError && error.code === 'spool-unavailable'
    ? reply.spoolFull()
    : reply.tryLater('something of the gateway is not working');
}

/** Milliseconds between two commands: RFC 5321 4.5.3.2.7 asks for five minutes. */
const clientPatience = 300_000;
const atWork = openBudget(atWorkOctets);

/** Octets being received and worked on, over all listeners of this process. Nobody but a trusted peer has more than a part of them. */
const inFlight = {
  octets: 0,
  shares: new Map<string, number>(),
  take(share: string, octets: number): boolean {
    const own = (this.shares.get(share) ?? 0) + octets;
    if (this.octets + octets > inFlightOctets || (share !== '' && own > inFlightOctets / 4)) return false;
    this.octets += octets;
    this.shares.set(share, own);
    return true;
  },
  release(share: string, octets: number): void {
    this.octets -= octets;
    const own = (this.shares.get(share) ?? 0) - octets;
    if (own > 0) this.shares.set(share, own);
    else this.shares.delete(share);
  },
};

/** The octets of one message, or why they are not taken; the rest is read and dropped then. Throws when the client goes away. */
async function receive(
  stream: SMTPServerDataStream,
  share: string,
  limit: number,
  largeFrom: number,
  scratch: Scratch | undefined,
): Promise<{ message: Buffer | LargeMessage } | Answer> {
  const pieces = new Pieces();
  let refusal: Reply | undefined;
  const drop = () => {
    inFlight.release(share, pieces.octets);
    return pieces.take();
  };
  const rest = (stream as AsyncIterable<Buffer>)[Symbol.asyncIterator]();
  try {
    for (let next = await rest.next(); next.done !== true; next = await rest.next()) {
      const chunk = next.value;
      if (refusal !== undefined) continue;
      if (pieces.octets + chunk.length > limit) refusal = reply.tooBig(limit);
      else if (!inFlight.take(share, chunk.length)) refusal = reply.spoolFull();
      if (refusal !== undefined) {
        drop();
        continue;
      }
      pieces.push(chunk);
      if (scratch === undefined || pieces.octets <= largeFrom) continue;
      return await receiveLarge(drop(), rest, limit, scratch);
    }
  } catch (error) {
    drop();
    throw error;
  }
  const { octets } = pieces;
  return refusal === undefined ? { message: together(pieces.take(), octets) } : { reply: refusal };
}

/** In memory of its own, which another thread can be given. */
function together(chunks: readonly Buffer[], length: number): Buffer {
  const whole = Buffer.allocUnsafeSlow(length);
  let at = 0;
  for (const chunk of chunks) at += chunk.copy(whole, at);
  return whole;
}

/** One that goes into a file, and is looked at on its way there. */
async function receiveLarge(
  first: Buffer[],
  rest: AsyncIterator<Buffer>,
  limit: number,
  scratch: Scratch,
): Promise<{ message: Buffer | LargeMessage } | Answer> {
  let flaw: Reply | undefined;
  let octets = 0;
  let last = lineFeed;
  async function* looked(): AsyncGenerator<Buffer> {
    for await (const chunk of following(first, rest)) {
      if (flaw !== undefined) continue;
      octets += chunk.length;
      if (octets > limit) flaw = reply.tooBig(limit);
      else if (!hasWholeLines(chunk, last)) flaw = reply.bareLineEnd();
      else if (chunk.includes(0)) flaw = reply.unreadable('it has a NUL octet');
      else yield chunk;
      last = chunk[chunk.length - 1] ?? last;
    }
  }
  let message: LargeMessage | undefined;
  try {
    message = await scratch.keep(looked());
  } catch (error) {
    if (!(error instanceof GatewayError && /^(spool-unavailable|unreadable)$/.test(error.code))) throw error;
    for await (const _ of following([], rest));
    if (error.code === 'spool-unavailable') return { reply: reply.spoolFull() };
  }
  if (flaw === undefined && last === carriageReturn) flaw = reply.bareLineEnd();
  if (flaw !== undefined) return { reply: flaw };
  return message !== undefined && message.head.length <= headerOctets + 2
    ? { message }
    : { reply: reply.unreadable('its header is too long') };
}

const lineFeed = 0x0a;
const carriageReturn = 0x0d;

async function* following(first: Buffer[], rest: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  while (first.length > 0) yield first.shift() as Buffer;
  for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value;
}

function flawOf(message: Buffer): Reply | undefined {
  if (hasBareLineEnd(message)) return reply.bareLineEnd();
  // RFC 5321 4.5.2 does not allow it, and who drops it reads another message than who keeps it.
  if (message.includes(0)) return reply.unreadable('it has a NUL octet');
  if (headerBlockEnd(message) > headerOctets) return reply.unreadable('its header is too long');
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

function refusal({ code, text }: Reply): Error {
  return Object.assign(new Error(text), { responseCode: code });
}
