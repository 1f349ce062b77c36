import { describe, expect, it } from 'vitest';
import { openBudget } from './budget.ts';

describe('a budget', () => {
  it('never gives out more than there is, keeps the order, and lets the largest run alone', async () => {
    const budget = openBudget(10);
    let now = 0;
    let most = 0;
    const order: number[] = [];
    const work = (amount: number) =>
      budget.spend(amount, async () => {
        order.push(amount);
        now += Math.min(amount, 10);
        most = Math.max(most, now);
        await new Promise((resolve) => setImmediate(resolve));
        now -= Math.min(amount, 10);
      });
    await Promise.all([4, 6, 100, 3, 3, 5].map(work));
    expect(order).toEqual([4, 6, 100, 3, 3, 5]);
    expect(most).toBe(10);
    expect(now).toBe(0);
  });

  it('gives back what failed work had', async () => {
    const budget = openBudget(1);
    await expect(budget.spend(1, () => Promise.reject(new Error('no')))).rejects.toThrow('no');
    expect(await budget.spend(1, async () => 'yes')).toBe('yes');
  });
});
