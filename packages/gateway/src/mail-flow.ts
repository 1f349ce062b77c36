/** The whole pipeline on one page, both directions. A message is answered 250 only when it is durable in its final form. */
import { randomUUID } from 'node:crypto';
import { acmeReplyOctets, type Client, type JournalEntry } from '@chancery/api';
import type { Certificate } from '@chancery/smime';
import { judgeAuthenticity, type Resolve } from './authenticity.ts';
import { type Enrolment, type SigningKey, speaksFor } from './enrolment.ts';
import { GatewayError, reasonOf } from './errors.ts';
import { harvest } from './harvest.ts';
import { type HeaderField, headerFields, onlyValue, withHeaders } from './header-block.ts';
import type { Journal } from './journal.ts';
import { hiddenCopiesOctets, receivedFields } from './limits.ts';
import type { Log } from './log.ts';
import type { LoopGuard } from './loop.ts';
import { readIdentity } from './message-facts.ts';
import type { Office, OfficeView } from './office.ts';
import type { OpenedKeys } from './opened-keys.ts';
import { type Copy, type Decision, decide } from './policy/decide.ts';
import { firstMatch, type Rule } from './policy/rules.ts';
import { protect } from './protect.ts';
import type { Harvested } from './recipients/harvested.ts';
import type { Found, Lookup } from './recipients/lookup.ts';
import { formatDate } from './relay/dsn.ts';
import type { Queue } from './relay/queue.ts';
import type { Answer, Arrival } from './smtp/listener.ts';
import { accepted, isTransient, loops, refused, refusedByNext, tooBig, tooManyCopies, tryLater } from './smtp/reply.ts';
import { repetitionKey, type Spool } from './spool/spool.ts';
import { type Form, unprotect } from './unprotect.ts';
import { isForged, verdictFields } from './verdict.ts';

/** What the pipeline works with; `main.ts` builds one. */
export interface World {
  readonly name: string;
  readonly rules: readonly Rule[];
  readonly dnsTimeout: number;
  /** Open what is encrypted with Triple DES, DES or RC2 too. */
  readonly openLegacy: boolean;
  readonly office: Office;
  /** Judges what comes to the address of ACME challenges. */
  readonly takeAcmeReply: (message: Uint8Array) => Promise<AcmeVerdict>;
  readonly enrolment: Enrolment;
  readonly lookup: Lookup;
  readonly harvested: Harvested;
  readonly openedKeys: OpenedKeys;
  readonly loopGuard: LoopGuard;
  readonly spool: Spool;
  readonly queue: Queue;
  readonly journal: Journal;
  readonly resolve: Resolve;
  readonly now: () => number;
  readonly log: Log;
}

type AcmeVerdict = Awaited<ReturnType<Client['acmeReply']>>;

/** Mail of our people on its way out: gathered, judged, decided, protected, spooled. */
export async function outbound(world: World, arrival: Arrival): Promise<Answer> {
  const fields = headerFields(arrival.message);
  if (hasLooped(world, 'outbound', fields)) return { reply: loops() };
  const view = await viewFor(world, arrival.sender);
  if (view === undefined) return { reply: tryLater('the gateway has not heard from its authority yet') };
  const key = repetitionKey('outbound', arrival.sender, arrival.recipients, arrival.message);
  const kept = world.spool.remembers(key);
  if (kept !== undefined) return answerFor(world, kept);

  const { author, named, protection } = readIdentity(arrival.message);
  const signing = protection === 'none' ? await signingKeyFor(world, view, arrival, author) : 'none';
  const recipients = await gather(world, view, arrival.recipients);
  const plan = decide(world.rules, {
    direction: 'outbound',
    sender: arrival.sender.toLowerCase(),
    headers: fields,
    protection,
    signer: signing === 'awaited' || signing === 'none' ? signing : 'ready',
    recipients: [...recipients].map(([address, found]) => ({
      address,
      certificate: found.state,
      ...(found.state === 'good' ? {} : { reason: found.reason }),
      visible: named.has(address.toLowerCase()),
    })),
  });
  const records = plan.decisions.map((decision) => entryOf(world, 'outbound', arrival, fields, decision, null));
  if (plan.refusal !== undefined) {
    await record(world, records);
    return { reply: refused(plan.refusal) };
  }
  const alone = plan.copies.filter((copy) => copy.encrypt && copy.recipients.length === 1).length;
  if (alone > 1 && alone * arrival.message.length > hiddenCopiesOctets) return { reply: tooManyCopies() };

  const signer = signing === 'awaited' || signing === 'none' ? undefined : signing;
  const own = signer === undefined || author === undefined ? undefined : await world.lookup.find(author, view);
  const replyTo = own?.state === 'good' ? own.certificate : undefined;
  const copies: { recipients: readonly string[]; message: Uint8Array }[] = [];
  try {
    for (const copy of plan.copies) {
      const certificates = certificatesFor(copy, recipients);
      const cleaned = withHeaders(arrival.message, world.loopGuard.isLoopField, []);
      const message = await protect(cleaned, copy, signer, certificates, replyTo);
      const trace = [received(world, arrival), world.loopGuard.field('outbound', fields)];
      copies.push({ recipients: copy.recipients, message: withHeaders(message, () => false, trace) });
    }
  } catch (error) {
    // Never in the clear instead: it waits with its sender until somebody has seen to the key.
    world.log.error('protect.failed', { sender: arrival.sender, reason: reasonOf(error) });
    await record(
      world,
      records.map((entry) => ({ ...entry, outcome: 'deferred', detail: reasonOf(error).slice(0, 1000) })),
    );
    return { reply: tryLater('a key does not work') };
  }
  return keep(world, 'outbound', arrival, key, copies, view.isOurs(arrival.sender), records);
}

