/** 20,000 runs of the fuzzers, the same each time; `npm run fuzz -- --nightly` does a million that nobody has seen before. */
import { describe, expect, it } from 'vitest';
import { attempt } from '../fuzz/attempt.ts';
import { Inputs } from '../fuzz/inputs.ts';
import type { Target } from '../fuzz/target.ts';
import { targets } from '../fuzz/targets/all.ts';
import { type Found, watch } from '../fuzz/watch.ts';
import { SmimeError } from '../src/errors.ts';

/** By what a run takes. */
const runs: Readonly<Record<string, number>> = { asn1: 6_000, x509: 5_000, cms: 4_000, pkcs12: 2_000, mime: 3_000 };

describe('hostile octets', () => {
  it('are tried on every room, 20,000 times in all', () => {
    expect(Object.keys(runs).sort()).toEqual(targets.map(({ name }) => name).sort());
    expect(Object.values(runs).reduce((sum, count) => sum + count, 0)).toBe(20_000);
  });

  it.each(targets)('$name: no crash, no hang, no more than 64 MB', { timeout: 300_000 }, async ({ name: target }) => {
    const defects: string[] = [];
    const found = ({ name, defect }: Found): void => {
      defects.push(`${defect.kind}: ${defect.what}\nagain with: npm run fuzz -- ${target} --seed ${name} --runs 1`);
    };
    const wanted = runs[target] as number;
    const done = await watch({ target, from: 0, to: wanted, seed: 1, guided: false, found });
    expect(defects).toEqual([]);
    expect(done.runs).toBe(wanted);
  });
});

describe('the fuzzer itself', () => {
  const target = (run: Target['run']): Target => ({
    name: 'planted',
    seeds: async () => [],
    mutate: (input, dice) => Buffer.concat([input, dice.octets(1)]),
    run,
  });
  const kind = async (run: Target['run']): Promise<string | undefined> =>
    (await attempt(target(run), Buffer.alloc(1)))?.kind;

  it('sees a crash, and none in an SmimeError', async () => {
    expect(
      await kind(() => {
        throw new TypeError('planted');
      }),
    ).toBe('crash');
    expect(await kind(() => Promise.reject(new RangeError('planted')))).toBe('crash');
    expect(
      await kind(() => {
        throw new SmimeError('malformed-asn1', 'planted');
      }),
    ).toBeUndefined();
  });

  it('sees what takes more than a second, and not what takes less', async () => {
    const busy = (milliseconds: number) => () => {
      const { user, system } = process.cpuUsage();
      while (process.cpuUsage().user + process.cpuUsage().system - user - system < milliseconds * 1_000);
    };
    expect(await kind(busy(1_200))).toBe('slow');
    expect(await kind(busy(200))).toBeUndefined();
  });

  it('sees what takes more than 64 MB, and not what takes less', async () => {
    const take = (megabytes: number) => () => {
      const chunks = Array.from({ length: megabytes }, () => Buffer.alloc(1_048_576, 1));
      if (chunks.length !== megabytes) throw new Error('not taken');
    };
    // Far more, since what earlier tests left may be collected while it is first measured.
    expect(await kind(take(400))).toBe('memory');
    expect(await kind(take(20))).toBeUndefined();
  });

  it('makes the same input of the same name', () => {
    const seeds = [{ name: 'a', bytes: Buffer.from('a') }];
    const inputs = (): Inputs =>
      new Inputs(
        target(() => {}),
        seeds,
      );
    expect(inputs().byName('@0').toString()).toBe('a');
    expect(inputs().byName('7')).toEqual(inputs().byName('7'));
    expect(inputs().byName('7.8')).toEqual(inputs().change(inputs().byName('7'), 8));
    expect(inputs().byName('7').equals(inputs().byName('9'))).toBe(false);
    expect(() => inputs().byName('@1')).toThrow(RangeError);
    expect(() => inputs().byName('x')).toThrow(RangeError);
  });

  it('begins with seeds that stand for what they are called', async () => {
    for (const { seeds, name } of targets) {
      const [first, again] = [await seeds(), await seeds()];
      expect(first.length, name).toBeGreaterThan(6);
      expect(first.map((seed) => seed.name)).toEqual(again.map((seed) => seed.name));
      // OpenSSL's own random octets differ, their number does not, but for ECDSA signatures: an octet or two of DER.
      for (const [at, seed] of first.entries())
        expect(Math.abs(seed.bytes.length - (again[at]?.bytes.length ?? 0)), `${name}: ${seed.name}`).toBeLessThan(8);
    }
  });
});
