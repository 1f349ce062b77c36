/** What an SMTP session knows when a message comes: copied, for smtp-server uses its own objects again. */
import { domainToASCII } from 'node:url';
import type { SMTPServerAddress, SMTPServerSession } from 'smtp-server';
import { EnvelopeNotes, type RecipientNotes } from '../relay/envelope.ts';

export interface ArrivalEnvelope {
  /** Envelope sender as given, its domain in ASCII; empty for a notification. */
  readonly sender: string;
  readonly recipients: readonly string[];
  /** What goes on with the message to the next server. */
  readonly notes?: EnvelopeNotes;
  readonly client: {
    /** IP address: of the first client where a trusted MTA in front told us (XFORWARD). */
    readonly address: string;
    readonly helo: string;
    readonly name: string;
    /** RFC 3848: ESMTP, ESMTPS, ESMTPSA … */
    readonly protocol?: string;
  };
}

export function envelopeOf(session: SMTPServerSession): ArrivalEnvelope {
  const { mailFrom, rcptTo } = session.envelope;
  const notes = notesOf(session);
  return {
    sender: mailFrom === false ? '' : addressOf(mailFrom),
    recipients: [...new Set(rcptTo.map(addressOf))],
    ...(notes === undefined ? {} : { notes }),
    client: {
      address: session.remoteAddress,
      helo: session.hostNameAppearsAs || '',
      name: typeof session.clientHostname === 'string' ? session.clientHostname : '',
      protocol: session.transmissionType,
    },
  };
}

/**
 * smtp-server shows international domains in Unicode; everything here compares and sends them in ASCII. A quoted local part that needs no
 * quotes is the one without (RFC 5321 section 4.1.2): rules and keys of that address are its own.
 */
function addressOf({ address }: SMTPServerAddress): string {
  const at = address.lastIndexOf('@');
  if (at === -1) return address;
  const domain = address.slice(at + 1);
  const given = address.slice(0, at);
  const within = /^"((?:[^"\\]|\\.)*)"$/.exec(given)?.[1]?.replace(/\\(.)/g, '$1');
  const local = within !== undefined && dotAtom.test(within) ? within : given;
  return `${local}@${domain.startsWith('[') ? domain : domainToASCII(domain) || domain}`;
}

/** RFC 5322 section 3.2.3, and RFC 6531 section 3.3. */
const dotAtom = /^[\w!#$%&'*+/=?^`{|}~\u0080-\u{10ffff}-]+(\.[\w!#$%&'*+/=?^`{|}~\u0080-\u{10ffff}-]+)*$/u;

/** Lower case, ASCII; empty for the postmaster without one. */
export function recipientDomain(recipient: SMTPServerAddress): string {
  const address = addressOf(recipient);
  const at = address.lastIndexOf('@');
  return at === -1 ? '' : address.slice(at + 1).toLowerCase();
}

function notesOf(session: SMTPServerSession): EnvelopeNotes | undefined {
  const { dsn, smtpUtf8, rcptTo } = session.envelope;
  const recipients: Record<string, RecipientNotes> = Object.create(null);
  for (const one of rcptTo) {
    if (one.dsn !== undefined) recipients[addressOf(one)] = one.dsn as RecipientNotes;
  }
  const notes = {
    ...(smtpUtf8 === true ? { smtpUtf8 } : {}),
    ...(dsn?.ret ? { ret: dsn.ret } : {}),
    ...(dsn?.envid ? { envid: dsn.envid } : {}),
    ...(Object.keys(recipients).length === 0 ? {} : { recipients: { ...recipients } }),
    forwarded: forwardedOf(session),
  };
  // smtp-server has checked the words; what it let through that is none of them goes no further.
  return EnvelopeNotes.safeParse(notes).data;
}

/** What a trusted MTA in front said of its client, or what we see of ours. */
function forwardedOf(session: SMTPServerSession): Record<string, string> {
  const address = (ip: string) => (ip.includes(':') ? `IPV6:${ip}` : ip);
  const told = [...session.xForward].filter(([name]) => !name.includes(':'));
  if (told.length > 0) {
    return Object.fromEntries(
      told.map(([name, value]) => {
        if (value === false || value === '') return [name, '[UNAVAILABLE]'];
        return [name, name === 'ADDR' ? address(String(value)) : String(value)];
      }),
    );
  }
  return {
    ADDR: address(session.remoteAddress),
    NAME: '[UNAVAILABLE]',
    PORT: String(session.remotePort),
    PROTO: session.transmissionType.startsWith('E') ? 'ESMTP' : 'SMTP',
    HELO: session.hostNameAppearsAs || '[UNAVAILABLE]',
    SOURCE: 'REMOTE',
  };
}
