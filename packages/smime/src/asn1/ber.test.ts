import { Worker } from 'node:worker_threads';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { SmimeError } from '../errors.ts';
import { limits } from '../limits.ts';
import { hasDerLengths, implicitOctets, normaliseBer } from './ber.ts';
import { encodeInteger, encodeOctetString, encodeSequence } from './der.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');

describe('normaliseBer', () => {
  it('hands DER back as it is, without a copy', () => {
    const der = encodeSequence(encodeInteger(1), encodeOctetString(hex('aabb')));
    expect(normaliseBer(der)).toBe(der);
  });

  it('makes indefinite lengths definite and joins the pieces of octet strings', () => {
    const ber = hex('30 80 02 01 01 24 80 04 02 aa bb 24 04 04 02 cc dd 00 00 a0 80 05 00 00 00 00 00');
    expect(normaliseBer(ber).toString('hex')).toBe('300d0201010404aabbccdda0020500');
  });

  it('leaves the pieces of an implicit octet string to implicitOctets', () => {
    const normal = normaliseBer(hex('a0 80 04 02 aa bb 04 01 cc 00 00'));
    expect(implicitOctets(normal).toString('hex')).toBe('aabbcc');
    expect(implicitOctets(hex('80 02 aa bb')).toString('hex')).toBe('aabb');
  });

  it('refuses what never ends, nests too deeply or mixes types', () => {
    expect(() => normaliseBer(hex('30 80 02 01 01'))).toThrow(SmimeError);
    expect(() => normaliseBer(hex('04 80 00 00'))).toThrow(SmimeError);
    expect(() => normaliseBer(hex('24 80 02 01 01 00 00'))).toThrow(SmimeError);
    expect(() => normaliseBer(hex('30 80 00 00 01'))).toThrow(SmimeError);
    const bomb = Buffer.alloc(200_000, hex('30 80'));
    expect(() => normaliseBer(bomb)).toThrow(expect.objectContaining({ code: 'limit-exceeded' }));
    expect(limits.asn1Depth).toBeLessThan(200);
  });

  it('gives the same value for any chunking of an octet string', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 500 }), fc.array(fc.nat(60), { maxLength: 12 }), (octets, cuts) => {
        const pieces: Uint8Array[] = [];
        let p = 0;
        for (const cut of cuts) {
          pieces.push(encodeOctetString(octets.subarray(p, p + cut)));
          p = Math.min(octets.length, p + cut);
        }
        pieces.push(encodeOctetString(octets.subarray(p)));
        const ber = Buffer.concat([hex('24 80'), ...pieces, hex('00 00')]);
        expect(normaliseBer(ber).equals(encodeOctetString(octets))).toBe(true);
      }),
    );
  });

  it('throws nothing but SmimeError whatever the octets', () => {
    const octet = fc.constantFrom(0x00, 0x01, 0x02, 0x04, 0x05, 0x24, 0x30, 0x80, 0x81, 0xa0, 0xff);
    fc.assert(
      fc.property(fc.array(octet, { maxLength: 60 }), (octets) => {
        try {
          const once = normaliseBer(Buffer.from(octets));
          expect(normaliseBer(once)).toBe(once);
        } catch (error) {
          expect(error).toBeInstanceOf(SmimeError);
        }
      }),
      { numRuns: 3_000 },
    );
  });
});

describe('what normaliseBer leaves alone', () => {
  it('is every element that is definite all through, also one whose lengths are longer than they need be', () => {
    const definite = hex('30 81 09 02 81 01 01 04 82 00 01 aa');
    const ber = Buffer.concat([hex('30 80'), definite, hex('30 80 05 00 00 00'), definite, hex('00 00')]);
    const expected = Buffer.concat([hex('30 1c'), definite, hex('30 02 05 00'), definite]);
    expect(normaliseBer(ber).toString('hex')).toBe(expected.toString('hex'));
  });
});

describe('a megabyte of the smallest elements', () => {
  /** Runs an expression over `ber` and `input` in a thread that has so much heap and no more. */
  const inLittleMemory = (expression: string, input: Buffer): Promise<number> => {
    const source = `import * as ber from ${JSON.stringify(new URL('./ber.ts', import.meta.url).href)};
      import { parentPort, workerData } from 'node:worker_threads';
      const input = Buffer.from(workerData);
      parentPort.postMessage((${expression}).length);`;
    return new Promise((resolve, reject) => {
      const worker = new Worker(new URL(`data:text/javascript,${encodeURIComponent(source)}`), {
        workerData: input,
        resourceLimits: { maxOldGenerationSizeMb: 32, maxYoungGenerationSizeMb: 16 },
      });
      worker.on('message', resolve);
      worker.on('error', reject);
    });
  };

  it('becomes DER without an object for each', async () => {
    const ber = Buffer.concat([hex('30 80'), Buffer.alloc(999_996, hex('30 80 00 00 05 00')), hex('00 00')]);
    expect(await inLittleMemory('ber.normaliseBer(input)', ber)).toBe(666_664 + 5);
  });

  it('is joined without one either', async () => {
    const pieces = Buffer.concat([hex('a0 83 0f 42 3f'), Buffer.alloc(999_999, hex('04 01 aa'))]);
    expect(await inLittleMemory('ber.implicitOctets(input)', pieces)).toBe(333_333);
  });
});

describe('hasDerLengths', () => {
  it('tells minimal definite lengths from others', () => {
    expect(hasDerLengths(hex('30 03 02 01 01'))).toBe(true);
    expect(hasDerLengths(hex('30 81 03 02 01 01'))).toBe(false);
    expect(hasDerLengths(hex('30 80 00 00'))).toBe(false);
    expect(hasDerLengths(hex('30 04 02 81 01 01'))).toBe(false);
    expect(hasDerLengths(encodeOctetString(Buffer.alloc(200)))).toBe(true);
    expect(hasDerLengths(encodeOctetString(Buffer.alloc(70_000)))).toBe(true);
  });
});
