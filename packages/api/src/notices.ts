/** What the office tells whom: the events, who may be told of each, the texts and their checks. Safe in a browser. */
import { z } from 'zod';
import { letterNames, letters } from './notice-letters.ts';
import { Address, Id, Instant, PageQuery } from './values.ts';

export const noticeLanguages = ['en', 'de', 'fr', 'nb'] as const;
export const NoticeLanguage = z.enum(noticeLanguages);
export type NoticeLanguage = z.infer<typeof NoticeLanguage>;

/** At once, gathered into one mail a day or a week, or not at all. */
const noticeTimes = ['now', 'daily', 'weekly', 'off'] as const;
export const NoticeTime = z.enum(noticeTimes);
export type NoticeTime = z.infer<typeof NoticeTime>;

export const noticeRoles = ['person', 'manager', 'operators'] as const;
export const NoticeRole = z.enum(noticeRoles);
export type NoticeRole = z.infer<typeof NoticeRole>;

interface EventDefinition {
  /** In one sentence, for whoever sets it up. */
  readonly what: string;
  /** Who may be told, and when they are unless the office says otherwise. Who is not named here is never told. */
  readonly to: Partial<Record<NoticeRole, NoticeTime>>;
  /** Operators of these roles; where operators are told at all. */
  readonly roles?: readonly ('administrator' | 'registration-officer' | 'recovery-officer' | 'auditor')[];
  /** Goes out in quiet hours too, and is never held back for a ceiling. */
  readonly urgent?: true;
  /** An employee may do without it. */
  readonly mayMute?: true;
  /** To the one person that it is for, at once: no rule turns it off, and no inbox or webhook has it. */
  readonly letter?: true;
  /** The secret that its text carries, and must. */
  readonly link?: 'claimLink' | 'signInLink';
  /** What its texts may name beside what all may. */
  readonly placeholders: readonly Placeholder[];
}

type Placeholder =
  | 'name'
  | 'organisation'
  | 'url'
  | 'date'
  | 'claimLink'
  | 'signInLink'
  | 'person'
  | 'address'
  | 'use'
  | 'until'
  | 'reason'
  | 'device'
  | 'by'
  | 'detail'
  | 'topic'
  | 'target'
  | 'since'
  | 'authority'
  | 'source'
  | 'count'
  | 'items'
  | 'change'
  | 'case'
  | 'delivery'
  | 'request'
  | 'threshold';

/** What every text may name: whom it greets, whose office writes, where that is reached, the day. */
const EVERYWHERE = ['name', 'organisation', 'url', 'date'] as const;

const administrators = ['administrator'] as const;
const officers = ['administrator', 'registration-officer'] as const;

export const noticeEventNames = [
  'welcome',
  'link-lapsing',
  'certificate-expiring',
  'certificate-renewed',
  'certificate-revoked',
  'certificate-held',
  'certificate-released',
  'device-added',
  'person-suspended',
  'person-returned',
  'person-left',
  'recovery-waiting',
  'key-recovered',
  'help-asked',
  'approval-pending',
  'enrolment-delayed',
  'people-conflict',
  'people-drop',
  'administrator-left',
  'directory-silent',
  'target-down',
  'authority-trouble',
  'authority-ending',
  'rollover-begun',
  'rollover-finished',
  'token-trouble',
  'trail-unwitnessed',
  'drill-overdue',
  ...letterNames,
  'digest',
] as const;
export const NoticeEvent = z.enum(noticeEventNames);
export type NoticeEvent = z.infer<typeof NoticeEvent>;

