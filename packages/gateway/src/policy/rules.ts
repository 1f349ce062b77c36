/** Rules are data: what the TOML file holds, and what a condition means. Who decides with them is `decide.ts`. */
import { z } from 'zod';

const domain = z
  .string()
  .min(1)
  .transform((value) => value.toLowerCase().replace(/^@/, ''));

/** Every condition that is given must hold. A list holds when any of its values does. */
const Conditions = z.strictObject({
  direction: z.enum(['outbound', 'inbound']).optional(),
  /** Envelope senders: `anna@example.com`, `@example.com`, or `example.com`. */
  sender: z
    .array(
      z
        .string()
        .min(1)
        .transform((value) => value.toLowerCase()),
    )
    .min(1)
    .optional(),
  /** Domains of the envelope recipient; `.example.com` means its subdomains too. */
  recipientDomain: z.array(domain).min(1).optional(),
  /** A header field that is there, and (if `contains` is given) holds that text, without regard to case. */
  header: z.strictObject({ name: z.string().regex(/^[!-9;-~]+$/), contains: z.string().optional() }).optional(),
});
type Conditions = z.output<typeof Conditions>;

const Actions = z.strictObject({
  /** `if-possible`: signs for people whose key the gateway holds. `must`: refuses for anyone else. */
  sign: z.enum(['never', 'if-possible', 'must']).default('if-possible'),
  /** `if-possible`: where every recipient has a good certificate. `must`: refuses when one has none. */
  encrypt: z.enum(['never', 'if-possible', 'must']).default('if-possible'),
  /** `clear`: multipart/signed, readable everywhere. `opaque`: survives gateways that rewrite bodies. */
  form: z.enum(['clear', 'opaque']).default('clear'),
  /** `aes-256-gcm` only where every recipient's software is known to read AuthEnvelopedData. */
  cipher: z.enum(['aes-256-cbc', 'aes-256-gcm']).default('aes-256-cbc'),
  /**
   * Header protection (RFC 9788) of what this gateway signs or encrypts first. `clear`: signed, and readable outside. `baseline`, `shy`:
   * once it is encrypted Subject (and names) are hidden outside, and repeated in the text for programs that do not know of it.
   */
  header: z.enum(['none', 'clear', 'baseline', 'shy']).default('none'),
  /** Refuses the message with this text. */
  refuse: z.string().min(1).max(200).optional(),
});
export type Actions = z.output<typeof Actions>;

export const Rule = z.strictObject({
  name: z.string().min(1).max(200),
  when: Conditions.prefault({}),
  do: Actions.prefault({}),
});
export type Rule = z.output<typeof Rule>;

/** Stands behind every list of rules: sign everything, encrypt where every recipient has a certificate. */
const lastRule: Rule = { name: 'default', when: {}, do: Actions.parse({}) };

/** What a rule may look at, for one recipient of a message. */
export interface RuleFacts {
  readonly direction: 'outbound' | 'inbound';
  /** Envelope sender, lower case; empty for a notification. */
  readonly sender: string;
  readonly recipient: string;
  readonly headers: readonly { readonly name: string; readonly value: string }[];
}

/** The first rule whose conditions all hold. */
export function firstMatch(rules: readonly Rule[], facts: RuleFacts): Rule {
  return rules.find((rule) => holds(rule.when, facts)) ?? lastRule;
}

function holds(when: Conditions, facts: RuleFacts): boolean {
  if (when.direction !== undefined && when.direction !== facts.direction) return false;
  if (when.sender !== undefined && !when.sender.some((sender) => isSender(sender, facts.sender))) return false;
  if (when.recipientDomain !== undefined) {
    const of = domainOf(facts.recipient);
    if (!when.recipientDomain.some((listed) => isWithin(listed, of))) return false;
  }
  const { header } = when;
  if (header !== undefined) {
    const name = header.name.toLowerCase();
    const text = header.contains?.toLowerCase() ?? '';
    if (!facts.headers.some((field) => field.name === name && field.value.toLowerCase().includes(text))) return false;
  }
  return true;
}

function isSender(pattern: string, sender: string): boolean {
  return pattern.lastIndexOf('@') > 0 ? pattern === sender : domainOf(sender) === pattern.replace(/^@/, '');
}

function isWithin(listed: string, domain: string): boolean {
  return listed.startsWith('.') ? domain === listed.slice(1) || domain.endsWith(listed) : domain === listed;
}

/** Lower case, without a final dot. */
export function domainOf(address: string): string {
  return address
    .slice(address.lastIndexOf('@') + 1)
    .toLowerCase()
    .replace(/\.$/, '');
}
