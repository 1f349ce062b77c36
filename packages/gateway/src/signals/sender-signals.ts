/** Signs that the sender of a message is not who its reader will think (business e-mail compromise), each with its reason. */
import type { MailSignal, MailSignalCode } from '@chancery/api';
import { domainOf } from '@chancery/mail-policy';
import { parseAddressHeader, type VerifyReport } from '@chancery/smime';
import type { Authenticity } from '../authenticity.ts';
import type { HeaderField } from '../header-block.ts';
import type { OfficeView } from '../office.ts';
import { type Known, likeness, registeredDomain, skeleton } from './look-alike.ts';

/** What is known of a correspondent from the mail before. */
export interface Habit {
  /** Messages that were signed and proved everything, as far as they are counted. */
  readonly signed: number;
  /** Messages after those that their domain vouched for, and that were not signed. */
  readonly unsigned: number;
}

export interface SignalFacts {
  /** Of the form that its reader gets. */
  readonly fields: readonly HeaderField[];
  /** Undefined where the message could not be looked into. */
  readonly report: VerifyReport | undefined;
  readonly encrypted: boolean;
  readonly opened: boolean;
  readonly authenticated: boolean;
  readonly oldCipher?: string;
  readonly authenticity: Pick<Authenticity, 'dmarc'>;
  /** It was signed with another certificate than the one that is pinned for its sender. */
  readonly changed: string | undefined;
  readonly view: OfficeView;
  readonly habitOf: (address: string) => Habit | undefined;
  /** Registered domains of correspondents whose certificates are kept. */
  readonly correspondents: ReadonlySet<string>;
}

/** So many signed messages, and their sender always signs; so many without, and they do not any more. */
export const habitual = 3;

export function senderSignals(facts: SignalFacts): MailSignal[] {
  const { fields, report, view } = facts;
  const from = mailboxesOf(fields, 'from');
  const sender = from[0];
  const address = report?.from[0] ?? sender?.address;
  const signals: MailSignal[] = [];
  const say = (code: MailSignalCode, reason: string, severity: MailSignal['severity'] = 'warning') => {
    if (!signals.some((signal) => signal.code === code)) signals.push({ code, severity, reason: bounded(reason) });
  };

  if (report?.signers.some(({ identity }) => identity === 'mismatch')) {
    const signer = report.signers.find(({ identity }) => identity === 'mismatch')?.emails[0];
    say(
      'signer-not-from',
      `The message is signed by ${signer ?? 'a certificate without an address'}, and not by its sender.`,
    );
  }
  const habit = address === undefined ? undefined : facts.habitOf(address);
  const unsigned = report?.verdict === 'unsigned' && !(facts.encrypted && !facts.opened);
  if (unsigned && habit !== undefined && habit.signed >= habitual && habit.unsigned < habitual) {
    say('signature-missing', `${address} has always signed until now, and this message is not signed.`);
  }
  if (facts.changed !== undefined) say('certificate-changed', facts.changed);
  if (address !== undefined && !view.isOurs(address)) {
    const name = sender?.name;
    if (name !== undefined && readings(name).some((one) => namesOf(view).has(nameKey(one)))) {
      say('colleague-name', `The sender has the name of a colleague, ${name}, and writes from outside: ${address}.`);
    }
    const like = lookAlike(domainOf(address), view, facts.correspondents);
    if (like !== undefined)
      say('look-alike-domain', `The sender's domain ${registeredDomain(domainOf(address))} ${like}.`);
  }
  for (const { name, address: own } of from) {
    const shown = name === undefined ? undefined : addressIn(name);
    if (shown !== undefined && shown !== own.toLowerCase()) {
      say('address-in-name', `The sender's name is an address, ${shown}, and the mail is from ${own}.`);
    }
  }
  if (facts.authenticity.dmarc === 'fail') {
    say('dmarc-fail', `The domain of ${address ?? 'the sender'} does not vouch for this message (DMARC).`);
  }
  if (facts.opened && !facts.authenticated) {
    say(
      'not-authenticated',
      'It came encrypted and nobody vouches for what was in it: it may have been altered on the way.',
      'notice',
    );
  }
  const elsewhere = replyElsewhere(mailboxesOf(fields, 'reply-to'), address);
  if (elsewhere !== undefined)
    say('reply-to-elsewhere', `An answer goes to ${elsewhere}, and not to the sender's domain.`, 'notice');
  if (facts.oldCipher !== undefined)
    say('weak-cipher', `It was encrypted with ${facts.oldCipher}, which is too weak for new mail.`, 'notice');
  return signals;
}

