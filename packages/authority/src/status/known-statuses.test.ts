import type { OcspCertificateStatus } from '@chancery/smime';
import { expect, it } from 'vitest';
import { KnownStatuses } from './known-statuses.ts';

it('knows all of what is asked or nothing, and forgets what it is told to', () => {
  const statuses = new KnownStatuses();
  const revoked = { revokedAt: new Date(0), reason: 'keyCompromise' as const };
  expect(statuses.get('a', ['1'])).toBeUndefined();
  statuses.put(
    'a',
    new Map<string, OcspCertificateStatus>([
      ['1', 'good'],
      ['2', revoked],
    ]),
  );
  statuses.put('b', new Map([['1', revoked]]));
  expect(statuses.get('a', ['1', '2'])).toEqual(
    new Map<string, OcspCertificateStatus>([
      ['1', 'good'],
      ['2', revoked],
    ]),
  );
  expect(statuses.get('a', ['1', '3'])).toBeUndefined();
  expect(statuses.get('c', ['1'])).toBeUndefined();
  statuses.forget('a', ['1']);
  expect(statuses.get('a', ['1'])).toBeUndefined();
  expect(statuses.get('a', ['2'])).toEqual(new Map([['2', revoked]]));
  expect(statuses.get('b', ['1'])).toEqual(new Map([['1', revoked]]));
  statuses.forget('a', undefined);
  expect(statuses.get('b', ['1'])).toBeUndefined();
});

it('forgets the oldest of a hundred thousand', () => {
  const statuses = new KnownStatuses();
  statuses.put('a', new Map(Array.from({ length: 100_001 }, (_, n) => [String(n), 'good' as const])));
  expect(statuses.get('a', ['0'])).toBeUndefined();
  expect(statuses.get('a', ['1', '100000'])).toBeDefined();
});
