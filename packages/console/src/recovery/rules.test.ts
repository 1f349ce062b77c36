import type { RecoveryRequest } from '@chancery/api';
import { describe, expect, it } from 'vitest';
import { approvals, isShownAsAsked, recoverySteps } from './rules.ts';

const id = '00000000-0000-4000-8000-000000000000';
const approval = {
  officerId: id,
  officerName: 'Olga',
  decision: 'approve' as const,
  note: '',
  at: '2026-11-24T00:00:00Z',
};
const people = [
  {
    id,
    name: 'Ada',
    address: 'ada@example.com',
    keys: [{ id, serialNumber: '4a', notBefore: '2026-01-01T00:00:00.000Z', notAfter: '2027-01-01T00:00:00.000Z' }],
  },
];
const rules = { identityCheck: false, managerApproval: false, coolOffHours: 0, notBefore: null };
const missing = (...names: RecoveryRequest['missing'][number]['rule'][]): RecoveryRequest['missing'] =>
  names.map((rule) => ({ rule, why: '', next: '', until: null }));
const request: RecoveryRequest = {
  id,
  people,
  reason: 'lost-device',
  caseNumber: '',
  explanation: 'lost',
  period: null,
  delivery: { kind: 'pkcs12', recipient: null, messages: [] },
  rules,
  withholdNotice: false,
  state: 'open',
  threshold: 2,
  vault: { id, replaced: false, officers: [], transcript: null },
  requestedBy: { id, name: 'Ruth' },
  requestedAt: '2026-11-24T00:00:00Z',
  expiresAt: '2026-11-27T00:00:00Z',
  steps: [
    { kind: 'identity', required: false, mayRecord: false, recorded: null },
    { kind: 'manager', required: false, mayRecord: false, recorded: null },
  ],
  decisions: [approval],
  missing: missing('approvals'),
  coolOffEndsAt: null,
  notices: [],
  mail: false,
  digest: 'ab',
  releasedAt: null,
  mayApprove: false,
  mayReject: false,
  mayRelease: false,
  mayTellSubjects: false,
  why: null,
  opening: null,
  canonical: JSON.stringify({
    version: 3,
    withholdNotice: false,
    rules,
    period: null,
    people,
    threshold: 2,
    reason: 'lost-device',
    caseNumber: '',
    explanation: 'lost',
    delivery: { kind: 'pkcs12', profile: 'modern' },
    requestedBy: { id, name: 'Ruth' },
    expiresAt: '2026-11-27T00:00:00Z',
  }),
};
const states = (changed: Partial<RecoveryRequest>) =>
  recoverySteps({ ...request, ...changed }).map((step) => step.state);

describe('recoverySteps', () => {
  it('walks forward', () => {
    expect(states({})).toEqual(['done', 'now', 'later', 'later']);
    expect(states({ state: 'approved', decisions: [approval, approval], missing: [] })).toEqual([
      'done',
      'done',
      'now',
      'later',
    ]);
    expect(states({ state: 'released' })).toEqual(['done', 'done', 'done', 'now']);
  });
  it('stops at a rejection and at the lapse, and names who rejected', () => {
    const rejection = { ...approval, decision: 'reject' as const, officerName: 'Otto' };
    const steps = recoverySteps({ ...request, state: 'rejected', decisions: [approval, rejection] });
    expect(steps.map((step) => step.state)).toEqual(['done', 'stopped', 'stopped', 'stopped']);
    expect(steps[1]?.detail).toBe('Otto rejected it');
    expect(states({ state: 'expired' })).toEqual(['done', 'stopped', 'stopped', 'stopped']);
  });
  it('has no password step when the key goes to a certificate', () => {
    const delivery = { kind: 'certificate' as const, recipient: 'CN=Ada', messages: [] };
    expect(recoverySteps({ ...request, delivery })).toHaveLength(3);
  });
  it('has the steps, the time lock and the cool-off that the request says, and waits for each in turn', () => {
    const strict = {
      rules: { identityCheck: true, managerApproval: false, coolOffHours: 24, notBefore: '2026-11-25T00:00:00Z' },
      steps: request.steps.map((step) => ({ ...step, required: step.kind === 'identity' })),
    };
    const of = (changed: Partial<RecoveryRequest>) =>
      recoverySteps({ ...request, ...strict, ...changed }).map(({ key, state }) => `${key} ${state}`);
    expect(of({ decisions: [], missing: missing('identity-check', 'approvals', 'time-lock') })).toEqual([
      'asked done',
      'identity now',
      'approvals later',
      'time-lock now',
      'cool-off later',
      'release later',
      'password later',
    ]);
    expect(of({ state: 'approved', missing: missing('cool-off') }).slice(2, 6)).toEqual([
      'approvals done',
      'time-lock done',
      'cool-off now',
      'release later',
    ]);
    expect(of({ state: 'approved', missing: [] })[5]).toBe('release now');
  });
  it('names who approved', () => {
    expect(recoverySteps(request)[1]?.detail).toBe('1 of 2 approvals so far: Olga');
  });
  it('counts only approvals', () => {
    expect(approvals({ decisions: [approval, { ...approval, decision: 'reject' }] })).toBe(1);
  });
});

describe('what an officer reads', () => {
  it('is what they sign', () => {
    expect(isShownAsAsked(request)).toBe(true);
  });

  it.each<Partial<RecoveryRequest>>([
    { people: people.map((person) => ({ ...person, address: 'eve@example.com' })) },
    { people: people.map((person) => ({ ...person, keys: [] })) },
    { rules: { ...rules, coolOffHours: 24 } },
    { withholdNotice: true },
    { threshold: 3 },
    { reason: 'legal-hold' },
    { explanation: 'another story' },
    { delivery: { kind: 'certificate', recipient: 'CN=Eve', messages: [] } },
    { delivery: { kind: 'pkcs12', recipient: null, messages: [{ sha256: 'ab', name: 'a' }] } },
    { requestedBy: { id, name: 'Rita' } },
    { expiresAt: '2027-11-27T00:00:00Z' },
    { canonical: '{}' },
    { canonical: 'nothing' },
  ])('is not, with %o', (change) => {
    expect(isShownAsAsked({ ...request, ...change })).toBe(false);
  });
});
