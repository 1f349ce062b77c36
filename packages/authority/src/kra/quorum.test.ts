import { describe, expect, it } from 'vitest';
import {
  approvals,
  type Caller,
  coolOffEnd,
  type DecisionFacts,
  missing,
  type Refusal,
  type RequestFacts,
  stateAt,
  whyNotDecide,
  whyNotPassword,
  whyNotRecord,
  whyNotRelease,
} from './quorum.ts';

const now = new Date('2026-03-01T12:00:00Z');
const request: RequestFacts = {
  state: 'open',
  requestedBy: 'rita',
  subjectAddresses: ['Sam@Example.com', 'samuel@example.com'],
  threshold: 2,
  digest: 'd1',
  expiresAt: new Date('2026-03-02T12:00:00Z'),
  rules: { identityCheck: false, managerApproval: false, coolOffHours: 0, notBefore: null },
  steps: [],
};
const officer = (id: string, address = `${id}@example.com`): Caller => ({
  id,
  address,
  isOfficer: true,
  holdsShare: true,
});
const says = (officerId: string, rest: Partial<DecisionFacts> = {}): DecisionFacts => ({
  officerId,
  decision: 'approve',
  digest: 'd1',
  at: now,
  inOffice: true,
  ...rest,
});
const rita = { id: 'rita' };
const later = new Date('2026-03-02T12:00:00.001Z');

const both = [says('olga'), says('otto')];
const strict = { ...request.rules, identityCheck: true, managerApproval: true };
const recorded = [
  { kind: 'identity' as const, recordedBy: 'rosa' },
  { kind: 'manager' as const, recordedBy: 'rosa' },
];
type Rule = Refusal['rule'] | null;

describe('who records a step', () => {
  it.each<[string, Partial<RequestFacts>, DecisionFacts[], Pick<Caller, 'id' | 'address'>, Date, Rule]>([
    ['an operator who has nothing to do with it', {}, [], officer('rosa'), now, null],
    ['an operator, where no rule asks for it', { rules: request.rules }, [], officer('rosa'), now, null],
    ['not the requester', {}, [], officer('rita'), now, 'requester'],
    ['not the subject', {}, [], officer('x', 'SAM@example.com'), now, 'subject'],
    ['not an officer who has approved', {}, [says('olga')], officer('olga'), now, 'decided'],
    ['not twice', { steps: recorded }, [], officer('rolf'), now, 'recorded'],
    ['not after the end', {}, [], officer('rosa'), later, 'over'],
    ['not after the release', { state: 'released' }, [], officer('rosa'), now, 'over'],
    ['not after a rejection', { state: 'rejected' }, [], officer('rosa'), now, 'over'],
  ])('%s', (_, facts, decisions, caller, at, rule) => {
    for (const kind of ['identity', 'manager'] as const) {
      const why = whyNotRecord({ ...request, rules: strict, ...facts }, decisions, kind, caller, at);
      expect(why?.rule ?? null).toBe(rule);
    }
  });
});

describe('who decides', () => {
  it.each<[string, Partial<RequestFacts>, DecisionFacts[], Caller, Date, Rule]>([
    ['an officer', {}, [], officer('olga'), now, null],
    ['a second officer', {}, [says('olga')], officer('otto'), now, null],
    ['a third, once it is approved', { state: 'approved' }, both, officer('omar'), now, null],
    ['an officer, once the steps are recorded', { rules: strict, steps: recorded }, [], officer('olga'), now, null],
    ['nobody before the identity check', { rules: strict }, [], officer('olga'), now, 'identity-check'],
    [
      "nobody before the manager's approval",
      { rules: strict, steps: recorded.slice(0, 1) },
      [],
      officer('olga'),
      now,
      'manager-approval',
    ],
    ['whoever recorded a step', { rules: strict, steps: recorded }, [], officer('rosa'), now, 'recorder'],
    ['somebody without the role', {}, [], { ...officer('ann'), isOfficer: false }, now, 'officer'],
    ['an officer without a share', {}, [], { ...officer('new'), holdsShare: false }, now, 'share'],
    ['the requester', {}, [], officer('rita'), now, 'requester'],
    ['the subject', {}, [], officer('x', 'sam@example.com'), now, 'subject'],
    ['the subject by an alias', {}, [], officer('x', 'SAMUEL@example.com'), now, 'subject'],
    ['the same officer twice', {}, [says('olga')], officer('olga'), now, 'decided'],
    ['an officer who rejected before', {}, [says('olga', { decision: 'reject' })], officer('olga'), now, 'decided'],
    ['anybody after the end', {}, [], officer('olga'), later, 'over'],
    ['anybody at the very end', {}, [], officer('olga'), request.expiresAt, 'over'],
    ['anybody after a rejection', { state: 'rejected' }, [], officer('olga'), now, 'over'],
    ['anybody after the release', { state: 'released' }, [], officer('olga'), now, 'over'],
  ])('%s', (_, facts, decisions, caller, at, rule) => {
    expect(whyNotDecide({ ...request, ...facts }, decisions, caller, 'approve', at)?.rule ?? null).toBe(rule);
  });

  it('rejects whatever is recorded, and takes an approval back, but no rejection', () => {
    const facts = { ...request, rules: strict };
    expect(whyNotDecide(facts, [], officer('olga'), 'reject', now)).toBeNull();
    expect(whyNotDecide(facts, [says('olga')], officer('olga'), 'reject', now)).toBeNull();
    const rejection = [says('olga', { decision: 'reject' })];
    expect(whyNotDecide(facts, rejection, officer('olga'), 'reject', now)?.rule).toBe('decided');
  });
});

