/** Hands messages to the next server, octet for octet. */
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import SMTPConnection from 'nodemailer/lib/smtp-connection';
import type { Downstream } from '../config.ts';
import { reasonOf } from '../errors.ts';
import { isPermanent } from '../smtp/reply.ts';
import { writeDurably } from '../spool/durable-file.ts';

export interface Parcel {
  /** Names the message at the next server's side where that keeps names. */
  readonly id: string;
  readonly sender: string;
  readonly recipients: readonly string[];
  /** Lines end in CRLF. */
  readonly message: Buffer;
}

/** What the next server said about each recipient. */
export interface Receipt {
  readonly recipient: string;
  readonly outcome: 'accepted' | 'refused' | 'later';
  /** Its reply, or why there is none. */
  readonly reply: string;
}

/** `deliver` never throws: a server that does not answer is `later` for every recipient. */
export interface MailTransport {
  deliver(parcel: Parcel): Promise<Receipt[]>;
  close(): Promise<void>;
}

export function openTransport(downstream: Downstream, name: string): MailTransport {
  return 'folder' in downstream ? folderTransport(downstream.folder) : smtpTransport(downstream, name);
}

/** One file a message: envelope first as `X-Sender` and `X-Receiver` fields, the convention of pickup folders. */
function folderTransport(folder: string): MailTransport {
  return {
    async deliver({ id, sender, recipients, message }) {
      const envelope = [`X-Sender: <${sender}>`, ...recipients.map((recipient) => `X-Receiver: <${recipient}>`)];
      try {
        await mkdir(folder, { recursive: true });
        await writeDurably(path.join(folder, `${id}.eml`), [`${envelope.join('\r\n')}\r\n`, message]);
        return recipients.map((recipient) => ({ recipient, outcome: 'accepted', reply: `kept as ${id}.eml` }) as const);
      } catch (error) {
        return recipients.map((recipient) => ({ recipient, outcome: 'later', reply: reasonOf(error) }) as const);
      }
    },
    close: async () => undefined,
  };
}

/** Milliseconds. RFC 5321 4.5.3.2 asks for minutes: a slow server that has the message must not get it twice. */
const timeouts = { connectionTimeout: 30_000, greetingTimeout: 60_000, socketTimeout: 600_000 };
/** Milliseconds that an idle connection is kept for the next message. */
const keptIdle = 5_000;

function smtpTransport(downstream: Extract<Downstream, { host: string }>, name: string): MailTransport {
  const idle = new Set<{ connection: SMTPConnection; timer: NodeJS.Timeout }>();
  let closed = false;

  async function connect(): Promise<SMTPConnection> {
    for (const kept of idle) {
      idle.delete(kept);
      clearTimeout(kept.timer);
      if (!kept.connection.destroyed) return kept.connection;
    }
    const connection = new SMTPConnection({
      host: downstream.host,
      port: downstream.port,
      name,
      ignoreTLS: downstream.tls === 'never',
      requireTLS: downstream.tls === 'required',
      opportunisticTLS: downstream.tls === 'opportunistic',
      // RFC 7435: encryption without authentication where the certificate cannot be judged beats none.
      tls: { rejectUnauthorized: downstream.tls === 'required' },
      ...timeouts,
    });
    await new Promise<void>((resolve, reject) => {
      connection.once('error', reject);
      connection.once('end', () => reject(new Error('the connection was closed')));
      connection.connect((error) => (error ? reject(error) : resolve()));
    });
    connection.on('error', () => undefined);
    return connection;
  }

  function keep(connection: SMTPConnection): void {
    if (closed || connection.destroyed) {
      connection.close();
      return;
    }
    const kept = { connection, timer: setTimeout(() => drop(kept), keptIdle) };
    kept.timer.unref();
    idle.add(kept);
  }

  function drop(kept: { connection: SMTPConnection; timer: NodeJS.Timeout }): void {
    idle.delete(kept);
    clearTimeout(kept.timer);
    kept.connection.quit();
  }

  return {
    async deliver(parcel) {
      let connection: SMTPConnection;
      try {
        connection = await connect();
      } catch (error) {
        return parcel.recipients.map((recipient) => receiptOf(recipient, error, false));
      }
      const { error, info } = await send(connection, parcel);
      if (error === undefined) keep(connection);
      else connection.close();
      const rejected = new Map((info?.rejectedErrors ?? []).map((one) => [one.recipient ?? '', one] as const));
      return parcel.recipients.map((recipient) => {
        const own = rejected.get(recipient);
        if (own !== undefined) return receiptOf(recipient, own, true);
        if (error !== undefined) return receiptOf(recipient, error, true);
        return { recipient, outcome: 'accepted', reply: info?.response ?? '' };
      });
    },
    async close() {
      closed = true;
      for (const kept of idle) drop(kept);
    },
  };
}

type SendError = Error & {
  code?: string;
  responseCode?: number;
  response?: string;
  rejectedErrors?: SendError[];
  recipient?: string;
};

async function send(connection: SMTPConnection, parcel: Parcel) {
  return new Promise<{ error?: SendError; info?: { response: string; rejectedErrors: SendError[] } }>((resolve) => {
    const lost = (error?: Error) => resolve({ error: error ?? new Error('the connection was closed') });
    connection.once('error', lost);
    connection.once('end', lost);
    const envelope = {
      from: parcel.sender === '' ? (false as const) : parcel.sender,
      to: [...parcel.recipients],
      size: parcel.message.length,
      use8BitMime: true,
    };
    connection.send(envelope, parcel.message, (failure, info) => {
      connection.off('error', lost);
      connection.off('end', lost);
      const error = failure as SendError | null;
      if (error !== null) resolve({ error, info: { response: '', rejectedErrors: error.rejectedErrors ?? [] } });
      else
        resolve({
          info: { response: info?.response ?? '', rejectedErrors: (info?.rejectedErrors ?? []) as SendError[] },
        });
    });
  });
}

function receiptOf(recipient: string, error: unknown, answered: boolean): Receipt {
  const { responseCode, response, code } = error as SendError;
  const reply = response ?? reasonOf(error);
  // EMESSAGE without a reply: the next server said beforehand how much it takes, and this is more.
  const tooBig = code === 'EMESSAGE' && response === undefined;
  const permanent = answered && (tooBig || (responseCode !== undefined && isPermanent(responseCode)));
  return { recipient, outcome: permanent ? 'refused' : 'later', reply };
}
