/** Sources of people, and the tokens of SCIM clients. */
import { publicUrlOf } from '../../config.ts';
import { rulesOf } from '../../identity/configuration.ts';
import { createScimToken, isInForce, revokeScimToken, rotateScimToken } from '../../identity/scim/tokens.ts';
import { linkRecord, readmitPerson } from '../../identity/sources/catch-up.ts';
import { isLiving } from '../../identity/sources/decide.ts';
import { consult, perform } from '../../operation.ts';
import { describePerson } from '../../ra/people.ts';
import { peopleByIds } from '../../store/people.ts';
import { listScimTokens } from '../../store/scim-tokens.ts';
import { listSources, recordsInConflict, sourceCounts, stoppedPeople } from '../../store/sources.ts';
import type { World } from '../../world.ts';
import type { Handlers } from './handler.ts';

const MOST_SHOWN = 500;

export const sourceHandlers: Handlers<
  | 'sources'
  | 'sourceConflicts'
  | 'linkSourceRecord'
  | 'stoppedPeople'
  | 'readmitPerson'
  | 'createScimToken'
  | 'rotateScimToken'
  | 'revokeScimToken'
> = {
  async sources({ world, by }) {
    const now = world.clock();
    const items = await consult(world, 'person:read', by, async (snapshot) => {
      const counts = await sourceCounts(snapshot);
      const tokens = await listScimTokens(snapshot);
      return (await listSources(snapshot)).map((row) => ({
        name: row.name,
        kind: row.kind,
        createdAt: row.created_at.toISOString(),
        lastContactAt: row.last_contact_at?.toISOString() ?? null,
        problem: row.problem,
        deactivated: isLiving(row) ? rulesOf(world.config.identity, row.name).deactivated : null,
        ...(counts.get(row.name) ?? { people: { all: 0, active: 0, nobody: 0 }, groups: 0, conflicts: 0 }),
        tokens: tokens
          .filter(({ source }) => source === row.name)
          .map((token) => ({
            id: token.id,
            createdAt: token.created_at.toISOString(),
            createdBy: token.created_by,
            expiresAt: token.expires_at?.toISOString() ?? null,
            lastUsedAt: token.last_used_at?.toISOString() ?? null,
            revokedAt: token.revoked_at?.toISOString() ?? null,
            inForce: isInForce(token, now),
          })),
      }));
    });
    return { items };
  },
  async sourceConflicts({ world, by }) {
    const items = await consult(world, 'person:read', by, async (snapshot) => {
      const rows = await recordsInConflict(snapshot, MOST_SHOWN);
      const about = rows.flatMap(({ conflict }) => conflict?.personId ?? []);
      const people = new Map((await peopleByIds(snapshot, about)).map((row) => [row.id, row]));
      return rows.flatMap(({ id, source, key, presented, changed_at, conflict }) => {
        if (conflict === null) return [];
        const person = people.get(conflict.personId ?? '');
        return [
          {
            id,
            source,
            key,
            name: presented.name ?? presented.address ?? key,
            address: presented.address ?? null,
            since: changed_at.toISOString(),
            code: conflict.code,
            message: conflict.message,
            person: person === undefined ? null : { id: person.id, name: person.name, address: person.address },
          },
        ];
      });
    });
    return { items };
  },
  async linkSourceRecord({ world, by }, { params, body }) {
    await perform(world, linkRecord, by, { recordId: params.id, personId: body.personId });
    return consult(world, 'person:read', by, (snapshot) => describePerson(world, snapshot, body.personId));
  },
  async stoppedPeople({ world, by }) {
    const rows = await consult(world, 'person:read', by, (snapshot) => stoppedPeople(snapshot, MOST_SHOWN));
    return { items: rows.map(({ since, ...row }) => ({ ...row, since: since.toISOString() })) };
  },
  async readmitPerson({ world, by }, { params }) {
    await perform(world, readmitPerson, by, params);
    return consult(world, 'person:read', by, (snapshot) => describePerson(world, snapshot, params.id));
  },
  async createScimToken({ world, by }, { body }) {
    return shown(world, await perform(world, createScimToken, by, body));
  },
  async rotateScimToken({ world, by }, { params, body }) {
    return shown(world, await perform(world, rotateScimToken, by, { ...params, ...body }));
  },
  async revokeScimToken({ world, by }, { params }) {
    await perform(world, revokeScimToken, by, params);
    return { done: true };
  },
};

function shown(
  { config }: Pick<World, 'config'>,
  { expiresAt, ...made }: { id: string; source: string; token: string; expiresAt: Date | null },
) {
  return { ...made, expiresAt: expiresAt?.toISOString() ?? null, url: `${publicUrlOf(config)}/scim/v2` };
}
