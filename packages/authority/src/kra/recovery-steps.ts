/** What is recorded of a request beside the officers' decisions: whose identity was checked, and which manager agrees. */
import { routes } from '@chancery/api';
import { z } from 'zod';
import { AuthorityError } from '../errors.ts';
import { operation } from '../operation.ts';
import type { Principal } from '../principal.ts';
import type { Transaction } from '../store/database.ts';
import { insertStep, lockRecovery } from '../store/recovery.ts';
import { managerOf } from '../store/sources.ts';
import type { World } from '../world.ts';
import { type CanonicalRequest, readCanonical } from './canonical-request.ts';
import { type StepKind, whyNotRecord } from './quorum.ts';
import { checkSeen, factsOf, noSuchRequest, refused } from './recovery.ts';
import { peopleOf } from './whom.ts';

/**
 * That somebody made sure who asks, or whose keys they are: who checked, how, and what they saw.
 * @throws AuthorityError `quorum-refused`, `not-found`
 */
export const checkIdentity = operation({
  action: 'recovery.check-identity',
  permission: 'recovery:attest',
  input: routes.checkIdentity.body.extend({ id: z.uuid() }),
  subject: ({ id }) => `recovery:${id}`,
  async run(tx, { id, digest, ...statement }, by, world) {
    return record(tx, world, by, { id, digest, kind: 'identity', statement });
  },
});

/**
 * That a manager agrees, who is neither the requester nor somebody whose keys are asked for.
 * @throws AuthorityError `quorum-refused`, `not-found`
 */
export const recordManagerApproval = operation({
  action: 'recovery.record-manager-approval',
  permission: 'recovery:attest',
  input: routes.recordManagerApproval.body.extend({ id: z.uuid() }),
  subject: ({ id }) => `recovery:${id}`,
  async run(tx, { id, digest, manager, ...rest }, by, world) {
    const statement = { who: `${manager.name} <${manager.address}>`, ...rest };
    return record(tx, world, by, { id, digest, kind: 'manager', statement, manager: manager.address });
  },
});

interface Recorded {
  readonly id: string;
  readonly digest: string;
  readonly kind: StepKind;
  readonly statement: Record<string, unknown>;
  readonly manager?: string;
}

async function record(tx: Transaction, world: World, by: Principal, step: Recorded) {
  const { id, digest, kind, statement, manager } = step;
  const at = world.clock();
  const request = await lockRecovery(tx, id);
  if (request === undefined) throw noSuchRequest(NOTHING);
  if (by.kind !== 'operator') {
    throw new AuthorityError('forbidden', `Only an operator records this, under their own name. ${NOTHING}`);
  }
  const { facts, decisions } = await factsOf(tx, request);
  checkSeen(request, digest, NOTHING);
  const refusal = whyNotRecord(facts, decisions, kind, by, at);
  if (refusal !== null) throw refused(refusal, NOTHING);
  const canonical = readCanonical(request);
  if (manager !== undefined) {
    const involved = [canonical.requestedBy.address, ...facts.subjectAddresses].map((one) => one.toLowerCase());
    if (involved.includes(manager.toLowerCase())) {
      throw new AuthorityError(
        'quorum-refused',
        `A manager who asks, or whose own keys these are, does not agree for others. ${NOTHING} Name another manager.`,
      );
    }
  }
  const who = `${statement.who}${manager === undefined ? '' : await asNamed(tx, world, canonical, manager)}`;
  const recorded = { ...statement, who };
  await insertStep(tx, { request_id: id, kind, recorded_by: by.id, recorded_at: at, digest, statement: recorded });
  return { result: undefined, audit: { ...peopleOf(canonical), kind, ...recorded, digest } };
}

/** What sources of people say of it, for the officers to read: a deputy may agree, and is seen to be one. */
async function asNamed(tx: Transaction, world: World, { people }: CanonicalRequest, address: string): Promise<string> {
  const named = new Map<string, string>();
  for (const { id } of people) {
    const manager = await managerOf(tx, id, world.config.identity.precedence);
    if (manager !== null) named.set(manager.address.toLowerCase(), `${manager.name} <${manager.address}>`);
  }
  if (named.size === 0) return '';
  return named.has(address.toLowerCase())
    ? ', the manager whom their source names'
    : `, and not the manager whom their source names: ${[...named.values()].join(', ')}`;
}

const NOTHING = 'Nothing was recorded.';
