import { describe, expect, it } from 'vitest';
import { standAfterLoss } from './vault-standing.ts';

const officer = (name: string, inOffice = true) => ({ id: name, name, inOffice });
const vault = (threshold: number, ...officers: ReturnType<typeof officer>[]) => ({ threshold, officers });
const four = [officer('Olga'), officer('Otto'), officer('Omar'), officer('Lena')];

describe('standAfterLoss', () => {
  it('leaves a vault alone that has a spare, and says who deals when one is lost', () => {
    expect(standAfterLoss(vault(2, ...four), [])).toMatchObject({ state: 'spare' });
    expect(standAfterLoss(vault(2, ...four), []).steps[1]).toBe('There is nothing to do.');
    const { state, dealers, steps } = standAfterLoss(vault(2, ...four), ['Olga']);
    expect([state, dealers.map(({ name }) => name)]).toEqual(['spare', ['Otto', 'Omar']]);
    expect(steps[1]).toMatch(/Otto and Omar deal/);
  });
  it('warns when every share key that is left is needed', () => {
    const { state, dealers, steps } = standAfterLoss(vault(3, ...four), ['Lena']);
    expect([state, dealers.length]).toEqual(['no-spare', 3]);
    expect(steps.join(' ')).toMatch(/Do this today/);
  });
  it('takes back those who left before it gives up', () => {
    const gone = vault(3, officer('Olga'), officer('Otto'), officer('Omar', false), officer('Lena', false));
    const { state, dealers, steps } = standAfterLoss(gone, ['Lena']);
    expect([state, dealers]).toEqual(['reinstate', []]);
    expect(steps[0]).toMatch(/Invite Omar as recovery officers again/);
    expect(standAfterLoss(gone, ['Lena', 'Omar'])).toMatchObject({ state: 'lost', dealers: [] });
  });
  it('says so when nothing opens any more', () => {
    const { state, steps } = standAfterLoss(vault(3, ...four), ['Olga', 'Otto']);
    expect(state).toBe('lost');
    expect(steps[0]).toMatch(/3 share keys are needed, and 2 are left/);
    expect(steps.join(' ')).toMatch(/Found a new vault now/);
  });
});
