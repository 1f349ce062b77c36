/** Hands messages to the servers that each recipient's domain names (RFC 5321 section 5.1), as securely as the domain promises. */
import { readFileSync } from 'node:fs';
import { openBudget } from '../../budget.ts';
import { findRecordsBy } from '../../dns/find-records.ts';
import { reasonOf } from '../../errors.ts';
import type { Log } from '../../log.ts';
import type { MailTransport, Parcel, Receipt } from '../transport.ts';
import { findDestination, ownAddresses } from './find-hosts.ts';
import { handOver } from './hand-over.ts';
import { keepConnections } from './kept-connections.ts';
import { addressGuard, type MxConfig } from './mx-config.ts';
import { openStsPolicies } from './sts-policies.ts';
import type { StsPolicy } from './sts-policy.ts';
import type { TlsSession } from './tls-session.ts';
import { type Miss, walkPlaces } from './walk-places.ts';

export interface MxWorld {
  /** Our host name. */
  readonly name: string;
  /** Where policies of domains are kept. */
  readonly policyFolder: string;
  readonly now: () => number;
  readonly log: Log;
  /** Where policies are asked for: 443 but in tests. */
  readonly policyPort?: number;
  /** `ignored`: what servers promise by DANE is not asked for. For reports that TLS fails. */
  readonly promises?: 'kept' | 'ignored';
  /** Told of each attempt at TLS. */
  readonly onSession?: ((session: TlsSession) => void) | undefined;
}

/** Domains of one message that are delivered to side by side. */
const domainsAtOnce = 5;
/** Addresses that one attempt tries for a domain: what Postfix allows itself. */
const mostAddresses = 5;
/** Milliseconds in which a domain none of whose servers answers is not tried again: other mail waits for the same slots. */
const unreachedFor = 30_000;
/** Deliveries to one domain, of the 20 that the queue allows to all, when the oldest of them has taken so many milliseconds. */
const slow = { deliveries: 10, after: 20_000 };

