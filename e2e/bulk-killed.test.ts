import { describe, expect, it } from 'vitest';
import { killDuringBulkIssuance } from './support/bulk-killed.ts';

/** `npm run kill -- 200 5000` is the long version of it. */
describe('kill -9 at random moments during bulk issuance', () => {
  it('loses no acknowledged certificate, uses no serial number twice, leaves no intent open and the trail whole', async () => {
    const report = await killDuringBulkIssuance({ kills: 6, batch: 500, within: 1500 });
    expect(report).toMatchObject({ kills: 6, broken: [] });
    expect(report.livesThatIssued).toBeGreaterThanOrEqual(4);
    expect(report.acknowledged).toBe(report.certificates);
    expect(report.certificates).toBeGreaterThanOrEqual(500);
  }, 300_000);
});
