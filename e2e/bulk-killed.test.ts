import { describe, expect, it } from 'vitest';
import { killDuringBulkIssuance } from './support/bulk-killed.ts';

/** `npm run kill -- 200 5000` is the long version of it. */
describe('kill -9 at random moments during bulk issuance', () => {
  it('loses no acknowledged certificate, uses no serial number twice, leaves no intent open and the trail whole', async () => {
    const report = await killDuringBulkIssuance({ kills: 4, batch: 500, within: 3000 });
    expect(report).toMatchObject({ kills: 4, broken: [] });
    // How many depends on how soon a busy machine starts; none would show nothing.
    expect(report.livesThatIssued).toBeGreaterThanOrEqual(1);
    expect(report.acknowledged).toBe(report.certificates);
    expect(report.certificates).toBeGreaterThanOrEqual(500);
  }, 300_000);
});