export const noticeEvents: Record<NoticeEvent, EventDefinition> = {
  welcome: {
    what: 'Somebody has joined and their encryption key is made: the link by which they collect their keys',
    to: { person: 'now' },
    link: 'claimLink',
    placeholders: ['claimLink', 'until'],
  },
  'link-lapsing': {
    what: 'A link was not used, and ends within three days',
    to: { person: 'now', manager: 'off' },
    placeholders: ['person', 'address', 'until'],
  },
  'certificate-expiring': {
    what: 'A certificate ends soon whose key only its owner can renew',
    to: { person: 'now', manager: 'off', operators: 'weekly' },
    roles: officers,
    placeholders: ['person', 'address', 'use', 'until'],
  },
  'certificate-renewed': {
    what: 'A newer certificate has taken the place of an older one',
    to: { person: 'now', operators: 'off' },
    roles: administrators,
    mayMute: true,
    placeholders: ['person', 'address', 'use', 'until'],
  },
  'certificate-revoked': {
    what: 'Certificates of somebody were revoked',
    to: { person: 'now', manager: 'off', operators: 'daily' },
    roles: officers,
    placeholders: ['person', 'address', 'use', 'reason', 'by'],
  },
  'certificate-held': {
    what: 'Certificates of somebody were put on hold',
    to: { person: 'now', manager: 'off', operators: 'daily' },
    roles: officers,
    placeholders: ['person', 'address', 'use', 'by'],
  },
  'certificate-released': {
    what: 'Certificates of somebody are good again after a hold',
    to: { person: 'now', manager: 'off', operators: 'daily' },
    roles: officers,
    placeholders: ['person', 'address', 'use', 'by'],
  },
  'device-added': {
    what: 'Somebody has taken their keys to another device',
    to: { person: 'now', operators: 'off' },
    roles: administrators,
    placeholders: ['person', 'address', 'device'],
  },
  'person-suspended': {
    what: 'Somebody is suspended: what they have is on hold until they return',
    to: { person: 'now', manager: 'off', operators: 'daily' },
    roles: officers,
    placeholders: ['person', 'address', 'by'],
  },
  'person-returned': {
    what: 'Somebody is here again who was suspended, or had left',
    to: { person: 'now', manager: 'off', operators: 'daily' },
    roles: officers,
    placeholders: ['person', 'address', 'by'],
  },
  'person-left': {
    what: 'Somebody has left: signing is revoked, mail stays readable',
    to: { manager: 'now', operators: 'daily' },
    roles: officers,
    placeholders: ['person', 'address', 'by'],
  },
  'recovery-waiting': {
    what: 'Somebody asks for escrowed keys or messages: recovery officers decide',
    to: { operators: 'now' },
    roles: ['recovery-officer'],
    placeholders: ['by', 'detail'],
  },
  'key-recovered': {
    what: 'Escrowed keys or messages were released to whom recovery officers approved',
    // Whose keys they are is told by the recovery itself, or not yet where the law says so; a manager never is.
    to: { operators: 'now' },
    roles: ['administrator', 'auditor'],
    placeholders: ['by', 'detail'],
  },
  'help-asked': {
    what: 'An employee asks for help on their own page',
    to: { operators: 'now' },
    roles: officers,
    placeholders: ['person', 'address', 'topic'],
  },
  'approval-pending': {
    what: 'A device asks for a certificate that somebody must approve',
    to: { operators: 'now' },
    roles: officers,
    placeholders: ['person', 'address', 'use'],
  },
  'enrolment-delayed': {
    what: 'A certificate cannot be made for somebody, and why',
    to: { operators: 'daily' },
    roles: officers,
    placeholders: ['person', 'address', 'use', 'detail'],
  },
  'people-conflict': {
    what: 'A source of people contradicts what is here, and somebody must decide',
    to: { operators: 'now' },
    roles: officers,
    placeholders: ['source', 'detail'],
  },
  'people-drop': {
    what: 'A source of people suddenly has far fewer of them: it was stopped, and asks',
    to: { operators: 'now' },
    roles: officers,
    urgent: true,
    placeholders: ['source', 'detail'],
  },
  'administrator-left': {
    what: 'The last administrator with a credential of their own has left, or is suspended: they sign in until there is another',
    to: { operators: 'now' },
    roles: officers,
    urgent: true,
    placeholders: ['person', 'address'],
  },
  'directory-silent': {
    what: 'A directory that people come from has not been read to its end for too long',
    to: { operators: 'now' },
    roles: administrators,
    urgent: true,
    placeholders: ['source', 'detail', 'since'],
  },
  'target-down': {
    what: 'A place where certificates or lists are published takes nothing',
    to: { operators: 'now' },
    roles: administrators,
    urgent: true,
    placeholders: ['target', 'detail', 'since', 'count'],
  },
  'authority-trouble': {
    what: 'An authority, a list or an OCSP responder needs somebody',
    to: { operators: 'now' },
    roles: administrators,
    urgent: true,
    placeholders: ['authority', 'detail'],
  },
  'authority-ending': {
    what: 'The certificate of an authority itself ends: ninety, thirty and seven days before',
    to: { operators: 'now' },
    roles: administrators,
    urgent: true,
    placeholders: ['authority', 'until'],
  },
  'rollover-begun': {
    what: 'A rollover has begun: everyone gets another certificate from the authority that took over',
    to: { operators: 'now' },
    roles: administrators,
    placeholders: ['authority', 'target', 'count', 'by'],
  },
  'rollover-finished': {
    what: 'A rollover is done: nothing is left that the authority before has signed',
    to: { operators: 'now' },
    roles: administrators,
    placeholders: ['authority'],
  },
  'token-trouble': {
    what: 'A token or another store of keys does not answer: once a day while it lasts',
    to: { operators: 'now' },
    roles: administrators,
    urgent: true,
    placeholders: ['target', 'detail', 'since'],
  },
  'trail-unwitnessed': {
    what: 'A witness or collector of the audit trail has not been reached for an hour',
    to: { operators: 'now' },
    roles: ['administrator', 'auditor'],
    urgent: true,
    placeholders: ['target', 'detail', 'since'],
  },
  'drill-overdue': {
    what: 'A drill of the vault is overdue: nobody has proven lately that keys come back',
    to: { operators: 'weekly' },
    roles: administrators,
    placeholders: ['since'],
  },
  ...letters,
  digest: {
    what: 'What was gathered for one mail a day or a week',
    to: {},
    placeholders: ['count', 'items'],
  },
};

