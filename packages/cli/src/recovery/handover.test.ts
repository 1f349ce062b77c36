import { describe, expect, it } from 'vitest';
import { describeHandover, handoverRequest } from './handover.ts';

const person = { id: '9f6f0b8e-98a5-4ad4-a4a2-0d2f3a6a8f00', name: 'Mia' };
const manager = { id: '1f6f0b8e-98a5-4ad4-a4a2-0d2f3a6a8f00', name: 'Bo Boss', address: 'bo@example.com' };
const handover = {
  ...{ manager, certificate: 'PEM', problem: null, keys: 2 },
  ...{ leftAt: '2026-03-01T12:00:00.000Z', requestId: null },
};

describe('the request for a manager', () => {
  it('is what the console would fill in, in other words where they are given', () => {
    expect(handoverRequest(person, handover, undefined)).toEqual({
      personId: person.id,
      reason: 'departed-employee',
      explanation: expect.stringMatching(/^Mia left on 2026-03-01\. Bo Boss <bo@example\.com>, their manager/),
      delivery: { kind: 'certificate', certificate: 'PEM' },
    });
    expect(handoverRequest(person, handover, 'Case 7')?.explanation).toBe('Case 7');
    expect(describeHandover('Mia', handover, handoverRequest(person, handover, undefined))).toMatch(/--request/);
  });

  it('is none without a manager, a certificate, or twice; and says why', () => {
    for (const lacks of [
      { manager: null },
      { certificate: null },
      { problem: 'They have not left.' },
      { requestId: 'r' },
    ]) {
      expect(handoverRequest(person, { ...handover, ...lacks }, undefined)).toBeUndefined();
    }
    expect(describeHandover('Mia', { ...handover, problem: 'They have not left.' }, undefined)).toMatch(/not left/);
    expect(describeHandover('Mia', { ...handover, requestId: 'r' }, undefined)).not.toMatch(/--request/);
  });
});
