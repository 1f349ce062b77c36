/** DNS messages (RFC 1035 section 4), as far as a query and an update (RFC 2136) need them. */

export const opcode = { query: 0, update: 5 } as const;
export const recordType = { soa: 6, smimea: 53, tsig: 250 } as const;
export const recordClass = { in: 1, none: 254, any: 255 } as const;

export interface Question {
  readonly name: string;
  readonly type: number;
}

export interface ResourceRecord {
  readonly name: string;
  readonly type: number;
  readonly class: number;
  readonly ttl: number;
  readonly data: Buffer;
}

export interface Message {
  readonly id: number;
  readonly opcode: number;
  readonly responseCode: number;
  readonly questions: readonly Question[];
  readonly answers: readonly ResourceRecord[];
  readonly authorities: readonly ResourceRecord[];
  readonly additionals: readonly ResourceRecord[];
  /** Where the last additional record begins: a TSIG covers what stands before it. */
  readonly lastAt: number;
}

/** A request: what is asked about, or the zone that is updated, and in an update the changes. */
export function encodeRequest(
  id: number,
  kind: keyof typeof opcode,
  question: Question,
  updates: readonly ResourceRecord[] = [],
): Buffer {
  const header = Buffer.alloc(12);
  header.writeUInt16BE(id, 0);
  header.writeUInt16BE(opcode[kind] << 11, 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(updates.length, 8);
  const tail = Buffer.alloc(4);
  tail.writeUInt16BE(question.type, 0);
  tail.writeUInt16BE(recordClass.in, 2);
  return Buffer.concat([header, encodeName(question.name), tail, ...updates.map(encodeRecord)]);
}

export function encodeRecord(record: ResourceRecord): Buffer {
  const head = Buffer.alloc(10);
  head.writeUInt16BE(record.type, 0);
  head.writeUInt16BE(record.class, 2);
  head.writeUInt32BE(record.ttl, 4);
  head.writeUInt16BE(record.data.length, 8);
  return Buffer.concat([encodeName(record.name), head, record.data]);
}

/** Uncompressed. @throws Error where it is no name */
export function encodeName(name: string): Buffer {
  const labels = name.replace(/\.$/, '').split('.');
  const parts = labels.map((label) => {
    const octets = Buffer.from(label, 'latin1');
    if (octets.length === 0 || octets.length > 63) throw new Error(`${name} is not a name of the DNS`);
    return Buffer.concat([Buffer.of(octets.length), octets]);
  });
  const encoded = Buffer.concat([...parts, Buffer.of(0)]);
  if (encoded.length > 255) throw new Error(`${name} is too long for the DNS`);
  return encoded;
}

/** @throws RangeError or Error where it is not one */
export function parseMessage(octets: Buffer): Message {
  const flags = octets.readUInt16BE(2);
  const counts = [4, 6, 8, 10].map((at) => octets.readUInt16BE(at));
  const [questionCount = 0, ...recordCounts] = counts;
  let at = 12;
  const questions: Question[] = [];
  for (let n = 0; n < questionCount; n += 1) {
    const { name, next } = readName(octets, at);
    questions.push({ name, type: octets.readUInt16BE(next) });
    at = next + 4;
  }
  let lastAt = at;
  const [answers = [], authorities = [], additionals = []] = recordCounts.map((count) => {
    const records: ResourceRecord[] = [];
    for (let n = 0; n < count; n += 1) {
      lastAt = at;
      const { record, next } = readRecord(octets, at);
      records.push(record);
      at = next;
    }
    return records;
  });
  if (at !== octets.length) throw new Error('Octets stand behind the message');
  const common = { id: octets.readUInt16BE(0), opcode: (flags >> 11) & 15, responseCode: flags & 15 };
  return { ...common, questions, answers, authorities, additionals, lastAt };
}

function readRecord(octets: Buffer, start: number): { record: ResourceRecord; next: number } {
  const { name, next: at } = readName(octets, start);
  const end = at + 10 + octets.readUInt16BE(at + 8);
  if (end > octets.length) throw new RangeError('A record ends behind the message');
  return {
    record: {
      name,
      type: octets.readUInt16BE(at),
      class: octets.readUInt16BE(at + 2),
      ttl: octets.readUInt32BE(at + 4),
      data: octets.subarray(at + 10, end),
    },
    next: end,
  };
}

/** In lower case, without the last dot. Each pointer leads further back, so that a name ends. */
export function readName(octets: Buffer, start: number): { name: string; next: number } {
  const labels: string[] = [];
  let next: number | undefined;
  for (let at = start, before = start; ; ) {
    const length = octets.readUInt8(at);
    if (length === 0) return { name: labels.join('.').toLowerCase(), next: next ?? at + 1 };
    if ((length & 0xc0) === 0xc0) {
      const target = octets.readUInt16BE(at) & 0x3fff;
      if (target >= before) throw new Error('A name of the DNS points forward');
      next ??= at + 2;
      before = target;
      at = target;
      continue;
    }
    if (length > 63 || at + 1 + length > octets.length) throw new RangeError('A label ends behind the message');
    labels.push(octets.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
}
