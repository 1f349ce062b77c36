import { beforeAll, describe, expect, it } from 'vitest';
import { type Ceremony, found, reshare } from '../test/officers.ts';
import { contributeToBatches, openingOfBatch, readBatch, tookPart } from './batch.ts';
import { fingerprintOf } from './dealing.ts';
import { canonical, toBase64Url } from './encoding.ts';
import { newHalf, openHalf, type SealedHalf, sealOwnedHalf } from './lock.ts';
import { approve, PURPOSES } from './officer.ts';
import { checkPartial, combinePartials } from './partial.ts';
import { isSignedBy, type ShareKey } from './share-key.ts';

let ceremony: Ceremony;
let target: Ceremony;
let lock: SealedHalf & { ownership: string };
const half = newHalf();
const binding = { recordId: 'record-1', vaultId: 'vault-1' };
const owner = { ...binding, personId: 'person-1' };
const text = (document: object) => Buffer.from(canonical(document)).toString('utf8');

beforeAll(async () => {
  ceremony = await found(3, 2);
  target = await found(3, 2);
  lock = await sealOwnedHalf(ceremony.key.publicKey, half, owner);
});

const record = (change: object = {}) => ({
  id: 'record-1',
  person: 'person-1',
  encapsulation: lock.encapsulation,
  ownership: lock.ownership,
  ...change,
});
const head = () => ({
  version: 1,
  id: 'batch-1',
  roundId: 'round-1',
  vaultId: 'vault-1',
  records: [record()],
  at: '2026-11-25T12:00:00.000Z',
});
const drill = (change: object = {}) => text({ ...head(), kind: 'drill', ...change });
const officer = (at: number, more: object = {}) => ({
  transcript: ceremony.transcript,
  officerId: `officer-${at}`,
  key: ceremony.shareKeys[at - 1] as ShareKey,
  target: null,
  ...more,
});
const refusal = { code: 'bad-proof' };
/** It never comes so far. */
const NO_EVIDENCE = null as never;

describe('a drill', () => {
  it('takes a proven, signed part of each officer, and a quorum of them opens it', async () => {
    const document = drill();
    const opening = openingOfBatch(document);
    const parts = [
      ...(await contributeToBatches('drill', officer(1), [document])),
      ...(await contributeToBatches('drill', officer(3), [document])),
    ];
    for (const [at, { digest, signature, partial }] of parts.entries()) {
      expect(digest).toBe(opening.request);
      checkPartial(partial, ceremony.key, opening);
      const signer = ceremony.transcript.plan.officers[at * 2]?.publicKeys.signing ?? '';
      expect(isSignedBy(signer, signature, PURPOSES.drill, { request: digest })).toBe(true);
      // It is no decision on a recovery, and no part of a re-wrapping.
      for (const purpose of [PURPOSES.decision, PURPOSES.rewrap])
        expect(isSignedBy(signer, signature, purpose, { request: digest, decision: 'approve' })).toBe(false);
    }
    const [point] = combinePartials(
      parts.map(({ partial }) => partial),
      ceremony.key,
      opening,
    );
    expect(await openHalf(point as never, ceremony.key.publicKey, lock, binding)).toEqual(half);
  });

  it('is refused by the officer’s client where it is something else, or of another vault', async () => {
    const other = drill({ vaultId: 'vault-2' });
    await expect(contributeToBatches('drill', officer(1), [other])).rejects.toMatchObject(refusal);
    const moves = text({
      ...head(),
      kind: 'rewrap',
      target: { vaultId: 'vault-9', publicKey: toBase64Url(target.key.publicKey), transcript: target.key.transcript },
    });
    await expect(contributeToBatches('drill', officer(1), [drill(), moves])).rejects.toMatchObject(refusal);
    await expect(
      contributeToBatches('drill', officer(1, { key: ceremony.shareKeys[1] }), [drill()]),
    ).rejects.toMatchObject({ code: 'cannot-open' });
  });

  it('names whose keys are opened: a point under another name is refused', async () => {
    const others = [{ id: 'record-2' }, { person: 'person-2' }, { ownership: lock.encapsulation }];
    for (const change of others) {
      const document = drill({ records: [record(), record(change)] });
      await expect(contributeToBatches('drill', officer(1), [document])).rejects.toMatchObject(refusal);
    }
    // What is from before there were proofs is taken where the officer says so, and then alone.
    const old = drill({ records: [record({ ownership: null })] });
    await expect(contributeToBatches('drill', officer(1), [old])).rejects.toMatchObject(refusal);
    expect(await contributeToBatches('drill', officer(1, { acceptAttested: true }), [old])).toHaveLength(1);
  });

  it('is no recovery request: a client that approves refuses its document', async () => {
    const document = drill();
    const asked = approve(
      ceremony.transcript,
      'officer-1',
      ceremony.shareKeys[0] as ShareKey,
      openingOfBatch(document),
      document,
      NO_EVIDENCE,
    );
    await expect(asked).rejects.toMatchObject(refusal);
    // Nor is a recovery request a batch.
    const { version, id, vaultId, records } = head();
    const request = text({ version, id, vaultId, records, reason: 'other' });
    await expect(contributeToBatches('drill', officer(1), [request])).rejects.toMatchObject({ code: 'malformed' });
  });

  it.each([
    ['of no records', { records: [] }],
    ['of more than a page', { records: Array.from({ length: 101 }, (_, at) => ({ id: `r${at}`, encapsulation: '' })) }],
    ['of another version', { version: 2 }],
    ['of a kind that nobody knows', { kind: 'release' }],
  ])('%s is malformed', (_, change) => {
    expect(() => readBatch(drill(change))).toThrow(expect.objectContaining({ code: 'malformed' }));
  });

  it('has one form: what is hashed is canonical', () => {
    expect(() => readBatch(`${drill()} `)).toThrow(expect.objectContaining({ code: 'malformed' }));
  });
});