/** What the texts of an event may name. */
export function placeholdersOf(event: NoticeEvent): readonly Placeholder[] {
  return [...EVERYWHERE, ...noticeEvents[event].placeholders];
}

export interface NoticeText {
  /** One line. */
  readonly subject: string;
  /** Plain text; lines end in LF. */
  readonly text: string;
}

export interface TemplateProblem {
  readonly path: 'subject' | 'text';
  readonly message: string;
}

/** Why a text cannot be used for that event; nothing where it can. */
export function templateProblems(event: NoticeEvent, { subject, text }: NoticeText): TemplateProblem[] {
  const problems: TemplateProblem[] = [];
  if (subject.trim() === '') problems.push({ path: 'subject', message: 'is empty' });
  if (/[\r\n]/.test(subject)) problems.push({ path: 'subject', message: 'has more than one line' });
  if (subject.length > MOST_SUBJECT) problems.push({ path: 'subject', message: `is longer than ${MOST_SUBJECT}` });
  if (text.trim() === '') problems.push({ path: 'text', message: 'is empty' });
  if (text.length > MOST_TEXT) problems.push({ path: 'text', message: `is longer than ${MOST_TEXT} characters` });
  const known: readonly string[] = placeholdersOf(event);
  for (const [path, content] of [
    ['subject', subject],
    ['text', text],
  ] as const) {
    for (const name of placeholdersIn(content)) {
      const message = refusalOf(event, path, name, known);
      if (message !== undefined) problems.push({ path, message });
    }
  }
  const { link } = noticeEvents[event];
  if (link !== undefined && !placeholdersIn(text).includes(link)) {
    const lost = link === 'claimLink' ? 'collect their keys' : 'sign in';
    problems.push({ path: 'text', message: `does not name {${link}}: nobody could ${lost}` });
  }
  if (event === 'digest' && !placeholdersIn(text).includes('items')) {
    problems.push({ path: 'text', message: 'does not name {items}: nobody would learn what it is about' });
  }
  return problems;
}

const MOST_SUBJECT = 150;
const MOST_TEXT = 4_000;

function refusalOf(event: NoticeEvent, path: 'subject' | 'text', name: string, known: readonly string[]) {
  if (name === 'claimLink' || name === 'signInLink') {
    if (noticeEvents[event].link !== name)
      return `names {${name}}, a secret: only the mail that brings its owner a link carries it`;
    // A subject stands in logs and in lists of mail.
    return path === 'subject' ? `names {${name}}, a secret: it stands in the text only` : undefined;
  }
  if (known.includes(name)) return undefined;
  if (SECRETS.test(name)) return `names {${name}}: a secret is never placed in a text`;
  return `names {${name}}, which is not known here: ${known.map((one) => `{${one}}`).join(', ')}`;
}

/** What somebody might hope to have filled in. */
const SECRETS = /pass(word|phrase)|secret|token|private|pin$|totp|credential|^key$|^dek$|kek/i;

/** Names in braces, each once. */
function placeholdersIn(content: string): string[] {
  return [...new Set([...content.matchAll(/\{([A-Za-z][A-Za-z0-9_]*)\}/g)].map(([, name]) => name as string))];
}

/** Fills in what is known, once: a value that looks like a name in braces stays what it is. */
export function fillNotice(template: NoticeText, values: Readonly<Record<string, string>>): NoticeText {
  const fill = (content: string) =>
    content.replace(/\{([A-Za-z][A-Za-z0-9_]*)\}/g, (braces, name: string) =>
      Object.hasOwn(values, name) ? (values[name] as string) : braces,
    );
  return { subject: fill(template.subject).replace(/\s+/g, ' ').trim(), text: fill(template.text) };
}