/** Mail for our people: authenticity judged, opened where they allow it, verified, harvested, labelled, spooled. */
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
  const ruleFor = (recipient: string) =>
    firstMatch(world.rules, { direction: 'inbound', sender: arrival.sender.toLowerCase(), recipient, headers: fields });

  for (const recipient of arrival.recipients) {
    const { name, do: action } = ruleFor(recipient);
    if (action.refuse === undefined) continue;
    const decision = { recipient, rule: name, outcome: 'refused', detail: action.refuse } as const;
    await record(world, [entryOf(world, 'inbound', arrival, fields, decision, null)]);
    return { reply: refused({ kind: 'policy', text: action.refuse }) };
  }

  const authenticity = await judgeAuthenticity(arrival, {
    name: world.name,
    resolve: world.resolve,
    timeout: world.dnsTimeout,
    log: world.log,
  });
  const forms = await unprotect(arrival, view, world.openedKeys, world.openLegacy, world.now(), world.log);
  const records: JournalEntry[] = [];
  for (const form of forms) {
    const harvested = await harvest(form, authenticity, view, world.harvested, world.now());
    for (const recipient of form.recipients) {
      const decision = {
        recipient,
        rule: ruleFor(recipient).name,
        outcome: outcomeOf(form),
        detail: [form.detail, harvested].filter((part) => part !== '').join('; '),
      };
      records.push(entryOf(world, 'inbound', arrival, fields, decision, form.report?.verdict ?? null));
    }
  }
  const copies = forms.map((form) => ({
    recipients: form.recipients,
    message: withHeaders(form.message, (field) => isForged(field, world.name), [
      ...verdictFields(world.name, authenticity, form),
      received(world, arrival),
      world.loopGuard.field('inbound', fields),
    ]),
  }));
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

/** Milliseconds that a client from outside waits for the next server's word. */
const firstAttempt = 20_000;

async function keep(
  world: World,
  direction: 'outbound' | 'inbound',
  arrival: Arrival,
  key: string,
  copies: readonly { recipients: readonly string[]; message: Uint8Array }[],
  mayBounce: boolean,
  journal: readonly JournalEntry[],
): Promise<Answer> {
  const draft = { id: randomUUID(), direction, sender: arrival.sender, key, copies, mayBounce, journal };
  const { id, repeated, message } = await world.spool.commit(draft);
  const refusal = direction === 'inbound' ? await refusedAtDoor(world, id) : undefined;
  if (!repeated) {
    const said =
      refusal === undefined ? {} : { outcome: 'refused' as const, detail: refusal.reply.text.slice(0, 1000) };
    await record(
      world,
      journal.map((entry) => ({ ...entry, ...said })),
    );
    if (direction === 'outbound' && message !== undefined) world.queue.add(message);
  }
  return refusal ?? answerFor(world, id);
}

/** Mail from outside is refused at the door where the next server refuses it: a notification might go to a forged sender. */
async function refusedAtDoor(world: World, id: string): Promise<Answer | undefined> {
  const message = world.spool.get(id);
  const refusal = message === undefined ? undefined : await world.queue.attempt(message, firstAttempt);
  return refusal === undefined ? undefined : { reply: refusedByNext(refusal) };
}

