/** The office's own mail, to the next server by SMTP. */
import { createTransport } from 'nodemailer';
import { type MailConfig, readSecret } from '../config.ts';

export interface OfficeMail {
  /** @throws MailRefused for good; any other error may be over later */
  send(mail: Mail): Promise<void>;
}

interface Mail {
  /** Stands in the Message-ID: a mail that is sent twice is the same mail. */
  readonly id: string;
  readonly to: string;
  /** The address of `[mail]` without it. */
  readonly from?: string;
  /** Without the angle brackets; made of `id` without it. */
  readonly messageId?: string;
  readonly subject: string;
  readonly text: string;
  /** The same as HTML, for programs that show it better. */
  readonly html?: string;
  readonly language?: string;
  /** RFC 3834 5; `auto-generated` without it. */
  readonly autoSubmitted?: string;
}

/** The server does not take this mail, now or later (RFC 5321 4.2.1: 5yz). */
export class MailRefused extends Error {
  override readonly name = 'MailRefused';
}

/** @throws ConfigError where the password cannot be read */
export function smtpMail(config: MailConfig, home: string): OfficeMail {
  const { host, port, tls, user, password, from: own } = config;
  const milliseconds = config.timeoutSeconds * 1000;
  const transport = createTransport({
    host,
    port,
    secure: tls === 'implicit',
    requireTLS: tls === 'required',
    ignoreTLS: tls === 'never',
    // RFC 7435: encryption without authentication where the certificate cannot be judged beats none.
    tls: { rejectUnauthorized: tls !== 'opportunistic' },
    ...(user !== undefined && password !== undefined && { auth: { user, pass: readSecret(password, home) } }),
    connectionTimeout: milliseconds,
    greetingTimeout: milliseconds,
    socketTimeout: milliseconds,
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  return {
    async send({ id, to, from = own, messageId, subject, text, html, language, autoSubmitted }) {
      const sender = /<([^<>]+)>$/.exec(from)?.[1] ?? from;
      // An address that reads as two would be told what is meant for one.
      if (!/^[^\s<>,;]+@[^\s<>,;@]+$/.test(to)) throw new MailRefused(`${JSON.stringify(to)} is no address`);
      try {
        await transport.sendMail({
          from,
          to: { name: '', address: to },
          envelope: { from: sender, to: [to] },
          messageId: `<${messageId ?? `${id}@${sender.slice(sender.lastIndexOf('@') + 1)}`}>`,
          subject: subject.replaceAll(/[\r\n]+/g, ' '),
          text,
          ...(html !== undefined && { html }),
          // RFC 3834 5: nobody's absence answers this.
          headers: {
            'Auto-Submitted': autoSubmitted ?? 'auto-generated',
            ...(language !== undefined && { 'Content-Language': language }),
          },
        });
      } catch (error) {
        const { responseCode = 0, message } = error as Error & { responseCode?: number };
        // 530 and 535 are about us and our password, not about this mail (RFC 4954 6).
        if (responseCode >= 500 && responseCode !== 530 && responseCode !== 535) {
          throw new MailRefused(message, { cause: error });
        }
        throw error;
      }
    },
  };
}