/** The same text as HTML, kept plain: paragraphs and lines, no picture, no style, no address but the office's own as a link. */
export function plainHtml(text: string, options: { language: string; ownUrl: string }): string {
  const paragraphs = text
    .trim()
    .split(/\n{2,}/)
    .map(
      (paragraph) =>
        `<p>${paragraph
          .split('\n')
          .map((line) => linked(line, options.ownUrl))
          .join('<br>\n')}</p>`,
    );
  return `<!DOCTYPE html>\n<html lang="${escapeHtml(options.language)}">\n<body>\n${paragraphs.join('\n')}\n</body>\n</html>\n`;
}

function linked(line: string, ownUrl: string): string {
  return line
    .split(/(\S+)/)
    .map((word) => {
      const own = word === ownUrl || word.startsWith(`${ownUrl}/`) || word.startsWith(`${ownUrl}#`);
      return own ? `<a href="${escapeHtml(word)}">${escapeHtml(word)}</a>` : escapeHtml(word);
    })
    .join('');
}

function escapeHtml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll("'", '&#39;');
}

/** Stands for what is filled in, where somebody looks at a text before it is used. */
export const sampleFacts: Readonly<Record<Placeholder, string>> = {
  name: 'Dora Device',
  organisation: 'Example Corp',
  url: 'https://pki.example.com',
  date: '3 March 2026',
  claimLink: 'https://pki.example.com/claim#…',
  signInLink: 'https://pki.example.com/me#…',
  person: 'Dora Device',
  address: 'dora@example.com',
  use: 'signing',
  until: '17 March 2026',
  reason: 'key compromised',
  device: 'New phone',
  by: 'Ada Ambrose',
  detail: 'LDAP: the directory does not answer',
  topic: 'mail no longer opens',
  target: 'directory',
  since: '3 March 2026',
  authority: 'issuing-1',
  source: 'Entra ID',
  count: '3',
  items: '- A certificate was revoked: Dora Device\n- Ben Carter has left\n- A certificate ends soon: Anna Becker',
  change: 'a passkey was added',
  case: 'HR-2026-014',
  delivery: 'as a file, whose password travels apart',
  request: '0b6b1c2e-9a4f-4f0e-8f5e-6a1f2f3b4c5d',
  threshold: '2',
};

// Settings ------------------------------------------------------------------------------------------------------------

const Hour = z.int().min(0).max(23);
const Weekday = z.int().min(0).max(6);

function isTimeZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    return true;
  } catch {
    return false;
  }
}

const EventSettings = z.strictObject({
  person: NoticeTime.optional(),
  manager: NoticeTime.optional(),
  operators: NoticeTime.optional(),
  /** In the console's inbox. */
  console: z.boolean().optional(),
  webhook: z.boolean().optional(),
});
export type EventSettings = z.infer<typeof EventSettings>;

export const NoticeSettings = z.strictObject({
  /** For whoever has said no other. */
  language: NoticeLanguage.default('en'),
  /** Days and hours are of this zone. */
  timeZone: z.string().max(64).refine(isTimeZone, 'is no time zone').default('UTC'),
  digestHour: Hour.default(8),
  /** Of the weekly one; 0 is Sunday. */
  digestDay: Weekday.default(1),
  /** Only what is urgent goes out then; the rest waits. From an hour to another, and whole days. */
  quiet: z
    .strictObject({ from: Hour, to: Hour, days: z.array(Weekday).max(6) })
    .nullable()
    .default(null),
  /** Mails of the whole office in a minute. */
  mostPerMinute: z.int().min(1).max(10_000).default(300),
  /** Mails to one address in an hour; what is beyond is gathered for the day's one. */
  mostPerHour: z.int().min(1).max(1_000).default(20),
  events: z.partialRecord(NoticeEvent, EventSettings).default({}),
});
export type NoticeSettings = z.infer<typeof NoticeSettings>;

/** What holds for an event, once the office's choices are laid over what is shipped. */
export function settingsOf(
  settings: NoticeSettings,
  event: NoticeEvent,
): { readonly [K in keyof EventSettings]-?: NonNullable<EventSettings[K]> } {
  const { to, letter } = noticeEvents[event];
  if (letter === true) return { person: 'now', manager: 'off', operators: 'off', console: false, webhook: false };
  const own = settings.events[event] ?? {};
  const time = (role: NoticeRole): NoticeTime => (to[role] === undefined ? 'off' : (own[role] ?? to[role]));
  return {
    person: time('person'),
    manager: time('manager'),
    operators: time('operators'),
    console: own.console ?? to.operators !== undefined,
    webhook: own.webhook ?? true,
  };
}

