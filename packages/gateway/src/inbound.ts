/** Mail for our people: authenticity judged, opened where they allow it, verified, harvested, labelled, spooled. */

import { acmeReplyOctets, type JournalEntry, type MailSignal, type MailVerdict, signalWords } from '@chancery/api';
import { factsOf, type MessageIdentity } from '@chancery/mail-facts';
import {
  type Copy,
  type Decision,
  decide,
  type Held,
  lastRule,
  type MessageFacts,
  namesOf,
  type Plan,
  quarantine,
} from '@chancery/mail-policy';
import { type Authenticity, judgeAuthenticity } from './authenticity.ts';
import { changeMessage } from './change-message.ts';
import { decisionRecorder } from './decision-record.ts';
import { reasonOf } from './errors.ts';
import { harvest } from './harvest.ts';
import { type HeaderField, headerFields, onlyValue } from './header-block.ts';
import { holdBack } from './held/hold-back.ts';
import { headOf, LargeMessage, type Scratch, withFields } from './large-message.ts';
import {
  type AcmeVerdict,
  answerFor,
  entryOf,
  hasLooped,
  keep,
  received,
  record,
  refusedAtDoor,
  viewFor,
  type World,
} from './mail-flow.ts';
import { groupsOf, readIdentity } from './message-facts.ts';
import type { OfficeView } from './office.ts';
import { present } from './presentation/present.ts';
import { isOpenText, whyQuarantined } from './quarantine.ts';
import { type AtRest, reencrypt } from './reencrypt.ts';
import { discreet } from './relay/envelope.ts';
import { senderSignals } from './signals/sender-signals.ts';
import type { Answer, Arrival } from './smtp/listener.ts';
import { accepted, isTransient, loops, type Reply, refused, tooBig, tryLater } from './smtp/reply.ts';
import { repetitionKey } from './spool/spool.ts';
import type { DraftCopy } from './spool/spooled-message.ts';
import { type Form, unprotect } from './unprotect.ts';
import { isForged, verdictFields, verdictOf } from './verdict.ts';

/** @param again mail that was quarantined here and that somebody has let go: rules that hold mail no longer do */
export async function inbound(world: World, arrival: Arrival, again?: Released): Promise<Answer> {
  const scratch = world.scratch();
  try {
    return await take(world, arrival, scratch, again);
  } finally {
    await scratch.clear();
  }
}

async function take(world: World, arrival: Arrival, scratch: Scratch, again: Released | undefined): Promise<Answer> {
  const fields = headerFields(headOf(arrival.message));
  if (hasLooped(world, 'inbound', fields)) return { reply: loops() };
  const view = await viewFor(world, arrival.recipients[0] ?? '');
  if (view === undefined) return { reply: tryLater('the gateway has not heard from its authority yet') };
  if (arrival.recipients.some(view.isAcme)) {
    const answer = await acmeReply(world, view, arrival, fields);
    const recipients = arrival.recipients.filter((recipient) => !view.isAcme(recipient));
    // Whoever else is written to gets the mail as any other, whatever the authority says of it.
    return recipients.length === 0 || isTransient(answer.reply.code)
      ? answer
      : take(world, { ...arrival, recipients }, scratch, undefined);
  }
  // What is let go is another message than the one that came: a client that repeats that one brings nothing new.
  const key = again?.key ?? (await repetitionKey('inbound', arrival.sender, arrival.recipients, arrival.message));
  const left = await withoutKnown(world, arrival, key, again);
  if ('reply' in left) return left;
  const mail = await judged(world, { ...left, key, fields, view, scratch, again });
  const { plan } = mail;
  if (plan.refusal !== undefined || plan.held.length > 0) return stopped(world, mail);
  const unknown = plan.copies.find(({ route }) => route !== undefined && !world.hasRoute(route));
  if (unknown !== undefined) {
    world.log.error('route.unknown', { route: unknown.route ?? '' });
    return { reply: tryLater('a rule names a next server that is not configured') };
  }
  const { openedKeys, openLegacy, inboundPolicy } = world;
  const forms = await unprotect(mail, view, openedKeys, openLegacy, inboundPolicy, world.now(), world.log, scratch);
  const made: Made = { copies: [], held: [], records: [] };
  for (const form of forms) await handOut(world, mail, await examined(world, mail, form), made);
  return handOn(world, mail, made);
}

