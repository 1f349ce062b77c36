/** Mail in and out: SMTP to the gateway, files from its mailbox. */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { createTransport } from 'nodemailer';

export interface Letter {
  readonly from: string;
  readonly to: string;
  readonly subject: string;
  readonly text: string;
}

/** Hands a letter to an SMTP port; rejects with nodemailer's error (`responseCode`, `response`) when it is refused. */
export async function send(port: number, letter: Letter): Promise<void> {
  const transport = createTransport({ host: '127.0.0.1', port, ignoreTLS: true });
  try {
    await transport.sendMail(letter);
  } finally {
    transport.close();
  }
}

/** Hands octets to an SMTP port as they are. */
export async function sendRaw(port: number, from: string, to: string[], raw: Buffer | string): Promise<void> {
  const transport = createTransport({ host: '127.0.0.1', port, ignoreTLS: true });
  try {
    await transport.sendMail({ envelope: { from, to }, raw });
  } finally {
    transport.close();
  }
}

/** Waits until the mailbox holds a message that `matches`, and returns its octets. */
export async function arrived(mailbox: string, matches: (message: string) => boolean): Promise<Buffer> {
  const deadline = Date.now() + 30_000;
  for (;;) {
    for (const name of readdirSync(mailbox).toSorted()) {
      if (!name.endsWith('.eml')) continue;
      const bytes = readFileSync(path.join(mailbox, name));
      if (matches(bytes.toString('latin1'))) return bytes;
    }
    if (Date.now() > deadline) throw new Error(`No such message in ${mailbox}: ${readdirSync(mailbox).join(', ')}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Polls until `holds` returns something. */
export async function eventually<T>(what: string, holds: () => Promise<T | undefined>): Promise<T> {
  const deadline = Date.now() + 60_000;
  for (;;) {
    const value = await holds();
    if (value !== undefined) return value;
    if (Date.now() > deadline) throw new Error(`Gave up waiting until ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
