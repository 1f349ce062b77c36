/** What people are told about requests for their keys. */
import { publicUrlOf } from '../config.ts';
import { queueNotice } from '../notices/queue.ts';
import type { Transaction } from '../store/database.ts';
import { isUnderHold } from '../store/legal-holds.ts';
import { isTold } from '../store/notices.ts';
import { requireOffice } from '../store/office.ts';
import { personById } from '../store/people.ts';
import type { World } from '../world.ts';
import type { CanonicalRequest } from './canonical-request.ts';
import { minutes } from './quorum.ts';

type Event = 'requested' | 'released' | 'rejected' | 'ended';

/** Tells everybody whose keys a request is for, or writes down what they will be told once nothing forbids it. */
export async function tellSubjects(
  tx: Transaction,
  world: World,
  request: CanonicalRequest,
  event: Event,
): Promise<void> {
  const { organisation } = await requireOffice(tx);
  for (const { id, address, name, keys } of request.people) {
    const about = aboutRecovery(request.id);
    // The officers have signed that it is kept from them, until somebody lifts that; and the law knows no lifting but its own.
    const withheld = (request.withholdNotice && !(await isTold(tx, about, id))) || (await isUnderHold(tx, id));
    // Where they are reached now: a request may be older than their address.
    const to = (await personById(tx, id))?.address ?? address;
    await queueNotice(tx, world, {
      to,
      subject: SUBJECTS[event],
      text: textOf(request, event, { name, keys: keys.length, organisation, url: publicUrlOf(world.config) }),
      about,
      personId: id,
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
  await queueNotice(tx, world, {
    to: person.address,
    subject: 'Collect your recovered encryption keys',
    text: [
      `Dear ${person.name},`,
      '',
      'your encryption keys were recovered for you. Collect them here, until',
      `${minutes(expiresAt)}:`,
      '',
      `${publicUrlOf(world.config)}/claim#${secret}`,
      '',
      'Whoever has this link has your keys: do not pass it on.',
      '',
    ].join('\n'),
    about: aboutRecovery(request.id),
    personId: person.id,
    secret: true,
    expiresAt,
  });
}

export const aboutRecovery = (requestId: string): string => `recovery:${requestId}`;

const SUBJECTS: Record<Event, string> = {
  requested: 'Your encryption keys have been asked for',
  released: 'Your encryption keys have been recovered',
  rejected: 'A request for your encryption keys was refused',
  ended: 'A request for your encryption keys has ended',
};

const REASONS: Record<CanonicalRequest['reason'], string> = {
  'lost-device': 'a device was lost',
  'forgotten-password': 'a password was forgotten',
  'departed-employee': 'somebody has left',
  'legal-hold': 'a legal hold',
  investigation: 'an investigation',
  other: 'another one',
};

const DELIVERIES: Record<CanonicalRequest['delivery']['kind'], string> = {
  certificate: 'encrypted to the certificate of',
  pkcs12: 'as a file, whose password travels apart',
  owner: 'to you alone, by a link',
  decrypt: 'not at all; named messages are decrypted instead',
};

interface Details {
  readonly name: string;
  readonly keys: number;
  readonly organisation: string;
  readonly url: string;
}

function textOf(request: CanonicalRequest, event: Event, { name, keys, organisation, url }: Details): string {
  const { delivery, requestedBy, reason, caseNumber } = request;
  const recipient = delivery.kind === 'certificate' ? ` ${delivery.recipient}` : '';
  const what = {
    requested: `${requestedBy.name} has asked for ${keys === 1 ? 'one of your encryption keys' : `${keys} of your encryption keys`}. ${request.threshold} recovery officers decide; nothing has been opened.`,
    released: `What ${requestedBy.name} had asked for was released, after ${request.threshold} recovery officers approved.`,
    rejected: `A recovery officer has refused what ${requestedBy.name} had asked for. Nothing was opened.`,
    ended: `What ${requestedBy.name} had asked for was not released in time. The request has ended, and nothing was opened.`,
  }[event];
  return [
    `Dear ${name},`,
    '',
    what,
    '',
    `Asked by:   ${requestedBy.name} <${requestedBy.address}>`,
    `Asked on:   ${minutes(new Date(request.requestedAt))}`,
    `Reason:     ${REASONS[reason]}`,
    ...(caseNumber === '' ? [] : [`Case:       ${caseNumber}`]),
    `Delivered:  ${DELIVERIES[delivery.kind]}${recipient}`,
    `Request:    ${request.id}`,
    '',
    'If you know nothing of this, tell a recovery officer at once. All of it stands in',
    `the audit trail of ${organisation}: ${url}`,
    '',
  ].join('\n');
}