describe('a re-wrapping', () => {
  const moved = (change: object = {}) =>
    text({
      ...head(),
      kind: 'rewrap',
      target: {
        vaultId: newVault.transcript.plan.vaultId,
        publicKey: toBase64Url(newVault.key.publicKey),
        transcript: newVault.key.transcript,
        ...change,
      },
    });
  let newVault: Ceremony;
  beforeAll(async () => {
    newVault = await found(3, 2);
  });

  it('goes to the vault whose founding the officer was shown, and heard the fingerprint of', async () => {
    const fingerprint = fingerprintOf(newVault.key.transcript);
    const shown = { target: { transcript: newVault.transcript, fingerprint } };
    const [part] = await contributeToBatches('rewrap', officer(1, shown), [moved()]);
    checkPartial(part?.partial as never, ceremony.key, openingOfBatch(moved()));
  });

  it('is refused without the fingerprint, with another, and to another key', async () => {
    for (const fingerprint of [null, fingerprintOf(ceremony.key.transcript)]) {
      const shown = { target: { transcript: newVault.transcript, fingerprint } };
      await expect(contributeToBatches('rewrap', officer(1, shown), [moved()])).rejects.toMatchObject(refusal);
    }
    await expect(contributeToBatches('rewrap', officer(1), [moved()])).rejects.toMatchObject({
      code: 'invalid-argument',
    });
    const shown = { target: { transcript: newVault.transcript, fingerprint: fingerprintOf(newVault.key.transcript) } };
    // The server's own key in the place of the vault's, under the name and the transcript of the vault.
    const stolen = moved({ publicKey: ceremony.transcript.plan.officers[0]?.publicKeys.encryption });
    await expect(contributeToBatches('rewrap', officer(1, shown), [stolen])).rejects.toMatchObject(refusal);
    const forged = structuredClone(newVault.transcript);
    Object.assign(forged.dealings[0] ?? {}, { commitments: ceremony.transcript.dealings[0]?.commitments });
    const faked = { target: { transcript: forged, fingerprint: fingerprintOf(newVault.key.transcript) } };
    await expect(contributeToBatches('rewrap', officer(1, faked), [moved()])).rejects.toMatchObject(refusal);
  });

  it('needs no fingerprint of an officer whose secret is in the new vault', async () => {
    const own = { ...officer(1), key: newVault.shareKeys[0] as ShareKey };
    expect(tookPart(newVault.transcript, own.key)).toBe(true);
    expect(tookPart(newVault.transcript, ceremony.shareKeys[0] as ShareKey)).toBe(false);
    // A re-sharing is no founding: who got a share in one did not make the key.
    const next = await reshare(newVault, [1, 2], 3, 2);
    expect(tookPart(next.transcript, next.shareKeys[0] as ShareKey)).toBe(false);
    const shown = { target: { transcript: next.transcript, fingerprint: fingerprintOf(next.key.transcript) } };
    await expect(contributeToBatches('rewrap', officer(1, shown), [moved()])).rejects.toMatchObject(refusal);
  });
});
