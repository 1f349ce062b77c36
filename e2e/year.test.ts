import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { liveAYear } from './support/year.ts';
import { YearDirectory } from './support/year-directory.ts';

/** `npm run year -- 2000 100` is the long version of it. */
describe('a year of joining, leaving, renaming and losing keys, killed at random moments', () => {
  it('leaves nobody uncovered who is here, nothing good to nobody who is not, and every mail readable', async () => {
    const report = await liveAYear({ people: 12, kills: 2, stride: 15, seed: 7 });
    expect(report.broken).toEqual([]);
    expect(report.figures.renewals).toBeGreaterThan(50);
    expect(report.figures.mails).toBeGreaterThan(20);
    expect(report.figures.directoryChanges).toBeGreaterThan(60);
  }, 600_000);

  it('would see what is wrong in the directory', async () => {
    const directory = await YearDirectory.open();
    for (const person of [0, 1]) directory.admit(person);
    const digest = createHash('sha256').update('ours').digest('hex');
    const nothing = { must: [], may: [] };
    expect(directory.compare([{ person: 0, ...nothing }])).toEqual([]);
    expect(directory.compare([{ person: 1, must: [digest], may: [] }])).toEqual([
      'the entry of person 1 lacks 1 certificates',
    ]);
    directory.write(0, [Buffer.from('ours')]);
    expect(directory.compare([])).toEqual([
      'the entry of person 0 lacks 1 values of others',
      'the entry of person 0 has 1 certificates that should not stand there',
    ]);
    expect(directory.compare([{ person: 0, must: [], may: [digest] }])).toHaveLength(1);
    await directory.close();
  });
});
