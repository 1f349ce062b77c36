import { describe, expect, it } from 'vitest';
import { liveAYear } from './support/year.ts';

/** `npm run year -- 2000 100` is the long version of it. */
describe('a year of joining, leaving, renaming and losing keys, killed at random moments', () => {
  it('leaves nobody uncovered who is here, nothing good to nobody who is not, and every mail readable', async () => {
    const report = await liveAYear({ people: 16, kills: 2, stride: 12, seed: 7 });
    expect(report.broken).toEqual([]);
    expect(report.figures.renewals).toBeGreaterThan(50);
    expect(report.figures.mails).toBeGreaterThan(20);
    expect(report.figures.directoryChanges).toBeGreaterThan(60);
  }, 600_000);
});
