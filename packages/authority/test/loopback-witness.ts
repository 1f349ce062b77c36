/** A witness (C2SP tlog-witness) that keeps what it saw in memory: it checks signature and consistency, and cosigns. */
import { generateKeyPairSync, sign } from 'node:crypto';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import {
  type Checkpoint,
  cosignatureText,
  formatSignedCheckpoint,
  formatVerifierKey,
  isConsistent,
  isSignedBy,
  keyId,
  parseSignedCheckpoint,
  parseVerifierKey,
  type VerifierKey,
} from '@chancery/trail';

export interface LoopbackWitness {
  readonly url: string;
  /** As `[audit.witness]` and `audit verify --witness-key` take it. */
  readonly verifierKey: string;
  /** Trusts that log's key. */
  trust(verifierKey: string): void;
  /** Cosigned notes, oldest first: what a monitor would fetch. */
  readonly cosigned: readonly string[];
  /** What was asked of it and what it answered, as `old 5 -> 200`. */
  readonly answers: readonly string[];
  close(): Promise<void>;
}

export async function loopbackWitness(name = 'witness.example/w1'): Promise<LoopbackWitness> {
  const pair = generateKeyPairSync('ed25519');
  // RFC 8410 section 4: the last 32 octets of the SubjectPublicKeyInfo are the key.
  const publicKey = Uint8Array.from(pair.publicKey.export({ format: 'der', type: 'spki' }).subarray(-32));
  const key: VerifierKey = { name, use: 'witness', publicKey };
  const trusted: VerifierKey[] = [];
  const latest = new Map<string, Checkpoint>();
  const cosigned: string[] = [];
  const answers: string[] = [];

  const answer = (body: string): { status: number; type?: string; body: string } => {
    const blank = body.indexOf('\n\n');
    const [first = '', ...proof] = body.slice(0, blank).split('\n');
    const old = Number(/^old (0|[1-9]\d*)$/.exec(first)?.[1] ?? Number.NaN);
    const signed = parseSignedCheckpoint(body.slice(blank + 2));
    if (blank < 0 || signed === undefined || Number.isNaN(old) || proof.length > 63) return { status: 400, body: '' };
    const { checkpoint } = signed;
    const keys = trusted.filter((one) => one.name === checkpoint.origin);
    if (keys.length === 0) return { status: 404, body: '' };
    if (!keys.some((one) => isSignedBy(signed, one))) return { status: 403, body: '' };
    if (old > checkpoint.size) return { status: 400, body: '' };
    const before = latest.get(checkpoint.origin);
    if (old !== (before?.size ?? 0)) {
      return { status: 409, type: 'text/x.tlog.size', body: `${before?.size ?? 0}\n` };
    }
    const hashes = proof.map((line) => Uint8Array.from(Buffer.from(line, 'base64')));
    if (before !== undefined && before.size === checkpoint.size && !Buffer.from(before.root).equals(checkpoint.root)) {
      return { status: 409, type: 'text/x.tlog.size', body: `${before.size}\n` };
    }
    const goesOn = before === undefined ? hashes.length === 0 : isConsistent(before, checkpoint, hashes);
    if (!goesOn) return { status: 422, body: '' };
    latest.set(checkpoint.origin, checkpoint);
    const seconds = Math.floor(Date.now() / 1000);
    const time = Buffer.alloc(8);
    time.writeBigUInt64BE(BigInt(seconds));
    const signature = Buffer.concat([time, sign(null, cosignatureText(signed.text, seconds), pair.privateKey)]);
    cosigned.push(formatSignedCheckpoint(signed.text, [...signed.signatures, { name, keyId: keyId(key), signature }]));
    const lines = formatSignedCheckpoint('', [{ name, keyId: keyId(key), signature }]);
    return { status: 200, body: lines.slice(1) };
  };

  const server = createServer(async (request, response) => {
    const body = await read(request);
    const isAsked = request.method === 'POST' && request.url?.endsWith('/add-checkpoint') === true;
    const { status, type, body: text } = isAsked ? answer(body) : { status: 405, body: '' };
    answers.push(`${body.split('\n')[0]} -> ${status}`);
    response.writeHead(status, { 'content-type': type ?? 'text/plain' }).end(text);
  });
  const port = await listen(server);
  return {
    url: `http://127.0.0.1:${port}/witness`,
    verifierKey: formatVerifierKey(key),
    trust: (verifierKey) => void trusted.push(parseVerifierKey(verifierKey)),
    cosigned,
    answers,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

async function read(request: IncomingMessage): Promise<string> {
  const pieces: Buffer[] = [];
  for await (const piece of request) pieces.push(piece as Buffer);
  return Buffer.concat(pieces).toString('utf8');
}

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}
