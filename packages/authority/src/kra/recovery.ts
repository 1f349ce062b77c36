/** Recovery requests: asking for keys, and the officers' decisions. The keys themselves are opened in `release.ts`. */
import { OpeningPart, routes } from '@chancery/api';
import { checkPartial, isSignedBy, type Partial, PURPOSES } from '@chancery/vault';
import { z } from 'zod';
import { AuthorityError } from '../errors.ts';
import { releaseNotices } from '../notices/queue.ts';
import { operation } from '../operation.ts';
import type { Principal } from '../principal.ts';
import type { Snapshot } from '../store/database.ts';
import { personById } from '../store/people.ts';
import {
  decisionsOf,
  insertDecision,
  insertRecovery,
  lockRecovery,
  type RecordedStep,
  type RecoveryDecision,
  type RecoveryRow,
  setRecoveryState,
  stepsOf,
} from '../store/recovery.ts';
import { type VaultRow, vaultById } from '../store/vaults.ts';
import {
  type CanonicalRequest,
  isRequestIntact,
  openingOf,
  readCanonical,
  writeCanonical,
} from './canonical-request.ts';
import { draftRequest } from './draft-recovery.ts';
import {
  approvals,
  type Caller,
  type DecisionFacts,
  isSubject,
  needed,
  type Refusal,
  type RequestFacts,
  whyNotDecide,
} from './quorum.ts';
import { aboutRecovery, tellSubjects } from './recovery-notices.ts';
import { keyOfVault, planOfVault, trust } from './vault.ts';
import { keysOf, peopleOf } from './whom.ts';

/**
 * Asks for the keys of one person, or of several of one case.
 * @throws AuthorityError `not-found`, `forbidden` (no operator), `wrong-state` (no key in escrow), `unusable-input`
 */
export const requestRecovery = operation({
  action: 'recovery.request',
  permission: 'recovery:request',
  input: routes.requestRecovery.body,
  subject: ({ personId }) => (personId === undefined ? null : `person:${personId}`),
  async run(tx, input, by, world) {
    const { canonical, withoutKeys } = await draftRequest(tx, world, input, by);
    const { text, digest } = writeCanonical(canonical);
    await insertRecovery(
      tx,
      {
        id: canonical.id,
        requested_by: canonical.requestedBy.id,
        canonical: text,
        digest,
        threshold: canonical.threshold,
        requested_at: new Date(canonical.requestedAt),
        expires_at: new Date(canonical.expiresAt),
      },
      canonical.people.map(({ id }) => id),
    );
    await tellSubjects(tx, world, canonical, 'requested');
    const { delivery, rules, withholdNotice } = canonical;
    return {
      result: canonical.id,
      audit: {
        requestId: canonical.id,
        ...peopleOf(canonical),
        ...keysOf(canonical),
        // Who was asked for in vain is one of several.
        ...(withoutKeys.length > 0 && { withoutKeys: withoutKeys.length }),
        reason: input.reason,
        caseNumber: input.caseNumber,
        delivery: delivery.kind,
        ...(delivery.kind === 'decrypt' && { messages: delivery.messages.map(({ sha256 }) => sha256) }),
        rules,
        withholdNotice,
        digest,
        expiresAt: canonical.expiresAt,
      },
    };
  },
});

/**
 * An officer approves or rejects exactly the request that they saw. One rejection ends it, also of somebody who had approved.
 * @throws AuthorityError `quorum-refused`, `not-found`
 */
export const decideRecovery = operation({
  action: 'recovery.decide',
  permission: 'recovery:approve',
  input: z.strictObject({
    id: z.uuid(),
    decision: z.enum(['approve', 'reject']),
    digest: z.string(),
    note: z.string().max(1000).default(''),
    /** By the officer's share key, over the digest and the decision. */
    signature: z.string().max(200),
    /** The officer's part of the opening, with an approval. */
    partial: OpeningPart.optional(),
  }),
  subject: ({ id }) => `recovery:${id}`,
  async run(tx, { id, decision, digest, note, signature, partial }, by, world) {
    const at = world.clock();
    const request = await lockRecovery(tx, id);
    if (request === undefined) throw noSuchRequest('Nothing was decided.');
    const { facts, decisions, vault } = await factsOf(tx, request);
    const officer = officerOf(by, vault);
    checkSeen(request, digest, 'Nothing was decided.');
    const refusal = whyNotDecide(facts, decisions, officer, decision, at);
    if (refusal !== null) throw refused(refusal, 'Nothing was decided.');
    checkEvidence(request, vault, officer.id, { decision, signature, partial });
    await insertDecision(tx, {
      request_id: id,
      officer_id: officer.id,
      decision,
      digest,
      note,
      decided_at: at,
      signature,
      partial: partial === undefined ? null : JSON.stringify(partial),
    });
    const after = [
      ...decisions.filter(({ officerId }) => officerId !== officer.id),
      { officerId: officer.id, decision, digest, at, inOffice: true },
    ];
    const have = approvals(facts, after);
    const state = decision === 'reject' ? 'rejected' : have >= needed(facts) ? 'approved' : 'open';
    if (state !== request.state) await setRecoveryState(tx, id, state);
    const canonical = readCanonical(request);
    if (state === 'rejected') await tellSubjects(tx, world, canonical, 'rejected');
    return {
      result: state,
      audit: { ...peopleOf(canonical), decision, note, digest, signature, state, approvals: have },
    };
  },
});

