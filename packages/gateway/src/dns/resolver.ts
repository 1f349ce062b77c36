/**
 * Questions to a resolver that validates DNSSEC. Whether an answer is proven is its word, the AD bit (RFC 4035 section 3.2.3): it has to stand on this
 * machine, since nothing protects that bit on the way.
 */
import { randomInt } from 'node:crypto';
import { connect } from 'node:net';
import {
  encodeName,
  encodeRequest,
  parseMessage,
  type Question,
  type ReceivedRecord,
  readName,
  recordClass,
} from '@chancery/dns';
import { z } from 'zod';

/** `127.0.0.1:53`: a resolver on this machine that validates DNSSEC, such as unbound. Its word is believed. */
export const ResolverAddress = z
  .string()
  .regex(/^(127\.\d+\.\d+\.\d+|\[::1\]):\d{1,5}$/, 'is an address of this machine with a port, such as 127.0.0.1:53')
  .transform((value) => {
    const colon = value.lastIndexOf(':');
    return { host: value.slice(0, colon).replace(/^\[|\]$/g, ''), port: Number(value.slice(colon + 1)) };
  });
export type ResolverAddress = z.output<typeof ResolverAddress>;

export interface DnsAnswer {
  /** RFC 1035 section 4.1.1: 0 NOERROR, 2 SERVFAIL, 3 NXDOMAIN. */
  readonly code: number;
  /** The resolver has validated it: what is there, and what is not. */
  readonly proven: boolean;
  readonly answers: readonly ReceivedRecord[];
  readonly authorities: readonly ReceivedRecord[];
}

/** Over TCP (RFC 7766), since the answers are large. @throws Error where none comes that is one */
export function askResolver(
  resolver: ResolverAddress,
  name: string,
  type: number,
  signal: AbortSignal,
): Promise<DnsAnswer> {
  const id = randomInt(0x10000);
  const question = { name, type };
  const message = encodeRequest({ id, kind: 'query', question, ofResolver: true });
  const length = Buffer.alloc(2);
  length.writeUInt16BE(message.length);
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
    socket.on('connect', () => socket.write(Buffer.concat([length, message])));
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk]);
      if (received.length < 2 || received.length < 2 + received.readUInt16BE(0)) return;
      const octets = received.subarray(2, 2 + received.readUInt16BE(0));
      try {
        const answer = readAnswer(octets, id, question);
        end(() => resolve(answer));
      } catch (error) {
        fail(error instanceof RangeError ? new Error('the answer is no DNS message') : (error as Error));
      }
    });
  });
}

function readAnswer(octets: Buffer, id: number, question: Question): DnsAnswer {
  const message = parseMessage(octets);
  if (message.id !== id || !message.isAnswer) throw new Error('what came is not the answer');
  if (message.truncated) throw new Error('the answer is cut off');
  const [asked, ...more] = message.questions;
  // As it was asked, in the form in which names are read.
  const { name } = readName(encodeName(question.name), 0);
  if (asked?.name !== name || asked.type !== question.type || more.length > 0)
    throw new Error('the answer is to another question');
  const ofInternet = (records: readonly ReceivedRecord[]) => records.filter((one) => one.class === recordClass.in);
  return {
    code: message.responseCode,
    proven: message.validated,
    answers: ofInternet(message.answers),
    authorities: ofInternet(message.authorities),
  };
}
