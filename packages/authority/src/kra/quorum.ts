/** The rules of recovery, as pure functions: who may decide, who may release, and the sentence that says why not. */
import type { RecoveryState } from '../store/recovery.ts';

export interface RequestFacts {
  readonly state: RecoveryState;
  readonly requestedBy: string;
  /** Addresses of the person whose key is asked for. */
  readonly subjectAddresses: readonly string[];
  readonly threshold: number;
  /** SHA-256, hex, of the canonical request. */
  readonly digest: string;
  readonly expiresAt: Date;
}

export interface DecisionFacts {
  readonly officerId: string;
  readonly decision: 'approve' | 'reject';
  readonly digest: string;
  /** Is the officer, at this moment, an active recovery officer? */
  readonly inOffice: boolean;
}

export interface Caller {
  readonly id: string;
  readonly address: string;
  readonly isOfficer: boolean;
  /** Of the vault that the keys are in. */
  readonly holdsShare: boolean;
}

/** What state a request is really in: time passes whether or not somebody writes it down. */
export function stateAt(request: Pick<RequestFacts, 'state' | 'expiresAt'>, at: Date): RecoveryState {
  const pending = request.state === 'open' || request.state === 'approved';
  return pending && request.expiresAt <= at ? 'expired' : request.state;
}

/** Null where the caller may approve or reject; else the rule that says no, without a full stop. */
export function whyNotDecide(
  request: RequestFacts,
  decisions: readonly DecisionFacts[],
  caller: Caller,
  at: Date,
): string | null {
  const state = stateAt(request, at);
  if (state === 'released') return 'The key was released already';
  if (state === 'rejected') return 'The request was rejected';
  if (state === 'expired') return 'The request has expired';
  if (!caller.isOfficer) return 'Only a recovery officer decides';
  if (!caller.holdsShare) return 'Only an officer who holds a share of the vault decides';
  if (caller.id === request.requestedBy) return 'Nobody decides on their own request';
  if (isSubject(request, caller)) return 'Nobody decides on a request for their own key';
  if (decisions.some(({ officerId }) => officerId === caller.id)) return 'This officer has decided already';
  return null;
}

/** How many distinct officers stand behind exactly this request now. */
export function approvals(request: RequestFacts, decisions: readonly DecisionFacts[]): number {
  const officers = decisions
    .filter(
      ({ decision, digest, officerId, inOffice }) =>
        decision === 'approve' && digest === request.digest && officerId !== request.requestedBy && inOffice,
    )
    .map(({ officerId }) => officerId);
  return new Set(officers).size;
}

/** Null where the caller may release the key; else the rule that says no, without a full stop. */
export function whyNotRelease(
  request: RequestFacts,
  decisions: readonly DecisionFacts[],
  caller: Pick<Caller, 'id'>,
  at: Date,
): string | null {
  const state = stateAt(request, at);
  if (state === 'released') return 'The key was released already, and a request releases once';
  if (state === 'rejected') return 'The request was rejected';
  if (state === 'expired') return 'The request has expired';
  // The officers approved that this requester gets the key, and nobody else.
  if (caller.id !== request.requestedBy) return 'Only whoever asked for the key receives it';
  if (decisions.some(({ decision }) => decision === 'reject')) return 'An officer has rejected the request';
  const have = approvals(request, decisions);
  // Four eyes cannot be configured away.
  const need = Math.max(2, request.threshold);
  if (have < need) return `${have} of ${need} recovery officers have approved`;
  return null;
}

/** Null where the caller may be told the PKCS#12 password. */
export function whyNotPassword(
  request: RequestFacts,
  decisions: readonly DecisionFacts[],
  caller: Caller,
): string | null {
  if (request.state !== 'released') return 'The key has not been released';
  if (caller.id === request.requestedBy) return 'Whoever asked for the key is never told its password';
  const approved = decisions.some(
    ({ officerId, decision, inOffice }) => officerId === caller.id && decision === 'approve' && inOffice,
  );
  return approved && caller.isOfficer ? null : 'The password is for an officer who approved';
}

function isSubject(request: RequestFacts, caller: Caller): boolean {
  const own = caller.address.toLowerCase();
  return request.subjectAddresses.some((address) => address.toLowerCase() === own);
}
