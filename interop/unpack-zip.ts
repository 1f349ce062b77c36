/** What a ZIP archive of ours holds, by name: stored, not compressed (APPNOTE.TXT 4.3). */
export function unpackZip(zip: Buffer): Record<string, Buffer> {
  const end = zip.lastIndexOf(Buffer.from('PK\x05\x06', 'latin1'));
  const found: Record<string, Buffer> = {};
  let line = zip.readUInt32LE(end + 16);
  for (let n = 0; n < zip.readUInt16LE(end + 10); n++) {
    const size = zip.readUInt32LE(line + 24);
    const length = zip.readUInt16LE(line + 28);
    const at = zip.readUInt32LE(line + 42) + 30 + length;
    found[zip.toString('latin1', line + 46, line + 46 + length)] = zip.subarray(at, at + size);
    line += 46 + length;
  }
  return found;
}
