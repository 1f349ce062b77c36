import { describe, expect, it } from 'vitest';
import { findingsOfVault } from './judge-vault.ts';

const vault = (inOffice: readonly boolean[], threshold: number) => ({
  threshold,
  officers: inOffice.map((present, at) => ({ id: String(at), name: `Officer ${at}`, inOffice: present })),
});
const tones = (inOffice: readonly boolean[], threshold: number) =>
  findingsOfVault(vault(inOffice, threshold)).map(({ key, tone }) => `${tone} ${key}`);

describe('findingsOfVault', () => {
  it('is silent where officers can be spared and all are in office', () => {
    expect(tones([true, true, true], 2)).toEqual([]);
  });
  it('says when nobody can be spared, when somebody has left, and when there is no quorum', () => {
    expect(tones([true, true], 2)).toEqual(['warn no-spare']);
    expect(tones([true, true, true, false], 2)).toEqual(['warn gone']);
    expect(tones([true, true, false], 2)).toEqual(['warn no-spare']);
    expect(tones([true, false, false], 2)).toEqual(['bad no-quorum']);
  });
  it('names who has left', () => {
    const [finding] = findingsOfVault(vault([true, false, false], 2));
    expect(finding?.text).toMatch(/^Officer 1 and Officer 2 are not in office\. Of 2 officers .* only 1 is left/);
  });
});
