/**
 * Tells of what happened: to whom it concerns, each in their language, by the rules of the office. What happened has a key, and is
 * told once, whoever finds it and however often: key, notices and the change they tell of commit together.
 */
import { randomUUID } from 'node:crypto';
import {
  fillNotice,
  type NoticeEvent,
  type NoticeLanguage,
  type NoticeRole,
  type NoticeSettings,
  type NoticeTime,
  noticeEvents,
  settingsOf,
} from '@chancery/api';
import { publicUrlOf } from '../config.ts';
import { sealSecret } from '../identity/sealing.ts';
import type { Snapshot, Transaction } from '../store/database.ts';
import { insertConsoleNotices, insertNoticeEvents, preferencesOf } from '../store/notice-events.ts';
import { countsByRecipient, insertNoticesOnce, type NewNotice } from '../store/notices.ts';
import { requireOffice } from '../store/office.ts';
import { listOperators } from '../store/operators.ts';
import { type PersonRow, peopleByAddresses, peopleByIds } from '../store/people.ts';
import { managerOf } from '../store/sources.ts';
import type { World } from '../world.ts';
import { noticePurpose } from './queue.ts';
import { settingsInForce, type TemplatesInForce, templatesInForce } from './rules.ts';
import { languageOf, languages } from './texts/languages.ts';
import { nextLoud, writeDay } from './times.ts';
import { type Facts, oneLine, writeFacts } from './write-facts.ts';

export interface Happening {
  readonly event: NoticeEvent;
  /** What happened, and nothing else that ever happens: the same key is told once. */
  readonly key: string;
  /** Whom it concerns. */
  readonly personId?: string;
  /** As the subject of an audit record. */
  readonly about?: string;
  /** What the texts name. Instants are written as days of the reader's language; `use` and `reason` in its words. */
  readonly facts?: Facts;
  /** Who is told it otherwise, by a letter of their own; others are told all the same. */
  readonly exceptPerson?: boolean;
  /** The one secret there is: for the person's own mail alone. */
  readonly claimLink?: string;
  readonly expiresAt?: Date;
}

/** @returns how many happened newly */
export async function tell(tx: Transaction, world: World, happenings: readonly Happening[]): Promise<number> {
  if (happenings.length === 0) return 0;
  const at = world.clock();
  const keys = await insertNoticeEvents(tx, happenings, at);
  const fresh = happenings.filter(({ key }) => keys.delete(key));
  if (fresh.length === 0) return 0;
  const office = await readOffice(tx, world, fresh);
  const wanted = fresh.flatMap((happening) => recipientsOf(office, happening).map((to) => ({ happening, ...to })));
  const counts = await countsByRecipient(
    tx,
    [...new Set(wanted.filter(({ channel }) => channel === 'mail').map(({ to }) => to))],
    new Date(at.getTime() - 3_600_000),
  );
  const notices: NewNotice[] = [];
  for (const one of wanted) {
    const before = counts.get(one.to) ?? 0;
    counts.set(one.to, before + 1);
    notices.push(await noticeOf(tx, world, office, one, before >= office.settings.mostPerHour));
  }
  await insertNoticesOnce(tx, notices);
  await insertConsoleNotices(
    tx,
    fresh
      .filter(({ event }) => settingsOf(office.settings, event).console)
      .map((happening) => inboxItem(office, happening, at)),
  );
  if (notices.some(({ state }) => state === 'waiting')) await world.jobs.enqueue(tx, 'send-notices', {});
  return fresh.length;
}

interface Office {
  readonly organisation: string;
  readonly url: string;
  readonly settings: NoticeSettings;
  readonly templates: TemplatesInForce;
  readonly people: ReadonlyMap<string, PersonRow>;
  /** By the address of a manager who is somebody here. */
  readonly managers: ReadonlyMap<string, PersonRow>;
  readonly preferences: ReadonlyMap<string, { language: NoticeLanguage | null; muted: readonly NoticeEvent[] }>;
  readonly operators: readonly { name: string; address: string; roles: readonly string[] }[];
  readonly webhooks: readonly { name: string; events: readonly NoticeEvent[] | undefined }[];
  readonly at: Date;
}

