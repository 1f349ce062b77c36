/**
 * One connection to the next server (RFC 5321), with STARTTLS, PIPELINING, SIZE, 8BITMIME, SMTPUTF8, DSN, AUTH and
 * Postfix's XFORWARD. One message at a time.
 */
import { connect as connectPlain, isIP, type Socket } from 'node:net';
import { type ConnectionOptions, checkServerIdentity, connect as connectTls, type TLSSocket } from 'node:tls';
import { type EnvelopeNotes, toXtext } from './envelope.ts';
import { ReplyReader, type SmtpReply } from './smtp-replies.ts';
import { inOneWrite, stuffed, stuffedWhole } from './wire-form.ts';

export interface SmtpServer {
  readonly host: string;
  readonly port: number;
  /** `implicit`: TLS from the first octet. The others as STARTTLS (RFC 3207). */
  readonly tls: 'implicit' | 'required' | 'opportunistic' | 'never';
  /** The name that its certificate is for, and that it is asked for. */
  readonly serverName?: string;
  /** Roots, own certificate, and how to judge the server; read anew for every connection. */
  readonly secure?: () => ConnectionOptions | Promise<ConnectionOptions>;
  /** Looked at once TLS stands; throws when this is not the server meant. */
  readonly judge?: (socket: TLSSocket) => void;
  readonly login?: () => { user: string; password: string };
}

export interface SmtpEnvelope {
  readonly sender: string;
  readonly recipients: readonly string[];
  readonly notes?: EnvelopeNotes;
  /** Octets of the message. */
  readonly size: number;
  /** The message has octets above 127 in its header. */
  readonly utf8Header: boolean;
}

export interface Sent {
  /** For each recipient in order: the reply that settles it. */
  readonly replies: readonly SmtpReply[];
  /** The next server tells of deliveries itself, where it was asked to. */
  readonly notifies: boolean;
}

/** Milliseconds. RFC 5321 4.5.3.2 asks for minutes: a slow server that has the message must not get it twice. */
const patience = { connect: 30_000, reply: 300_000, afterData: 600_000 };

export class SmtpClient {
  readonly #server: SmtpServer;
  readonly #name: string;
  readonly #replies = new ReplyReader();
  #socket: Socket;
  #extensions: ReadonlyMap<string, string> = new Map();
  #secured = false;
  #handedOver = false;

  private constructor(server: SmtpServer, name: string, socket: Socket) {
    this.#server = server;
    this.#name = name;
    this.#socket = socket;
    socket.setNoDelay(true);
    this.#replies.attach(socket);
  }

