import { deflateSync, inflateSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import {
  DerReader,
  encodeExplicit,
  encodeInteger,
  encodeOctetString,
  encodeOid,
  encodeSequence,
} from '../../src/asn1/der.ts';
import { readCompressedData } from '../../src/cms/compressed-data.ts';
import { inspectMessage, oids } from '../../src/index.ts';
import { codes, mail } from '../office.ts';

describe('attack 24: compressed content that expands without end', () => {
  const compressed = (octets: Uint8Array, algorithm: string = oids.zlibCompress): Buffer =>
    encodeSequence(
      encodeInteger(0),
      encodeSequence(encodeOid(algorithm)),
      encodeSequence(encodeOid(oids.data), encodeExplicit(0, encodeOctetString(octets))),
    );
  const read = (octets: Uint8Array) => readCompressedData(new DerReader(compressed(octets)));

  it('ordinary text is read', () => {
    const text = Buffer.from(`Content-Type: text/plain\r\n\r\n${'The meeting is on Friday.\r\n'.repeat(2_000)}`);
    expect(read(deflateSync(text)).content.equals(text)).toBe(true);
  });

  it('a bomb stops at its ratio', () => {
    const bomb = deflateSync(Buffer.alloc(64 * 1024 * 1024));
    expect(bomb.length).toBeLessThan(70_000);
    // Without a bound: a thousand octets for each.
    const naive = inflateSync(bomb).length;
    expect(naive).toBeGreaterThan(900 * bomb.length);
    expect(() => read(bomb)).toThrowError(expect.objectContaining({ code: 'limit-exceeded' }));
  });

  it('damage and unknown compressions are errors of their own', () => {
    expect(() => read(Buffer.from('no zlib at all'))).toThrowError(
      expect.objectContaining({ code: 'unexpected-structure' }),
    );
    expect(() => readCompressedData(new DerReader(compressed(Buffer.alloc(1), '1.2.3')))).toThrowError(
      expect.objectContaining({ code: 'unsupported' }),
    );
  });

  it('bombs within bombs stop at the limit of layers', async () => {
    let inner = mail().toString('latin1');
    for (let layer = 0; layer < 20; layer++) {
      const der = encodeSequence(
        encodeOid(oids.compressedData),
        encodeExplicit(0, compressed(deflateSync(Buffer.from(inner, 'latin1')))),
      );
      inner = `Content-Type: application/pkcs7-mime; smime-type=compressed-data\r\nContent-Transfer-Encoding: base64\r\n\r\n${der.toString('base64')}\r\n`;
    }
    let node = await inspectMessage({ message: Buffer.from(inner, 'latin1') });
    let layers = 0;
    while (node.children[0]) {
      node = node.children[0];
      if (node.kind === 'compressed-data') layers++;
    }
    expect(layers).toBe(8);
    expect(codes(node.problems)).toEqual(['limit-exceeded']);
  });
});