/**
 * Tells its subjects after all of a request that was kept from them.
 * @throws AuthorityError `not-found`, `quorum-refused`, `wrong-state`
 */
export const tellRecovery = operation({
  action: 'recovery.tell-subjects',
  permission: 'recovery:request',
  input: z.strictObject({ id: z.uuid(), reason: z.string().trim().min(1).max(1000) }),
  subject: ({ id }) => `recovery:${id}`,
  async run(tx, { id, reason }, by, world) {
    const request = await lockRecovery(tx, id);
    if (request === undefined) throw noSuchRequest('Nobody was told.');
    const { facts } = await factsOf(tx, request);
    if (by.kind !== 'operator' || isSubject(facts, by)) {
      throw new AuthorityError(
        'quorum-refused',
        'Only an operator whose keys it is not for lifts this. Nobody was told. Ask another operator.',
      );
    }
    const told = await releaseNotices(tx, world, aboutRecovery(id));
    if (told === 0) {
      throw new AuthorityError('wrong-state', 'Nothing of this request is kept from anybody. Nobody was told anew.');
    }
    return { result: undefined, audit: { ...peopleOf(readCanonical(request)), reason, notices: told } };
  },
});

/** A request as the rules see it, with what was recorded and decided. */
export async function factsOf(
  snapshot: Snapshot,
  request: RecoveryRow,
): Promise<{
  facts: RequestFacts;
  steps: RecordedStep[];
  decisions: (DecisionFacts & RecoveryDecision)[];
  vault: VaultRow;
}> {
  const canonical = readCanonical(request);
  const decisions = await decisionsOf(snapshot, [request.id]);
  const steps = await stepsOf(snapshot, [request.id]);
  const { notBefore, ...rules } = canonical.rules;
  return {
    facts: {
      state: request.state,
      expiresAt: request.expires_at,
      requestedBy: request.requested_by,
      subjectAddresses: await addressesOf(snapshot, canonical),
      threshold: request.threshold,
      digest: request.digest,
      rules: { ...rules, notBefore: notBefore === null ? null : new Date(notBefore) },
      // What was recorded for another text counts for nothing.
      steps: steps
        .filter(({ digest }) => digest === request.digest)
        .map(({ kind, recorded_by }) => ({ kind, recordedBy: recorded_by })),
    },
    steps,
    decisions: decisions.map((row) => ({ ...row, officerId: row.officer_id, at: row.decided_at })),
    vault: await vaultById(snapshot, canonical.vaultId),
  };
}

/** Those of then and those of now. */
async function addressesOf(snapshot: Snapshot, { people }: CanonicalRequest): Promise<string[]> {
  const addresses = [];
  for (const { id, address } of people) {
    const person = await personById(snapshot, id);
    addresses.push(address, ...(person ? [person.address, ...person.aliases] : []));
  }
  return addresses;
}

/** Anybody but an operator is no officer and nobody's match. */
export function officerOf(by: Principal, vault: VaultRow): Caller {
  if (by.kind !== 'operator') return { id: by.id, address: '', isOfficer: false, holdsShare: false };
  const holdsShare = planOfVault(vault)?.officers.some(({ id }) => id === by.id) ?? false;
  return { id: by.id, address: by.address, isOfficer: by.roles.includes('recovery-officer'), holdsShare };
}

/** Somebody saw exactly this request, and it is the one that was made. @throws AuthorityError `quorum-refused` */
export function checkSeen(request: RecoveryRow, digest: string, nothing: string): void {
  if (!isRequestIntact(request)) {
    throw new AuthorityError(
      'quorum-refused',
      `The stored request is not the one that was made. ${nothing} Tell an auditor.`,
    );
  }
  if (digest !== request.digest) {
    throw new AuthorityError(
      'quorum-refused',
      `The digest is not the one of this request: it shows another request. ${nothing} Load it anew and read it again.`,
    );
  }
}

/** @param nothing that nothing was done, as a sentence */
export function refused({ why, next }: Refusal, nothing: string): AuthorityError {
  return new AuthorityError('quorum-refused', `${why}. ${nothing} ${next}.`);
}

export function noSuchRequest(nothing: string): AuthorityError {
  return new AuthorityError('not-found', `There is no such recovery request. ${nothing}`);
}

/**
 * An officer's signature and part, held against the share that they were dealt.
 * @throws AuthorityError `unusable-input`
 */
function checkEvidence(
  request: RecoveryRow,
  vault: VaultRow,
  officerId: string,
  evidence: { decision: 'approve' | 'reject'; signature: string; partial: Partial | undefined },
): void {
  const { plan, key } = keyOfVault(vault);
  const index = plan.officers.findIndex(({ id }) => id === officerId) + 1;
  const signingKey = plan.officers[index - 1]?.publicKeys.signing ?? '';
  const { decision, signature, partial } = evidence;
  if (!isSignedBy(signingKey, signature, PURPOSES.decision, { request: request.digest, decision })) {
    throw new AuthorityError(
      'unusable-input',
      'The decision is not signed with your share key. Nothing was decided. Use the share key that you had at the ceremony.',
    );
  }
  if (decision === 'reject') return;
  if (partial?.officer !== index) {
    throw new AuthorityError('unusable-input', 'An approval holds your own part of the opening. Nothing was decided.');
  }
  trust(() => checkPartial(partial, key, openingOf(request)));
}
