import { beforeAll, describe, expect, it } from 'vitest';
import { type Ceremony, found, reshare } from '../test/officers.ts';
import type { Share } from './dealing.ts';
import { lockKey, newHalf, openHalf, type SealedHalf, sealHalf } from './lock.ts';
import { checkPartial, combinePartials, contribute, type Opening } from './partial.ts';

let ceremony: Ceremony;
const halves = Array.from({ length: 4 }, () => newHalf());
let locks: SealedHalf[];
let opening: Opening;

const bindingOf = (at: number) => ({ recordId: `record-${at}`, vaultId: 'vault-1' });

beforeAll(async () => {
  ceremony = await found(4, 3);
  locks = await Promise.all(halves.map((half, at) => sealHalf(ceremony.key.publicKey, half, bindingOf(at))));
  opening = {
    vaultId: 'vault-1',
    request: 'ab'.repeat(32),
    records: locks.map(({ encapsulation }, at) => ({ id: `record-${at}`, encapsulation })),
  };
});

const partialOf = (officer: number, for_ = opening) =>
  contribute(ceremony.shares[officer - 1] as Share, ceremony.key, for_);

describe('a quorum', () => {
  it.each([[[1, 2, 3]], [[4, 2, 1]], [[2, 3, 4, 1]]])('of officers %j opens every record', async (officers) => {
    const partials = officers.map((officer) => partialOf(officer));
    for (const partial of partials) checkPartial(partial, ceremony.key, opening);
    const points = combinePartials(partials, ceremony.key, opening);
    const opened = await Promise.all(
      points.map((point, at) => openHalf(point, ceremony.key.publicKey, locks[at] as SealedHalf, bindingOf(at))),
    );
    expect(opened).toEqual(halves);
  });

  it('opens after a re-sharing what was sealed before it', async () => {
    const next = await reshare(ceremony, [1, 2, 4], 3, 2);
    const partials = [3, 1].map((officer) => contribute(next.shares[officer - 1] as Share, next.key, opening));
    for (const partial of partials) checkPartial(partial, next.key, opening);
    const [point] = combinePartials(partials, next.key, opening);
    expect(await openHalf(point as never, next.key.publicKey, locks[0] as SealedHalf, bindingOf(0))).toEqual(halves[0]);
    // A contribution of the epoch before is not one of this.
    expect(() => checkPartial(partialOf(1), next.key, opening)).toThrow(
      expect.objectContaining({ code: 'bad-proof', officer: 1 }),
    );
  });

  it('is not made up of fewer, or of one who counts twice', () => {
    expect(() => combinePartials([partialOf(1), partialOf(2)], ceremony.key, opening)).toThrow(
      expect.objectContaining({ code: 'no-quorum', message: '2 of 3 officers have contributed.' }),
    );
    expect(() => combinePartials([partialOf(1), partialOf(2), partialOf(2)], ceremony.key, opening)).toThrow(
      expect.objectContaining({ code: 'no-quorum' }),
    );
  });

  it('does not open a record under the name of another', async () => {
    const points = combinePartials(
      [1, 2, 3].map((officer) => partialOf(officer)),
      ceremony.key,
      opening,
    );
    await expect(
      openHalf(points[0] as never, ceremony.key.publicKey, locks[0] as SealedHalf, bindingOf(1)),
    ).rejects.toMatchObject({ code: 'cannot-open' });
  });
});

describe('a contribution is refused, with its officer named', () => {
  const refused = (officer: number) => expect.objectContaining({ code: 'bad-proof', officer });

  it('for another request, another vault, another set of records', () => {
    const partial = partialOf(2);
    for (const other of [
      { ...opening, request: 'cd'.repeat(32) },
      { ...opening, vaultId: 'vault-2' },
      { ...opening, records: opening.records.slice(1) },
      {
        ...opening,
        records: opening.records.with(0, { ...(opening.records[0] as Opening['records'][number]), id: 'record-9' }),
      },
    ]) {
      expect(() => checkPartial(partial, ceremony.key, other)).toThrow(refused(2));
    }
  });

  it('made with another share, or said to be of another officer', () => {
    const forged = contribute({ index: 2, secret: (ceremony.shares[0] as Share).secret }, ceremony.key, opening);
    expect(() => checkPartial(forged, ceremony.key, opening)).toThrow(refused(2));
    expect(() => checkPartial({ ...partialOf(1), officer: 3 }, ceremony.key, opening)).toThrow(refused(3));
    expect(() => checkPartial({ ...partialOf(1), officer: 9 }, ceremony.key, opening)).toThrow(refused(9));
  });

  it('with one point exchanged, missing or none', () => {
    const { points, ...rest } = partialOf(1);
    for (const wrong of [points.toReversed(), points.slice(1), points.with(0, 'AAAA'), points.with(0, '!')]) {
      expect(() => checkPartial({ ...rest, points: wrong }, ceremony.key, opening)).toThrow(refused(1));
    }
    expect(() => checkPartial({ ...rest, points, proofs: [] }, ceremony.key, opening)).toThrow(refused(1));
  });
});

describe('the key of a lock', () => {
  it('needs both halves and is of its record', () => {
    const [a, b] = [newHalf(), newHalf()];
    const key = lockKey(a, b, 'record');
    expect(key).toHaveLength(32);
    expect(lockKey(a, b, 'record')).toEqual(key);
    for (const other of [lockKey(b, a, 'record'), lockKey(a, newHalf(), 'record'), lockKey(a, b, 'another')]) {
      expect(other).not.toEqual(key);
    }
    expect(() => lockKey(a, b.subarray(1), 'record')).toThrow(expect.objectContaining({ code: 'malformed' }));
  });
});
