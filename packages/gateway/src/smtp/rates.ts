/** How much one client address may do: counted in memory, forgotten when it rests. */
import { isIPv6 } from 'node:net';
import type { ClientLimits } from '../config-smtp.ts';

export interface Rates {
  /** A connection begins: false when it is one too many. `leave` is called once for each that may. */
  enter(address: string): boolean;
  leave(address: string): void;
  /** @returns false when there were too many of the kind within the minute */
  spend(address: string, kind: 'messages' | 'recipients', amount: number): boolean;
}

interface Client {
  open: number;
  /** Ms since 1970 when the minute began. */
  since: number;
  connections: number;
  messages: number;
  recipients: number;
}

const minute = 60_000;
/** Addresses known at once; the ones at rest are forgotten first. */
const knownAddresses = 100_000;

/** Whoever has one address of IPv6 has the network of 64 bits that it is in. */
export function countedAs(address: string): string {
  if (!isIPv6(address)) return address;
  const [before = '', after] = address.split('::');
  const left = before === '' ? [] : before.split(':');
  const right = after === undefined || after === '' ? [] : after.split(':');
  const zeros = Array.from(
    { length: after === undefined ? 0 : Math.max(0, 8 - left.length - right.length) },
    () => '0',
  );
  const first = [...left, ...zeros, ...right].slice(0, 4).map((part) => Number.parseInt(part, 16).toString(16));
  return `${first.join(':')}::/64`;
}

/** @param isFree whose address is not counted */
export function openRates(limits: ClientLimits, isFree: (address: string) => boolean, now: () => number): Rates {
  const clients = new Map<string, Client>();

  function clientOf(given: string): Client {
    const address = countedAs(given);
    const known = clients.get(address);
    const at = now();
    if (known !== undefined) {
      if (at - known.since >= minute) Object.assign(known, { since: at, connections: 0, messages: 0, recipients: 0 });
      return known;
    }
    if (clients.size >= knownAddresses) forget(at);
    const fresh = { open: 0, since: at, connections: 0, messages: 0, recipients: 0 };
    clients.set(address, fresh);
    return fresh;
  }

  function forget(at: number): void {
    for (const [address, { open, since }] of clients) {
      if (open === 0 && at - since >= minute) clients.delete(address);
    }
  }

  const within = (amount: number, limit: number) => limit === 0 || amount <= limit;
  const most = { messages: limits.messagesPerMinute, recipients: limits.recipientsPerMinute };

  return {
    enter(address) {
      if (isFree(address)) return true;
      const client = clientOf(address);
      if (!within(client.open + 1, limits.connectionsAtOnce)) return false;
      if (!within(client.connections + 1, limits.connectionsPerMinute)) return false;
      client.open++;
      client.connections++;
      return true;
    },
    leave(address) {
      const client = clients.get(countedAs(address));
      if (client !== undefined && client.open > 0) client.open--;
    },
    spend(address, kind, amount) {
      if (isFree(address)) return true;
      const client = clientOf(address);
      if (!within(client[kind] + amount, most[kind])) return false;
      client[kind] += amount;
      return true;
    },
  };
}
