/** What a gateway found out about one incoming message: for its header fields, the journal and the console alike. */
import { z } from 'zod';
import { SerialNumber } from './values.ts';

/** Why a reader should look twice, most telling first. Codes are never renamed or given a second meaning. */
export const mailSignals = [
  'signer-not-from',
  'signature-missing',
  'certificate-changed',
  'colleague-name',
  'address-in-name',
  'look-alike-domain',
  'dmarc-fail',
  'not-authenticated',
  'reply-to-elsewhere',
  'weak-cipher',
] as const;
export const MailSignalCode = z.enum(mailSignals);
export type MailSignalCode = z.infer<typeof MailSignalCode>;

/** In a few words, for lists; each message has its own reason. */
export const signalWords: Readonly<Record<MailSignalCode, string>> = {
  'signer-not-from': 'signed by somebody other than its author',
  'signature-missing': 'not signed, as its author always does',
  'certificate-changed': 'signed with another certificate than before',
  'colleague-name': 'a colleague’s name with an address outside',
  'address-in-name': 'another address shown as its author’s name',
  'look-alike-domain': 'a domain that looks like another',
  'dmarc-fail': 'its author’s domain does not vouch for it',
  'not-authenticated': 'encrypted, and may have been altered',
  'reply-to-elsewhere': 'an answer goes elsewhere',
  'weak-cipher': 'encrypted with a weak cipher',
};

export const MailSignal = z.object({
  code: MailSignalCode,
  /** `warning`: somebody may be deceiving the reader. `notice`: worth knowing, and common in honest mail. */
  severity: z.enum(['warning', 'notice']),
  /** In plain words, for the reader. */
  reason: z.string().max(300),
});
export type MailSignal = z.infer<typeof MailSignal>;

export const MailVerdict = z.object({
  /** Null where it could not be looked into: encrypted, and not opened here. */
  signature: z.enum(['valid', 'invalid', 'unsigned', 'ambiguous']).nullable(),
  /** Why it is not valid. */
  reason: z.string().max(300).nullable(),
  /** Whose address the message claims, and whether its signer has it. */
  from: z.array(z.string().max(320)).max(10),
  identity: z.enum(['match', 'mismatch', 'unknown']),
  signer: z
    .object({
      address: z.string().max(320).nullable(),
      subject: z.string().max(500),
      issuer: z.string().max(500),
      serialNumber: SerialNumber,
    })
    .nullable(),
  /** RFC 8601 result words. */
  authentication: z.object({
    spf: z.string().max(20),
    dkim: z.array(z.string().max(20)).max(20),
    dmarc: z.string().max(20),
    arc: z.string().max(20),
  }),
  /** Layers of cryptography, outermost first, those that were opened here included. */
  layers: z
    .array(
      z.object({
        kind: z.string().max(40),
        /** Of a signature. */
        verdict: z.enum(['valid', 'invalid', 'unsigned']).nullable(),
      }),
    )
    .max(20),
  encrypted: z.boolean(),
  opened: z.boolean(),
  /** What was opened is what was sent; null where nothing was. */
  authenticated: z.boolean().nullable(),
  /** `text`: only its text was passed on, with what came attached. `shut`: it was not opened, or is passed on unopened. */
  handling: z.enum(['whole', 'text', 'shut']),
  signals: z.array(MailSignal).max(mailSignals.length),
});
export type MailVerdict = z.infer<typeof MailVerdict>;