export function openMxTransport(config: MxConfig, world: MxWorld): MailTransport {
  const { now, log, name, promises = 'kept' } = world;
  const { port, tls: least, prefer } = config;
  const patience = config.timeoutSeconds * 1000;
  const find = findRecordsBy(config.resolver, patience);
  const mayReach = addressGuard(config.networks);
  const ca = config.ca.map((file) => readFileSync(file));
  const policyServer = { find, ca, patience, mayAsk: mayReach, port: world.policyPort ?? 443 };
  const policies = config.mtaSts ? openStsPolicies(world.policyFolder, policyServer, now, log) : undefined;
  const kept = keepConnections(now);
  const way = { name, port, kept, now, log };
  const note = (session: TlsSession | undefined) => {
    if (session !== undefined) world.onSession?.(session);
  };
  const unreached = new Map<string, { until: number; reply: string }>();
  /** When each delivery to a domain began that is not at its end. */
  const underWay = new Map<string, number[]>();

  /** A domain that drags its answers out does not hold up everybody else's mail. */
  async function withoutHoldingUp(domain: string, parcel: Parcel): Promise<Receipt[]> {
    const begun = underWay.get(domain) ?? [];
    const at = now();
    if (begun.length >= slow.deliveries && at - Math.min(...begun) > slow.after) {
      const reply = `451 4.3.2 ${begun.length} deliveries to ${domain} are under way and take long; this one waits`;
      return parcel.recipients.map((recipient) => ({ recipient, outcome: 'later', reply }));
    }
    underWay.set(domain, begun);
    begun.push(at);
    try {
      return await deliverTo(domain, parcel);
    } finally {
      begun.splice(begun.indexOf(at), 1);
      if (begun.length === 0) underWay.delete(domain);
    }
  }

  async function deliverTo(domain: string, parcel: Parcel): Promise<Receipt[]> {
    const everyone = (outcome: 'refused' | 'later', reply: string): Receipt[] =>
      parcel.recipients.map((recipient) => ({ recipient, outcome, reply }));
    const gone = unreached.get(domain);
    if (gone !== undefined && gone.until > now()) return everyone('later', gone.reply);
    unreached.delete(domain);
    const destination = await findDestination(find, domain, name);
    if (destination.said !== 'hosts')
      return everyone(destination.said === 'no' ? 'refused' : 'later', destination.reply);
    let policy: StsPolicy | undefined;
    try {
      policy = await policies?.of(destination.domain, destination.proven);
    } catch (error) {
      return everyone('later', `451 4.7.5 What ${domain} promises by MTA-STS is not known: ${reasonOf(error)}`);
    }
    const trouble = policies?.troubleOf(destination.domain);
    if (trouble !== undefined) {
      const outcome = { type: 'sts', domain: destination.domain, text: [], hosts: [], failure: trouble } as const;
      note({ domain: destination.domain, outcomes: [outcome] });
    }

    const receipts = new Map<string, Receipt>();
    const misses: Miss[] = [];
    const left = () => parcel.recipients.filter((one) => (receipts.get(one)?.outcome ?? 'later') === 'later');
    const walk = {
      destination,
      policy,
      find,
      mayReach,
      own: ownAddresses(),
      port,
      prefer,
      promises,
      terms: { least, ca, now },
    };
    let answeredBy = '';
    let tried = 0;
    for await (const place of walkPlaces(walk)) {
      if ('reason' in place) {
        note(place.session);
        misses.push(place);
      }
      // Its other addresses are the same server.
      else if (place.owed.host !== answeredBy) {
        tried += 1;
        const answer = await handOver(place, { ...parcel, recipients: left() }, way);
        note(answer.session);
        if ('reason' in answer) misses.push(answer);
        else {
          answeredBy = place.owed.host;
          for (const receipt of answer.receipts) receipts.set(receipt.recipient, receipt);
          // Whoever is put off by one server may be taken by the next.
          if (answer.uncertain || left().length === 0) break;
        }
      }
      if (tried >= mostAddresses) break;
    }
    const without = verdictOn(domain, misses);
    if (receipts.size === 0 && misses.length > 0 && misses.every(({ kind }) => kind === 'unreached')) {
      for (const [other, { until }] of unreached) if (until <= now()) unreached.delete(other);
      unreached.set(domain, { until: now() + unreachedFor, reply: without.reply });
    }
    return parcel.recipients.map((recipient) => receipts.get(recipient) ?? { recipient, ...without });
  }

  return {
    async deliver(parcel) {
      const budget = openBudget(domainsAtOnce);
      const groups = Map.groupBy(parcel.recipients, (one) => one.slice(one.lastIndexOf('@') + 1).toLowerCase());
      const receipts = await Promise.all(
        [...groups].map(([domain, recipients]) =>
          budget.spend(1, () =>
            withoutHoldingUp(domain, { ...parcel, recipients }).catch((error: unknown) =>
              recipients.map((recipient) => ({ recipient, outcome: 'later', reply: reasonOf(error) }) as const),
            ),
          ),
        ),
      );
      return receipts.flat();
    },
    async close() {
      kept.close();
      await policies?.stop();
    },
  };
}

/** For recipients whom no server has answered for. */
function verdictOn(domain: string, misses: readonly Miss[]): Pick<Receipt, 'outcome' | 'reply'> {
  const [first] = misses;
  const said = [...new Set(misses.map(({ reason }) => reason))].slice(0, 4).join('; ');
  if (first?.kind === 'nowhere') return { outcome: 'refused', reply: `550 5.1.2 ${said}` };
  if (first?.kind === 'ourselves')
    return { outcome: 'later', reply: `451 4.4.6 Mail for ${domain} comes back: ${said}` };
  if (misses.some(({ kind }) => kind === 'insecure'))
    return {
      outcome: 'later',
      reply: `451 4.7.5 Nothing was sent, since no server of ${domain} is as secure as is owed: ${said}`,
    };
  const status = misses.every(({ kind }) => kind === 'unreached') ? '4.4.1' : '4.4.0';
  return { outcome: 'later', reply: `451 ${status} Nothing was sent: ${said}` };
}
