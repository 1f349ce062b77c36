/** Delivery status notifications: what a sender is told when their message could not be delivered (RFC 3464). */
import { randomBytes } from 'node:crypto';
import { headerBlockEnd } from '../header-block.ts';
import { statusOf } from '../smtp/reply.ts';

export interface FailedRecipient {
  readonly address: string;
  /** RFC 3463 status, where the queue knows better than the reply. */
  readonly status?: string;
  readonly reply: string;
  /** It has not failed: it went to a server that says no more of it (RFC 3461 5.2.2). */
  readonly relayed?: true;
  /** ORCPT: type, semicolon, address. */
  readonly original?: string;
}

/**
 * A whole message, lines ending in CRLF. It carries the header of the original and never its body: what was encrypted
 * to others does not come back in the clear, and a large message does not come back at all.
 * @param original the octets that could not be delivered
 */
export function deliveryFailure({
  gateway,
  sender,
  failures,
  original,
  envelopeId,
  at,
}: {
  readonly gateway: string;
  readonly sender: string;
  readonly failures: readonly FailedRecipient[];
  readonly original: Uint8Array;
  /** ENVID. */
  readonly envelopeId?: string;
  readonly at: Date;
}): Buffer {
  const boundary = `=_${randomBytes(12).toString('hex')}`;
  const clean = (text: string) => text.replace(/[^\x20-\x7e]/g, ' ').slice(0, 800);
  const relayed = failures.every((one) => one.relayed === true);
  const lines = [
    `From: Mail gateway <postmaster@${gateway}>`,
    `To: <${clean(sender)}>`,
    relayed ? 'Subject: Your message was handed on' : 'Subject: Your message could not be delivered',
    `Date: ${formatDate(at)}`,
    `Message-ID: <${randomBytes(12).toString('hex')}@${gateway}>`,
    'Auto-Submitted: auto-replied',
    'MIME-Version: 1.0',
    `Content-Type: multipart/report; report-type=delivery-status; boundary="${boundary}"`,
    '',
    `--${boundary}`,
    'Content-Type: text/plain; charset=us-ascii',
    '',
    relayed ? 'Your message was handed to a server that sends no notice of delivery:' : 'Your message did not reach:',
    '',
    ...failures.flatMap(({ address, reply }) => [
      `  ${clean(address)}`,
      ...wrap(clean(reply), 70).map((line) => `    ${line}`),
      '',
    ]),
    ...(relayed
      ? ['Whether it is delivered from there is not known here. The header of the message follows.']
      : [
          'Nothing else was lost: whoever is not named here has it or will be reported.',
          'Correct the address, or send it again later. The header of the message follows.',
        ]),
    '',
    `--${boundary}`,
    'Content-Type: message/delivery-status',
    '',
    `Reporting-MTA: dns; ${gateway}`,
    ...(envelopeId === undefined ? [] : [`Original-Envelope-Id: ${clean(envelopeId)}`]),
    '',
    ...failures.flatMap(({ address, reply, status, original: asked }) => [
      ...(asked === undefined ? [] : [`Original-Recipient: ${clean(asked.replace(';', '; '))}`]),
      `Final-Recipient: rfc822; ${clean(address)}`,
      relayed ? 'Action: relayed' : 'Action: failed',
      relayed ? 'Status: 2.0.0' : `Status: ${(status ?? statusOf(reply)).replace(/^4(?=\.)/, '5')}`,
      ...(/^\d{3}/.test(reply) ? [`Diagnostic-Code: smtp; ${clean(reply)}`] : []),
      '',
    ]),
    `--${boundary}`,
    'Content-Type: text/rfc822-headers',
    '',
    '',
  ];
  return Buffer.concat([
    Buffer.from(lines.join('\r\n'), 'latin1'),
    original.subarray(0, headerBlockEnd(original)),
    Buffer.from(`\r\n--${boundary}--\r\n`),
  ]);
}

/** RFC 5322 3.3, in UTC. */
export function formatDate(at: Date): string {
  return at.toUTCString().replace('GMT', '+0000');
}

function wrap(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/ +/)) {
    if (line !== '' && line.length + word.length >= width) {
      lines.push(line);
      line = '';
    }
    line = line === '' ? word : `${line} ${word}`;
  }
  return line === '' ? lines : [...lines, line];
}
