import { routes } from '@chancery/api';
import { expect, it } from 'vitest';
import { bodyOf, emptyRequest, forManager, problemsOf } from './new-request.ts';

const id = '6d0f4c0e-4d2a-4b9e-9d0a-0f6f3c1c8a11';
const manager = { id, name: 'Mona Lead', address: 'mona@example.com' };
const handover = {
  manager,
  certificate: 'PEM',
  problem: null,
  keys: 1,
  leftAt: '2026-03-01T12:00:00Z',
  requestId: null,
};

it('is filled in for a manager, and could be sent as it stands', () => {
  const values = { ...emptyRequest, personIds: [id], ...forManager({ name: 'Dora Gone' }, handover) };
  expect(problemsOf(values)).toEqual({});
  expect(routes.requestRecovery.body.parse(bodyOf(values))).toMatchObject({
    personId: id,
    reason: 'departed-employee',
    explanation: expect.stringMatching(/^Dora Gone left on 2026-03-01\. Mona Lead <mona@example\.com>/),
    delivery: { kind: 'certificate', certificate: 'PEM' },
  });
  // Without a certificate somebody has to say how it leaves.
  expect(forManager({ name: 'Dora Gone' }, { ...handover, certificate: null })).not.toHaveProperty('kind');
  expect(forManager({ name: 'Dora Gone' }, { ...handover, manager: null })).toEqual({});
});
