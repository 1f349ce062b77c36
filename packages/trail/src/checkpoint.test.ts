import { ed25519 } from '@noble/curves/ed25519.js';
import { describe, expect, it } from 'vitest';
import {
  checkpointText,
  cosignatureText,
  formatSignedCheckpoint,
  formatVerifierKey,
  isSignedBy,
  keyId,
  parseSignedCheckpoint,
  parseVerifierKey,
  readVerifierKeys,
  type SignedCheckpoint,
  type VerifierKey,
} from './checkpoint.ts';
import { leafHash } from './merkle.ts';

const log = ed25519.keygen();
const witness = ed25519.keygen();
const logKey: VerifierKey = { name: 'chancery.example/trail', use: 'log', publicKey: log.publicKey };
const witnessKey: VerifierKey = { name: 'witness.example', use: 'witness', publicKey: witness.publicKey };
const checkpoint = { origin: 'chancery.example/trail', size: 1234, root: leafHash(Buffer.from('x')) };

function signed(): string {
  const text = checkpointText(checkpoint);
  const time = Buffer.alloc(8);
  time.writeBigUInt64BE(1_764_000_000n);
  return formatSignedCheckpoint(text, [
    { name: logKey.name, keyId: keyId(logKey), signature: ed25519.sign(Buffer.from(text), log.secretKey) },
    {
      name: witnessKey.name,
      keyId: keyId(witnessKey),
      signature: Buffer.concat([time, ed25519.sign(cosignatureText(text, 1_764_000_000), witness.secretKey)]),
    },
  ]);
}

const parse = (note: string) => parseSignedCheckpoint(note) as SignedCheckpoint;

describe('a checkpoint', () => {
  it('is read as it was written, with both signatures', () => {
    const note = parse(signed());
    expect(note.checkpoint).toEqual(checkpoint);
    expect(isSignedBy(note, logKey)).toBe(true);
    expect(isSignedBy(note, witnessKey)).toBe(true);
  });

  it('is not signed once anything in it was altered, or by another key', () => {
    const altered = parse(signed().replace('1234', '1235'));
    expect(isSignedBy(altered, logKey)).toBe(false);
    expect(isSignedBy(altered, witnessKey)).toBe(false);
    expect(isSignedBy(parse(signed()), { ...logKey, publicKey: ed25519.keygen().publicKey })).toBe(false);
    expect(isSignedBy(parse(signed()), { ...logKey, use: 'witness' })).toBe(false);
    expect(isSignedBy(parse(signed()), { ...witnessKey, name: 'other.example' })).toBe(false);
  });

  it.each([
    ['nothing', ''],
    ['no signature', checkpointText(checkpoint)],
    ['an empty signature block', `${checkpointText(checkpoint)}\n`],
    ['a size that is none', signed().replace('1234', '01234')],
    ['a root that is none', signed().replace(/\n1234\n.*\n/, '\n1234\nAAAA\n')],
    ['a signature that is none', `${checkpointText(checkpoint)}\n— name !!!\n`],
    ['no line break at the end', signed().trimEnd()],
    ['more than anybody would send', `${'x'.repeat(70_000)}${signed()}`],
  ])('is none: %s', (_what, note) => {
    expect(parseSignedCheckpoint(note)).toBeUndefined();
  });
});

describe('a verifier key', () => {
  it('is read as it was written', () => {
    for (const key of [logKey, witnessKey]) expect(parseVerifierKey(formatVerifierKey(key))).toEqual(key);
  });

  it('is refused when altered', () => {
    const text = formatVerifierKey(logKey);
    expect(() => parseVerifierKey(text.replace('chancery', 'chancerx'))).toThrow(/altered/);
    expect(() => parseVerifierKey('name+00000000+AAAA')).toThrow(RangeError);
    expect(() => parseVerifierKey('')).toThrow(RangeError);
  });

  it('is read from among what is none', () => {
    const altered = formatVerifierKey(logKey).replace('chancery', 'chancerx');
    const texts = ['', altered, formatVerifierKey(logKey), 'name+00000000+AAAA', formatVerifierKey(witnessKey)];
    expect(readVerifierKeys(texts)).toEqual([logKey, witnessKey]);
  });

  // C2SP signed-note gives this key as its example.
  it('of the specification is read', () => {
    const key = parseVerifierKey('PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW');
    expect(key).toMatchObject({ name: 'PeterNeumann', use: 'log' });
  });
});
