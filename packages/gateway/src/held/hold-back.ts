/** Keeps back what rules hold of a message: durable and sealed before anybody is told that it was taken. */
import { type Decision, type Held, namesOf } from '@chancery/mail-policy';
import type { HeaderField } from '../header-block.ts';
import { onlyValue } from '../header-block.ts';
import type { World } from '../mail-flow.ts';
import type { Arrival } from '../smtp/listener.ts';

/**
 * One held message for all recipients who wait for the same reason.
 * @param key of the whole message, as `repetitionKey` has it
 * @returns ids. @throws GatewayError `unavailable`, `spool-unavailable`
 */
export async function holdBack(
  world: World,
  arrival: Arrival,
  key: string,
  { held, decisions }: { readonly held: readonly Held[]; readonly decisions: readonly Decision[] },
  fields: readonly HeaderField[],
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
        key,
        sender: arrival.sender,
        recipients,
        reason: first.reason,
        invite: first.invite,
        rule: namesOf(decision?.rules ?? []),
        messageId: onlyValue(fields, 'message-id')?.slice(0, 998) ?? null,
        client: { ...arrival.client },
        ...(arrival.notes === undefined ? {} : { notes: arrival.notes }),
        expiresAt: world.now() + first.hours * 3_600_000,
      },
      arrival.message,
    );
    world.log.info('held', { id, recipients: recipients.length, reason: first.reason });
    ids.push(id);
  }
  return ids;
}
