import { randomInt } from 'node:crypto';
import { expect, it } from 'vitest';
import { DerReader } from '../asn1/der.ts';
import { Skimmer } from './skimmer.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');

/** Content of the first element as each of the two finds it; undefined where it refuses. */
function both(bytes: Buffer): [string | undefined, string | undefined] {
  const skimmer = new Skimmer(bytes, 0);
  const skimmed = skimmer.takeAny(bytes.length) ? bytes.toString('hex', skimmer.start, skimmer.end) : undefined;
  try {
    return [skimmed, new DerReader(bytes).content().toString('hex')];
  } catch {
    return [skimmed, undefined];
  }
}

it('takes what DerReader takes, whatever the octets', () => {
  const lengths = [
    '01',
    '8101',
    '820001',
    '8400000001',
    '86000000000001',
    '88ffffffffffffffff',
    '80',
    '8f01',
    '7f',
    'ff',
  ];
  for (const length of lengths) {
    const [skimmed, read] = both(hex(`04 ${length} aa`));
    expect(skimmed, length).toBe(read);
  }
  for (let round = 0; round < 20_000; round++) {
    const bytes = Buffer.from(
      Array.from(
        { length: randomInt(1, 9) },
        () => [0, 1, 2, 0x80, 0x81, 0x1f, 0x30, randomInt(256)][randomInt(8)] as number,
      ),
    );
    const [skimmed, read] = both(bytes);
    if (skimmed !== read) expect.fail(`${bytes.toString('hex')}: ${skimmed} instead of ${read}`);
  }
});

it('takes the object identifiers that DerReader takes', () => {
  for (let round = 0; round < 20_000; round++) {
    const content = Buffer.from(
      Array.from({ length: randomInt(0, 5) }, () => [0x80, 0x81, 0x2a, 0xff, randomInt(256)][randomInt(5)] as number),
    );
    const bytes = Buffer.concat([Buffer.of(6, content.length), content]);
    let read = true;
    try {
      new DerReader(bytes).oid();
    } catch {
      read = false;
    }
    if (new Skimmer(bytes, 0).takeOid(bytes.length) !== read)
      expect.fail(`${bytes.toString('hex')} instead of ${read}`);
  }
});
