/** ZIP archives made in the browser, so that keys go into them without having been anywhere else. APPNOTE.TXT 4.3, nothing compressed. */
import { concat, type Octets } from '../der/write.ts';

export interface ZipEntry {
  /** ASCII, with `/` between folders. */
  name: string;
  octets: Uint8Array;
}

/** All together below 4 GB and 65,535 files. */
export function zipOf(entries: readonly ZipEntry[], at: Date): Octets {
  const local: Uint8Array[] = [];
  const central: Uint8Array[] = [];
  let offset = 0;
  for (const { name, octets } of entries) {
    const title = new TextEncoder().encode(name);
    const fields = fieldsOf(title, octets, at);
    const entry = concat(u32(0x04034b50), fields, title, octets);
    local.push(entry);
    // Comment, disk and attributes are 14 octets, of which the last four say where the entry is.
    central.push(concat(u32(0x02014b50), u16(20), fields, new Uint8Array(10), u32(offset), title));
    offset += entry.length;
  }
  const directory = concat(...central);
  const count = u16(entries.length);
  const end = concat(u32(0x06054b50), u32(0), count, count, u32(directory.length), u32(offset), u16(0));
  return concat(...local, directory, end);
}

/** What an entry has in common with its line of the directory. */
function fieldsOf(title: Uint8Array, octets: Uint8Array, at: Date): Octets {
  const time = (at.getUTCHours() << 11) | (at.getUTCMinutes() << 5) | (at.getUTCSeconds() >> 1);
  const day = ((at.getUTCFullYear() - 1980) << 9) | ((at.getUTCMonth() + 1) << 5) | at.getUTCDate();
  const size = u32(octets.length);
  return concat(
    u16(20),
    u16(0),
    u16(0),
    u16(time),
    u16(day),
    u32(crc32(octets)),
    size,
    size,
    u16(title.length),
    u16(0),
  );
}

const u16 = (value: number): Octets => Uint8Array.of(value & 0xff, (value >>> 8) & 0xff);
const u32 = (value: number): Octets => concat(u16(value & 0xffff), u16(value >>> 16));

/** ISO 3309. */
function crc32(octets: Uint8Array): number {
  let crc = 0xffffffff;
  for (const octet of octets) crc = (table[(crc ^ octet) & 0xff] ?? 0) ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}

const table = Uint32Array.from({ length: 256 }, (_, n) => {
  let value = n;
  for (let bit = 0; bit < 8; bit++) value = value & 1 ? 0xedb88320 ^ (value >>> 1) : value >>> 1;
  return value;
});
