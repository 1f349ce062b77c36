/**
 * What becomes of mail that is held: recipients are invited, a certificate that came lets it go encrypted, an administrator releases or drops
 * it, and its time ends. Everything is done by the same pipeline as for mail that comes, so that no way out of here goes round the rules.
 */
import { createHash } from 'node:crypto';
import type { JournalEntry } from '@chancery/api';
import { type SigningKey, speaksFor } from '../enrolment.ts';
import { reasonOf } from '../errors.ts';
import { inbound } from '../inbound.ts';
import { headOf, type Message, withFields } from '../large-message.ts';
import { confirm, journalEntry, record, type World } from '../mail-flow.ts';
import { outbound } from '../outbound.ts';
import { protect } from '../protect.ts';
import { deliveryFailure } from '../relay/dsn.ts';
import type { Arrival } from '../smtp/listener.ts';
import { expiryNotice } from './expiry-notice.ts';
import type { HeldMessage } from './held-store.ts';
import { type InvitationLanguage, invitation } from './invitation.ts';

export interface HeldWork {
  /** Does what is to be done now. Never throws. */
  round(): Promise<void>;
  stop(): Promise<void>;
}

/** @param interval milliseconds between rounds. @param languages of invitations. @param onRound called after each of them */
export function startHeldWork(
  world: World,
  {
    interval,
    languages,
    onRound,
  }: {
    readonly interval: number;
    readonly languages: readonly InvitationLanguage[];
    readonly onRound?: () => void;
  },
): HeldWork {
  let under: Promise<void> | undefined;
  const round = () => {
    under ??= workOnHeld(world, languages)
      .catch((error: unknown) => world.log.error('held.failed', { reason: reasonOf(error) }))
      .finally(() => {
        under = undefined;
      });
    return under;
  };
  const timer = setInterval(() => void round().then(onRound), interval);
  timer.unref();
  return {
    round,
    async stop() {
      clearInterval(timer);
      await under;
    },
  };
}

async function workOnHeld(world: World, languages: readonly InvitationLanguage[]): Promise<void> {
  const { held } = world;
  for (const { id, order } of await held.orders()) {
    const message = held.all().find((one) => one.id === id);
    if (message !== undefined) await attempt(world, message, () => obey(world, message, order));
    await held.orderDone(id);
  }
  for (const message of held.all()) {
    await attempt(world, message, async () => {
      if (message.expiresAt <= world.now()) {
        return expire(world, message);
      }
      if (!message.invite) return;
      const ready = await withCertificate(world, message);
      if (ready.length > 0) await letGo(world, message, ready, false);
      // Whoever has a certificate by now is not asked for one.
      const left = held.all().find(({ id }) => id === message.id);
      if (left !== undefined && !left.invited) await invite(world, left, languages);
    });
  }
}

/** One that fails does not keep the others waiting. */
async function attempt(world: World, { id }: HeldMessage, work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    world.log.error('held.failed', { id, reason: reasonOf(error) });
  }
}

async function expire(world: World, message: HeldMessage): Promise<void> {
  if (message.direction === 'inbound') {
    await tellReaders(world, message);
    return end(world, message, 'It was held for somebody to look at, and nobody let it go in time.');
  }
  return end(
    world,
    message,
    message.invite
      ? 'No certificate came in time, so it could not be sent encrypted. It was sent to nobody named here.'
      : 'It was held for somebody to look at, and nobody let it go in time. It was sent to nobody named here.',
  );
}

async function obey(
  world: World,
  message: HeldMessage,
  { act, by, note }: { act: 'release' | 'drop'; by: string; note: string },
): Promise<void> {
  const why = `${by}${note === '' ? '' : `: ${note}`}`;
  world.log.info('held.ordered', { id: message.id, act, by });
  if (act === 'drop') {
    await record(
      world,
      message.recipients.map((one) => entryOf(world, message, one, 'refused', `dropped by ${why}`)),
    );
    return end(world, message, 'It was held by a rule of your organisation, and not let go.');
  }
  const said = await letGo(world, message, message.recipients, true);
  // Rules other than those that hold it hold all the same: what must be encrypted is not sent in the clear for anybody's word.
  if (said !== undefined) {
    const problem = `released by ${why}, and not sent: ${said}`;
    await record(
      world,
      message.recipients.map((one) => entryOf(world, message, one, 'deferred', problem)),
    );
    await world.held.change(message.id, { problem: problem.slice(0, 1000) });
  }
}

async function withCertificate(world: World, { recipients }: HeldMessage): Promise<string[]> {
  const view = world.office.current();
  if (view === undefined) return [];
  const ready: string[] = [];
  for (const one of recipients) if ((await world.lookup.find(one, view)).state === 'good') ready.push(one);
  return ready;
}

