/**
 * Questions to a resolver that validates DNSSEC. Whether an answer is proven is its word, the AD bit (RFC 4035 section 3.2.3): it has to stand on this
 * machine, since nothing protects that bit on the way.
 */
import { randomInt } from 'node:crypto';
import { connect } from 'node:net';

interface DnsRecord {
  readonly name: string;
  readonly type: number;
  /** Seconds. */
  readonly ttl: number;
  readonly data: Buffer;
}

export interface DnsAnswer {
  /** RFC 1035 section 4.1.1: 0 NOERROR, 2 SERVFAIL, 3 NXDOMAIN. */
  readonly code: number;
  /** The resolver has validated it: what is there, and what is not. */
  readonly proven: boolean;
  readonly answers: readonly DnsRecord[];
  readonly authorities: readonly DnsRecord[];
}

export const dnsTypes = { cname: 5, soa: 6, smimea: 53 } as const;

/** Over TCP (RFC 7766), since the answers are large. @throws Error where none comes that is one */
export function askResolver(
  resolver: { readonly host: string; readonly port: number },
  name: string,
  type: number,
  signal: AbortSignal,
): Promise<DnsAnswer> {
  const id = randomInt(0x10000);
  const question = Buffer.concat([encodeName(name), uint16(type), uint16(1)]);
  // RD; AD, by which a resolver that validates is asked to say so (RFC 6840 section 5.7).
  const message = Buffer.concat([uint16(id), uint16(0x0120), uint16(1), Buffer.alloc(6), question]);
  return new Promise((resolve, reject) => {
    const socket = connect({ host: resolver.host, port: resolver.port });
    let received = Buffer.alloc(0);
    const end = (settle: () => void) => {
      signal.removeEventListener('abort', late);
      socket.destroy();
      settle();
    };
    const fail = (error: Error) => end(() => reject(error));
    const late = () => fail(new Error('no answer in time'));
    if (signal.aborted) return late();
    signal.addEventListener('abort', late, { once: true });
    socket.on('error', fail);
    socket.on('close', () => fail(new Error('the resolver closed the connection')));
    socket.on('connect', () => socket.write(Buffer.concat([uint16(message.length), message])));
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      if (received.length < 2 || received.length < 2 + received.readUInt16BE(0)) return;
      const octets = received.subarray(2, 2 + received.readUInt16BE(0));
      try {
        const answer = parseAnswer(octets, id, question);
        end(() => resolve(answer));
      } catch (error) {
        fail(error instanceof RangeError ? new Error('the answer is no DNS message') : (error as Error));
      }
    });
  });
}

function parseAnswer(octets: Buffer, id: number, question: Buffer): DnsAnswer {
  const flags = octets.readUInt16BE(2);
  if (octets.readUInt16BE(0) !== id || (flags & 0x8000) === 0) throw new Error('what came is not the answer');
  if ((flags & 0x0200) !== 0) throw new Error('the answer is cut off');
  const [questions, answerCount, authorityCount] = [4, 6, 8].map((at) => octets.readUInt16BE(at));
  const asked = readName(octets, 12);
  const wanted = readName(question, 0);
  const sameType = octets.readUInt16BE(asked.next) === question.readUInt16BE(wanted.next);
  if (questions !== 1 || asked.name !== wanted.name || !sameType) throw new Error('the answer is to another question');
  let at = asked.next + 4;
  const take = (count = 0): DnsRecord[] =>
    Array.from({ length: count }, () => {
      const { name, next } = readName(octets, at);
      const end = next + 10 + octets.readUInt16BE(next + 8);
      if (end > octets.length) throw new RangeError('a record ends behind the message');
      at = end;
      return {
        name,
        type: octets.readUInt16BE(next),
        ttl: octets.readUInt32BE(next + 4),
        data: octets.subarray(next + 10, end),
      };
    });
  const answers = take(answerCount);
  const authorities = take(authorityCount);
  return { code: flags & 15, proven: (flags & 0x0020) !== 0, answers, authorities };
}

/** @throws Error where it is no name */
function encodeName(name: string): Buffer {
  const parts = name.split('.').map((label) => {
    const octets = Buffer.from(label, 'latin1');
    if (octets.length === 0 || octets.length > 63) throw new Error(`${name} is no name of the DNS`);
    return Buffer.concat([Buffer.of(octets.length), octets]);
  });
  const encoded = Buffer.concat([...parts, Buffer.of(0)]);
  if (encoded.length > 255) throw new Error(`${name} is too long for the DNS`);
  return encoded;
}

/** In lower case. Each pointer leads further back, so that a name ends. */
function readName(octets: Buffer, start: number): { name: string; next: number } {
  const labels: string[] = [];
  let next: number | undefined;
  for (let at = start, before = start; ; ) {
    const length = octets.readUInt8(at);
    if (length === 0) return { name: labels.join('.').toLowerCase(), next: next ?? at + 1 };
    if ((length & 0xc0) === 0xc0) {
      const target = octets.readUInt16BE(at) & 0x3fff;
      if (target >= before) throw new RangeError('a name points forward');
      next ??= at + 2;
      before = target;
      at = target;
      continue;
    }
    if (length > 63 || at + 1 + length > octets.length) throw new RangeError('a label ends behind the message');
    labels.push(octets.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
}

function uint16(value: number): Buffer {
  const octets = Buffer.alloc(2);
  octets.writeUInt16BE(value);
  return octets;
}