const Changed = z.object({ version: z.int(), author: z.string(), note: z.string(), createdAt: Instant });
const Note = z.string().trim().max(500).default('');

export const NoticeSettingsPage = z.object({
  /** 0: as shipped. */
  version: z.int(),
  settings: NoticeSettings,
  /** Newest first. */
  versions: z.array(Changed.extend({ settings: NoticeSettings })),
  /** Whether `[mail]` is configured: without it nothing is sent. */
  mail: z.boolean(),
  /** Names of those that are configured. */
  webhooks: z.array(z.string()),
  unsent: z.object({ waiting: z.int(), failed: z.int(), gathering: z.int(), oldest: Instant.nullable() }),
});
export type NoticeSettingsPage = z.infer<typeof NoticeSettingsPage>;
export const ChangeNoticeSettings = z.object({ settings: NoticeSettings, expectedVersion: z.int(), note: Note });

export const NoticeTemplate = z.object({
  event: NoticeEvent,
  language: NoticeLanguage,
  subject: z.string(),
  text: z.string(),
  /** 0: as shipped, and never changed. */
  version: z.int(),
  /** Whether it is the shipped text. */
  shipped: z.boolean(),
});
export type NoticeTemplate = z.infer<typeof NoticeTemplate>;
export const NoticeTemplateDetail = NoticeTemplate.extend({
  shippedText: z.object({ subject: z.string(), text: z.string() }),
  /** Newest first; null where it went back to the shipped text. */
  versions: z.array(Changed.extend({ subject: z.string().nullable(), text: z.string().nullable() })),
});
export const ByTemplate = z.object({ event: NoticeEvent, language: NoticeLanguage });
export const ChangeNoticeTemplate = z.object({
  /** Null: the shipped text again. */
  content: z.object({ subject: z.string().max(1_000), text: z.string().max(20_000) }).nullable(),
  expectedVersion: z.int(),
  note: Note,
});

// What was told -------------------------------------------------------------------------------------------------------

const noticeStates = ['withheld', 'waiting', 'gathering', 'folded', 'sent', 'failed'] as const;
export const NoticeState = z.enum(noticeStates);

export const SentNotice = z.object({
  id: Id,
  channel: z.enum(['mail', 'webhook']),
  to: z.string(),
  role: NoticeRole.nullable(),
  event: NoticeEvent.nullable(),
  subject: z.string(),
  about: z.string().nullable(),
  state: NoticeState,
  digest: z.enum(['daily', 'weekly']).nullable(),
  queuedAt: Instant,
  nextAttemptAt: Instant.nullable(),
  sentAt: Instant.nullable(),
  attempts: z.int(),
  /** Why it has not gone out, in a sentence. */
  why: z.string().nullable(),
  /** The office was stopped while a server took it: it may have arrived before as well. */
  doubtful: z.boolean(),
});
export type SentNotice = z.infer<typeof SentNotice>;
export const SentNoticeDetail = SentNotice.extend({
  /** Null where it held a link or word that lets somebody in. */
  text: z.string().nullable(),
  language: NoticeLanguage.nullable(),
});
export const NoticeQuery = PageQuery.extend({
  state: NoticeState.optional(),
  /** Only what has not gone out. */
  unsent: z.stringbool().optional(),
  event: NoticeEvent.optional(),
  search: z.string().max(200).optional(),
});

export const InboxItem = z.object({
  id: Id,
  event: NoticeEvent,
  subject: z.string(),
  text: z.string(),
  about: z.string().nullable(),
  personId: Id.nullable(),
  urgent: z.boolean(),
  at: Instant,
  read: z.boolean(),
});
export type InboxItem = z.infer<typeof InboxItem>;
export const Inbox = z.object({
  items: z.array(InboxItem),
  /** Counted to 100. */
  unread: z.int(),
  next: z.string().nullable(),
});
export const InboxQuery = PageQuery.extend({ unread: z.stringbool().optional() });
/** All that there are now, where none is named. */
export const ReadInbox = z.object({ ids: z.array(Id).min(1).max(500).optional() });

/** What an employee wants: a language, and which of what they may do without. */
export const NoticePreferences = z.strictObject({
  language: NoticeLanguage.nullable(),
  muted: z.array(NoticeEvent).max(noticeEventNames.length),
});
export const MyNotices = z.object({
  preferences: NoticePreferences,
  /** What holds where they have said nothing. */
  officeLanguage: NoticeLanguage,
  mayMute: z.array(NoticeEvent),
  address: Address,
});