/** Mail that a person here has let go. */
interface Released {
  /** Of this release alone. */
  readonly key: string;
  /** As it was when the message came. */
  readonly authenticity: Authenticity | undefined;
}

/** A message for those who are still to get it. */
interface Incoming extends Arrival {
  /** As `repetitionKey` has it, of all whom it named. */
  readonly key: string;
  readonly fields: readonly HeaderField[];
  readonly view: OfficeView;
  readonly scratch: Scratch;
  readonly again: Released | undefined;
}

/** And what the rules say of it, from what can be seen before anything is opened. */
interface JudgedMail extends Incoming {
  readonly authenticity: Authenticity;
  readonly protection: MessageIdentity['protection'];
  readonly plan: Plan;
  /** By recipient. */
  readonly decisions: ReadonlyMap<string, Decision>;
  /** What the record of a decision says beside its outcome. */
  readonly recorded: ReturnType<typeof decisionRecorder>;
}

/** The message for whoever has not got it, or the answer where a client repeats what is here for everybody. */
async function withoutKnown(
  world: World,
  arrival: Arrival,
  key: string,
  again: Released | undefined,
): Promise<Arrival | Answer> {
  const kept = world.spool.remembers(key);
  if (kept !== undefined) return (await refusedAtDoor(world, kept)) ?? answerFor(kept);
  const waiting = again === undefined ? world.held.ofMessage(key) : [];
  const isWaiting = (address: string) => waiting.some((one) => one.recipients.includes(address));
  if (waiting[0] !== undefined && arrival.recipients.every(isWaiting)) return { reply: accepted(waiting[0].id) };
  return { ...arrival, recipients: arrival.recipients.filter((one) => !isWaiting(one)) };
}

async function judged(world: World, mail: Incoming): Promise<JudgedMail> {
  const { name, resolve, dnsTimeout: timeout, log } = world;
  const authenticity = mail.again?.authenticity ?? (await judgeAuthenticity(mail, { name, resolve, timeout, log }));
  const identity = await readIdentity(mail.message);
  const facts: MessageFacts = {
    direction: 'inbound',
    ...factsOf(mail, mail.fields, identity),
    signer: 'none',
    senderGroups: groupsOf(mail.sender, mail.view),
    authentication: { spf: authenticity.spf, dkim: dkimOf(authenticity), dmarc: authenticity.dmarc },
    recipients: mail.recipients.map((address) => ({
      address,
      groups: groupsOf(address, mail.view),
      certificate: 'unknown',
      visible: true,
    })),
  };
  const ruleSet = world.ruleSet();
  const plan = decide(ruleSet, facts, { released: mail.again !== undefined });
  const recorded = decisionRecorder(ruleSet, world.rules.current()?.version, facts);
  const decisions = new Map(plan.decisions.map((decision) => [decision.recipient, decision]));
  return { ...mail, authenticity, protection: identity.protection, plan, decisions, recorded };
}

/** A rule refuses it, or keeps it for a person. */
async function stopped(world: World, mail: JudgedMail): Promise<Answer> {
  const { plan, fields, recorded } = mail;
  const records = plan.decisions.map((decision) => {
    const { recipient, rules, outcome, detail } = decision;
    const said = { recipient, rule: namesOf(rules), outcome, detail };
    return { ...entryOf(world, 'inbound', mail, fields, said, null), ...recorded(decision) };
  });
  const reply = plan.refusal === undefined ? await heldReply(world, mail, plan.held) : refused(plan.refusal);
  if (!isTransient(reply.code)) await record(world, records);
  return { reply };
}

