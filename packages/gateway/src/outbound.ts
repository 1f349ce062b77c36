/** Mail of our people on its way out: gathered, judged, decided, protected, spooled. */

import { timingSafeEqual } from 'node:crypto';
import type { JournalEntry } from '@chancery/api';
import { factsOf } from '@chancery/mail-facts';
import { type Copy, type Decision, decide, type MessageFacts, namesOf } from '@chancery/mail-policy';
import { changeMessage } from './change-message.ts';
import type { Reader } from './choose-algorithms.ts';
import { decisionRecorder } from './decision-record.ts';
import { type SigningKey, speaksFor } from './enrolment.ts';
import { GatewayError, reasonOf } from './errors.ts';
import { type HeaderField, headerFields } from './header-block.ts';
import { holdBack } from './held/hold-back.ts';
import { hostileQuotation } from './hostile-html.ts';
import { headOf, type Message, type Scratch, withFields } from './large-message.ts';
import { hiddenCopiesOctets } from './limits.ts';
import { answerFor, entryOf, hasLooped, keep, passOn, received, record, viewFor, type World } from './mail-flow.ts';
import { groupsOf, readIdentity } from './message-facts.ts';
import type { OfficeView } from './office.ts';
import { protect } from './protect.ts';
import type { Found } from './recipients/lookup.ts';
import { asksForSuccess } from './relay/envelope.ts';
import type { Answer, Arrival } from './smtp/listener.ts';
import { accepted, loops, notFromHere, notSignable, refused, tooManyCopies, tryLater } from './smtp/reply.ts';
import { repetitionKey } from './spool/spool.ts';

/** @param again mail that was held here, as it came; `released`: a person has let it go, and rules that hold mail no longer do */
export async function outbound(world: World, arrival: Arrival, again?: { released: boolean }): Promise<Answer> {
  const scratch = world.scratch();
  try {
    return await send(world, arrival, scratch, again);
  } finally {
    await scratch.clear();
  }
}

async function send(
  world: World,
  arrival: Arrival,
  scratch: Scratch,
  again: { released: boolean } | undefined,
): Promise<Answer> {
  const fields = headerFields(headOf(arrival.message));
  const { origin } = world;
  if (again === undefined && origin !== undefined && !fields.some((field) => isField(field, origin))) {
    world.log.warn('outbound.without-origin', { client: arrival.client.address, sender: arrival.sender });
    return { reply: notFromHere() };
  }
  if (hasLooped(world, 'outbound', fields)) return { reply: loops() };
  const view = await viewFor(world, arrival.sender);
  if (view === undefined) return { reply: tryLater('the gateway has not heard from its authority yet') };
  const key = await repetitionKey('outbound', arrival.sender, arrival.recipients, arrival.message);
  const kept = world.spool.remembers(key);
  if (kept !== undefined) return answerFor(kept);
  // A client that was not told so repeats what waits here.
  const waiting = again === undefined ? world.held.ofMessage(key) : [];
  const isWaiting = (address: string) => waiting.some((one) => one.recipients.includes(address));
  if (waiting[0] !== undefined && arrival.recipients.every(isWaiting)) return { reply: accepted(waiting[0].id) };

  const identity = await readIdentity(arrival.message);
  const { author, named, protection } = identity;
  const able = protection === 'none' ? await signingKeyFor(world, view, arrival, author) : 'none';
  // Nobody's signature belongs under words that its owner has not seen.
  const withheld = able === 'none' ? undefined : hostileQuotation(identity.bodyOf, identity.root);
  const signing = withheld === undefined ? able : 'none';
  const recipients = await gather(
    world,
    view,
    arrival.recipients.filter((one) => !isWaiting(one)),
  );
  const ruleSet = world.ruleSet();
  const facts: MessageFacts = {
    direction: 'outbound',
    ...factsOf(arrival, fields, identity),
    senderGroups: groupsOf(arrival.sender, view),
    signer: signing === 'awaited' || signing === 'none' ? signing : 'ready',
    recipients: [...recipients].map(([address, found]) => ({
      address,
      groups: groupsOf(address, view),
      certificate: found.state,
      ...(found.state === 'good' ? {} : { reason: found.reason }),
      visible: named.has(address.toLowerCase()),
    })),
  };
  const plan = decide(ruleSet, facts, again);
  const recorded = decisionRecorder(ruleSet, world.rules.current()?.version, facts);
  const records = plan.decisions.map((decision) => {
    const said = recordOf(decision, recipients.get(decision.recipient));
    const detail =
      withheld === undefined ? said.detail : `signature withheld: ${withheld}; ${said.detail}`.slice(0, 1000);
    return { ...entryOf(world, 'outbound', arrival, fields, { ...said, detail }, null), ...recorded(decision) };
  });
  if (plan.refusal !== undefined) {
    await record(world, records);
    const unsignable = withheld !== undefined && plan.refusal.kind === 'no-signing-key';
    return { reply: unsignable ? notSignable(withheld) : refused(plan.refusal) };
  }
  if (plan.held.length > 0) {
    if (again !== undefined) return { reply: tryLater(plan.held[0]?.reason ?? 'a rule holds it') };
    try {
      const [id = ''] = await holdBack(world, arrival, { direction: 'outbound', key, ...plan, fields });
      if (plan.copies.length === 0) {
        await record(world, records);
        return { reply: accepted(id) };
      }
    } catch (error) {
      world.log.error('held.failed', { sender: arrival.sender, reason: reasonOf(error) });
      return { reply: tryLater('it is to be held here, and cannot be kept') };
    }
  }
  const unknown = plan.copies.find(({ route }) => route !== undefined && !world.hasRoute(route));
  if (unknown !== undefined) {
    world.log.error('route.unknown', { route: unknown.route ?? '' });
    return { reply: tryLater('a rule names a next server that is not configured') };
  }
  const alone = plan.copies.filter((copy) => copy.encrypt && copy.recipients.length === 1).length;
  if (alone > 1 && alone * arrival.message.length > hiddenCopiesOctets) return { reply: tooManyCopies() };

  const signer = signing === 'awaited' || signing === 'none' ? undefined : signing;
  const own = signer === undefined || author === undefined ? undefined : await world.lookup.find(author, view);
  const replyTo = own?.state === 'good' ? own.certificate : undefined;
  const copies: { recipients: readonly string[]; message: Message }[] = [];
  const secret = [world.processed, world.origin].map(nameOf);
  const isOurs = (field: HeaderField) => world.loopGuard.isLoopField(field) || secret.includes(field.name);
  try {
    for (const copy of plan.copies) {
      const cleaned = withFields(arrival.message, isOurs, []);
      const changed = await changeMessage(cleaned, copy.changes, protection !== 'none', scratch);
      const message = await protect(changed, copy, signer, readersOf(copy, recipients), scratch, replyTo);
      const trace = [
        received(world, arrival),
        world.loopGuard.field('outbound', fields),
        ...(world.processed === undefined ? [] : [world.processed]),
      ];
      const traced = withFields(message, () => false, trace);
      copies.push({ ...routed(copy), recipients: copy.recipients, message: await world.signDkim(traced) });
    }
  } catch (error) {
    if (error instanceof GatewayError && error.code === 'spool-unavailable') throw error;
    // Never in the clear instead: it waits with its sender until somebody has seen to the key.
    world.log.error('protect.failed', { sender: arrival.sender, reason: reasonOf(error) });
    await record(
      world,
      records.map((entry) => ({ ...entry, outcome: 'deferred', detail: reasonOf(error).slice(0, 1000) })),
    );
    return { reply: tryLater('a key does not work') };
  }
  const mayBounce = view.isOurs(arrival.sender);
  const [only] = copies;
  // What waits here beside it was accepted: the next server's word is no word about that.
  const isWhole = plan.held.length === 0 && waiting.length === 0;
  const isPassed =
    isWhole && plan.copies.every((copy) => !copy.sign && !copy.encrypt) && !asksForSuccess(arrival.notes);
  return only !== undefined && copies.length === 1 && isPassed
    ? passOn(world, 'outbound', arrival, only, mayBounce, records)
    : keep(world, 'outbound', arrival, key, copies, mayBounce, records);
}