/** As though it had just come, to those recipients. @returns what keeps it here, or nothing */
async function letGo(
  world: World,
  message: HeldMessage,
  recipients: readonly string[],
  released: boolean,
): Promise<string | undefined> {
  const { id, sender, client, notes } = message;
  const noted = notes === undefined ? {} : { notes };
  const answer = await opened(world, id, (octets) => {
    const arrival = { sender, recipients, client, ...noted, message: octets };
    return message.direction === 'inbound'
      ? inbound(world, arrival, { key: `released:${id}`, authenticity: message.authenticity })
      : outbound(world, arrival, { released });
  });
  if (answer.reply.code !== 250) return answer.reply.text;
  const gone = new Set(recipients);
  const rest = message.recipients.filter((one) => !gone.has(one));
  if (rest.length === 0) await world.held.remove(id);
  else await world.held.change(id, { recipients: rest });
  if (answer.confirms !== undefined) confirm(world, answer.confirms);
  world.log.info('held.sent', { id, recipients: recipients.length });
  return undefined;
}

/** What is opened is gone with its use: it is held here sealed. */
async function opened<Made>(
  { held, scratch }: World,
  id: string,
  use: (octets: Arrival['message']) => Made | Promise<Made>,
): Promise<Made> {
  const files = scratch();
  try {
    return await use(await held.open(id, files));
  } finally {
    await files.clear();
  }
}

/** Its sender is told, once, unless anybody may have written under that name; then it is no more. */
async function end(world: World, message: HeldMessage, reply: string): Promise<void> {
  const { id, sender, recipients, direction, authenticity } = message;
  const mayBeTold = direction === 'outbound' || authenticity?.senderVouched === true;
  if (sender !== '' && mayBeTold) {
    const original = await opened(world, id, headOf);
    const at = new Date(world.now());
    const failures = recipients.map((address) => ({ address, reply, status: message.invite ? '5.7.10' : '5.7.1' }));
    const view = world.office.current();
    await deliver(world, {
      id: `${id}-ended`,
      direction: view?.isOurs(sender) === true ? 'inbound' : 'outbound',
      sender: '',
      recipient: sender,
      message: deliveryFailure({ gateway: world.name, sender, failures, original, at }),
    });
  }
  await record(
    world,
    recipients.map((one) => entryOf(world, message, one, 'refused', reply)),
  );
  await world.held.remove(id);
  world.log.info('held.ended', { id });
}

/** Whoever was written to learns that something was, and by whom: nothing that was sent to them is gone without a word. */
async function tellReaders(world: World, { id, sender, recipients, heldAt, reason }: HeldMessage): Promise<void> {
  const view = world.office.current();
  for (const recipient of recipients)
    await deliver(world, {
      ...{ id: `${id}-expired-${digestOf(recipient)}`, direction: 'inbound', sender: '', recipient },
      message: expiryNotice({
        ...{ gateway: world.name, view, sender, recipient, reason },
        ...{ heldAt, at: new Date(world.now()) },
      }),
    });
}

/** Each recipient once for each sender while something waits for them, however many mails that is. */
async function invite(world: World, message: HeldMessage, languages: readonly InvitationLanguage[]): Promise<void> {
  const { id, sender, recipients, expiresAt } = message;
  const view = world.office.current();
  if (view === undefined || sender === '') return;
  const person = view.personOf(sender);
  const key = person === undefined ? undefined : await world.enrolment.signingKey(person);
  const others = world.held.all().filter((one) => one.id !== id && one.invited && one.sender === sender);
  for (const recipient of recipients) {
    if (others.some((one) => one.recipients.includes(recipient))) continue;
    const text = invitation({
      ...{ gateway: world.name, organisation: view.organisation, sender, recipient, languages },
      ...{ until: expiresAt, at: new Date(world.now()) },
    });
    const signed = key !== undefined && speaksFor(key.certificate, sender) ? await sign(world, text, key) : text;
    const trace = [world.loopGuard.field('outbound', []), ...(world.processed === undefined ? [] : [world.processed])];
    await deliver(world, {
      id: `${id}-invitation-${digestOf(recipient)}`,
      direction: 'outbound',
      // Undeliverable, it comes back to the sender, who learns that the address is wrong.
      sender,
      recipient,
      message: await world.signDkim(withFields(signed, () => false, trace)),
    });
  }
  await world.held.change(id, { invited: true });
}

function sign(world: World, message: Uint8Array, key: SigningKey): Promise<Message> {
  const plan = {
    sign: true,
    encrypt: false,
    form: 'clear',
    cipher: 'aes-256-cbc',
    oaep: 'announced',
    header: 'none',
  } as const;
  return protect(message, plan, key, [], world.scratch());
}

/** Under an id of its own, so that a crash in between does it again as nothing. */
async function deliver(
  world: World,
  mail: { id: string; direction: 'inbound' | 'outbound'; sender: string; recipient: string; message: Message },
): Promise<void> {
  const { id, direction, sender, recipient, message } = mail;
  const copies = [{ recipients: [recipient], message }];
  const kept = await world.spool.commit({
    id,
    direction,
    sender,
    key: '',
    copies,
    mayBounce: sender !== '',
    journal: [],
  });
  if (kept.message !== undefined) world.queue.add(kept.message);
}

function entryOf(
  world: World,
  { direction, sender, messageId, rule }: HeldMessage,
  recipient: string,
  outcome: JournalEntry['outcome'],
  detail: string,
): JournalEntry {
  return journalEntry(world, {
    direction,
    messageId,
    sender,
    recipient,
    rule,
    outcome,
    verdict: null,
    detail,
  });
}

const digestOf = (text: string) => createHash('sha256').update(text).digest('hex').slice(0, 16);
