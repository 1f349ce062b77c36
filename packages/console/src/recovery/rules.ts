/** The rules of a recovery as steps that a person can follow. The authority enforces them; this only shows them. */
import type { RecoveryRequest } from '@chancery/api';
import { formatTime, plural } from '../format.ts';

type Rules = RecoveryRequest['rules'];
type DeliveryKind = RecoveryRequest['delivery']['kind'];

export const approvals = (request: Pick<RecoveryRequest, 'decisions'>) =>
  request.decisions.filter((decision) => decision.decision === 'approve').length;

export const keysOf = ({ people }: Pick<RecoveryRequest, 'people'>): number =>
  people.reduce((sum, { keys }) => sum + keys.length, 0);

/** One name, or how many. */
export const whose = ({ people }: { readonly people: readonly { readonly name: string }[] }): string =>
  people.length === 1 ? (people[0]?.name ?? '') : plural(people.length, 'person', 'people');

export interface RecoveryStep {
  readonly key: 'asked' | 'identity' | 'manager' | 'approvals' | 'time-lock' | 'cool-off' | 'release' | 'password';
  readonly title: string;
  readonly detail: string;
  readonly state: 'done' | 'now' | 'later' | 'stopped';
}

/** Asked, recorded, decided, waited, released, password told: in that order, each with where it stands. */
export function recoverySteps(request: RecoveryRequest): RecoveryStep[] {
  const stopped = request.state === 'rejected' || request.state === 'expired';
  const released = request.state === 'released';
  const lacks = (rule: RecoveryRequest['missing'][number]['rule']) => request.missing.find((one) => one.rule === rule);
  const steps: RecoveryStep[] = [
    { key: 'asked', title: 'Asked', detail: `${request.requestedBy.name} asked`, state: 'done' },
    ...request.steps.flatMap((step) => recordedStep(step, stopped)),
    approvalStep(request, stopped),
  ];
  const waits = (key: 'time-lock' | 'cool-off', title: string, detail: string) => {
    const done = released || (request.state === 'approved' && lacks(key) === undefined);
    steps.push({ key, title, detail, state: stopped ? 'stopped' : done ? 'done' : lacks(key) ? 'now' : 'later' });
  };
  const { notBefore, coolOffHours } = request.rules;
  if (notBefore !== null) waits('time-lock', 'The time lock is over', `Not released before ${formatTime(notBefore)}`);
  if (coolOffHours > 0) {
    const until = request.coolOffEndsAt === null ? '' : `, until ${formatTime(request.coolOffEndsAt)}`;
    waits(
      'cool-off',
      'Time to think better of it',
      `${plural(coolOffHours, 'hour', 'hours')} after the last approval${until}; any officer may still reject`,
    );
  }
  const free = request.state === 'approved' && request.missing.length === 0;
  const ending = (now: boolean) => (stopped ? 'stopped' : now ? 'now' : 'later');
  const { title, detail } = releaseWords[request.delivery.kind];
  steps.push({ key: 'release', title, detail, state: released ? 'done' : ending(free) });
  if (request.delivery.kind === 'pkcs12') {
    steps.push({
      key: 'password',
      title: 'An approving officer tells the password',
      detail: 'Shown once, to an officer who approved, never to the one who asked',
      state: ending(released),
    });
  }
  return steps;
}

const releaseWords: Record<DeliveryKind, { title: string; detail: string }> = {
  certificate: { title: 'The keys are released, once', detail: 'Encrypted to the named certificate' },
  pkcs12: { title: 'The keys are released, once', detail: 'As a PKCS#12 file, whose password travels apart' },
  owner: { title: 'The owner gets a link, once', detail: 'By mail, to them alone: nobody else sees a key or the link' },
  decrypt: { title: 'The messages are decrypted, once', detail: 'Their text leaves; no key does' },
};

function recordedStep(
  { kind, required, recorded }: RecoveryRequest['steps'][number],
  stopped: boolean,
): RecoveryStep[] {
  if (!required && recorded === null) return [];
  const title = kind === 'identity' ? 'Identity checked' : 'A manager agrees';
  if (recorded !== null) return [{ key: kind, title, detail: wordsOf(recorded), state: 'done' }];
  const detail = 'An operator who neither asked nor approves records it';
  return [{ key: kind, title, detail, state: stopped ? 'stopped' : 'now' }];
}