async function readOffice(snapshot: Snapshot, world: World, happenings: readonly Happening[]): Promise<Office> {
  const ids = [...new Set(happenings.flatMap(({ personId }) => personId ?? []))];
  const people = await withManagers(snapshot, world, await peopleByIds(snapshot, ids));
  const addresses = [...new Set(people.flatMap(({ attributes }) => attributes.manager?.toLowerCase() ?? []))];
  const managerIds = await peopleByAddresses(snapshot, addresses);
  const managers = new Map((await peopleByIds(snapshot, [...managerIds.values()])).map((one) => [one.id, one]));
  const preferences = await preferencesOf(snapshot, [...ids, ...managers.keys()]);
  const { settings } = await settingsInForce(snapshot);
  return {
    organisation: (await requireOffice(snapshot)).organisation,
    url: publicUrlOf(world.config),
    settings,
    templates: await templatesInForce(snapshot),
    people: new Map(people.map((one) => [one.id, one])),
    managers: new Map(
      [...managerIds].flatMap(([address, id]) => {
        const manager = managers.get(id);
        return manager === undefined ? [] : [[address, manager] as const];
      }),
    ),
    preferences: new Map(preferences.map((row) => [row.person_id, row])),
    operators: (await listOperators(snapshot)).filter(({ state }) => state === 'active'),
    webhooks: Object.entries(world.config.notices.webhook).map(([name, { events }]) => ({ name, events })),
    at: world.clock(),
  };
}

/** The manager that is the person's attribute, else whom a source of people names. */
async function withManagers(snapshot: Snapshot, { config }: World, people: readonly PersonRow[]): Promise<PersonRow[]> {
  const all: PersonRow[] = [];
  for (const person of people) {
    const named =
      person.attributes.manager ?? (await managerOf(snapshot, person.id, config.identity.precedence))?.address;
    all.push(named === undefined ? person : { ...person, attributes: { ...person.attributes, manager: named } });
  }
  return all;
}

interface Recipient {
  readonly channel: 'mail' | 'webhook';
  readonly to: string;
  readonly name: string;
  readonly role: NoticeRole | null;
  readonly language: NoticeLanguage;
  readonly time: Exclude<NoticeTime, 'off'>;
}

function recipientsOf(office: Office, happening: Happening): Recipient[] {
  const { event } = happening;
  const rules = settingsOf(office.settings, event);
  const found: Recipient[] = [];
  const add = (role: NoticeRole, to: string, name: string, language: NoticeLanguage) => {
    const time = rules[role];
    if (time === 'off') return;
    const known = found.some((one) => one.to.toLowerCase() === to.toLowerCase());
    if (!known) found.push({ channel: 'mail', to, name, role, language, time });
  };
  const person = happening.personId === undefined ? undefined : office.people.get(happening.personId);
  if (person !== undefined) {
    const muted = noticeEvents[event].mayMute === true && office.preferences.get(person.id)?.muted.includes(event);
    // Whoever has left has no mailbox here any more.
    if (muted !== true && happening.exceptPerson !== true && person.state !== 'left')
      add('person', person.address, person.name, languageFor(office, person));
    const { manager } = person.attributes;
    if (manager !== undefined) {
      const known = office.managers.get(manager.toLowerCase());
      // Somebody who has left is nobody's manager any more, and their mailbox may be another's.
      if (known?.state !== 'left') {
        add('manager', manager, known?.name ?? manager, known ? languageFor(office, known) : office.settings.language);
      }
    }
  }
  // The welcome carries a link that is one person's alone.
  if (happening.claimLink !== undefined) return found.filter(({ role }) => role === 'person');
  const roles: readonly string[] = noticeEvents[event].roles ?? [];
  for (const operator of office.operators) {
    if (operator.roles.some((role) => roles.includes(role))) {
      add('operators', operator.address, operator.name, office.settings.language);
    }
  }
  if (!rules.webhook) return found;
  const hooks = office.webhooks.filter(({ events }) => events?.includes(event) ?? true);
  const { language } = office.settings;
  return [
    ...found,
    ...hooks.map(({ name }) => ({ channel: 'webhook', to: name, name, role: null, language, time: 'now' }) as const),
  ];
}

