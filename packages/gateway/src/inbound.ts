/** Mail for our people: authenticity judged, opened where they allow it, verified, harvested, labelled, spooled. */

import { acmeReplyOctets, type JournalEntry, type MailSignal, signalWords } from '@chancery/api';
import { factsOf } from '@chancery/mail-facts';
import { type Copy, decide, type Held, lastRule, type MessageFacts, namesOf, quarantine } from '@chancery/mail-policy';
import { type Authenticity, judgeAuthenticity } from './authenticity.ts';
import { changeAny } from './change-message.ts';
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
  const kept = world.spool.remembers(key);
  if (kept !== undefined) return (await refusedAtDoor(world, kept)) ?? answerFor(kept);
  const waiting = again === undefined ? world.held.ofMessage(key) : [];
  const isWaiting = (address: string) => waiting.some((one) => one.recipients.includes(address));
  if (waiting[0] !== undefined && arrival.recipients.every(isWaiting)) return { reply: accepted(waiting[0].id) };
  const taken = { ...arrival, recipients: arrival.recipients.filter((one) => !isWaiting(one)) };

  const authenticity =
    again?.authenticity ??
    (await judgeAuthenticity(arrival, {
      ...{ name: world.name, resolve: world.resolve, timeout: world.dnsTimeout, log: world.log },
    }));
  const ruleSet = world.ruleSet();
  const identity = await readIdentity(arrival.message);
  const facts: MessageFacts = {
    direction: 'inbound',
    ...factsOf(taken, fields, identity),
    signer: 'none',
    senderGroups: groupsOf(arrival.sender, view),
    authentication: { spf: authenticity.spf, dkim: dkimOf(authenticity), dmarc: authenticity.dmarc },
    recipients: taken.recipients.map((address) => ({
      address,
      groups: groupsOf(address, view),
      certificate: 'unknown',
      visible: true,
    })),
  };
  const plan = decide(ruleSet, facts, { released: again !== undefined });
  const recorded = decisionRecorder(ruleSet, world.rules.current()?.version, facts);
  const recordedFor = new Map(plan.decisions.map((decision) => [decision.recipient, recorded(decision)]));
  if (plan.refusal !== undefined || plan.held.length > 0) {
    const said = plan.decisions.map(({ rules, ...decision }) => ({ ...decision, rule: namesOf(rules) }));
    const records = said.map((decision) => ({
      ...entryOf(world, 'inbound', arrival, fields, decision, null),
      ...recordedFor.get(decision.recipient),
    }));
    const reply =
      plan.refusal === undefined
        ? await heldReply(world, taken, { direction: 'inbound', key, ...plan, fields, authenticity })
        : refused(plan.refusal);
    if (!isTransient(reply.code)) await record(world, records);
    return { reply };
  }
  const ruleFor = new Map(plan.decisions.map(({ recipient, rules, detail }) => [recipient, { rules, detail }]));
  const { inboundPolicy: policy } = world;
  const forms = await unprotect(
    { ...taken, protection: identity.protection },
    view,
    world.openedKeys,
    world.openLegacy,
    policy,
    world.now(),
    world.log,
    scratch,
  );
  const messageId = onlyValue(fields, 'message-id') ?? null;
  const records: JournalEntry[] = [];
  const copies: DraftCopy[] = [];
  const held: Held[] = [];
  for (const form of forms) {
    const kept = await harvest(form, messageId, authenticity, view, world.harvested, policy, world.now());
    const signals = senderSignals({
      ...form,
      fields: headerFields(headOf(form.message)),
      ...{ authenticity, view, changed: kept.changed },
      habitOf: world.harvested.habitOf,
      correspondents: world.harvested.domains,
    });
    const verdict = verdictOf(authenticity, form, signals);
    const labels = [
      ...verdictFields(world.name, authenticity, form, signals),
      received(world, arrival),
      world.loopGuard.field('inbound', fields),
    ];
    const note = (recipient: string, outcome: JournalEntry['outcome'], ...details: string[]) => {
      const { rules = [lastRule], detail = '' } = ruleFor.get(recipient) ?? {};
      const told =
        signals.length === 0 ? '' : `worth a second look: ${signals.map(({ code }) => signalWords[code]).join(', ')}`;
      const said = [...details, form.detail, kept.detail, told, detail].filter((part) => part !== '').join('; ');
      const decision = { recipient, rule: namesOf(rules), outcome, detail: said };
      const entry = entryOf(world, 'inbound', arrival, fields, decision, form.report?.verdict ?? null);
      records.push({ ...entry, ...recordedFor.get(recipient), judged: verdict });
    };
    for (const copy of plan.copies) {
      const recipients = form.recipients.filter((one) => copy.recipients.includes(one));
      if (recipients.length === 0) continue;
      if (copy.route !== undefined && !world.hasRoute(copy.route)) {
        world.log.error('route.unknown', { route: copy.route });
        return { reply: tryLater('a rule names a next server that is not configured') };
      }
      const own = { ...form, recipients };
      const stays = await whyQuarantined(own, copy.changes, policy);
      if (stays !== undefined && again === undefined) {
        held.push({ ...quarantine(stays), recipients });
        for (const recipient of recipients) note(recipient, 'quarantined', stays);
        continue;
      }
      const goes = stays === undefined ? copy : { ...copy, changes: { ...copy.changes, removeAttachments: [] } };
      const sent = await sendable(world, view, { arrival, form: own, copy: goes, signals, labels, scratch });
      for (const one of sent) {
        copies.push({ recipients: one.recipients, message: one.message, ...routed(copy) });
        const whole = stays === undefined ? '' : 'released with all its files';
        for (const recipient of one.recipients) note(recipient, outcomeOf(form), whole, one.detail);
      }
    }
  }
  if (held.length > 0) {
    const because = { direction: 'inbound', key, held, decisions: plan.decisions, fields, authenticity } as const;
    const reply = await heldReply(world, taken, because);
    if (copies.length === 0 || isTransient(reply.code)) {
      if (!isTransient(reply.code)) await record(world, records);
      return { reply };
    }
  }
  // A notification goes to nobody whose own domain does not vouch for this client: the sender may be forged.
  const told = identity.protection === 'encrypted' ? { ...arrival, notes: discreet(arrival.notes) } : arrival;
  const answer = await keep(world, 'inbound', told, key, copies, authenticity.senderVouched, records);
  // Refused by the next server it is still held here, and may be let go again.
  if (again !== undefined && answer.reply.code !== 250) await world.spool.confirm(world.spool.remembers(key) ?? '');
  return answer;
}

