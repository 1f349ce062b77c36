/** Rules are data: what a file, the console and the authority hold. What a condition means is `conditions.ts`, what rules do `decide.ts`. */
import { z } from 'zod';
import { isNamed } from './patterns.ts';

/** A text on one line, without controls. */
const line = (most: number) =>
  z
    .string()
    .min(1)
    .max(most)
    .regex(/^\P{Cc}*$/u, 'is one line without control characters');
const list = <Item extends z.ZodType>(item: Item) => z.array(item).min(1).max(1000);
const headerName = z
  .string()
  .max(100)
  .regex(/^[!-9;-~]+$/, 'is a header field name');
const octets = z.int().min(0).max(1_000_000_000);
const Certainty = z.enum(['never', 'if-possible', 'must']);

/** Every condition that is given must hold. A list holds when any of its values does. Letters are the same in either case. */
const SimpleConditions = z.strictObject({
  direction: z.enum(['outbound', 'inbound']).optional(),
  /** Envelope senders: `anna@example.com`, `@example.com`, or `example.com`; `.example.com` means its subdomains too. */
  sender: list(line(320)).optional(),
  /** Groups of our people, as the directory names them. */
  senderGroup: list(line(200)).optional(),
  /** Envelope recipients: `bob@partner.example`. */
  recipient: list(line(320)).optional(),
  /** Domains of the envelope recipient; `.example.com` means its subdomains too. */
  recipientDomain: list(line(256)).optional(),
  recipientGroup: list(line(200)).optional(),
  /** The recipient has a certificate that is good to encrypt to, or has none. */
  hasCertificate: z.boolean().optional(),
  /** A header field that is there, and (if `contains` is given) holds that text. */
  header: z.strictObject({ name: headerName, contains: z.string().max(1000).optional() }).optional(),
  /**
   * Classification: the name or the id of a label (`MSIP_Labels`), a value of Sensitivity, Classification, X-Classification or
   * X-Sensitivity-Label, or a `SEC=` of X-Protective-Marking.
   */
  label: list(line(200)).optional(),
  /** Whole words or phrases; `confiden*` for words that begin so. */
  subjectWords: list(line(200)).optional(),
  /** In the text parts of the message, as a reader sees them. */
  bodyWords: list(line(200)).optional(),
  /** File names; `*` stands for anything, `?` for one character. */
  attachmentName: list(line(255)).optional(),
  /** Media types of any part: `application/pdf`, `image/*`. */
  attachmentType: list(
    z
      .string()
      .max(200)
      .regex(/^[!#$&^_.+*A-Za-z0-9-]+\/[!#$&^_.+*A-Za-z0-9-]+$/, 'is a media type'),
  ).optional(),
  /** Octets of the whole message as it came. */
  largerThan: octets.optional(),
  smallerThan: octets.optional(),
  /** What the sender's own software did already. */
  protection: list(z.enum(['none', 'signed', 'encrypted'])).optional(),
  /** Mail from outside: what SPF, DKIM and DMARC say of it, in the words of RFC 8601. Each that is given must hold. */
  authentication: z
    .strictObject({
      spf: list(z.enum(['pass', 'fail', 'softfail', 'neutral', 'none', 'temperror', 'permerror'])).optional(),
      dkim: list(z.enum(['pass', 'fail', 'neutral', 'policy', 'none', 'temperror', 'permerror'])).optional(),
      dmarc: list(z.enum(['pass', 'fail', 'none', 'temperror', 'permerror'])).optional(),
    })
    .optional(),
});
export type SimpleConditions = z.output<typeof SimpleConditions>;

export const Conditions = z.strictObject({
  ...SimpleConditions.shape,
  /** At least one of these must hold too. */
  anyOf: z.array(SimpleConditions).min(1).max(20).optional(),
  /** The exception: the rule does not hold where all of these do. */
  unless: SimpleConditions.optional(),
});
export type Conditions = z.output<typeof Conditions>;

/** Fields that make a message what it is: a rule does not write or remove them. */
const kept: readonly string[] = [
  ...[
    'content-type',
    'content-transfer-encoding',
    'mime-version',
    'from',
    'sender',
    'to',
    'cc',
    'bcc',
    'date',
    'message-id',
  ],
  ...['received', 'return-path', 'authentication-results', 'dkim-signature', 'arc-seal', 'arc-message-signature'],
  'arc-authentication-results',
];
const changeable = (pattern: string) => !kept.some((name) => isNamed(pattern, name)) && !/^content-/i.test(pattern);
/** What the gateway found out about a message is nobody else's to say. */
const writable = (name: string) => changeable(name) && !/^x-chancery-/i.test(name);

/** What is not said is as at the end of the list, unless another rule says it. Protection and the disclaimer are for mail that goes out. */
export const Actions = z.strictObject({
  /** `if-possible` (what holds where nothing is said): signs for people whose key the gateway holds. `must`: refuses for anyone else. */
  sign: Certainty.optional(),
  /** `if-possible` (where nothing is said): where every recipient has a good certificate. `must`: nothing goes out otherwise. */
  encrypt: Certainty.optional(),
  /** `clear` (where nothing is said): multipart/signed, readable everywhere. `opaque`: survives gateways that rewrite bodies. */
  form: z.enum(['clear', 'opaque']).optional(),
  /** Where nothing is said: AES-256-GCM if every recipient's software has announced it, else AES-256-CBC. What is said is used. */
  cipher: z.enum(['aes-256-cbc', 'aes-256-gcm']).optional(),
  /** `announced` (where nothing is said): RSA-OAEP for recipients whose software has announced it. `must`: for everyone with an RSA key. */
  oaep: z.enum(['announced', 'must']).optional(),
  /**
   * Header protection (RFC 9788) of what this gateway signs or encrypts first; `none` where nothing is said. `clear`: signed, and
   * readable outside. `baseline`, `shy`: once it is encrypted Subject (and names) are hidden outside, and repeated in the text for
   * programs that do not know of it.
   */
  header: z.enum(['none', 'clear', 'baseline', 'shy']).optional(),
  /**
   * Whether recipients without a certificate may be sent the message in the clear while others are sent it encrypted. Where nothing is
   * said: no. A recipient whose own rule says `encrypt = "never"` is none of these.
   */
  split: z.boolean().optional(),
  /** Refuses the message, with this text to its sender. */
  refuse: line(200).optional(),
  /**
   * Keeps the message here. Without `invite` all of it waits until somebody releases it; with `invite` only recipients without a good
   * certificate wait: they are asked for a signed reply, which brings one. After `hours` the message is returned to its sender. Mail that
   * comes in is quarantined: it waits for somebody in every case, and its readers are told when its time ends.
   */
  hold: z
    .strictObject({ reason: line(200), hours: z.int().min(1).max(2160), invite: z.boolean().default(false) })
    .optional(),
  addHeaders: z
    .array(
      z.strictObject({
        name: headerName.refine(writable, 'is not a field that a rule may write'),
        value: z
          .string()
          .min(1)
          .max(900)
          .regex(/^[\x20-\x7e]+$/, 'is printable ASCII on one line'),
      }),
    )
    .min(1)
    .max(20)
    .optional(),
  /** Names; `X-Internal-*` for all that begin so. */
  removeHeaders: list(headerName.refine(changeable, 'is not a field that a rule may remove')).optional(),
  /**
   * File names; `*` and `?` as in conditions. A note stands where each was. What cannot be taken out (of what is signed, or cannot be looked
   * into) does not go by: a message that goes out is refused, one that comes in is held.
   */
  removeAttachments: list(line(255)).optional(),
  /** Put at the end of the text, before anything is signed; what the sender's own software has signed or encrypted stays as it is. */
  disclaimer: z
    .strictObject({ text: z.string().min(1).max(10_000), html: z.string().min(1).max(50_000).optional() })
    .optional(),
  /** Put before the subject, unless it is there. */
  subjectTag: line(40).optional(),
  /** Mail that comes in: in the place of `banner` and `reencrypt` of the gateway's configuration. */
  banner: z.enum(['never', 'warnings', 'signals']).optional(),
  reencrypt: z.enum(['never', 'opened', 'all']).optional(),
  /** The name of another next server of the gateway's configuration. */
  route: z
    .string()
    .regex(/^[a-z0-9][a-z0-9-]{0,39}$/, 'is a name of small letters, digits and hyphens')
    .optional(),
});
export type Actions = z.output<typeof Actions>;
export type Hold = NonNullable<Actions['hold']>;

export const Rule = z.strictObject({
  name: line(200),
  /** `shadow`: changes nothing, and what it would have done stands in the record of each decision. */
  enabled: z.enum(['on', 'shadow', 'off']).default('on'),
  when: Conditions.prefault({}),
  do: Actions.prefault({}),
});
export type Rule = z.output<typeof Rule>;

/** `first-match`: the first rule that holds decides alone. `all-match`: all that hold decide together, the strictest word counts. */
export const RuleMode = z.enum(['first-match', 'all-match']);

export const RuleSet = z.strictObject({
  /** Of this format. */
  version: z.literal(1).default(1),
  mode: RuleMode.default('first-match'),
  rules: z.array(Rule).max(500).default([]),
});
export type RuleSet = z.output<typeof RuleSet>;
export type RuleSetInput = z.input<typeof RuleSet>;

/** Name of what stands behind every list of rules: sign, and encrypt where every recipient has a certificate. */
export const lastRule = 'default';
