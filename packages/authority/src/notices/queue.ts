/**
 * Mail from the office to a person. It is written down in the transaction of the operation that it tells of, and sent by a
 * job: who is told something is told it if and only if it happened.
 */
import { randomUUID } from 'node:crypto';
import { sealSecret } from '../identity/sealing.ts';
import type { Transaction } from '../store/database.ts';
import { endWithholding, insertNotice } from '../store/notices.ts';
import type { World } from '../world.ts';

export interface Notice {
  /** One address. */
  readonly to: string;
  readonly subject: string;
  /** Plain text; lines end in LF. */
  readonly text: string;
  /** What it is about, as the subject of an audit record. */
  readonly about?: string;
  /** Of whom it tells, where that is somebody of this office. */
  readonly personId?: string;
  /** The text holds a link or a word that lets somebody in: it lies sealed until it is sent, and then nowhere. */
  readonly secret?: boolean;
  /** Of no use to anybody after this, so not sent any more. */
  readonly expiresAt?: Date;
  /** Not sent before `releaseNotices` says so. */
  readonly withheld?: boolean;
}

/** @returns its id */
export async function queueNotice(tx: Transaction, world: World, notice: Notice): Promise<string> {
  const id = randomUUID();
  const at = world.clock();
  const secret = notice.secret === true;
  await insertNotice(tx, {
    id,
    recipient: notice.to,
    subject: notice.subject,
    body: secret ? null : notice.text,
    sealed_body: secret
      ? Buffer.from(await sealSecret(world, tx, noticePurpose(id), Buffer.from(notice.text, 'utf8')))
      : null,
    about: notice.about ?? null,
    person_id: notice.personId ?? null,
    state: notice.withheld === true ? 'withheld' : 'waiting',
    queued_at: at,
    expires_at: notice.expiresAt ?? null,
    next_attempt_at: at,
  });
  if (notice.withheld !== true) await world.jobs.enqueue(tx, 'send-notices', {});
  return id;
}

/** What was withheld about that goes out now. @returns how many */
export async function releaseNotices(tx: Transaction, world: World, about: string): Promise<number> {
  const released = await endWithholding(tx, about, world.clock());
  if (released > 0) await world.jobs.enqueue(tx, 'send-notices', {});
  return released;
}

export const noticePurpose = (id: string): string => `chancery:notice:${id}`;
