/** A file that waits for a person's device. Phones take a profile from an address alone: this makes one, for a short while. */
import { randomUUID } from 'node:crypto';
import { z } from 'zod';
import { publicUrlOf } from '../config.ts';
import { AuthorityError } from '../errors.ts';
import { operation, perform } from '../operation.ts';
import { system } from '../principal.ts';
import type { Transaction } from '../store/database.ts';
import { personById } from '../store/people.ts';
import { countFetch, deleteEndedPickUps, hasEndedPickUps, insertPickUp, lockPickUp } from '../store/pick-ups.ts';
import { hashToken, newToken } from '../store/tokens.ts';
import type { World } from '../world.ts';

export interface PickUp {
  readonly url: string;
  readonly fileName: string;
  readonly expiresAt: Date;
}

export interface WaitingFile {
  readonly fileName: string;
  readonly mediaType: string;
  readonly data: Uint8Array;
}

/** Long enough to find the phone, and to answer its questions. */
const MINUTES = 15;
/** Some systems fetch a file twice, once to look at it; somebody may try again. */
const FETCHES = 5;

export async function offerPickUp(tx: Transaction, world: World, personId: string, file: WaitingFile): Promise<PickUp> {
  const secret = newToken();
  const at = world.clock();
  const expiresAt = new Date(at.getTime() + MINUTES * 60_000);
  await insertPickUp(tx, {
    id: randomUUID(),
    person_id: personId,
    secret_hash: hashToken(secret),
    file_name: file.fileName,
    media_type: file.mediaType,
    content: Buffer.from(file.data),
    created_at: at,
    expires_at: expiresAt,
  });
  return { url: `${publicUrlOf(world.config)}/pick-up/${secret}`, fileName: file.fileName, expiresAt };
}

/** The file behind a link. @throws AuthorityError `not-found` for one that is unknown, has lapsed, or was fetched too often */
export const fetchPickUp = operation({
  action: 'pick-up.fetch',
  permission: { guard: (by) => by.kind === 'anonymous', description: 'the link' },
  input: z.strictObject({ secret: z.string().max(100) }),
  subject: () => null,
  async run(tx, { secret }, _by, world): Promise<{ result: WaitingFile; audit: Record<string, unknown> }> {
    const row = await lockPickUp(tx, hashToken(secret));
    const owner = row && (await personById(tx, row.person_id));
    if (row === undefined || owner?.state !== 'active' || row.expires_at <= world.clock() || row.fetches >= FETCHES) {
      throw new AuthorityError(
        'not-found',
        'Nothing waits at this address. It may have been fetched, or its quarter of an hour is over. Make it again where you made it.',
      );
    }
    await countFetch(tx, row.id);
    return {
      result: { fileName: row.file_name, mediaType: row.media_type, data: row.content },
      audit: { personId: row.person_id, pickUpId: row.id, fileName: row.file_name },
    };
  },
});

/** Files whose time is over. */
export const dropPickUps = operation({
  action: 'pick-up.drop',
  permission: 'system',
  input: z.strictObject({}),
  subject: () => null,
  async run(tx, _input, _by, world) {
    return { result: undefined, audit: { dropped: await deleteEndedPickUps(tx, world.clock()) } };
  },
});

/** For the scheduler. */
export async function dropEndedPickUps(world: World): Promise<void> {
  if (await world.database.snapshot((snapshot) => hasEndedPickUps(snapshot, world.clock())))
    await perform(world, dropPickUps, system, {});
}
