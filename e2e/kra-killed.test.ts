import { describe, expect, it } from 'vitest';
import { killTheKra } from './support/kra-killed.ts';

/** `npm run kill -- kra 100` is the long version of it. */
describe('kill -9 at random moments of generation, ceremony, re-sharing, re-wrapping and recovery', () => {
  it('loses no key, leaves no share half-moved, no release unaudited or twice, and the trail whole', async () => {
    const report = await killTheKra({ kills: 3, within: 800 });
    expect(report).toMatchObject({ kills: 3, broken: [] });
    expect(report.keysOpened).toBeGreaterThanOrEqual(report.people);
    expect(report.epochs).toBeGreaterThanOrEqual(1);
  }, 300_000);
});
