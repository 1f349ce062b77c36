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
const request: RecoveryRequest = {
  id,
  personId: id,
  personName: 'Ada',
  personAddress: 'ada@example.com',
  escrowedKeyIds: [],
  reason: 'lost-device',
  caseNumber: '',
  explanation: 'lost',
  delivery: { kind: 'pkcs12', recipient: null },
  state: 'open',
  threshold: 2,
  requestedBy: { id, name: 'Ruth' },
  requestedAt: '2026-11-24T00:00:00Z',
  expiresAt: '2026-11-27T00:00:00Z',
  decisions: [approval],
  digest: 'ab',
  releasedAt: null,
  mayApprove: false,
  mayRelease: false,
  why: null,
  opening: null,
  canonical: JSON.stringify({
    person: { name: 'Ada', address: 'ada@example.com' },
    reason: 'lost-device',
    caseNumber: '',
    explanation: 'lost',
    delivery: { kind: 'pkcs12' },
    requestedBy: { id, name: 'Ruth' },
    expiresAt: '2026-11-27T00:00:00Z',
  }),
};
const states = (changed: Partial<RecoveryRequest>) =>
  recoverySteps({ ...request, ...changed }).map((step) => step.state);

describe('recoverySteps', () => {
  it('walks forward', () => {
    expect(states({})).toEqual(['done', 'now', 'later', 'later']);
    expect(states({ state: 'approved', decisions: [approval, approval] })).toEqual(['done', 'done', 'now', 'later']);
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
    expect(recoverySteps({ ...request, delivery: { kind: 'certificate', recipient: 'CN=Ada' } })).toHaveLength(3);
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
    { personAddress: 'eve@example.com' },
    { reason: 'legal-hold' },
    { explanation: 'another story' },
    { delivery: { kind: 'certificate', recipient: 'CN=Eve' } },
    { requestedBy: { id, name: 'Rita' } },
    { expiresAt: '2027-11-27T00:00:00Z' },
    { canonical: '{}' },
    { canonical: 'nothing' },
  ])('is not, with %o', (change) => {
    expect(isShownAsAsked({ ...request, ...change })).toBe(false);
  });
});
