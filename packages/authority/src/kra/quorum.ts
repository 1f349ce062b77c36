/** The rules of recovery, as pure functions: who may record, decide and release, and the rule that says why not. */
import type { RecoveryState } from '../store/recovery.ts';

export interface RequestFacts {
  readonly state: RecoveryState;
  readonly requestedBy: string;
  /** Addresses of the people whose keys are asked for. */
  readonly subjectAddresses: readonly string[];
  readonly threshold: number;
  /** SHA-256, hex, of the canonical request. */
  readonly digest: string;
  readonly expiresAt: Date;
  readonly rules: {
    readonly identityCheck: boolean;
    readonly managerApproval: boolean;
    readonly coolOffHours: number;
    readonly notBefore: Date | null;
  };
  /** What was recorded beside the officers' decisions. */
  readonly steps: readonly { readonly kind: StepKind; readonly recordedBy: string }[];
}

export type StepKind = 'identity' | 'manager';

export interface DecisionFacts {
  readonly officerId: string;
  readonly decision: 'approve' | 'reject';
  readonly digest: string;
  readonly at: Date;
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

/** Which rule says no, why, and what comes next; sentences without a full stop. */
export interface Refusal {
  readonly rule:
    | 'over'
    | 'officer'
    | 'share'
    | 'requester'
    | 'subject'
    | 'recorder'
    | 'decided'
    | 'recorded'
    | 'identity-check'
    | 'manager-approval'
    | 'approvals'
    | 'time-lock'
    | 'cool-off';
  readonly why: string;
  readonly next: string;
  /** When time alone removes it. */
  readonly until: Date | null;
}

/** What state a request is really in: time passes whether or not somebody writes it down. */
export function stateAt(request: Pick<RequestFacts, 'state' | 'expiresAt'>, at: Date): RecoveryState {
  const pending = request.state === 'open' || request.state === 'approved';
  return pending && request.expiresAt <= at ? 'expired' : request.state;
}

/** Null where the caller may record that step. */
export function whyNotRecord(
  request: RequestFacts,
  decisions: readonly DecisionFacts[],
  kind: StepKind,
  caller: Pick<Caller, 'id' | 'address'>,
  at: Date,
): Refusal | null {
  const over = whyOver(request, at);
  if (over !== null) return over;
  const what = STEPS[kind].name;
  if (request.steps.some((step) => step.kind === kind)) {
    return no(
      'recorded',
      `The ${what} is recorded already`,
      'What is recorded is never changed: where it is wrong, an officer rejects the request',
    );
  }
  if (caller.id === request.requestedBy) {
    return no('requester', `Nobody records the ${what} of their own request`, 'Ask another operator to record it');
  }
  if (isSubject(request, caller)) {
    return no('subject', `Nobody records the ${what} for their own key`, 'Ask another operator to record it');
  }
  if (decisions.some(({ officerId }) => officerId === caller.id)) {
    return no(
      'decided',
      `Whoever has decided on the request does not record its ${what}`,
      'Ask another operator to record it',
    );
  }
  return null;
}

/** Null where the caller may approve, or reject. */
export function whyNotDecide(
  request: RequestFacts,
  decisions: readonly DecisionFacts[],
  caller: Caller,
  decision: 'approve' | 'reject',
  at: Date,
): Refusal | null {
  const over = whyOver(request, at);
  if (over !== null) return over;
  const other = 'Ask another recovery officer';
  if (!caller.isOfficer) return no('officer', 'Only a recovery officer decides', other);
  if (!caller.holdsShare) {
    return no(
      'share',
      'Only an officer who holds a share of the vault that the keys lie in decides',
      'A share comes with the next sharing of the vault',
    );
  }
  if (caller.id === request.requestedBy) return no('requester', 'Nobody decides on their own request', other);
  if (isSubject(request, caller)) return no('subject', 'Nobody decides on a request for their own key', other);
  if (request.steps.some(({ recordedBy }) => recordedBy === caller.id)) {
    return no('recorder', 'Whoever recorded a step of the request does not decide on it', other);
  }
  const before = decisions.find(({ officerId }) => officerId === caller.id);
  // An approval may be taken back for as long as nothing has left.
  if (before !== undefined && !(before.decision === 'approve' && decision === 'reject')) {
    return no(
      'decided',
      'This officer has decided already',
      before.decision === 'approve' ? 'Until the release you may still reject' : other,
    );
  }
  // Officers approve in the knowledge of what was checked.
  return decision === 'approve' ? (missingSteps(request)[0] ?? null) : null;
}

/** How many distinct officers stand behind exactly this request now. */
export function approvals(request: RequestFacts, decisions: readonly DecisionFacts[]): number {
  return standing(request, decisions).length;
}

/** When the last approval that is needed was given, and the time to think is over; null before there are enough. */
export function coolOffEnd(request: RequestFacts, decisions: readonly DecisionFacts[]): Date | null {
  const last = standing(request, decisions)[needed(request) - 1];
  return last === undefined ? null : new Date(last.at.getTime() + request.rules.coolOffHours * HOUR);
}

/** All that stands between now and the release, in the order in which it is dealt with. Empty where the requester may release. */
export function missing(request: RequestFacts, decisions: readonly DecisionFacts[], at: Date): Refusal[] {
  const over = whyOver(request, at);
  if (over !== null) return [over];
  if (decisions.some(({ decision }) => decision === 'reject')) return [rejected];
  const list = missingSteps(request);
  const have = approvals(request, decisions);
  const need = needed(request);
  if (have < need) {
    list.push(
      no('approvals', `${have} of ${need} recovery officers have approved`, 'Ask the officers who have not decided'),
    );
  }
  const { notBefore, coolOffHours } = request.rules;
  if (notBefore !== null && at < notBefore) {
    list.push(no('time-lock', `The request is locked until ${minutes(notBefore)}`, 'Wait until then', notBefore));
  }
  const end = coolOffEnd(request, decisions);
  if (end !== null && at < end) {
    list.push(
      no(
        'cool-off',
        `Officers may still think better of it for ${coolOffHours} hours after the last approval, until ${minutes(end)}`,
        'Wait until then; any officer may reject in the meantime',
        end,
      ),
    );
  }
  return list;
}

/** Null where the caller may release. */
export function whyNotRelease(
  request: RequestFacts,
  decisions: readonly DecisionFacts[],
  caller: Pick<Caller, 'id'>,
  at: Date,
): Refusal | null {
  const over = whyOver(request, at);
  if (over !== null) return over;
  // The officers approved that this requester gets the key, and nobody else.
  if (caller.id !== request.requestedBy) {
    return no(
      'requester',
      'Only whoever asked for the key receives it',
      'Ask them to release it, or make a request of your own',
    );
  }
  return missing(request, decisions, at)[0] ?? null;
}

/** Null where the caller may be told the PKCS#12 password. */
export function whyNotPassword(
  request: RequestFacts,
  decisions: readonly DecisionFacts[],
  caller: Caller,
): Refusal | null {
  if (request.state !== 'released') return no('over', 'The key has not been released', 'Wait until it is');
  if (caller.id === request.requestedBy) {
    return no('requester', 'Whoever asked for the key is never told its password', 'Ask an officer who approved');
  }
  const approved = decisions.some(
    ({ officerId, decision, inOffice }) => officerId === caller.id && decision === 'approve' && inOffice,
  );
  if (approved && caller.isOfficer) return null;
  return no('officer', 'The password is for an officer who approved', 'Ask one of them');
}

const HOUR = 3_600_000;
const STEPS = {
  identity: { name: 'identity check', rule: 'identity-check' },
  manager: { name: "manager's approval", rule: 'manager-approval' },
} as const;
const rejected = no('over', 'An officer has rejected the request', 'Make a new request, with what the officer missed');

function no(rule: Refusal['rule'], why: string, next: string, until: Date | null = null): Refusal {
  return { rule, why, next, until };
}

function whyOver(request: RequestFacts, at: Date): Refusal | null {
  switch (stateAt(request, at)) {
    case 'released':
      return no('over', 'The request was released already, and a request releases once', 'Make a new request');
    case 'rejected':
      return rejected;
    case 'expired':
      return no('over', 'The request has expired', 'Make a new request');
    default:
      return null;
  }
}

function missingSteps({ rules, steps }: RequestFacts): Refusal[] {
  const required: StepKind[] = [
    ...(rules.identityCheck ? ['identity' as const] : []),
    ...(rules.managerApproval ? ['manager' as const] : []),
  ];
  return required
    .filter((kind) => !steps.some((step) => step.kind === kind))
    .map((kind) =>
      no(
        STEPS[kind].rule,
        `The ${STEPS[kind].name} is not recorded yet`,
        'Ask an operator who neither asked nor approves to record it',
      ),
    );
}

/** For a person: `2026-03-01 12:00 UTC`. */
const minutes = (at: Date): string => `${at.toISOString().slice(0, 16).replace('T', ' ')} UTC`;

/** Four eyes cannot be configured away. */
export const needed = (request: RequestFacts): number => Math.max(2, request.threshold);

/** Approvals that count, the first of each officer, in the order in which they were given. */
export function standing<D extends DecisionFacts>(request: RequestFacts, decisions: readonly D[]): D[] {
  const seen = new Set<string>();
  return [...decisions]
    .sort((one, other) => one.at.getTime() - other.at.getTime())
    .filter(({ decision, digest, officerId, inOffice }) => {
      const counts =
        decision === 'approve' &&
        digest === request.digest &&
        officerId !== request.requestedBy &&
        !request.steps.some(({ recordedBy }) => recordedBy === officerId) &&
        inOffice &&
        !seen.has(officerId);
      if (counts) seen.add(officerId);
      return counts;
    });
}

export function isSubject(request: RequestFacts, caller: Pick<Caller, 'address'>): boolean {
  const own = caller.address.toLowerCase();
  return request.subjectAddresses.some((address) => address.toLowerCase() === own);
}