/** A form of the message, and what there is to say of it to whoever reads it. */
interface Examined {
  readonly form: Form;
  readonly signals: readonly MailSignal[];
  readonly verdict: MailVerdict;
  /** Header fields of ours. */
  readonly labels: readonly string[];
  /** For the journal. */
  readonly harvested: string;
}

async function examined(world: World, mail: JudgedMail, form: Form): Promise<Examined> {
  const { authenticity, view, fields } = mail;
  const messageId = onlyValue(fields, 'message-id') ?? null;
  const policy = world.inboundPolicy;
  const { changed, detail } = await harvest(form, messageId, authenticity, view, world.harvested, policy, world.now());
  const signals = senderSignals({
    ...form,
    fields: headerFields(headOf(form.message)),
    ...{ authenticity, view, changed },
    habitOf: world.harvested.habitOf,
    correspondents: world.harvested.domains,
  });
  const labels = [
    ...verdictFields(world.name, authenticity, form, signals),
    received(world, mail),
    world.loopGuard.field('inbound', fields),
  ];
  return { form, signals, verdict: verdictOf(authenticity, form, signals), labels, harvested: detail };
}

/** What becomes of a message once it has been looked into: it goes to some and is kept for others. */
interface Made {
  readonly copies: DraftCopy[];
  readonly held: Held[];
  readonly records: JournalEntry[];
}

/** Adds what becomes of one form of the message, for those who get it in that form. */
async function handOut(world: World, mail: JudgedMail, one: Examined, { copies, held, records }: Made): Promise<void> {
  const { plan, again } = mail;
  const { form } = one;
  for (const copy of plan.copies) {
    const recipients = form.recipients.filter((reader) => copy.recipients.includes(reader));
    if (recipients.length === 0) continue;
    const own = { ...form, recipients };
    const stays = await whyQuarantined(own, copy.changes, world.inboundPolicy);
    if (stays !== undefined && again === undefined) {
      held.push({ ...quarantine(stays), recipients });
      for (const reader of recipients) records.push(entryFor(world, mail, one, reader, 'quarantined', stays));
      continue;
    }
    const goes = stays === undefined ? copy : { ...copy, changes: { ...copy.changes, removeAttachments: [] } };
    const whole = stays === undefined ? '' : 'released with all its files';
    for (const { recipients: to, message, detail } of await sendable(world, mail, { ...one, form: own }, goes)) {
      copies.push({ recipients: to, message, ...routed(copy) });
      for (const reader of to) records.push(entryFor(world, mail, one, reader, outcomeOf(form), whole, detail));
    }
  }
}

/** One form of the message as it leaves for some of its readers: changed by rules, presented, encrypted again where that is wanted. */
async function sendable(
  world: World,
  { message: arrived, view, scratch }: JudgedMail,
  { form, signals, labels }: Examined,
  copy: Copy,
): Promise<AtRest[]> {
  const policy = { ...world.inboundPolicy, ...(copy.banner !== undefined && { banner: copy.banner }) };
  const isOld = (field: HeaderField) => isForged(field, world.name);
  // Tags are put where the Subject is presented; the text of what its sender has signed or encrypted stays.
  const header = { ...copy.changes, subjectTags: [] };
  const changed = await changeMessage(form.message, header, !isOpenText(form), scratch);
  const tags = copy.changes.subjectTags;
  const message = await present({ ...form, message: changed }, signals, policy, labels, isOld, scratch, tags);
  const sealed = async () => withFields(await changeMessage(arrived, header, true, scratch), isOld, labels);
  return reencrypt(form, message, sealed, copy.reencrypt ?? policy.reencrypt, view, world.lookup, scratch);
}

