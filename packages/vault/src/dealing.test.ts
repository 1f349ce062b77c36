import { beforeAll, describe, expect, it } from 'vitest';
import { type Ceremony, found, makeShareKeys, planFor, reshare } from '../test/officers.ts';
import {
  acceptTranscript,
  checkPlan,
  type Dealing,
  deal,
  dealOn,
  fingerprintOf,
  isAcceptedBy,
  readTranscript,
  receiveShare,
  type Share,
  type Transcript,
} from './dealing.ts';
import { digestOf, fromBase64Url, toBase64Url } from './encoding.ts';
import { GENERATOR, lagrange, multiply, readScalar, Scalar, writePoint, writeScalar } from './group.ts';
import { seal } from './hpke.ts';
import { type ShareKey, signDocument } from './share-key.ts';

let ceremony: Ceremony;

beforeAll(async () => {
  ceremony = await found(5, 3);
});

/** What the vault's secret key would be: only a test ever computes it. */
function secretOf(shares: readonly Share[]): bigint {
  const indices = shares.map(({ index }) => index);
  return shares.reduce(
    (sum, { index, secret }) => Scalar.add(sum, Scalar.mul(lagrange(index, indices), readScalar(secret))),
    Scalar.ZERO,
  );
}

const publicOf = (shares: readonly Share[]) => writePoint(multiply(GENERATOR, secretOf(shares)));

describe('a vault that is founded', () => {
  it('has one key for any three of five, and another point for any two', () => {
    const { shares, key } = ceremony;
    for (const quorum of [
      [0, 1, 2],
      [2, 3, 4],
      [4, 0, 2],
    ]) {
      expect(publicOf(quorum.map((at) => shares[at] as Share))).toEqual(key.publicKey);
    }
    expect(publicOf(shares.slice(0, 2))).not.toEqual(key.publicKey);
  });

  it('says of every share what it is, times G', () => {
    expect(ceremony.shares.map(({ secret }) => writePoint(multiply(GENERATOR, readScalar(secret))))).toEqual(
      ceremony.key.publicShares,
    );
  });

  it('is accepted by signature over the transcript', () => {
    const { transcript, shareKeys, key } = ceremony;
    const signature = acceptTranscript(shareKeys[1] as ShareKey, key.transcript);
    const [first, second] = transcript.plan.officers;
    expect(isAcceptedBy(second as never, signature, key.transcript)).toBe(true);
    expect(isAcceptedBy(first as never, signature, key.transcript)).toBe(false);
    expect(isAcceptedBy(second as never, signature, digestOf({}))).toBe(false);
  });

  it('has a fingerprint that people can read to each other', () => {
    expect(fingerprintOf(ceremony.key.transcript)).toMatch(/^(\d{5} ){11}\d{5}$/);
  });
});

describe('a transcript that is not right', () => {
  const altered = (at: number, change: Partial<Dealing>): Transcript => ({
    ...ceremony.transcript,
    dealings: ceremony.transcript.dealings.with(at, {
      ...(ceremony.transcript.dealings[at] as Dealing),
      ...change,
    }),
  });
  /** What a dealer who does wrong would sign. */
  const signedAnew = (at: number, change: Partial<Dealing>): Transcript => {
    const { signature: _, ...unsigned } = { ...(ceremony.transcript.dealings[at] as Dealing), ...change };
    const signature = signDocument(ceremony.shareKeys[at] as ShareKey, 'dealing', unsigned);
    return altered(at, { ...unsigned, signature });
  };

  it('names the dealer whose dealing was altered by another', () => {
    const { commitments } = ceremony.transcript.dealings[0] as Dealing;
    expect(() => readTranscript(altered(3, { commitments }))).toThrow(
      expect.objectContaining({ code: 'bad-proof', officer: 4 }),
    );
  });

  it('refuses who deals a secret they do not know, so that nobody chooses the vault key', () => {
    // The last dealer commits to `wanted - the sum of the others`, as a rogue-key attack does.
    const [first, ...others] = (ceremony.transcript.dealings[4] as Dealing).commitments;
    const rogue = writePoint(multiply(GENERATOR, 12345n));
    expect(first).not.toBe(toBase64Url(rogue));
    expect(() => readTranscript(signedAnew(4, { commitments: [toBase64Url(rogue), ...others] }))).toThrow(
      expect.objectContaining({ code: 'bad-proof', officer: 5, message: expect.stringContaining('shown to know') }),
    );
  });

  it('is refused with a dealing missing, twice, or out of order', () => {
    const { plan, dealings } = ceremony.transcript;
    for (const wrong of [dealings.slice(1), [...dealings, ...dealings], dealings.toReversed()]) {
      expect(() => readTranscript({ plan, dealings: wrong })).toThrow(expect.objectContaining({ code: 'no-quorum' }));
    }
  });

  it('is refused with a dealing of another ceremony', async () => {
    const other = await deal({ ...ceremony.transcript.plan, vaultId: 'vault-2' }, 1, ceremony.shareKeys[0] as ShareKey);
    expect(() => readTranscript(altered(0, other))).toThrow(expect.objectContaining({ code: 'bad-proof', officer: 1 }));
  });

  it('names the dealer of a part that does not fit its commitments, to the officer who got it', async () => {
    const { plan, dealings } = ceremony.transcript;
    const victim = plan.officers[1];
    const { plan: digest, dealer, commitments, shares } = dealings[2] as Dealing;
    const { canonical, utf8 } = await import('./encoding.ts');
    const sealed = await seal(fromBase64Url(victim?.publicKeys.encryption ?? ''), writeScalar(99n), {
      info: utf8('chancery share v1'),
      aad: canonical({ plan: digest, dealer, commitments, to: 2 }),
    });
    const bad = signedAnew(2, {
      shares: shares.with(1, {
        encapsulation: toBase64Url(sealed.encapsulation),
        ciphertext: toBase64Url(sealed.ciphertext),
      }),
    });
    // Nobody else can tell.
    readTranscript(bad);
    await expect(receiveShare(bad, 1, ceremony.shareKeys[0] as ShareKey)).resolves.toBeDefined();
    await expect(receiveShare(bad, 2, ceremony.shareKeys[1] as ShareKey)).rejects.toMatchObject({
      code: 'bad-proof',
      officer: 3,
    });
  });

  it('gives nothing to a share key that is not the officer’s', async () => {
    await expect(receiveShare(ceremony.transcript, 1, ceremony.shareKeys[1] as ShareKey)).rejects.toMatchObject({
      code: 'cannot-open',
    });
  });
});

