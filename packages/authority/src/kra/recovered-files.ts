/** What a release hands out, as files: a PKCS#12 in a message for one certificate, several files as one ZIP, their names. */
import { randomInt } from 'node:crypto';
import { crc32 } from 'node:zlib';

export interface NamedFile {
  readonly name: string;
  readonly data: Uint8Array;
}

/**
 * A MIME message that mail programs show: whose keys, the password, and the files to import. The caller zeroes it.
 */
export function recoveredMessage(addresses: readonly string[], files: readonly NamedFile[], password: string): Buffer {
  const boundary = 'recovered-key';
  return Buffer.from(
    [
      `Content-Type: multipart/mixed; boundary="${boundary}"`,
      '',
      `--${boundary}`,
      'Content-Type: text/plain; charset=us-ascii',
      '',
      addresses.length === 1
        ? `The encryption keys of ${addresses[0]}, recovered from escrow.`
        : `The encryption keys of ${addresses.length} people, recovered from escrow, one file each.`,
      'Import the attached file into your mail program. Its password:',
      '',
      password,
      '',
      ...files.flatMap(({ name, data }) => [
        `--${boundary}`,
        `Content-Type: application/x-pkcs12; name="${name}"`,
        'Content-Transfer-Encoding: base64',
        `Content-Disposition: attachment; filename="${name}"`,
        '',
        Buffer.from(data).toString('base64').replace(/.{76}/g, '$&\r\n'),
      ]),
      `--${boundary}--`,
      '',
    ].join('\r\n'),
    'latin1',
  );
}

/** Safe in every file system and header. */
export function safeName(text: string): string {
  return text
    .replace(/[^\w.@+-]/g, '_')
    .replace(/^\.+/, '_')
    .slice(0, 120);
}

/** Six groups of four from 32 letters that are not mistaken for one another: 120 bits. */
export function makePassword(): string {
  const letters = 'abcdefghijkmnpqrstuvwxyz23456789';
  const group = () => Array.from({ length: 4 }, () => letters.charAt(randomInt(letters.length))).join('');
  return Array.from({ length: 6 }, group).join('-');
}

/**
 * A ZIP archive of files as they are, not compressed: keys do not compress, and nothing has to be trusted to unpack.
 * APPNOTE.TXT 4.3; names are distinct, in ASCII, and all together stay below 4 GB and 65,535 files.
 */
export function zipOf(files: readonly NamedFile[], at: Date): Buffer {
  const local: Buffer[] = [];
  const central: Buffer[] = [];
  let offset = 0;
  for (const { name, data } of files) {
    const bytes = Buffer.from(name, 'ascii');
    const header = fieldsOf(bytes, data, at);
    const entry = Buffer.concat([signature(0x04034b50), header, bytes, data]);
    local.push(entry);
    const place = Buffer.alloc(14); // comment, disk, attributes
    place.writeUInt32LE(offset, 10);
    central.push(signature(0x02014b50), uint16(20), header, place, bytes);
    offset += entry.length;
  }
  const directory = Buffer.concat(central);
  const end = Buffer.alloc(18);
  end.writeUInt16LE(files.length, 4);
  end.writeUInt16LE(files.length, 6);
  end.writeUInt32LE(directory.length, 8);
  end.writeUInt32LE(offset, 12);
  return Buffer.concat([...local, directory, signature(0x06054b50), end]);
}

/** Names that are not there twice: a number behind the second. */
export function distinct(files: readonly NamedFile[]): NamedFile[] {
  const seen = new Set<string>();
  return files.map(({ name, data }) => {
    let own = name;
    for (let count = 2; seen.has(own.toLowerCase()); count++) own = name.replace(/(\.[^.]*)?$/, `-${count}$1`);
    seen.add(own.toLowerCase());
    return { name: own, data };
  });
}

/** What the local header and the central directory both say of a file: version, flags, method, time, sums and lengths. */
function fieldsOf(name: Buffer, data: Uint8Array, at: Date): Buffer {
  const fields = Buffer.alloc(26);
  fields.writeUInt16LE(20, 0);
  fields.writeUInt16LE((at.getUTCHours() << 11) | (at.getUTCMinutes() << 5) | (at.getUTCSeconds() >> 1), 6);
  fields.writeUInt16LE(((at.getUTCFullYear() - 1980) << 9) | ((at.getUTCMonth() + 1) << 5) | at.getUTCDate(), 8);
  fields.writeUInt32LE(crc32(data), 10);
  fields.writeUInt32LE(data.length, 14);
  fields.writeUInt32LE(data.length, 18);
  fields.writeUInt16LE(name.length, 22);
  return fields;
}

function signature(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

function uint16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(value);
  return bytes;
}