  /** @throws when there is no connection, or none as secure as asked for */
  static async connect(server: SmtpServer, name: string): Promise<SmtpClient> {
    const implicit = server.tls === 'implicit';
    const { host, port } = server;
    const secure = implicit ? await secureOptions(server) : {};
    const socket = implicit ? connectTls({ ...secure, host, port }) : connectPlain({ host, port });
    const client = new SmtpClient(server, name, socket);
    const timer = setTimeout(() => {
      client.#replies.fail(new Error('The server does not answer in time'));
      client.close();
    }, patience.connect);
    try {
      await client.#begin(implicit);
      return client;
    } catch (error) {
      client.close();
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  /** The last message may have arrived whole, whatever became of the connection. */
  get handedOver(): boolean {
    return this.#handedOver;
  }

  get usable(): boolean {
    return !this.#replies.broken && !this.#socket.destroyed && this.#socket.writable;
  }

  /**
   * Hands a message over. Resolves with a reply for each recipient, good or bad.
   * @param message octets whose lines end in CRLF
   * @throws when the connection broke: whether the message arrived is then unknown
   */
  async send(envelope: SmtpEnvelope, message: Uint8Array | AsyncIterable<Uint8Array>): Promise<Sent> {
    this.#handedOver = false;
    const notifies = this.#extensions.has('DSN');
    const everyone = (reply: SmtpReply): Sent => ({ replies: envelope.recipients.map(() => reply), notifies });
    const limit = Number(this.#extensions.get('SIZE') ?? 0);
    if (limit > 0 && envelope.size > limit) {
      return everyone(
        ownReply(552, `5.3.4 The next server takes ${limit} octets, and the message has ${envelope.size}`),
      );
    }
    const needsUtf8 =
      envelope.utf8Header || [envelope.sender, ...envelope.recipients].some((address) => hasNonAscii(address));
    const utf8 = this.#extensions.has('SMTPUTF8') && (needsUtf8 || envelope.notes?.smtpUtf8 === true);
    // RFC 6531 3.6. A header with raw octets alone has always passed, wanted or not.
    if (!utf8 && (envelope.notes?.smtpUtf8 === true || !envelope.utf8Header) && needsUtf8) {
      return everyone(ownReply(553, '5.6.7 The next server does not know internationalised addresses (SMTPUTF8)'));
    }
    const commands = [
      ...this.#forwarding(envelope.notes?.forwarded),
      `MAIL FROM:<${clean(envelope.sender)}>${this.#mailParameters(envelope, utf8)}`,
      ...envelope.recipients.map((one) => `RCPT TO:<${clean(one)}>${this.#recipientParameters(envelope.notes, one)}`),
      'DATA',
    ];
    const answers = await this.#exchange(commands);
    const data = answers.at(-1) ?? ownReply(451, '4.3.0 no answer');
    const recipients = answers.slice(-1 - envelope.recipients.length, -1);
    const sender = answers.at(-2 - envelope.recipients.length);
    const refusal = sender !== undefined && sender.code >= 300 ? sender : undefined;
    const taken = recipients.filter(({ code }) => code < 300).length;
    if (refusal !== undefined || taken === 0 || data.code !== 354) {
      // A server that takes DATA for nobody gets an empty message, which goes nowhere (RFC 2920 3.1).
      if (data.code === 354) await this.#say('.\r\n');
      else if (data.code !== 421) await this.#say('RSET\r\n');
      if (refusal !== undefined) return everyone(refusal);
      return { replies: recipients.map((reply) => (reply.code < 300 ? settled(data) : reply)), notifies };
    }
    const final = this.#next(patience.afterData);
    final.catch(() => undefined);
    this.#handedOver = true;
    await this.#write(message);
    const end = settled(await final);
    return { replies: recipients.map((reply) => (reply.code < 300 ? end : reply)), notifies };
  }

  quit(): void {
    if (this.usable) this.#socket.end('QUIT\r\n');
    // It has nothing more to say that matters.
    setTimeout(() => this.close(), 2_000).unref();
  }

  close(): void {
    this.#socket.on('error', () => undefined);
    this.#socket.destroy();
  }

  async #begin(implicit: boolean): Promise<void> {
    const greeting = await this.#next(patience.connect);
    if (implicit) this.#judge(this.#socket as TLSSocket);
    if (greeting.code !== 220) throw refusedBy(greeting);
    await this.#hello();
    if (!implicit && this.#server.tls !== 'never') await this.#startTls();
    const { login } = this.#server;
    if (login === undefined) return;
    if (!this.#secured) throw new Error('A password is sent over TLS only');
    await this.#authenticate(login());
  }

  async #hello(): Promise<void> {
    const reply = await this.#say(`EHLO ${this.#name}\r\n`);
    if (reply.code >= 300) {
      if (reply.code === 421) throw refusedBy(reply);
      const old = await this.#say(`HELO ${this.#name}\r\n`);
      if (old.code >= 300) throw refusedBy(old);
      this.#extensions = new Map();
      return;
    }
    this.#extensions = new Map(
      reply.lines.slice(1).map((line) => {
        const [keyword = '', ...rest] = line.slice(4).trim().split(/[ =]+/);
        return [keyword.toUpperCase(), rest.join(' ')] as const;
      }),
    );
  }

  async #startTls(): Promise<void> {
    const must = this.#server.tls === 'required';
    if (!this.#extensions.has('STARTTLS')) {
      if (must) throw new Error('The next server offers no STARTTLS, and it is required');
      return;
    }
    const go = await this.#say('STARTTLS\r\n');
    if (go.code !== 220) {
      if (must) throw refusedBy(go);
      return;
    }
    if (!this.#replies.quiet) throw new Error('The server said more in the clear after STARTTLS');
    const plain = this.#socket;
    const secure = await secureOptions(this.#server);
    this.#replies.detach();
    const socket = connectTls({ ...secure, socket: plain });
    this.#socket = socket;
    await new Promise<void>((resolve, reject) => {
      socket.once('secureConnect', resolve);
      socket.once('error', reject);
      socket.once('close', () => reject(new Error('The server closed the connection during the TLS handshake')));
    });
    this.#replies.attach(socket);
    this.#judge(socket);
    await this.#hello();
  }

  #judge(socket: TLSSocket): void {
    this.#secured = true;
    this.#server.judge?.(socket);
  }

  async #authenticate({ user, password }: { user: string; password: string }): Promise<void> {
    const offered = (this.#extensions.get('AUTH') ?? '').toUpperCase().split(' ');
    const base64 = (text: string) => Buffer.from(text).toString('base64');
    let reply: SmtpReply;
    if (offered.includes('PLAIN')) reply = await this.#say(`AUTH PLAIN ${base64(`\0${user}\0${password}`)}\r\n`);
    else if (offered.includes('LOGIN')) {
      reply = await this.#say('AUTH LOGIN\r\n');
      if (reply.code === 334) reply = await this.#say(`${base64(user)}\r\n`);
      if (reply.code === 334) reply = await this.#say(`${base64(password)}\r\n`);
    } else throw new Error('The next server offers neither AUTH PLAIN nor AUTH LOGIN');
    if (reply.code !== 235) throw refusedBy(reply);
  }

  #forwarding(forwarded: EnvelopeNotes['forwarded']): string[] {
    const known = (this.#extensions.get('XFORWARD') ?? '').toUpperCase().split(' ');
    const told = Object.entries(forwarded ?? {}).filter(([name]) => known.includes(name));
    if (told.length === 0) return [];
    return [`XFORWARD ${told.map(([name, value]) => `${name}=${toXtext(value)}`).join(' ')}`];
  }

  #mailParameters({ size, notes }: SmtpEnvelope, utf8: boolean): string {
    const dsn = this.#extensions.has('DSN');
    return [
      ...(this.#extensions.has('SIZE') ? [`SIZE=${size}`] : []),
      ...(this.#extensions.has('8BITMIME') ? ['BODY=8BITMIME'] : []),
      ...(utf8 ? ['SMTPUTF8'] : []),
      ...(dsn && notes?.ret !== undefined ? [`RET=${notes.ret}`] : []),
      ...(dsn && notes?.envid !== undefined ? [`ENVID=${toXtext(notes.envid)}`] : []),
    ]
      .map((parameter) => ` ${parameter}`)
      .join('');
  }

  #recipientParameters(notes: EnvelopeNotes | undefined, recipient: string): string {
    const own = notes?.recipients?.[recipient];
    if (own === undefined || !this.#extensions.has('DSN')) return '';
    const notify = own.notify === undefined ? '' : ` NOTIFY=${own.notify.join(',')}`;
    return own.orcpt === undefined ? notify : `${notify} ORCPT=${recipientOf(own.orcpt)}`;
  }

  /** All at once where the server takes it (RFC 2920), one after the other where not. Replies in order. */
  async #exchange(commands: readonly string[]): Promise<SmtpReply[]> {
    if (this.#extensions.has('PIPELINING')) {
      const replies = commands.map(() => this.#next(patience.reply));
      const all = Promise.all(replies);
      this.#socket.write(`${commands.join('\r\n')}\r\n`);
      return all;
    }
    const replies: SmtpReply[] = [];
    for (const command of commands) {
      replies.push(await this.#say(`${command}\r\n`));
    }
    return replies;
  }

  #say(line: string): Promise<SmtpReply> {
    const reply = this.#next(patience.reply);
    this.#socket.write(line);
    return reply;
  }

  readonly #late = (): void => {
    this.#replies.fail(new Error('The server does not answer in time'));
    this.close();
  };

  /** The next reply, within so many ms of nothing happening. */
  #next(within: number): Promise<SmtpReply> {
    const reply = this.#replies.next();
    // One listener for all replies that are awaited: to many recipients there are as many.
    this.#socket.off('timeout', this.#late);
    this.#socket.setTimeout(within, this.#late);
    return reply;
  }

  /** The message in the form of the wire, its end included; no faster than the server reads. */
  async #write(message: Uint8Array | AsyncIterable<Uint8Array>): Promise<void> {
    if (message instanceof Uint8Array && message.length <= inOneWrite) {
      this.#socket.cork();
      for (const chunk of stuffedWhole(message)) this.#socket.write(chunk);
      this.#socket.uncork();
      return;
    }
    for await (const chunk of stuffed(message)) {
      if (this.#replies.broken) return;
      if (this.#socket.write(chunk)) continue;
      await new Promise<void>((resolve) => {
        const go = () => {
          this.#socket.off('drain', go);
          this.#socket.off('close', go);
          resolve();
        };
        this.#socket.once('drain', go);
        this.#socket.once('close', go);
      });
    }
  }
}

function refusedBy(reply: SmtpReply): Error {
  return new Error(reply.text);
}

function ownReply(code: number, text: string): SmtpReply {
  return { code, text: `${code} ${text}`, lines: [`${code} ${text}`] };
}

/** 3xx settles nothing: a server that says so where it must not is asked again. */
function settled(reply: SmtpReply): SmtpReply {
  return reply.code >= 300 && reply.code < 400 ? ownReply(451, `4.5.0 The next server answered ${reply.text}`) : reply;
}

async function secureOptions(server: SmtpServer): Promise<ConnectionOptions> {
  const name = server.serverName ?? server.host;
  const options = (await server.secure?.()) ?? {};
  return {
    minVersion: 'TLSv1.2',
    ...options,
    ...(isIP(name) === 0 ? { servername: name } : {}),
    checkServerIdentity:
      options.checkServerIdentity ?? ((_host, certificate) => checkServerIdentity(name, certificate)),
  };
}

/** RFC 3461 4.2: the type of an address, and the address as xtext. */
function recipientOf(original: string): string {
  const at = original.indexOf(';');
  return `${clean(original.slice(0, at))};${toXtext(original.slice(at + 1))}`;
}

/** Nothing of a stranger's text ends a command early. */
function clean(text: string): string {
  return text.replace(/[\0-\x20<>\x7f]/g, '');
}

function hasNonAscii(text: string): boolean {
  return /[^\0-\x7f]/.test(text);
}
