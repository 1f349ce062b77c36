/**
 * The pipeline, and what its two halves share. A message is answered 250 only when it is durable in its final form.
 *
 * - `outbound.ts`: facts gathered -> decided by the rules -> protected -> spooled -> relayed
 * - `inbound.ts`: authenticity judged -> opened -> verified -> harvested -> labelled -> spooled -> relayed
 */
import { randomUUID } from 'node:crypto';
import type { Client, JournalEntry } from '@chancery/api';
import type { RuleSet } from '@chancery/mail-policy';
import type { Resolve } from './authenticity.ts';
import type { SignDkim } from './dkim.ts';
import type { Enrolment } from './enrolment.ts';
import { reasonOf } from './errors.ts';
import { type HeaderField, onlyValue } from './header-block.ts';
import type { HeldStore } from './held/held-store.ts';
import type { InboundPolicy } from './inbound-policy.ts';
import type { Journal } from './journal.ts';
import { withDeliveries } from './journal-deliveries.ts';
import type { Scratch } from './large-message.ts';
import { receivedFields } from './limits.ts';
import type { Log } from './log.ts';
import type { LoopGuard } from './loop.ts';
import type { Office, OfficeView } from './office.ts';
import type { OfficeRules } from './office-rules.ts';
import type { OpenedKeys } from './opened-keys.ts';
import type { Harvested } from './recipients/harvested.ts';
import type { Lookup } from './recipients/lookup.ts';
import { formatDate } from './relay/dsn.ts';
import type { Queue } from './relay/queue.ts';
import type { Answer, Arrival } from './smtp/listener.ts';
import { accepted, putOffByNext, refusedByNext } from './smtp/reply.ts';
import type { Spool } from './spool/spool.ts';
import type { DraftCopy } from './spool/spooled-message.ts';

/** What the pipeline works with; `main.ts` builds one. */
export interface World {
  readonly name: string;
  /** The rules of now. */
  readonly ruleSet: () => RuleSet;
  readonly rules: Pick<OfficeRules, 'current'>;
  readonly dnsTimeout: number;
  /** Open what is encrypted with Triple DES, DES or RC2 too. */
  readonly openLegacy: boolean;
  /** What becomes of mail on its way in. */
  readonly inboundPolicy: InboundPolicy;
  readonly office: Office;
  /** Judges what comes to the address of ACME challenges. */
  readonly takeAcmeReply: (message: Uint8Array) => Promise<AcmeVerdict>;
  readonly enrolment: Enrolment;
  readonly lookup: Lookup;
  readonly harvested: Harvested;
  readonly openedKeys: OpenedKeys;
  readonly loopGuard: LoopGuard;
  readonly spool: Spool;
  /** What rules hold. */
  readonly held: HeldStore;
  readonly queue: Queue;
  /** Whether there is a `[gateway.route.NAME]`; a copy's `route` names one. */
  readonly hasRoute: (name: string) => boolean;
  readonly journal: Journal;
  readonly resolve: Resolve;
  readonly signDkim: SignDkim;
  /** Files for a large message on its way through. */
  readonly scratch: () => Scratch;
  /** A whole field for outgoing mail, by which the server that gets it back knows where it was. */
  readonly processed: string | undefined;
  /** A whole field without which outgoing mail is not taken. */
  readonly origin: string | undefined;
  readonly now: () => number;
  readonly log: Log;
}

export type AcmeVerdict = Awaited<ReturnType<Client['acmeReply']>>;

/** Milliseconds that a client from outside waits for the next server's word. */
const firstAttempt = 20_000;

export async function keep(
  world: World,
  direction: 'outbound' | 'inbound',
  arrival: Arrival,
  key: string,
  copies: readonly DraftCopy[],
  mayBounce: boolean,
  journal: readonly JournalEntry[],
): Promise<Answer> {
  const { sender, notes } = arrival;
  const noted = notes === undefined ? {} : { notes };
  const draft = { id: randomUUID(), direction, sender, key, copies, mayBounce, journal, ...noted };
  const { id, repeated, message } = await world.spool.commit(draft);
  const refusal = direction === 'inbound' ? await refusedAtDoor(world, id) : undefined;
  if (!repeated) {
    const said =
      refusal === undefined ? {} : { outcome: 'refused' as const, detail: refusal.reply.text.slice(0, 1000) };
    await record(
      world,
      // What waits here was not what the next server refused.
      journal.map((entry) => (entry.outcome === 'quarantined' ? entry : { ...entry, ...said })),
    );
    if (direction === 'outbound' && message !== undefined) world.queue.add(message);
  }
  return refusal ?? answerFor(id);
}

/**
 * A message that leaves as it came goes straight through: its client hears what the next server said, and nothing is kept
 * here. Only what the next server takes for some and not for others is kept for those others.
 */
