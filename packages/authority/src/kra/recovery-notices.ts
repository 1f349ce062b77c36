/** What people are told about requests for their keys. */
import type { NoticeLetter } from '@chancery/api';
import { publicUrlOf } from '../config.ts';
import { writeLetter } from '../notices/letters.ts';
import type { Transaction } from '../store/database.ts';
import { isUnderHold } from '../store/legal-holds.ts';
import { isTold } from '../store/notices.ts';
import { personById } from '../store/people.ts';
import type { World } from '../world.ts';
import type { CanonicalRequest } from './canonical-request.ts';

type Event = 'requested' | 'released' | 'rejected' | 'ended';

/** Tells everybody whose keys a request is for, or writes down what they will be told once nothing forbids it. */
export async function tellSubjects(
  tx: Transaction,
  world: World,
  request: CanonicalRequest,
  event: Event,
): Promise<void> {
  const about = aboutRecovery(request.id);
  const { requestedBy, reason, caseNumber, delivery } = request;
  const facts = {
    by: `${requestedBy.name} <${requestedBy.address}>`,
    since: new Date(request.requestedAt),
    reason,
    case: caseNumber === '' ? '–' : caseNumber,
    delivery: delivery.kind === 'certificate' ? `certificate ${delivery.recipient}` : delivery.kind,
    request: request.id,
    threshold: String(request.threshold),
  };
  for (const { id, address, name, keys } of request.people) {
    // The officers have signed that it is kept from them, until somebody lifts that; and the law knows no lifting but its own.
    const withheld = (request.withholdNotice && !(await isTold(tx, about, id))) || (await isUnderHold(tx, id));
    // Where they are reached now: a request may be older than their address.
    const to = { id, name, address: (await personById(tx, id))?.address ?? address };
    await writeLetter(tx, world, {
      letter: LETTERS[event],
      key: `recovery-${event} ${request.id} ${id}`,
      to,
      facts: { ...facts, count: String(keys.length) },
      about,
      withheld,
    });
  }
}

/** The link by which owners collect what was recovered for them; nobody else ever sees it. */
export async function sendOwnerLink(
  tx: Transaction,
  world: World,
  request: CanonicalRequest,
  link: {
    readonly person: { id: string; name: string; address: string };
    readonly secret: string;
    readonly expiresAt: Date;
  },
): Promise<void> {
  const { person, secret, expiresAt } = link;
  await writeLetter(tx, world, {
    letter: 'recovered-keys',
    key: `recovered-keys ${request.id} ${person.id}`,
    to: person,
    facts: { until: expiresAt },
    link: { claimLink: `${publicUrlOf(world.config)}/claim#${secret}` },
    about: aboutRecovery(request.id),
    expiresAt,
  });
}

export const aboutRecovery = (requestId: string): string => `recovery:${requestId}`;

const LETTERS: Record<Event, NoticeLetter> = {
  requested: 'recovery-requested',
  released: 'recovery-released',
  rejected: 'recovery-refused',
  ended: 'recovery-ended',
};
