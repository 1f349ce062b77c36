import { describe, expect, it } from 'vitest';
import { suggestedThreshold, thresholdWords, whyNotShare } from './threshold.ts';

describe('suggestedThreshold', () => {
  it('is more than half, and two at least', () => {
    expect([2, 3, 4, 5, 9].map(suggestedThreshold)).toEqual([2, 2, 3, 3, 5]);
  });
});

describe('thresholdWords', () => {
  it('says who opens, who does not, and how many may be gone', () => {
    expect(thresholdWords(5, 3)).toEqual({
      rule: 'Any 3 of the 5 officers open a key together. 2 together open nothing, and neither does this server. 2 of them may be ill, away or gone, and keys still come back.',
      warning: null,
    });
    expect(thresholdWords(3, 2).rule).toContain('One alone opens nothing');
  });
  it('warns where nobody may lose a share key', () => {
    expect(thresholdWords(2, 2).warning).toMatch(/^Both are needed: if one of them loses/);
    expect(thresholdWords(4, 4).warning).toMatch(/^All 4 are needed: if any one of them loses/);
  });
});

describe('whyNotShare', () => {
  it('lets a quorum through and names what is missing', () => {
    expect(whyNotShare(3, 2)).toBeNull();
    expect(whyNotShare(1, 2)).toMatch(/At least two officers share/);
    expect(whyNotShare(3, 1)).toMatch(/At least two officers open/);
    expect(whyNotShare(3, 4)).toBe('3 officers cannot make up a quorum of 4');
    expect(whyNotShare(65, 2)).toMatch(/At most 64/);
  });
});
