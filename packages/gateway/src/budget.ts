/** Shares out memory: whoever needs more than is left waits for its turn, first come first served. */

export interface Budget {
  /** Runs `work` once `amount` is free; more than the whole budget runs alone. */
  spend<T>(amount: number, work: () => Promise<T>): Promise<T>;
}

export function openBudget(total: number): Budget {
  let left = total;
  const line: { amount: number; start: () => void }[] = [];

  function next(): void {
    for (let first = line[0]; first !== undefined && first.amount <= left; first = line[0]) {
      line.shift();
      left -= first.amount;
      first.start();
    }
  }

  return {
    async spend(wanted, work) {
      const amount = Math.min(wanted, total);
      await new Promise<void>((start) => {
        line.push({ amount, start });
        next();
      });
      try {
        return await work();
      } finally {
        left += amount;
        next();
      }
    },
  };
}
