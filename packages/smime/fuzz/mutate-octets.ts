/** Changes that know nothing of what they change. */
import type { Dice } from './dice.ts';

/** What no input exceeds: the budgets of memory and time are for inputs below 1 MB. */
export const maximumLength = 1_000_000;

/** @param other a second input to take pieces from */
export function mutateOctets(input: Buffer, dice: Dice, other: Buffer): Buffer {
  const at = dice.below(input.length + 1);
  const length = Math.min(dice.few(64), input.length - at);
  const before = input.subarray(0, at);
  const after = input.subarray(at + length);
  switch (dice.below(11)) {
    case 0:
      return changed(input, at, (octet) => octet ^ (1 << dice.below(8)));
    case 1:
      return changed(input, at, () => dice.pick(interesting));
    case 2:
      return changed(input, at, (octet) => (octet + dice.pick([1, -1, 16, -16])) & 0xff);
    case 3:
      return Buffer.concat([before, dice.octets(length), after]);
    case 4:
      return Buffer.concat([before, after]);
    case 5:
      return Buffer.concat([before, dice.octets(dice.few(32)), input.subarray(at)]);
    case 6:
      return Buffer.concat([input.subarray(0, at + length), input.subarray(at)]);
    case 7:
      return input.subarray(0, at);
    case 8: {
      const from = dice.below(other.length);
      return Buffer.concat([before, other.subarray(from, from + dice.few(512)), after]);
    }
    case 9:
      return Buffer.concat([before, other.subarray(dice.below(other.length))]);
    default:
      return repeated(before, input.subarray(at, at + length), input.subarray(at), dice);
  }
}

/** A piece over and over, seldom up to the greatest length there is: what is quadratic shows. */
export function repeated(before: Buffer, piece: Buffer, after: Buffer, dice: Dice): Buffer {
  const room = maximumLength - before.length - after.length;
  const most = Math.floor(room / Math.max(1, piece.length));
  const times = Math.max(0, Math.min(most, dice.oneIn(40) ? most : dice.few(256)));
  return Buffer.concat([before, ...(Array(times).fill(piece) as Buffer[]), after]);
}

const interesting = [
  0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x0a, 0x0d, 0x20, 0x24, 0x2d, 0x30, 0x31, 0x7f, 0x80, 0x81, 0x82, 0x84,
  0x88, 0xa0, 0xa3, 0xbf, 0xff,
];

function changed(input: Buffer, at: number, change: (octet: number) => number): Buffer {
  const out = Buffer.from(input);
  if (at < out.length) out[at] = change(out[at] as number);
  return out;
}
