/** Mail for our people: authenticity judged, opened where they allow it, verified, harvested, labelled, spooled. */
import { acmeReplyOctets, type JournalEntry } from '@chancery/api';
import { decide, lastRule, type MessageFacts, namesOf } from '@chancery/mail-policy';
import { type Authenticity, judgeAuthenticity } from './authenticity.ts';
import { decisionRecorder } from './decision-record.ts';
import { reasonOf } from './errors.ts';
import { harvest } from './harvest.ts';
import { type HeaderField, headerFields, onlyValue, withHeaders } from './header-block.ts';
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
import { factsOf, groupsOf, readIdentity } from './message-facts.ts';
import type { OfficeView } from './office.ts';
import { present } from './presentation/present.ts';
import { reencrypt } from './reencrypt.ts';
import { senderSignals } from './signals/sender-signals.ts';
import type { Answer, Arrival } from './smtp/listener.ts';
import { accepted, isTransient, loops, refused, tooBig, tryLater } from './smtp/reply.ts';
import { repetitionKey } from './spool/spool.ts';
import { type Form, unprotect } from './unprotect.ts';
import { isForged, verdictFields } from './verdict.ts';

export async function inbound(world: World, arrival: Arrival): Promise<Answer> {
  const fields = headerFields(arrival.message);
  if (hasLooped(world, 'inbound', fields)) return { reply: loops() };
  const view = await viewFor(world, arrival.recipients[0] ?? '');
  if (view === undefined) return { reply: tryLater('the gateway has not heard from its authority yet') };
  if (arrival.recipients.some(view.isAcme)) {
    const answer = await acmeReply(world, view, arrival, fields);
    const recipients = arrival.recipients.filter((recipient) => !view.isAcme(recipient));
    // Whoever else is written to gets the mail as any other, whatever the authority says of it.
    return recipients.length === 0 || isTransient(answer.reply.code)
      ? answer
      : inbound(world, { ...arrival, recipients });
  }
  const key = repetitionKey('inbound', arrival.sender, arrival.recipients, arrival.message);
  const kept = world.spool.remembers(key);
  if (kept !== undefined) return (await refusedAtDoor(world, kept)) ?? answerFor(world, kept);
  const authenticity = await judgeAuthenticity(arrival, {
    name: world.name,
    resolve: world.resolve,
    timeout: world.dnsTimeout,
    log: world.log,
  });
  const ruleSet = world.ruleSet();
  const identity = readIdentity(arrival.message);
  const facts: MessageFacts = {
    direction: 'inbound',
    ...factsOf(arrival, fields, identity),
    signer: 'none',
    senderGroups: groupsOf(arrival.sender, view),
    authentication: { spf: authenticity.spf, dkim: dkimOf(authenticity), dmarc: authenticity.dmarc },
    recipients: arrival.recipients.map((address) => ({
      address,
      groups: groupsOf(address, view),
      certificate: 'unknown',
      visible: true,
    })),
  };
  const plan = decide(ruleSet, facts);
  const recorded = decisionRecorder(ruleSet, world.rules.current()?.version, facts);
  const recordedFor = new Map(plan.decisions.map((decision) => [decision.recipient, recorded(decision)]));
  if (plan.refusal !== undefined || plan.held.length > 0) {
    const outcome = plan.refusal === undefined ? 'deferred' : 'refused';
    const said = plan.decisions.map(
      ({ recipient, rules, detail }) => ({ recipient, rule: namesOf(rules), outcome, detail }) as const,
    );
    await record(
      world,
      said.map((decision) => ({
        ...entryOf(world, 'inbound', arrival, fields, decision, null),
        ...recordedFor.get(decision.recipient),
      })),
    );
    return {
      reply: plan.refusal === undefined ? tryLater(plan.held[0]?.reason ?? 'a rule holds it') : refused(plan.refusal),
    };
  }
  const ruleFor = new Map(plan.decisions.map(({ recipient, rules }) => [recipient, namesOf(rules)]));
  const { inboundPolicy: policy } = world;
  const forms = await unprotect(
    { ...arrival, protection: identity.protection },
    view,
    world.openedKeys,
    world.openLegacy,
    policy,
    world.now(),
    world.log,
  );
  const messageId = onlyValue(fields, 'message-id') ?? null;
  const records: JournalEntry[] = [];
  const copies: { recipients: readonly string[]; message: Uint8Array }[] = [];
  for (const form of forms) {
    const taken = await harvest(form, messageId, authenticity, view, world.harvested, policy, world.now());
    const signals = senderSignals({
      ...form,
      fields: headerFields(form.message),
      ...{ authenticity, view, changed: taken.changed },
      habitOf: world.harvested.habitOf,
      correspondents: world.harvested.domains,
    });
    const labels = [
      ...verdictFields(world.name, authenticity, form, signals),
      received(world, arrival),
      world.loopGuard.field('inbound', fields),
    ];
    const message = present(form, signals, policy, labels, (field) => isForged(field, world.name));
    const sealed = () => withHeaders(arrival.message, (field) => isForged(field, world.name), labels);
    const told = signals.length === 0 ? '' : `signals: ${signals.map(({ code }) => code).join(', ')}`;
    for (const copy of await reencrypt(form, message, sealed, policy.reencrypt, view, world.lookup)) {
      copies.push(copy);
      for (const recipient of copy.recipients) {
        const decision = {
          recipient,
          rule: ruleFor.get(recipient) ?? lastRule,
          outcome: outcomeOf(form),
          detail: [form.detail, taken.detail, told, copy.detail].filter((part) => part !== '').join('; '),
        };
        const entry = entryOf(world, 'inbound', arrival, fields, decision, form.report?.verdict ?? null);
        records.push({ ...entry, ...recordedFor.get(recipient) });
      }
    }
  }
  // A notification goes to nobody whose own domain does not vouch for this client: the sender may be forged.
  return keep(world, 'inbound', arrival, key, copies, authenticity.senderVouched, records);
}

/** A reply to a challenge of the authority, which judges it by itself, octet for octet. It goes no further. */
async function acmeReply(
  world: World,
  view: OfficeView,
  arrival: Arrival,
  fields: readonly HeaderField[],
): Promise<Answer> {
  if (arrival.message.length > acmeReplyOctets) return { reply: tooBig(acmeReplyOctets) };
  let verdict: AcmeVerdict;
  try {
    verdict = await world.takeAcmeReply(arrival.message);
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
