/** Telling a witness of a checkpoint: each kind its own way. What is thrown is for a person who looks after the office. */
import { open } from 'node:fs/promises';
import path from 'node:path';
import { consistencyProof, isSignedBy, parseSignedCheckpoint, parseVerifierKey } from '@chancery/trail';
import { readSecret, type WitnessConfig } from '../../config.ts';
import { type CheckpointRow, nodeReader } from '../../store/audit-tree.ts';
import type { World } from '../../world.ts';

/** @returns the signature line of a witness that cosigns */
export async function tellWitness(
  world: Pick<World, 'config' | 'database'>,
  witness: Exclude<WitnessConfig, { kind: 'mail' }>,
  checkpoint: CheckpointRow,
  reached: number,
): Promise<string | null> {
  switch (witness.kind) {
    case 'file':
      await appendLine(path.resolve(world.config.home, witness.path), lineOf(checkpoint));
      return null;
    case 'url':
      await post(witness.url, checkpoint.note, authorisation(world, witness.token));
      return null;
    case 'tlog-witness':
      return cosignatureOf(world, witness, checkpoint, reached);
  }
}

/** As `chancery audit checkpoints` writes it, and `audit verify --checkpoints` reads it. */
function lineOf({ size, at, note }: CheckpointRow): string {
  return `${JSON.stringify({ size, at: at.toISOString(), note })}\n`;
}

async function appendLine(file: string, line: string): Promise<void> {
  const handle = await open(file, 'a', 0o644);
  try {
    await handle.appendFile(line);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

function authorisation({ config }: Pick<World, 'config'>, token: Parameters<typeof readSecret>[0] | undefined) {
  return token === undefined ? {} : { authorization: `Bearer ${readSecret(token, config.home)}` };
}

async function post(url: string, body: string, headers: Record<string, string> = {}): Promise<void> {
  const response = await request(url, body, headers);
  if (!response.ok) throw new Error(`It answers ${response.status}.`);
}

/** C2SP tlog-witness: add-checkpoint, from where the witness stands. */
async function cosignatureOf(
  world: Pick<World, 'database'>,
  witness: WitnessConfig & { kind: 'tlog-witness' },
  checkpoint: CheckpointRow,
  reached: number,
): Promise<string> {
  const url = `${witness.url.replace(/\/+$/, '')}/add-checkpoint`;
  const from = async (old: number) => request(url, await requestBody(world, checkpoint, old));
  let old = Math.min(reached, checkpoint.size);
  let answer = await from(old);
  // The witness is ahead of what is noted here, or behind it: it says where it stands.
  if (answer.status === 409 && answer.type.startsWith('text/x.tlog.size')) {
    const stands = /^(0|[1-9]\d{0,15})\n$/.exec(answer.body)?.[1];
    if (stands === undefined) throw new Error('It answers 409 without saying where it stands.');
    if (Number(stands) > checkpoint.size) {
      throw new Error(
        `It has cosigned ${stands} records, and here are ${checkpoint.size}: the trail was cut off, or restored from a backup.`,
      );
    }
    if (Number(stands) !== old) {
      old = Number(stands);
      answer = await from(old);
    }
  }
  if (answer.status === 409)
    throw new Error(`It has cosigned another trail of ${old} records: this one was written anew.`);
  if (answer.status === 422)
    throw new Error(`This trail does not go on from the ${old} records that it has cosigned: it was written anew.`);
  if (answer.status === 404) throw new Error('It does not know this trail. Tell it the verifier key.');
  if (answer.status === 403) throw new Error('It knows another key for this trail.');
  if (!answer.ok) throw new Error(`It answers ${answer.status}.`);
  return lineOfWitness(checkpoint, answer.body, witness.key);
}

async function requestBody(world: Pick<World, 'database'>, checkpoint: CheckpointRow, old: number): Promise<string> {
  const proof =
    old === 0
      ? []
      : await world.database.snapshot((snapshot) => consistencyProof(old, checkpoint.size, nodeReader(snapshot)));
  const lines = proof.map((hash) => `${Buffer.from(hash).toString('base64')}\n`).join('');
  return `old ${old}\n${lines}\n${checkpoint.note}`;
}

/** The line of the key that was configured; what other keys signed is ignored, as the specification has it. */
function lineOfWitness({ note }: CheckpointRow, body: string, verifierKey: string): string {
  const key = parseVerifierKey(verifierKey);
  for (const line of body.split('\n').slice(0, MOST_LINES)) {
    const signed = line === '' ? undefined : parseSignedCheckpoint(`${note}${line}\n`);
    if (signed !== undefined && isSignedBy(signed, key)) return line;
  }
  throw new Error(`Its answer is not signed by ${key.name}, the key that is configured.`);
}

interface Answer {
  readonly ok: boolean;
  readonly status: number;
  readonly type: string;
  readonly body: string;
}

async function request(url: string, body: string, headers: Record<string, string> = {}): Promise<Answer> {
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'text/plain; charset=utf-8', ...headers },
      body,
      redirect: 'error',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    const { ok, status } = response;
    return { ok, status, type: response.headers.get('content-type') ?? '', body: await readSome(response) };
  } catch (error) {
    const { message, cause } = error as Error;
    throw new Error(
      `It cannot be reached: ${cause instanceof Error && cause.message !== '' ? cause.message : message}.`,
      { cause: error },
    );
  }
}

const TIMEOUT_MS = 10_000;
/** A cosignature has 110 octets; nobody's answer is read to its end on trust. */
const MOST_OCTETS = 16_384;
const MOST_LINES = 64;

async function readSome(response: Response): Promise<string> {
  const pieces: Uint8Array[] = [];
  let length = 0;
  for await (const piece of response.body ?? []) {
    length += piece.length;
    if (length > MOST_OCTETS) throw new Error('its answer is too long');
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString('utf8');
}