interface Released {
  /** Of this release alone. */
  readonly key: string;
  /** As it was when the message came. */
  readonly authenticity: Authenticity | undefined;
}

async function heldReply(world: World, arrival: Arrival, because: Parameters<typeof holdBack>[2]): Promise<Reply> {
  try {
    const [id = ''] = await holdBack(world, arrival, because);
    return accepted(id);
  } catch (error) {
    world.log.error('held.failed', { sender: arrival.sender, reason: reasonOf(error) });
    return tryLater('it is to be held here, and cannot be kept');
  }
}

/** One form of the message as it leaves for some of its readers: changed by rules, presented, encrypted again where that is wanted. */
async function sendable(
  world: World,
  view: OfficeView,
  {
    arrival,
    form,
    copy,
    signals,
    labels,
    scratch,
  }: {
    readonly arrival: Arrival;
    readonly form: Form;
    readonly copy: Copy;
    readonly signals: readonly MailSignal[];
    readonly labels: readonly string[];
    readonly scratch: Scratch;
  },
): Promise<AtRest[]> {
  const policy = { ...world.inboundPolicy, ...(copy.banner !== undefined && { banner: copy.banner }) };
  const isOld = (field: HeaderField) => isForged(field, world.name);
  // Tags are put where the Subject is presented; the text of what its sender has signed or encrypted stays.
  const header = { ...copy.changes, subjectTags: [] };
  const changed = await changeAny(form.message, header, !isOpenText(form));
  const message = await present(
    { ...form, message: changed },
    signals,
    policy,
    labels,
    isOld,
    copy.changes.subjectTags,
  );
  const sealed = async () => withFields(await changeAny(arrival.message, header, true), isOld, labels);
  return reencrypt(form, message, sealed, copy.reencrypt ?? policy.reencrypt, view, world.lookup, scratch);
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