function entryFor(
  world: World,
  mail: JudgedMail,
  { form, signals, verdict, harvested }: Examined,
  recipient: string,
  outcome: JournalEntry['outcome'],
  ...details: string[]
): JournalEntry {
  const { decisions, recorded, fields } = mail;
  const decision = decisions.get(recipient);
  const told =
    signals.length === 0 ? '' : `worth a second look: ${signals.map(({ code }) => signalWords[code]).join(', ')}`;
  const said = [...details, form.detail, harvested, told, decision?.detail ?? ''].filter((part) => part !== '');
  const made = { recipient, rule: namesOf(decision?.rules ?? [lastRule]), outcome, detail: said.join('; ') };
  const entry = entryOf(world, 'inbound', mail, fields, made, form.report?.verdict ?? null);
  return { ...entry, ...(decision !== undefined && recorded(decision)), judged: verdict };
}

/** What is to be held is kept here; the rest goes to the spool, and to the next server. */
async function handOn(world: World, mail: JudgedMail, { copies, held, records }: Made): Promise<Answer> {
  const { key, again, authenticity, protection } = mail;
  if (held.length > 0) {
    const reply = await heldReply(world, mail, held);
    if (copies.length === 0 || isTransient(reply.code)) {
      if (!isTransient(reply.code)) await record(world, records);
      return { reply };
    }
  }
  // A notification goes to nobody whose own domain does not vouch for this client: the sender may be forged.
  const told = protection === 'encrypted' ? { ...mail, notes: discreet(mail.notes) } : mail;
  const answer = await keep(world, 'inbound', told, key, copies, authenticity.senderVouched, records);
  // Refused by the next server it is still held here, and may be let go again.
  if (again !== undefined && answer.reply.code !== 250) await world.spool.confirm(world.spool.remembers(key) ?? '');
  return answer;
}

async function heldReply(world: World, mail: JudgedMail, held: readonly Held[]): Promise<Reply> {
  const { key, fields, authenticity, plan } = mail;
  const because = { direction: 'inbound', key, held, decisions: plan.decisions, fields, authenticity } as const;
  try {
    const [id = ''] = await holdBack(world, mail, because);
    return accepted(id);
  } catch (error) {
    world.log.error('held.failed', { sender: mail.sender, reason: reasonOf(error) });
    return tryLater('it is to be held here, and cannot be kept');
  }
}

/** A reply to a challenge of the authority, which judges it by itself, octet for octet. It goes no further. */
async function acmeReply(
  world: World,
  view: OfficeView,
  arrival: Arrival,
  fields: readonly HeaderField[],
): Promise<Answer> {
  const { message } = arrival;
  if (message instanceof LargeMessage || message.length > acmeReplyOctets) return { reply: tooBig(acmeReplyOctets) };
  let verdict: AcmeVerdict;
  try {
    verdict = await world.takeAcmeReply(message);
  } catch (error) {
    world.log.warn('acme.reply-not-taken', { reason: reasonOf(error) });
    return { reply: tryLater('the authority does not answer') };
  }
  if (verdict.outcome === 'later') return { reply: tryLater(verdict.reason) };
  const decision = {
    recipient: arrival.recipients.find(view.isAcme) ?? '',
    rule: 'acme',
    outcome: verdict.outcome === 'proven' ? 'verified' : 'refused',
    detail: verdict.reason,
  } as const;
  const entry = entryOf(world, 'inbound', arrival, fields, decision, null);
  await record(world, [entry]);
  return {
    reply: verdict.outcome === 'proven' ? accepted(entry.id) : refused({ kind: 'policy', text: verdict.reason }),
  };
}

/** One good signature outweighs others that are not. */
function dkimOf({ dkim }: Authenticity): string {
  return dkim.includes('pass') ? 'pass' : (dkim[0] ?? 'none');
}

function outcomeOf({ opened, handling, report }: Form): JournalEntry['outcome'] {
  if (opened) return handling === 'shut' ? 'encrypted' : 'decrypted';
  if (report === undefined) return 'encrypted';
  return report.verdict === 'unsigned' ? 'plain' : 'verified';
}

function routed({ route }: Copy): { route?: string } {
  return route === undefined ? {} : { route };
}
