import { describe, expect, it } from 'vitest';
import {
  approvals,
  type Caller,
  type DecisionFacts,
  type RequestFacts,
  stateAt,
  whyNotDecide,
  whyNotPassword,
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
  inOffice: true,
  ...rest,
});
const rita = { id: 'rita' };
const later = new Date('2026-03-02T12:00:00.001Z');

describe('who decides', () => {
  it.each<[string, Partial<RequestFacts>, DecisionFacts[], Caller, Date, RegExp | null]>([
    ['an officer', {}, [], officer('olga'), now, null],
    ['a second officer', {}, [says('olga')], officer('otto'), now, null],
    ['a third, once it is approved', { state: 'approved' }, [says('olga'), says('otto')], officer('omar'), now, null],
    ['somebody without the role', {}, [], { ...officer('ann'), isOfficer: false }, now, /Only a recovery officer/],
    ['an officer without a share', {}, [], { ...officer('new'), holdsShare: false }, now, /holds a share/],
    ['the requester', {}, [], officer('rita'), now, /own request/],
    ['the subject', {}, [], officer('x', 'sam@example.com'), now, /own key/],
    ['the subject by an alias', {}, [], officer('x', 'SAMUEL@example.com'), now, /own key/],
    ['the same officer twice', {}, [says('olga')], officer('olga'), now, /decided already/],
    ['an officer who rejected before', {}, [says('olga', { decision: 'reject' })], officer('olga'), now, /already/],
    ['anybody after the end', {}, [], officer('olga'), later, /expired/],
    ['anybody at the very end', {}, [], officer('olga'), request.expiresAt, /expired/],
    ['anybody after a rejection', { state: 'rejected' }, [], officer('olga'), now, /rejected/],
    ['anybody after the release', { state: 'released' }, [], officer('olga'), now, /released already/],
  ])('%s', (_, facts, decisions, caller, at, refusal) => {
    const why = whyNotDecide({ ...request, ...facts }, decisions, caller, at);
    if (refusal === null) expect(why).toBeNull();
    else expect(why).toMatch(refusal);
  });
});

describe('who releases', () => {
  const both = [says('olga'), says('otto')];
  it.each<[string, Partial<RequestFacts>, DecisionFacts[], { id: string }, Date, RegExp | null]>([
    ['the requester, with two', { state: 'approved' }, both, rita, now, null],
    ['nobody with none', {}, [], rita, now, /0 of 2/],
    ['nobody with one', {}, [says('olga')], rita, now, /1 of 2/],
    ['nobody with one who is counted twice', {}, [says('olga'), says('olga')], rita, now, /1 of 2/],
    ["nobody with the requester's own", {}, [says('olga'), says('rita')], rita, now, /1 of 2/],
    ['nobody on another digest', {}, [says('olga'), says('otto', { digest: 'd2' })], rita, now, /1 of 2/],
    [
      'nobody on an officer who is disabled',
      {},
      [says('olga'), says('otto', { inOffice: false })],
      rita,
      now,
      /1 of 2/,
    ],
    ['nobody once one rejects', {}, [...both, says('omar', { decision: 'reject' })], rita, now, /rejected/],
    ['nobody who did not ask', { state: 'approved' }, both, { id: 'ann' }, now, /whoever asked/],
    ['nobody twice', { state: 'released' }, both, rita, now, /once/],
    ['nobody after the end', { state: 'approved' }, both, rita, later, /expired/],
    ['nobody at a threshold of one', { threshold: 1 }, [says('olga')], rita, now, /1 of 2/],
    ['nobody with two of three', { threshold: 3 }, both, rita, now, /2 of 3/],
    ['three of three', { threshold: 3, state: 'approved' }, [...both, says('omar')], rita, now, null],
    [
      'what counts is the decisions, not the word in the row',
      { state: 'approved' },
      [says('olga')],
      rita,
      now,
      /1 of 2/,
    ],
  ])('%s', (_, facts, decisions, caller, at, refusal) => {
    const why = whyNotRelease({ ...request, ...facts }, decisions, caller, at);
    if (refusal === null) expect(why).toBeNull();
    else expect(why).toMatch(refusal);
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
    expect(whyNotPassword(released, decisions, officer('olga'))).toBeNull();
    expect(whyNotPassword(released, decisions, officer('otto'))).toMatch(/who approved/);
    expect(whyNotPassword(released, decisions, officer('omar'))).toMatch(/who approved/);
    expect(whyNotPassword(released, decisions, officer('odd'))).toMatch(/who approved/);
    expect(whyNotPassword(released, [says('rita')], officer('rita'))).toMatch(/never told/);
    expect(whyNotPassword(request, decisions, officer('olga'))).toMatch(/not been released/);
  });
});

it('a request past its end is expired, whatever its row says; a released one stays released', () => {
  expect(stateAt(request, now)).toBe('open');
  expect(stateAt({ ...request, state: 'approved' }, later)).toBe('expired');
  expect(stateAt({ ...request, state: 'released' }, later)).toBe('released');
  expect(stateAt({ ...request, state: 'rejected' }, later)).toBe('rejected');
});