function mailboxesOf(fields: readonly HeaderField[], name: string) {
  return fields.filter((field) => field.name === name).flatMap(({ value }) => parseAddressHeader(value).mailboxes);
}

/** Names of our people as they would be recognised, whatever their order, accents and alphabet; one word alone is anybody's. */
const namesByView = new WeakMap<OfficeView, ReadonlySet<string>>();

function namesOf(view: OfficeView): ReadonlySet<string> {
  const known = namesByView.get(view);
  if (known !== undefined) return known;
  const names = new Set(view.people.map(({ name }) => nameKey(name)).filter((key) => key.includes(' ')));
  namesByView.set(view, names);
  return names;
}

function nameKey(name: string): string {
  const words = name.slice(0, longestName).split(/[\s\u2800\u3164\uffa0,.;"'()[\]_-]+/u);
  return words
    .map(skeleton)
    .filter((word) => word !== '')
    .sort()
    .join(' ');
}

/** As it is written, and where it turns the direction of writing round, as it is shown. */
function readings(name: string): string[] {
  return /[\u202d\u202e\u2066-\u2068]/.test(name) ? [name, [...name.slice(0, longestName)].reverse().join('')] : [name];
}

const longestName = 200;

/** By view, and only while the correspondents are the same: names of domains are compared letter by letter. */
const likenessByView = new WeakMap<OfficeView, { correspondents: number; of: Map<string, string | undefined> }>();
const remembered = 5_000;

function lookAlike(domain: string, view: OfficeView, correspondents: ReadonlySet<string>): string | undefined {
  const registered = registeredDomain(domain);
  if (correspondents.has(registered)) return undefined;
  const before = likenessByView.get(view);
  const known =
    before?.correspondents === correspondents.size ? before : { correspondents: correspondents.size, of: new Map() };
  likenessByView.set(view, known);
  if (known.of.has(registered)) return known.of.get(registered);
  const own = new Set(view.domains.map(registeredDomain));
  const found = own.has(registered) ? undefined : firstLikeness(registered, own, correspondents);
  if (known.of.size >= remembered) known.of.clear();
  known.of.set(registered, found);
  return found;
}

function firstLikeness(domain: string, own: ReadonlySet<string>, others: ReadonlySet<string>): string | undefined {
  const known = [...own].map((one): Known => ({ domain: one, own: true }));
  for (const one of known) {
    const like = likeness(domain, one);
    if (like !== undefined) return like;
  }
  for (const other of others) {
    const like = own.has(other) ? undefined : likeness(domain, { domain: other, own: false });
    if (like !== undefined) return like;
  }
  return undefined;
}

function addressIn(name: string): string | undefined {
  const plain = name.slice(0, longestName).normalize('NFKC').toLowerCase();
  return /[^\s@<>()[\]"',:;]+@[^\s@<>()[\]"',:;]+\.[^\s@<>()[\]"',:;.]+/.exec(plain)?.[0];
}

function replyElsewhere(replyTo: readonly { address: string }[], from: string | undefined): string | undefined {
  if (from === undefined) return undefined;
  const home = registeredDomain(domainOf(from));
  return replyTo.find(({ address }) => registeredDomain(domainOf(address)) !== home)?.address;
}

function bounded(reason: string): string {
  const plain = reason.replace(/[\p{Cc}\p{Cf}]/gu, '');
  return plain.length <= 300 ? plain : `${plain.slice(0, 299)}…`;
}