function languageFor(office: Office, person: PersonRow): NoticeLanguage {
  return (
    office.preferences.get(person.id)?.language ?? languageOf(person.attributes.language) ?? office.settings.language
  );
}

async function noticeOf(
  tx: Transaction,
  world: World,
  office: Office,
  to: Recipient & { readonly happening: Happening },
  tooMany: boolean,
): Promise<NewNotice> {
  const { happening, channel, language, time } = to;
  const id = randomUUID();
  const { subject, text } = written(office, happening, to);
  const secret = happening.claimLink !== undefined;
  const prompt = channel === 'webhook' || secret || noticeEvents[happening.event].urgent === true;
  const digest = prompt ? null : time === 'now' ? (tooMany ? 'daily' : null) : time;
  return {
    id,
    recipient: to.to,
    subject,
    body: secret ? null : channel === 'webhook' ? payload(office, id, happening, { subject, text }) : text,
    sealed_body: secret ? Buffer.from(await sealSecret(world, tx, noticePurpose(id), Buffer.from(text, 'utf8'))) : null,
    about: happening.about ?? null,
    person_id: happening.personId ?? null,
    state: digest === null ? 'waiting' : 'gathering',
    queued_at: office.at,
    expires_at: happening.expiresAt ?? null,
    next_attempt_at: prompt ? office.at : nextLoud(office.settings, office.at),
    channel,
    event: happening.event,
    role: to.role,
    once: `${happening.key} ${channel}:${to.to.toLowerCase()}`,
    language,
    digest,
  };
}

/** What a webhook is sent, as it is sent: JSON. No secret is ever in it. */
function payload(
  office: Office,
  id: string,
  { event, about, personId, facts = {} }: Happening,
  text: { subject: string; text: string },
): string {
  const person = personId === undefined ? undefined : office.people.get(personId);
  return JSON.stringify({
    id,
    type: event,
    timestamp: office.at.toISOString(),
    data: {
      about: about ?? null,
      person: person === undefined ? null : { id: person.id, name: person.name, address: person.address },
      facts: Object.fromEntries(
        Object.entries(facts).map(([name, value]) => [name, value instanceof Date ? value.toISOString() : value]),
      ),
      text: { language: office.settings.language, ...text },
    },
  });
}

function inboxItem(office: Office, happening: Happening, at: Date) {
  const { language } = office.settings;
  const { subject, text } = written(office, happening, { name: '', language });
  // The greeting of a letter has no place in a list; what goes on after it in lower case begins here.
  const body = text.split('\n\n').slice(1).join('\n\n').trim();
  const beginsWithName = office.templates(happening.event, language).text.split('\n\n')[1]?.trimStart().startsWith('{');
  return {
    id: randomUUID(),
    event: happening.event,
    subject,
    body: beginsWithName === true ? body : capitalised(body, languages[language].locale),
    about: happening.about ?? null,
    person_id: happening.personId ?? null,
    urgent: noticeEvents[happening.event].urgent === true,
    at,
  };
}

function capitalised(text: string, locale: string): string {
  const [first = ''] = text;
  return first.toLocaleUpperCase(locale) + text.slice(first.length);
}

/** The text of that event, filled in, in that language. */
function written(
  office: Office,
  { event, personId, facts = {}, claimLink }: Happening,
  { name, language, role }: { name: string; language: NoticeLanguage; role?: NoticeRole | null },
): { subject: string; text: string } {
  const words = languages[language];
  const person = personId === undefined ? undefined : office.people.get(personId);
  return fillNotice(office.templates(event, language), {
    name: oneLine(name),
    organisation: oneLine(office.organisation),
    url: office.url,
    date: writeDay(office.at, words.locale, office.settings),
    ...(person !== undefined && { person: oneLine(person.name), address: person.address }),
    ...writeFacts(facts, office, language),
    ...(claimLink !== undefined && role === 'person' && { claimLink }),
  });
}
