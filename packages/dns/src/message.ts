/** Messages (RFC 1035 section 4), as far as a query and an update (RFC 2136) need them. */
import { encodeName, readName } from './name.ts';

export const opcode = { query: 0, update: 5 } as const;
export const recordType = {
  a: 1,
  cname: 5,
  soa: 6,
  mx: 15,
  txt: 16,
  aaaa: 28,
  tlsa: 52,
  smimea: 53,
  tsig: 250,
} as const;
export const recordClass = { in: 1, none: 254, any: 255 } as const;
/** RFC 1035 section 4.1.1: those that say whether a name is there. */
export const responseCode = { noError: 0, serverFailure: 2, noSuchName: 3 } as const;

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

export interface ReceivedRecord extends ResourceRecord {
  /** The name within the data of a CNAME or an MX, which may point to elsewhere in the message. */
  readonly leadsTo?: string;
}

export interface Message {
  readonly id: number;
  /** QR: it answers, and does not ask. */
  readonly isAnswer: boolean;
  readonly opcode: number;
  /** TC: there was more than fits. */
  readonly truncated: boolean;
  /** AD: the server says that it has validated all that stands here (RFC 4035 section 3.2.3). */
  readonly validated: boolean;
  readonly responseCode: number;
  readonly questions: readonly Question[];
  readonly answers: readonly ReceivedRecord[];
  readonly authorities: readonly ReceivedRecord[];
  readonly additionals: readonly ReceivedRecord[];
  /** Where the last additional record begins: a TSIG covers what stands before it. */
  readonly lastAt: number;
}

export interface Request {
  readonly id: number;
  readonly kind: keyof typeof opcode;
  /** What is asked about; in an update, the zone. */
  readonly question: Question;
  /** The changes of an update. */
  readonly updates?: readonly ResourceRecord[];
  /** RD and AD: asks a resolver to find the answer, and to say whether it has validated it (RFC 6840 section 5.7). */
  readonly ofResolver?: boolean;
}

export function encodeRequest({ id, kind, question, updates = [], ofResolver = false }: Request): Buffer {
  const header = Buffer.alloc(12);
  header.writeUInt16BE(id, 0);
  header.writeUInt16BE((opcode[kind] << 11) | (ofResolver ? 0x0120 : 0), 2);
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
    const records: ReceivedRecord[] = [];
    for (let n = 0; n < count; n += 1) {
      lastAt = at;
      const { record, next } = readRecord(octets, at);
      records.push(record);
      at = next;
    }
    return records;
  });
  if (at !== octets.length) throw new Error('Octets stand behind the message');
  const header = {
    id: octets.readUInt16BE(0),
    isAnswer: (flags & 0x8000) !== 0,
    opcode: (flags >> 11) & 15,
    truncated: (flags & 0x0200) !== 0,
    validated: (flags & 0x0020) !== 0,
    responseCode: flags & 15,
  };
  return { ...header, questions, answers, authorities, additionals, lastAt };
}

function readRecord(octets: Buffer, start: number): { record: ReceivedRecord; next: number } {
  const { name, next: at } = readName(octets, start);
  const type = octets.readUInt16BE(at);
  const begin = at + 10;
  const end = begin + octets.readUInt16BE(at + 8);
  if (end > octets.length) throw new RangeError('A record ends behind the message');
  const record = {
    name,
    type,
    class: octets.readUInt16BE(at + 2),
    ttl: octets.readUInt32BE(at + 4),
    data: octets.subarray(begin, end),
  };
  if (end === begin || (type !== recordType.cname && type !== recordType.mx)) return { record, next: end };
  const leadsTo = readName(octets, type === recordType.mx ? begin + 2 : begin);
  if (leadsTo.next !== end) throw new RangeError('A name does not end where its record does');
  return { record: { ...record, leadsTo: leadsTo.name }, next: end };
}
