import { crc32 } from 'node:zlib';
import { expect, it } from 'vitest';
import { assembleKit } from './assemble-kit.ts';

const base64 = (text: string) => Buffer.from(text).toString('base64');
const kit = { fileName: 'dora.xpi', files: [{ name: 'manifest.json', data: base64('{}') }] };
const at = new Date('2026-11-26T03:14:16Z');

/** Names and contents by the directory at the end, each entry's checksum compared. */
function unpack(zip: Buffer): Record<string, string> {
  const end = zip.lastIndexOf(Buffer.from('PK\x05\x06', 'latin1'));
  const found: Record<string, string> = {};
  let line = zip.readUInt32LE(end + 16);
  for (let n = 0; n < zip.readUInt16LE(end + 10); n++) {
    const [crc, size, length, offset] = [16, 24, 28, 42].map((field) =>
      field === 28 ? zip.readUInt16LE(line + field) : zip.readUInt32LE(line + field),
    ) as [number, number, number, number];
    const name = zip.toString('latin1', line + 46, line + 46 + length);
    const data = zip.subarray(offset + 30 + length, offset + 30 + length + size);
    expect([name, zip.readUInt32LE(offset), crc32(data)]).toEqual([name, 0x04034b50, crc]);
    found[name] = data.toString('utf8');
    line += 46 + length;
  }
  return found;
}

it('adds the keys to the kit, and says which there are', () => {
  const signing = { pkcs12: Buffer.from('S'), certificate: Buffer.from('C') };
  const both = unpack(Buffer.from(assembleKit(kit, { encryption: Buffer.from('E'), signing }, at)));
  expect(both).toEqual({
    'manifest.json': '{}',
    'keys/signing.p12': 'S',
    'keys/encryption.p12': 'E',
    'keys.json': JSON.stringify({ files: ['signing.p12', 'encryption.p12'], signing: base64('C') }),
  });
  const one = unpack(Buffer.from(assembleKit(kit, { encryption: Buffer.from('E'), signing: null }, at)));
  expect(JSON.parse(one['keys.json'] ?? '')).toEqual({ files: ['encryption.p12'], signing: null });
});