/** Lower case, of a whole field. */
const nameOf = (field: string | undefined): string | undefined => field?.slice(0, field.indexOf(':')).toLowerCase();

function isField({ name, value }: HeaderField, wanted: string): boolean {
  const given = Buffer.from(value, 'latin1');
  const expected = Buffer.from(wanted.slice(wanted.indexOf(': ') + 2));
  return name === nameOf(wanted) && given.length === expected.length && timingSafeEqual(given, expected);
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
  const key = await world.enrolment.signingKey(person).catch((error: unknown) => {
    // What needs no signature does not wait for a token that was pulled.
    world.log.error('signing.key-not-there', { for: person.address, reason: reasonOf(error) });
    return undefined;
  });
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

function recordOf(
  { recipient, rules, outcome, detail }: Decision,
  found: Found | undefined,
): Pick<JournalEntry, 'recipient' | 'rule' | 'outcome' | 'detail'> {
  // Beyond a partner's gateway the message is as open as that gateway leaves it.
  const toDomain =
    found?.state === 'good' && found.domain !== undefined && (outcome === 'signed-encrypted' || outcome === 'encrypted')
      ? `encrypted to the domain certificate of ${found.domain}`
      : '';
  const details = [detail, toDomain].filter((part) => part !== '').join('; ');
  return { recipient, rule: namesOf(rules), outcome, detail: details };
}

function routed({ route }: Copy): { route?: string } {
  return route === undefined ? {} : { route };
}

function readersOf(copy: Copy, recipients: ReadonlyMap<string, Found>): Reader[] {
  if (!copy.encrypt) return [];
  const readers = copy.recipients.map((address) => {
    const found = recipients.get(address);
    if (found?.state !== 'good') throw new GatewayError('key-unusable', `There is no good certificate for ${address}`);
    return found;
  });
  // One of a whole domain is once in the envelope, however many of its people are written to.
  return [...new Map(readers.map((one) => [one.domain === undefined ? one : one.domain, one])).values()];
}
