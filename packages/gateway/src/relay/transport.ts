/** Hands messages to the next server, octet for octet. */
import { createHash } from 'node:crypto';
import { mkdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import type { FixedDownstream, SmtpDownstream } from '../config-smtp.ts';
import { reasonOf } from '../errors.ts';
import { headerBlockEnd } from '../header-block.ts';
import { headOf, type Message, octetsOf, withFields } from '../large-message.ts';
import { readSecret } from '../read-secret.ts';
import { isPermanent } from '../smtp/reply.ts';
import { writeDurably } from '../spool/durable-file.ts';
import type { EnvelopeNotes } from './envelope.ts';
import { type Sent, SmtpClient, type SmtpEnvelope, type SmtpServer } from './smtp-client.ts';
import type { SmtpReply } from './smtp-replies.ts';

export interface Parcel {
  /** Names the message at the next server's side where that keeps names. */
  readonly id: string;
  readonly sender: string;
  readonly recipients: readonly string[];
  readonly notes?: EnvelopeNotes;
  /** Lines end in CRLF. */
  readonly message: Message;
}

/** What the next server said about each recipient. */
export interface Receipt {
  readonly recipient: string;
  readonly outcome: 'accepted' | 'refused' | 'later';
  /** Its reply, or why there is none. */
  readonly reply: string;
  /** It tells the sender of the delivery itself, where that was asked for (RFC 3461). */
  readonly notifies?: boolean;
  /** Where it was brought to a server of the recipient's domain: which, and how the way there was secured. */
  readonly by?: { readonly host: string; readonly security: string };
}

/** `deliver` never throws: a server that does not answer is `later` for every recipient. */
export interface MailTransport {
  deliver(parcel: Parcel): Promise<Receipt[]>;
  close(): Promise<void>;
}

/** @param baseDirectory what the file of a password is relative to */
export function openTransport(downstream: FixedDownstream, name: string, baseDirectory: string): MailTransport {
  return 'folder' in downstream ? folderTransport(downstream.folder) : smtpTransport(downstream, name, baseDirectory);
}

/** One file a message: envelope first as `X-Sender` and `X-Receiver` fields, the convention of pickup folders. */
function folderTransport(folder: string): MailTransport {
  return {
    async deliver({ id, sender, recipients, message }) {
      const envelope = [`X-Sender: <${sender}>`, ...recipients.map((recipient) => `X-Receiver: <${recipient}>`)];
      // Whoever picks it up reads the envelope off the header: what its sender wrote there is none.
      const kept = withFields(message, ({ name }) => name === 'x-sender' || name === 'x-receiver', envelope);
      try {
        await mkdir(folder, { recursive: true });
        await writeDurably(path.join(folder, `${id}.eml`), [octetsOf(kept)]);
        return recipients.map((recipient) => ({ recipient, outcome: 'accepted', reply: `kept as ${id}.eml` }) as const);
      } catch (error) {
        return recipients.map((recipient) => ({ recipient, outcome: 'later', reply: reasonOf(error) }) as const);
      }
    },
    close: async () => undefined,
  };
}

/** Milliseconds that an idle connection is kept for the next message. */
const keptIdle = 5_000;

function smtpTransport(downstream: SmtpDownstream, name: string, baseDirectory: string): MailTransport {
  const server = serverOf(downstream, baseDirectory);
  const idle = new Set<{ client: SmtpClient; timer: NodeJS.Timeout }>();
  let closed = false;

  function takeKept(): SmtpClient | undefined {
    for (const kept of idle) {
      idle.delete(kept);
      clearTimeout(kept.timer);
      if (kept.client.usable) return kept.client;
      kept.client.close();
    }
    return undefined;
  }

  function keep(client: SmtpClient): void {
    if (closed || !client.usable) {
      client.quit();
      return;
    }
    const kept = { client, timer: setTimeout(() => drop(kept), keptIdle) };
    kept.timer.unref();
    idle.add(kept);
  }

  function drop(kept: { client: SmtpClient; timer: NodeJS.Timeout }): void {
    idle.delete(kept);
    clearTimeout(kept.timer);
    kept.client.quit();
  }

  async function attempt(parcel: Parcel): Promise<Sent> {
    const envelope = envelopeOf(parcel);
    const kept = takeKept();
    if (kept !== undefined) {
      try {
        return await sendOver(kept, envelope, parcel.message);
      } catch (error) {
        // The server gave the idle connection up: nothing was handed over, and another will do.
        if (kept.handedOver) throw error;
      }
    }
    return sendOver(await SmtpClient.connect(server, name), envelope, parcel.message);
  }

  async function sendOver(client: SmtpClient, envelope: SmtpEnvelope, message: Message): Promise<Sent> {
    try {
      const sent = await client.send(envelope, octetsOf(message));
      keep(client);
      return sent;
    } catch (error) {
      client.close();
      throw error;
    }
  }

  return {
    async deliver(parcel) {
      try {
        const { replies, notifies } = await attempt(parcel);
        return parcel.recipients.map((recipient, index) => ({
          recipient,
          notifies,
          ...receiptOf(replies[index]),
        }));
      } catch (error) {
        // Whatever a server says before it has been given a message may be said of us, and not of the message.
        return parcel.recipients.map((recipient) => ({ recipient, outcome: 'later', reply: reasonOf(error) }) as const);
      }
    },
    async close() {
      closed = true;
      for (const kept of idle) drop(kept);
    },
  };
}

function serverOf(downstream: SmtpDownstream, baseDirectory: string): SmtpServer {
  const { host, port, tls, ca, certificate, key, fingerprint, login, certificateName } = downstream;
  const judged = tls === 'required' || tls === 'implicit';
  return {
    host,
    port,
    tls,
    ...(certificateName === undefined ? {} : { serverName: certificateName }),
    secure: async () => ({
      // RFC 7435: encryption without authentication where the certificate cannot be judged beats none.
      rejectUnauthorized: judged && fingerprint === undefined,
      ...(ca.length === 0 ? {} : { ca: await Promise.all(ca.map((file) => readFile(file))) }),
      ...(certificate === undefined || key === undefined
        ? {}
        : { cert: await readFile(certificate), key: await readFile(key) }),
    }),
    ...(fingerprint === undefined
      ? {}
      : {
          judge: (socket) => {
            const shown = createHash('sha256').update(socket.getPeerCertificate().raw).digest('hex');
            if (shown !== fingerprint) throw new Error('The next server shows another certificate than the one pinned');
          },
        }),
    ...(login === undefined
      ? {}
      : { login: () => ({ user: login.user, password: readSecret(login.password, baseDirectory) }) }),
  };
}

export function envelopeOf({ sender, recipients, message, notes }: Parcel): SmtpEnvelope {
  const utf8Header = hasEightBitHeader(headOf(message));
  return { sender, recipients, size: message.length, utf8Header, ...(notes === undefined ? {} : { notes }) };
}

export function receiptOf(reply: SmtpReply | undefined): Pick<Receipt, 'outcome' | 'reply'> {
  if (reply === undefined) return { outcome: 'later', reply: 'the next server said nothing of this recipient' };
  if (reply.code < 300) return { outcome: 'accepted', reply: reply.text };
  return { outcome: isPermanent(reply.code) ? 'refused' : 'later', reply: reply.text };
}

function hasEightBitHeader(message: Uint8Array): boolean {
  return message.subarray(0, headerBlockEnd(message)).some((octet) => octet > 0x7f);
}