function approvalStep(request: RecoveryRequest, stopped: boolean): RecoveryStep {
  const names = request.decisions
    .filter(({ decision }) => decision === 'approve')
    .map(({ officerName }) => officerName);
  const rejection = request.decisions.find(({ decision }) => decision === 'reject');
  const count = `${names.length} of ${request.threshold} approvals`;
  const by = names.length === 0 ? '' : `: ${names.join(', ')}`;
  const decided = request.state === 'approved' || request.state === 'released';
  const ready = !request.missing.some(({ rule }) => rule === 'identity-check' || rule === 'manager-approval');
  return {
    key: 'approvals',
    title: `${request.threshold} recovery officers approve`,
    detail:
      rejection !== undefined
        ? `${rejection.officerName} rejected it`
        : request.state === 'expired'
          ? `It lapsed with ${count}${by}`
          : `${count} so far${by}`,
    state: stopped ? 'stopped' : decided ? 'done' : ready ? 'now' : 'later',
  };
}

function wordsOf({ by, who, of, how, evidence }: NonNullable<RecoveryRequest['steps'][number]['recorded']>): string {
  const whom = of === null ? '' : ` the ${of === 'subject' ? 'owner' : 'requester'},`;
  return `${who}:${whom} ${waysOfChecking[how].toLowerCase()}. ${evidence} Recorded by ${by.name}`;
}

type How = NonNullable<RecoveryRequest['steps'][number]['recorded']>['how'];
export const waysOfChecking: Record<How, string> = {
  'in-person': 'In person',
  video: 'By video',
  'call-back': 'By calling back a known number',
  document: 'By a document',
  'signed-mail': 'By signed mail',
  ticket: 'In a ticket',
  other: 'In another way',
};

/** What always holds, in words, and what holds for this request. */
export function recoveryRules(rules: Rules, threshold: number): readonly string[] {
  return [
    ...(rules.identityCheck
      ? [
          'Somebody records who checked whose identity, and how, before an officer approves: neither whoever asked, nor an officer who decides.',
        ]
      : []),
    ...(rules.managerApproval
      ? ['A manager agrees, who neither asked nor owns a key; another operator than the one who asked records it.']
      : []),
    `${threshold} different recovery officers must approve before the request lapses.`,
    'Whoever asked can never approve, whatever their roles; nor can the owner of a key.',
    'An approval is the officer’s own part of the opening, made with their share key. Fewer parts open nothing, and this server alone opens nothing.',
    'One rejection ends the request; whoever approved may still reject until the release.',
    ...(rules.coolOffHours > 0
      ? [`${plural(rules.coolOffHours, 'hour', 'hours')} must pass between the last approval and the release.`]
      : []),
    ...(rules.notBefore === null ? [] : [`Nothing is released before ${formatTime(rules.notBefore)}.`]),
    'Officers approve the digest of exactly this request: change a word, and it is another request.',
    'It is released once, to whoever asked and nobody else.',
    'Every step stands in the audit trail, with the names.',
  ];
}

/** Does the page show what the canonical request says, which is what an officer signs? The server could show another story. */
export function isShownAsAsked(request: RecoveryRequest): boolean {
  try {
    const asked = JSON.parse(request.canonical);
    const people = asked.people ?? [{ ...asked.person, keys: (asked.records ?? []).map(keyAlone) }];
    const said = {
      people,
      reason: asked.reason,
      caseNumber: asked.caseNumber,
      explanation: asked.explanation,
      period: asked.period ?? null,
      kind: asked.delivery.kind,
      recipient: asked.delivery.recipient ?? null,
      messages: asked.delivery.messages ?? [],
      rules: asked.rules ?? { identityCheck: false, managerApproval: false, coolOffHours: 0, notBefore: null },
      withholdNotice: asked.withholdNotice ?? false,
      requestedBy: asked.requestedBy.name,
      threshold: asked.threshold,
      expiresAt: Date.parse(asked.expiresAt),
    };
    const { delivery } = request;
    const shown: typeof said = {
      people: request.people,
      reason: request.reason,
      caseNumber: request.caseNumber,
      explanation: request.explanation,
      period: request.period,
      kind: delivery.kind,
      recipient: delivery.recipient,
      messages: delivery.messages,
      rules: request.rules,
      withholdNotice: request.withholdNotice,
      requestedBy: request.requestedBy.name,
      threshold: request.threshold,
      expiresAt: Date.parse(request.expiresAt),
    };
    return sorted(said) === sorted(shown);
  } catch {
    return false;
  }
}

/** As requests from before version 3 name a key. */
const keyAlone = ({ id }: { id: string }) => ({ id, serialNumber: null, notBefore: null, notAfter: null });

/** JSON whose names are in order, so that the order in which the server wrote them says nothing. */
function sorted(value: unknown): string {
  return JSON.stringify(value, (_name, one: unknown) =>
    typeof one === 'object' && one !== null && !Array.isArray(one)
      ? Object.fromEntries(Object.entries(one).sort(([a], [b]) => (a < b ? -1 : 1)))
      : one,
  );
}
