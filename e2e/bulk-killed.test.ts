import { describe, expect, it } from 'vitest';
import { killDuringBulkIssuance } from './support/bulk-killed.ts';

/** `npm run kill -- 200 5000` is the long version of it. */
describe('kill -9 at random moments during bulk issuance', () => {
  it('loses no acknowledged certificate, uses no serial number twice, and leaves the trail whole', async () => {
    const report = await killDuringBulkIssuance({ kills: 3, batch: 600, within: 500, atWork: true });
    expect(report).toMatchObject({ kills: 3, broken: [] });
    expect(report.livesThatIssued).toBeGreaterThanOrEqual(2);
    expect(report.acknowledged).toBe(report.certificates);
    expect(report.certificates).toBeGreaterThanOrEqual(600);
  }, 300_000);
});
