/** What an envelope says beyond sender and recipients, kept from the client that brought it to the server that takes it. */
import { z } from 'zod';

/** RFC 3461, xtext decoded. */
const RecipientNotes = z.object({
  /** NEVER, or some of SUCCESS, FAILURE and DELAY. */
  notify: z.array(z.enum(['NEVER', 'SUCCESS', 'FAILURE', 'DELAY'])).optional(),
  orcpt: z.string().optional(),
});
export type RecipientNotes = z.output<typeof RecipientNotes>;

export const EnvelopeNotes = z.object({
  /** RFC 6531: the client asked for it. */
  smtpUtf8: z.literal(true).optional(),
  ret: z.enum(['FULL', 'HDRS']).optional(),
  envid: z.string().optional(),
  /** By recipient address, as in the envelope. */
  recipients: z.record(z.string(), RecipientNotes).optional(),
  /** Of the first client (Postfix's XFORWARD): attribute names in upper case, values decoded. */
  forwarded: z.record(z.string(), z.string()).optional(),
});
export type EnvelopeNotes = z.output<typeof EnvelopeNotes>;

/** RFC 3461 4.1: without a word about it, failures are told and successes are not. */
export function wants(notes: EnvelopeNotes | undefined, recipient: string, what: 'SUCCESS' | 'FAILURE'): boolean {
  const asked = notes?.recipients?.[recipient]?.notify;
  return asked === undefined ? what === 'FAILURE' : asked.includes(what);
}

/**
 * Of mail that comes encrypted: whoever has a stranger's ciphertext could hand it in under their own name, and what comes back from a server
 * behind us would show what was in it, or whether it could be opened. Failures are told, with the header alone.
 */
export function discreet(notes: EnvelopeNotes = {}): EnvelopeNotes {
  const recipients = Object.entries(notes.recipients ?? {}).map(([address, { notify, ...rest }]) => {
    const told: RecipientNotes['notify'] = notify?.includes('FAILURE') === true ? ['FAILURE'] : ['NEVER'];
    return [address, notify === undefined ? rest : { ...rest, notify: told }] as const;
  });
  return { ...notes, ret: 'HDRS', ...(recipients.length > 0 && { recipients: Object.fromEntries(recipients) }) };
}

export function asksForSuccess(notes: EnvelopeNotes | undefined): boolean {
  return Object.values(notes?.recipients ?? {}).some(({ notify }) => notify?.includes('SUCCESS') === true);
}

/** RFC 3461 4: visible ASCII but for `+` and `=`, the rest as `+XX`. */
export function toXtext(text: string): string {
  return [...Buffer.from(text)]
    .map((octet) =>
      octet < 0x21 || octet > 0x7e || octet === 0x2b || octet === 0x3d
        ? `+${octet.toString(16).toUpperCase().padStart(2, '0')}`
        : String.fromCharCode(octet),
    )
    .join('');
}