describe('a plan', () => {
  it.each([
    ['one officer alone opens', 1, 3],
    ['more than there are', 4, 3],
    ['a fraction', 2.5, 3],
  ])('is refused: %s', (_what, threshold, count) => {
    expect(() => checkPlan(planFor(makeShareKeys(count), threshold))).toThrow(
      expect.objectContaining({ code: 'invalid-argument' }),
    );
  });

  it('is refused when one share key stands for two officers', () => {
    const [one, two] = makeShareKeys(2) as [ShareKey, ShareKey];
    expect(() => checkPlan(planFor([one, two, one], 2))).toThrow(/same share key/);
  });
});

describe('a vault that is re-shared', () => {
  it('keeps its key, with other officers and another threshold', async () => {
    const second = await reshare(ceremony, [1, 3, 5], 4, 2);
    expect(second.key.publicKey).toEqual(ceremony.key.publicKey);
    expect(publicOf(second.shares.slice(1, 3))).toEqual(ceremony.key.publicKey);
    const third = await reshare(second, [2, 4], 3, 3);
    expect(publicOf(third.shares)).toEqual(ceremony.key.publicKey);
    // Shares of different epochs do not add up.
    expect(publicOf([second.shares[0], third.shares[1]] as Share[])).not.toEqual(ceremony.key.publicKey);
  });

  it('refuses who deals something else than their share', async () => {
    const shareKeys = makeShareKeys(3);
    const plan = {
      ...planFor(shareKeys, 2),
      epoch: 2,
      previous: { transcript: ceremony.key.transcript, dealers: [1, 2, 3] },
    };
    const dealings = await Promise.all(
      [0, 1, 2].map((at) =>
        dealOn(
          plan,
          at === 1 ? { index: 2, secret: writeScalar(7n) } : (ceremony.shares[at] as Share),
          ceremony.shareKeys[at] as ShareKey,
        ),
      ),
    );
    expect(() => readTranscript({ plan, dealings }, { plan: ceremony.transcript.plan, key: ceremony.key })).toThrow(
      expect.objectContaining({ code: 'bad-proof', officer: 2, message: expect.stringContaining('their share') }),
    );
  });

  it('refuses too few dealers, another vault, and an epoch left out', async () => {
    const previous = { plan: ceremony.transcript.plan, key: ceremony.key };
    const base = {
      ...planFor(makeShareKeys(2), 2),
      epoch: 2,
      previous: { transcript: ceremony.key.transcript, dealers: [1, 2, 3] },
    };
    const wrong = [
      [{ ...base, previous: { ...base.previous, dealers: [1, 2] } }, 'no-quorum'],
      [{ ...base, vaultId: 'vault-2' }, 'invalid-argument'],
      [{ ...base, epoch: 3 }, 'invalid-argument'],
    ] as const;
    for (const [plan, code] of wrong) {
      expect(() => readTranscript({ plan, dealings: [] }, previous)).toThrow(expect.objectContaining({ code }));
    }
  });
});
