/** Files of a ZIP archive as we write it: not compressed, their lengths before them (APPNOTE.TXT 4.3). */

/** @returns undefined for what is no such archive; of two files with one name, neither counts */
export function openZip(archive: Uint8Array): ReadonlyMap<string, Uint8Array> | undefined {
  const bytes = Buffer.from(archive.buffer, archive.byteOffset, archive.byteLength);
  const files = new Map<string, Uint8Array>();
  const twice = new Set<string>();
  let at = 0;
  while (at + 30 <= bytes.length && bytes.readUInt32LE(at) === LOCAL) {
    const method = bytes.readUInt16LE(at + 8);
    const length = bytes.readUInt32LE(at + 18);
    const begin = at + 30 + bytes.readUInt16LE(at + 26) + bytes.readUInt16LE(at + 28);
    // Compressed, or with its length behind it: nothing of ours.
    if (method !== 0 || begin + length > bytes.length || files.size >= MOST_FILES) return undefined;
    const name = bytes.toString('latin1', at + 30, at + 30 + bytes.readUInt16LE(at + 26));
    if (files.has(name)) twice.add(name);
    files.set(name, bytes.subarray(begin, begin + length));
    at = begin + length;
  }
  for (const name of twice) files.delete(name);
  return files.size === 0 ? undefined : files;
}

const LOCAL = 0x04034b50;
const MOST_FILES = 100;