function answerFor(world: World, id: string): Answer {
  const confirmed = () => {
    world.spool.confirm(id).catch((error: unknown) => world.log.warn('spool.confirm', { reason: reasonOf(error) }));
  };
  return { reply: accepted(id), confirmed };
}

/** A journal that cannot be written changes no answer. What was accepted is in the spool too, and written from there at the next start. */
async function record(world: World, entries: readonly JournalEntry[]): Promise<void> {
  await world.journal.write(entries).catch((error: unknown) => {
    world.log.error('journal.failed', { reason: reasonOf(error) });
  });
}

function hasLooped(world: World, direction: 'outbound' | 'inbound', fields: readonly HeaderField[]): boolean {
  return (
    world.loopGuard.seen(direction, fields) || fields.filter(({ name }) => name === 'received').length > receivedFields
  );
}

/** What the authority said last; asked again first when one of our addresses is not in it, for it could be new. */
async function viewFor(world: World, address: string): Promise<OfficeView | undefined> {
  const known = world.office.current();
  if (known === undefined || (known.isOurs(address) && known.personOf(address) === undefined)) {
    await world.office.refreshIfOlder(2_000);
  }
  return world.office.current();
}

/** Milliseconds that a first message waits for its sender's certificate to be made. */
const certifiedWithin = 10_000;

/** The key of the one author, when the envelope is theirs too and this gateway signs for them. */
async function signingKeyFor(
  world: World,
  view: OfficeView,
  arrival: Arrival,
  author: string | undefined,
): Promise<SigningKey | 'awaited' | 'none'> {
  const person = author === undefined ? undefined : view.personOf(author);
  if (author === undefined || person === undefined || person.signingKey !== 'gateway') return 'none';
  // Who may hand in mail for whom is the submitting server's to check, and it checks the envelope.
  if (view.personOf(arrival.sender)?.personId !== person.personId) return 'none';
  if (!(await world.enrolment.ensure(person, certifiedWithin))) return 'awaited';
  const key = await world.enrolment.signingKey(person);
  if (key === undefined) return 'awaited';
  return speaksFor(key.certificate, author) ? key : 'none';
}

/** So many questions at once: a list of a thousand recipients is not a flood. */
const askedAtOnce = 16;

async function gather(world: World, view: OfficeView, addresses: readonly string[]): Promise<Map<string, Found>> {
  const found = new Map<string, Found>(
    addresses.map((address) => [address, { state: 'unknown', reason: 'not asked' }]),
  );
  const next = addresses.values();
  const worker = async () => {
    for (const address of next) found.set(address, await world.lookup.find(address, view));
  };
  await Promise.all(Array.from({ length: Math.min(askedAtOnce, addresses.length) }, worker));
  return found;
}

function certificatesFor(copy: Copy, recipients: ReadonlyMap<string, Found>): Certificate[] {
  if (!copy.encrypt) return [];
  return copy.recipients.map((address) => {
    const found = recipients.get(address);
    if (found?.state !== 'good') throw new GatewayError('key-unusable', `There is no good certificate for ${address}`);
    return found.certificate;
  });
}

function outcomeOf({ opened, report }: Form): JournalEntry['outcome'] {
  if (opened) return 'decrypted';
  if (report === undefined) return 'encrypted';
  return report.verdict === 'unsigned' ? 'plain' : 'verified';
}

/** RFC 5321 4.4. */
function received({ name, now }: World, { client }: Arrival): string {
  const clean = (text: string) => text.replace(/[^A-Za-z0-9.:_[\]-]/g, '').slice(0, 255) || 'unknown';
  const address = client.address.includes(':') ? `IPv6:${clean(client.address)}` : clean(client.address);
  return `Received: from ${clean(client.helo)} ([${address}])\r\n\tby ${name} (Chancery) with ESMTP;\r\n\t${formatDate(new Date(now()))}`;
}

function entryOf(
  world: World,
  direction: 'outbound' | 'inbound',
  arrival: Arrival,
  fields: readonly HeaderField[],
  decision: Pick<Decision, 'recipient' | 'rule' | 'detail'> & { outcome: JournalEntry['outcome'] },
  verdict: JournalEntry['verdict'],
): JournalEntry {
  return {
    id: randomUUID(),
    at: new Date(world.now()).toISOString(),
    direction,
    messageId: onlyValue(fields, 'message-id')?.slice(0, 998) ?? null,
    sender: arrival.sender.slice(0, 320),
    recipient: decision.recipient.slice(0, 320),
    rule: decision.rule,
    outcome: decision.outcome,
    verdict,
    detail: decision.detail.slice(0, 1000),
  };
}