export async function passOn(
  world: World,
  direction: 'outbound' | 'inbound',
  arrival: Arrival,
  copy: DraftCopy,
  mayBounce: boolean,
  journal: readonly JournalEntry[],
): Promise<Answer> {
  const id = randomUUID();
  const { sender, notes } = arrival;
  const { recipients, message, route } = copy;
  const receipts = await world.queue.passOn(
    direction,
    { id, sender, recipients, message, ...(notes === undefined ? {} : { notes }) },
    route,
  );
  const told = withDeliveries(journal, receipts, world.now());
  const others = receipts.filter(({ outcome }) => outcome !== 'accepted');
  if (others.length > 0 && others.length < recipients.length) {
    const left = { ...copy, recipients: others.map(({ recipient }) => recipient) };
    return keep(world, direction, arrival, '', [left], mayBounce, told);
  }
  const [first] = others;
  const late = others.find(({ outcome }) => outcome === 'later');
  const outcome = late === undefined ? 'refused' : 'deferred';
  const said = first === undefined ? {} : ({ outcome, detail: first.reply.slice(0, 1000) } as const);
  await record(
    world,
    told.map((entry) => ({ ...entry, ...said })),
  );
  if (first === undefined) return { reply: accepted(id) };
  return { reply: late === undefined ? refusedByNext(first.reply) : putOffByNext(late.reply) };
}

/** Mail from outside is refused at the door where the next server refuses it: a notification might go to a forged sender. */
export async function refusedAtDoor(world: World, id: string): Promise<Answer | undefined> {
  const message = world.spool.get(id);
  const refusal = message === undefined ? undefined : await world.queue.attempt(message, firstAttempt);
  return refusal === undefined ? undefined : { reply: refusedByNext(refusal) };
}

export function answerFor(id: string): Answer {
  return { reply: accepted(id), confirms: id };
}

/** Its client knows that it was accepted, and will not repeat it. */
export function confirm({ spool, log }: Pick<World, 'spool' | 'log'>, id: string): void {
  spool.confirm(id).catch((error: unknown) => log.warn('spool.confirm', { reason: reasonOf(error) }));
}

/** A journal that cannot be written changes no answer. What was accepted is in the spool too, and written from there at the next start. */
export async function record(world: World, entries: readonly JournalEntry[]): Promise<void> {
  await world.journal.write(entries).catch((error: unknown) => {
    world.log.error('journal.failed', { reason: reasonOf(error) });
  });
}

export function hasLooped(world: World, direction: 'outbound' | 'inbound', fields: readonly HeaderField[]): boolean {
  return (
    world.loopGuard.seen(direction, fields) || fields.filter(({ name }) => name === 'received').length > receivedFields
  );
}

/** What the authority said last; asked again first when one of our addresses is not in it, for it could be new. */
export async function viewFor(world: World, address: string): Promise<OfficeView | undefined> {
  const known = world.office.current();
  if (known === undefined || (known.isOurs(address) && known.personOf(address) === undefined)) {
    await world.office.refreshIfOlder(2_000);
  }
  // Rules that cannot be read here might say that it must be encrypted.
  return world.rules.current() === undefined ? undefined : world.office.current();
}

/** RFC 5321 4.4. */
export function received({ name, now }: World, { client }: Arrival): string {
  const clean = (text: string) => text.replace(/[^A-Za-z0-9.:_[\]-]/g, '').slice(0, 255) || 'unknown';
  const address = client.address.includes(':') ? `IPv6:${clean(client.address)}` : clean(client.address);
  return `Received: from ${clean(client.helo)} ([${address}])\r\n\tby ${name} (Chancery) with ${clean(client.protocol ?? 'ESMTP')};\r\n\t${formatDate(new Date(now()))}`;
}

export function entryOf(
  world: World,
  direction: 'outbound' | 'inbound',
  arrival: Arrival,
  fields: readonly HeaderField[],
  decision: Pick<JournalEntry, 'recipient' | 'rule' | 'outcome' | 'detail'>,
  verdict: JournalEntry['verdict'],
): JournalEntry {
  const messageId = onlyValue(fields, 'message-id') ?? null;
  return journalEntry(world, { direction, messageId, sender: arrival.sender, ...decision, verdict });
}

/** Of now, and no longer than the contract has it. */
export function journalEntry({ now }: Pick<World, 'now'>, said: Omit<JournalEntry, 'id' | 'at'>): JournalEntry {
  return {
    ...said,
    id: randomUUID(),
    at: new Date(now()).toISOString(),
    messageId: said.messageId?.slice(0, 998) ?? null,
    sender: said.sender.slice(0, 320),
    recipient: said.recipient.slice(0, 320),
    detail: said.detail.slice(0, 1000),
  };
}
