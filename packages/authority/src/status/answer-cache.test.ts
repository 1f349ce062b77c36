import { describe, expect, it } from 'vitest';
import { AnswerCache } from './answer-cache.ts';
import { Tally } from './tally.ts';

const at = (ms: number) => new Date(1_700_000_000_000 + ms);
const answer = (octets: number) => ({
  der: Buffer.alloc(octets),
  thisUpdate: at(0),
  nextUpdate: at(1000),
  etag: '"x"',
});

describe('the memory of answers', () => {
  it('stays within its octets, and lets the least recently used go', () => {
    const cache = new AnswerCache(10_000);
    for (const name of ['a', 'b', 'c']) cache.put(name, answer(2_500), at(500).getTime(), 'ca', [name]);
    expect(cache.get('a', at(1).getTime())).toBeDefined();
    cache.put('d', answer(2_500), at(500).getTime(), 'ca', ['d']);
    expect(['a', 'b', 'c', 'd'].map((name) => cache.get(name, at(1).getTime()) !== undefined)).toEqual([
      true,
      false,
      true,
      true,
    ]);
    expect(cache.octets).toBeLessThanOrEqual(10_000);
    cache.put('huge', answer(20_000), at(500).getTime(), 'ca', ['huge']);
    expect(cache.get('huge', at(1).getTime())).toBeUndefined();
  });

  it('forgets one certificate of one authority, whatever was asked with it', () => {
    const cache = new AnswerCache(100_000);
    cache.put('one', answer(10), at(500).getTime(), 'ca', ['01']);
    cache.put('both', answer(10), at(500).getTime(), 'ca', ['01', '02']);
    cache.put('other', answer(10), at(500).getTime(), 'another', ['01']);
    cache.forget('ca', ['01', '03']);
    expect(['one', 'both', 'other'].map((name) => cache.get(name, at(1).getTime()) !== undefined)).toEqual([
      false,
      false,
      true,
    ]);
    cache.forget('another', undefined);
    expect([cache.size, cache.octets]).toEqual([0, 0]);
  });

  it('gives out nothing that is stale, nor from before a clock was put back', () => {
    const cache = new AnswerCache(100_000);
    cache.put('one', answer(10), at(500).getTime(), 'ca', ['01']);
    expect(cache.get('one', at(499).getTime())).toBeDefined();
    expect(cache.get('one', at(500).getTime())).toBeUndefined();
    cache.put('one', answer(10), at(500).getTime(), 'ca', ['01']);
    expect(cache.get('one', at(-1).getTime())).toBeUndefined();
    expect(cache.octets).toBe(0);
  });
});

it('counts the last minute, and no more', () => {
  const tally = new Tally(['kept', 'signed']);
  tally.add('signed', at(0));
  for (let second = 0; second < 90; second++) tally.add('kept', at(second * 1000));
  expect(tally.perMinute(at(89_000))).toEqual({ kept: 60, signed: 0 });
  expect(tally.perMinute(at(200_000))).toEqual({ kept: 0, signed: 0 });
});
