/** The rules of a recovery as steps that a person can follow. The authority enforces them; this only shows them. */
import type { RecoveryRequest } from '@chancery/api';

export const approvals = (request: Pick<RecoveryRequest, 'decisions'>) =>
  request.decisions.filter((decision) => decision.decision === 'approve').length;

export interface RecoveryStep {
  title: string;
  detail: string;
  state: 'done' | 'now' | 'later' | 'stopped';
}

/** Asked, decided, released, password told: in that order, each with where it stands. */
export function recoverySteps(request: RecoveryRequest): RecoveryStep[] {
  const given = approvals(request);
  const rejected = request.decisions.find((decision) => decision.decision === 'reject');
  const stopped = request.state === 'rejected' || request.state === 'expired';
  const decided = request.state === 'approved' || request.state === 'released';
  const released = request.state === 'released';
  const steps: RecoveryStep[] = [
    { title: 'Asked', detail: `${request.requestedBy.name} asked for the key`, state: 'done' },
    {
      title: `${request.threshold} recovery officers approve`,
      detail:
        rejected !== undefined
          ? `${rejected.officerName} rejected it`
          : request.state === 'expired'
            ? `It lapsed with ${given} of ${request.threshold} approvals`
            : `${given} of ${request.threshold} approvals so far`,
      state: stopped ? 'stopped' : decided ? 'done' : 'now',
    },
    {
      title: 'The key is released, once',
      detail:
        request.delivery.kind === 'certificate'
          ? 'Encrypted to the named certificate'
          : 'As a PKCS#12 file, whose password travels apart',
      state: released ? 'done' : decided ? 'now' : stopped ? 'stopped' : 'later',
    },
  ];
  if (request.delivery.kind === 'pkcs12') {
    steps.push({
      title: 'An approving officer tells the password',
      detail: 'Shown once, to an officer who approved, never to the one who asked',
      state: released ? 'now' : stopped ? 'stopped' : 'later',
    });
  }
  return steps;
}

/** What always holds, in words. */
export const recoveryRules = (threshold: number): readonly string[] => [
  `${threshold} different recovery officers must approve before the request lapses.`,
  'Whoever asked can never approve, whatever their roles; nor can the owner of the key.',
  'An approval is the officer’s own part of the opening, made with their share key. Fewer parts open nothing, and this server alone opens nothing.',
  'One rejection ends the request.',
  'Officers approve the digest of exactly this request: change a word, and it is another request.',
  'The key is put together inside the authority and leaves it once, to whoever asked and nobody else.',
  'Every step stands in the audit trail, with the names.',
];

/** Does the page show what the canonical request says, which is what an officer signs? The server could show another story. */
export function isShownAsAsked(request: RecoveryRequest): boolean {
  try {
    const asked = JSON.parse(request.canonical);
    const pairs = [
      [asked.person.name, request.personName],
      [asked.person.address, request.personAddress],
      [asked.reason, request.reason],
      [asked.caseNumber, request.caseNumber],
      [asked.explanation, request.explanation],
      [asked.delivery.kind, request.delivery.kind],
      [asked.delivery.recipient ?? null, request.delivery.recipient],
      [asked.requestedBy.name, request.requestedBy.name],
      [Date.parse(asked.expiresAt), Date.parse(request.expiresAt)],
    ];
    return pairs.every(([said, shown]) => said === shown);
  } catch {
    return false;
  }
}
