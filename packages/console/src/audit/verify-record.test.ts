import { generateKeyPairSync, sign } from 'node:crypto';
import type { AuditRecord } from '@chancery/api';
import { checkpointText, formatSignedCheckpoint, formatVerifierKey, keyId, leafHash, nodeHash } from '@chancery/trail';
import { canonical } from '@chancery/vault';
import { describe, expect, it } from 'vitest';
import { verifyRecord } from './verify-record.ts';

const record: AuditRecord = {
  sequence: 1,
  at: '2026-03-01T12:00:00.000Z',
  actor: 'system',
  actorName: 'Office',
  action: 'key.escrow',
  outcome: 'succeeded',
  subject: null,
  details: { key: 'P-256' },
  previousHash: '00'.repeat(32),
  hash: '11'.repeat(32),
};
const { privateKey, publicKey } = generateKeyPairSync('ed25519');
const raw = Uint8Array.from(publicKey.export({ format: 'der', type: 'spki' }).subarray(-32));
const key = { name: 'example.com/audit', use: 'log', publicKey: raw } as const;
const { hash: _, previousHash: __, ...hashed } = record;
const text = Buffer.from(canonical(hashed)).toString();
const [first, second] = [leafHash(Buffer.from(text)), leafHash(Buffer.from('another'))];
const hex = (octets: Uint8Array) => Buffer.from(octets).toString('hex');

function note(size: number, root: Uint8Array): string {
  const signed = checkpointText({ origin: key.name, size, root });
  const signature = Uint8Array.from(sign(null, Buffer.from(signed), privateKey));
  return formatSignedCheckpoint(signed, [{ name: key.name, keyId: keyId(key), signature }]);
}
const ofTwo = note(2, nodeHash(first, second));
const shown = {
  record,
  proof: {
    canonical: text,
    leaf: 0,
    proof: [hex(second)],
    checkpoint: { size: 2, at: record.at, note: ofTwo },
  },
  keys: [formatVerifierKey(key)],
  before: null,
};
const failing = (more: object) =>
  verifyRecord({ ...shown, ...more })
    .checks.filter(({ holds }) => !holds)
    .map(({ what }) => what);

describe('a record, checked in the page', () => {
  it('holds, and the trail is remembered', () => {
    expect(failing({})).toEqual([]);
    const { known } = verifyRecord(shown);
    expect(known).toEqual({ keys: shown.keys, checkpoint: ofTwo });
    const before = { known: { keys: shown.keys, checkpoint: note(1, first) }, consistency: [hex(second)] };
    expect(failing({ before })).toEqual([]);
  });

  it('does not where it is shown otherwise than it was written, or is another', () => {
    expect(failing({ record: { ...record, actorName: 'Somebody' } })).toEqual([
      'The record is the one that was written',
    ]);
    expect(failing({ proof: { ...shown.proof, proof: [hex(first)] } })).toEqual(['It is under the checkpoint']);
    expect(failing({ record: { ...record, sequence: 2 } })).toContain('It is under the checkpoint');
  });

  it('does not under a checkpoint that another key signed, or of another trail than was seen', () => {
    const before = { known: { keys: [], checkpoint: ofTwo }, consistency: [] };
    expect(failing({ before })).toEqual(['The checkpoint is signed by the office']);
    const other = { known: { keys: shown.keys, checkpoint: note(1, second) }, consistency: [hex(second)] };
    expect(failing({ before: other })).toEqual(['The trail goes on from what you saw before']);
    expect(verifyRecord({ ...shown, before: other }).known).toBeNull();
    const unreadable = { ...shown.proof, checkpoint: { ...shown.proof.checkpoint, note: '' } };
    expect(failing({ proof: unreadable })).toEqual(['Checkpoint']);
  });
});