describe('who releases', () => {
  const hours = (count: number, from = now) => new Date(from.getTime() + count * 3_600_000);
  const waiting = { ...request.rules, coolOffHours: 4 };
  const locked = { ...request.rules, notBefore: hours(6) };
  const third = says('omar', { at: hours(2) });
  it.each<[string, Partial<RequestFacts>, DecisionFacts[], { id: string }, Date, Rule]>([
    ['the requester, with two', { state: 'approved' }, both, rita, now, null],
    ['nobody with none', {}, [], rita, now, 'approvals'],
    ['nobody with one', {}, [says('olga')], rita, now, 'approvals'],
    ['nobody with one who is counted twice', {}, [says('olga'), says('olga')], rita, now, 'approvals'],
    ["nobody with the requester's own", {}, [says('olga'), says('rita')], rita, now, 'approvals'],
    ['nobody on another digest', {}, [says('olga'), says('otto', { digest: 'd2' })], rita, now, 'approvals'],
    [
      'nobody on an officer who is disabled',
      {},
      [says('olga'), says('otto', { inOffice: false })],
      rita,
      now,
      'approvals',
    ],
    [
      'nobody on the approval of whoever recorded a step',
      { steps: [{ kind: 'identity', recordedBy: 'otto' }] },
      both,
      rita,
      now,
      'approvals',
    ],
    ['nobody once one rejects', {}, [...both, says('omar', { decision: 'reject' })], rita, now, 'over'],
    ['nobody who did not ask', { state: 'approved' }, both, { id: 'ann' }, now, 'requester'],
    ['nobody twice', { state: 'released' }, both, rita, now, 'over'],
    ['nobody after the end', { state: 'approved' }, both, rita, later, 'over'],
    ['nobody at a threshold of one', { threshold: 1 }, [says('olga')], rita, now, 'approvals'],
    ['nobody with two of three', { threshold: 3 }, both, rita, now, 'approvals'],
    ['three of three', { threshold: 3, state: 'approved' }, [...both, says('omar')], rita, now, null],
    ['nobody on the word in the row', { state: 'approved' }, [says('olga')], rita, now, 'approvals'],
    [
      'nobody before the identity check',
      { rules: strict, steps: recorded.slice(1) },
      both,
      rita,
      now,
      'identity-check',
    ],
    [
      "nobody before the manager's approval",
      { rules: strict, steps: recorded.slice(0, 1) },
      both,
      rita,
      now,
      'manager-approval',
    ],
    ['nobody before the time lock is over', { rules: locked }, both, rita, hours(5.9), 'time-lock'],
    ['the requester, once it is', { rules: locked }, both, rita, hours(6), null],
    ['nobody before the cool-off is over', { rules: waiting }, both, rita, hours(3.9), 'cool-off'],
    ['the requester, once it is', { rules: waiting }, both, rita, hours(4), null],
    ['a third approval begins no new cool-off', { rules: waiting }, [third, ...both], rita, hours(4), null],
    ['the second of two does', { rules: waiting }, [says('olga'), third], rita, hours(5.9), 'cool-off'],
  ])('%s', (_, facts, decisions, caller, at, rule) => {
    expect(whyNotRelease({ ...request, ...facts }, decisions, caller, at)?.rule ?? null).toBe(rule);
  });

  it('says all that is missing, in turn, each with what comes next', () => {
    const facts = { ...request, rules: { ...strict, coolOffHours: 4, notBefore: hours(6) } };
    expect(missing(facts, [], now).map(({ rule }) => rule)).toEqual([
      'identity-check',
      'manager-approval',
      'approvals',
      'time-lock',
    ]);
    const approved = missing({ ...facts, steps: recorded }, both, now);
    expect(approved.map(({ rule, until }) => [rule, until])).toEqual([
      ['time-lock', hours(6)],
      ['cool-off', hours(4)],
    ]);
    for (const { why, next } of [...approved, ...missing(facts, [], now)]) {
      for (const sentence of [why, next]) expect(sentence).toMatch(/^[A-Z0-9].*[^.]$/);
    }
    expect(coolOffEnd(facts, [says('olga')])).toBeNull();
  });

  it('counts distinct officers', () => {
    expect(approvals(request, [says('olga'), says('olga'), says('otto'), says('omar', { decision: 'reject' })])).toBe(
      2,
    );
  });
});

describe('who is told the password', () => {
  const released: RequestFacts = { ...request, state: 'released' };
  it('an officer who approved, and nobody else', () => {
    const decisions = [says('olga'), says('otto', { decision: 'reject' }), says('omar', { inOffice: false })];
    const rule = (facts: RequestFacts, list: DecisionFacts[], id: string) =>
      whyNotPassword(facts, list, officer(id))?.rule;
    expect(whyNotPassword(released, decisions, officer('olga'))).toBeNull();
    expect(rule(released, decisions, 'otto')).toBe('officer');
    expect(rule(released, decisions, 'omar')).toBe('officer');
    expect(rule(released, decisions, 'odd')).toBe('officer');
    expect(rule(released, [says('rita')], 'rita')).toBe('requester');
    expect(rule(request, decisions, 'olga')).toBe('over');
  });
});

it('a request past its end is expired, whatever its row says; a released one stays released', () => {
  expect(stateAt(request, now)).toBe('open');
  expect(stateAt({ ...request, state: 'approved' }, later)).toBe('expired');
  expect(stateAt({ ...request, state: 'released' }, later)).toBe('released');
  expect(stateAt({ ...request, state: 'rejected' }, later)).toBe('rejected');
});
