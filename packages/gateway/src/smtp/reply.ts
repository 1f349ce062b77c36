/** The only file with SMTP reply codes. Every text says what happened and what to do; none tells of keys or of our insides. */
import type { Refusal } from '@chancery/mail-policy';

/** `text` begins with the enhanced status code of RFC 3463. */
export interface Reply {
  readonly code: number;
  readonly text: string;
}

export function accepted(id: string): Reply {
  return { code: 250, text: `2.6.0 Accepted as ${id}` };
}

/** RFC 3463, RFC 7372: what the policy said no to. */
export function refused(refusal: Refusal): Reply {
  switch (refusal.kind) {
    case 'policy':
      return { code: 550, text: `5.7.1 ${refusal.text}` };
    case 'encryption-impossible':
      return {
        code: 550,
        text: `5.7.10 Encryption is required and there is no usable certificate for ${some(refusal.recipients)}; nothing was sent`,
      };
    case 'split-forbidden':
      return {
        code: 550,
        text: `5.7.10 Encryption is required for some recipients, and ${some(refusal.recipients)} could only be sent it in the clear; nothing was sent`,
      };
    case 'no-signing-key':
      return {
        code: 550,
        text: '5.7.5 A signature is required and there is no signing key for the sender; nothing was sent',
      };
    case 'later':
      return { code: 451, text: `4.7.5 Not now, nothing was sent: ${refusal.reason}` };
  }
}

/** A signature is required, and would stand under words that the sender has not seen. */
export function notSignable(reason: string): Reply {
  return {
    code: 550,
    text: `5.7.5 A signature is required and ${reason}; answer without the quotation. Nothing was sent`,
  };
}

/** Something of ours is down or broken: the client keeps the message and tries again. */
export function tryLater(reason: string): Reply {
  return { code: 451, text: `4.7.5 Not now, nothing was sent: ${reason}` };
}

/** The next server said no for good to every recipient: what it said, it says through us. */
export function refusedByNext(reply: string): Reply {
  const parts = /^(5\d\d)[ -](?:(5\.\d{1,3}\.\d{1,3}) )?(.*)$/s.exec(reply);
  const text = (parts?.[3] ?? reply).replace(/\s+/g, ' ').slice(0, 400);
  return { code: Number(parts?.[1] ?? 550), text: `${parts?.[2] ?? '5.0.0'} ${text}` };
}

/** The next server cannot take it now, or nobody answers there: the client keeps it. */
export function putOffByNext(reply: string): Reply {
  const parts = /^(4\d\d)[ -](?:(4\.\d{1,3}\.\d{1,3}) )?(.*)$/s.exec(reply);
  const text = (parts?.[3] ?? 'the next server does not answer').replace(/\s+/g, ' ').slice(0, 400);
  return { code: Number(parts?.[1] ?? 451), text: `${parts?.[2] ?? '4.4.1'} ${text}` };
}

export function spoolFull(): Reply {
  return { code: 452, text: '4.3.1 The spool cannot take the message now; keep it and try again' };
}

export function tooBig(limit: number): Reply {
  return { code: 552, text: `5.3.4 The message is larger than the ${sizeInWords(limit)} that this gateway takes` };
}

export function notAClient(): Reply {
  return { code: 554, text: '5.7.1 This gateway takes no mail from your address' };
}

/** The server that hands mail in is one that others may use too, and this message is not from us through it. */
export function notFromHere(): Reply {
  return {
    code: 550,
    text: '5.7.1 This gateway takes no mail without the field of its organisation; nothing was sent',
  };
}

export function certificateRefused(reason: string): Reply {
  return { code: 554, text: `5.7.1 This gateway takes no mail from you: ${reason}` };
}

/** RFC 3463: an open relay is what spammers look for. */
export function notForUs(domain: string): Reply {
  return { code: 550, text: `5.7.1 This gateway takes no mail for ${domain.slice(0, 255)}` };
}

/** RFC 3207 section 4, RFC 4954 section 6. */
export function tlsFirst(): Reply {
  return { code: 530, text: '5.7.0 Start TLS first: this gateway takes neither mail nor passwords without it' };
}

export function loginFirst(): Reply {
  return { code: 530, text: '5.7.0 Log in first (AUTH)' };
}

export function loginRefused(): Reply {
  return { code: 535, text: '5.7.8 This name and password are not known here' };
}

export function loginThrottled(): Reply {
  return { code: 454, text: '4.7.0 Too many failed logins; wait a minute' };
}

export function tooMany(what: 'connections' | 'messages' | 'recipients'): Reply {
  const code = what === 'connections' ? 421 : 450;
  return { code, text: `4.7.0 Too many ${what} from your address; try again in a minute` };
}

export function tooManyErrors(): Reply {
  return { code: 421, text: '4.7.0 Too many errors, closing' };
}

/** RFC 5321 2.3.8: lines end with CRLF and nothing else. What others read as line ends is how messages are smuggled. */
export function bareLineEnd(): Reply {
  return { code: 550, text: '5.6.11 The message has a CR or LF that is not part of a CRLF; nothing was sent' };
}

export function unreadable(reason: string): Reply {
  return { code: 550, text: `5.6.0 The message cannot be read: ${reason}; nothing was sent` };
}

export function loops(): Reply {
  return { code: 554, text: '5.4.6 The message has been through this gateway before: a routing loop' };
}

export function tooManyCopies(): Reply {
  return { code: 550, text: '5.5.3 Too many hidden recipients for a message of this size; send it to fewer at a time' };
}

export function isTransient(code: number): boolean {
  return code >= 400 && code < 500;
}

export function isPermanent(code: number): boolean {
  return code >= 500 && code < 600;
}

/** RFC 3463 status of a reply of the next server, for a delivery status notification. */
export function statusOf(reply: string): string {
  const enhanced = /^\d{3}[ -]([245]\.\d{1,3}\.\d{1,3})\b/.exec(reply);
  if (enhanced?.[1] !== undefined) return enhanced[1];
  return /^4/.test(reply) ? '4.0.0' : '5.0.0';
}

/** RFC 3463 status when the queue gave up. */
export const expiredStatus = '4.4.7';

function some(addresses: readonly string[]): string {
  const shown = addresses.slice(0, 3).join(', ');
  return addresses.length > 3 ? `${shown} and ${addresses.length - 3} more` : shown;
}

function sizeInWords(octets: number): string {
  return octets % (1024 * 1024) === 0 ? `${octets / (1024 * 1024)} MiB` : `${octets} octets`;
}
