/** Keeps back what rules hold of a message: durable and sealed before anybody is told that it was taken. */
import { type Decision, type Held, namesOf } from '@chancery/mail-policy';
import { parseAddressHeader } from '@chancery/smime';
import type { Authenticity } from '../authenticity.ts';
import { type HeaderField, onlyValue } from '../header-block.ts';
import type { World } from '../mail-flow.ts';
import type { Arrival } from '../smtp/listener.ts';

/** What is known of a message that is held beside its envelope and octets. */
interface HeldBecause {
  readonly direction: 'outbound' | 'inbound';
  /** Of the whole message, as `repetitionKey` has it. */
  readonly key: string;
  readonly held: readonly Held[];
  readonly decisions: readonly Pick<Decision, 'recipient' | 'rules'>[];
  readonly fields: readonly HeaderField[];
  readonly authenticity?: Authenticity;
}

/**
 * One held message for all recipients who wait for the same reason.
 * @returns ids. @throws GatewayError `unavailable`, `spool-unavailable`
 */
export async function holdBack(
  world: World,
  arrival: Arrival,
  { direction, key, held, decisions, fields, authenticity }: HeldBecause,
): Promise<string[]> {
  const groups = Map.groupBy(held, ({ reason, hours, invite }) => JSON.stringify([reason, hours, invite]));
  const ids: string[] = [];
  for (const group of groups.values()) {
    const [first] = group;
    if (first === undefined) continue;
    const recipients = group.flatMap((one) => one.recipients);
    const decision = decisions.find(({ recipient }) => recipients.includes(recipient));
    const { id } = await world.held.hold(
      {
        ...{ direction, key, recipients },
        sender: arrival.sender,
        reason: first.reason,
        // Nobody outside is asked for a certificate so that we may read what they sent.
        invite: first.invite && direction === 'outbound',
        rule: namesOf(decision?.rules ?? []),
        messageId: onlyValue(fields, 'message-id')?.slice(0, 998) ?? null,
        from: authorsOf(fields),
        client: { ...arrival.client },
        ...(arrival.notes === undefined ? {} : { notes: arrival.notes }),
        ...(authenticity === undefined ? {} : { authenticity }),
        expiresAt: world.now() + first.hours * 3_600_000,
      },
      arrival.message,
    );
    world.log.info('held', { id, direction, recipients: recipients.length, reason: first.reason });
    ids.push(id);
  }
  return ids;
}

function authorsOf(fields: readonly HeaderField[]): string[] {
  const named = fields
    .filter(({ name }) => name === 'from')
    .flatMap(({ value }) => parseAddressHeader(value).mailboxes.map(({ address }) => address.slice(0, 320)));
  return [...new Set(named)].slice(0, 10);
}
