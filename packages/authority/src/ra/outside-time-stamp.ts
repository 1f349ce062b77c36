/** A time-stamping authority elsewhere (RFC 3161 section 3.4): asked over HTTP, and believed only as far as its answer is right. */
import { createHash, randomBytes } from 'node:crypto';
import {
  buildTimeStampRequest,
  type Certificate,
  parseCertificate,
  pemBlocks,
  readTimeStampResponse,
  SmimeError,
  type TimeStampReport,
  verifyTimeStamp,
} from '@chancery/smime';
import { readTrust } from '../config.ts';
import { AuthorityError } from '../errors.ts';
import type { TimeStampConfig } from '../evidence-config.ts';
import type { World } from '../world.ts';

export interface OutsideTimeStamp {
  /** As it came. */
  readonly token: Uint8Array;
  readonly time: Date;
  /** DER: what it must lead to, as configured; else the one that it was made with. */
  readonly certificates: readonly Uint8Array[];
  /** Hex. */
  readonly serialNumber: string;
  readonly policy: string;
}

/** @throws AuthorityError `unavailable`, whatever was wrong: no stamp is better than one that nobody can check */
export async function askForTimeStamp(
  world: Pick<World, 'config' | 'clock'>,
  { url, ca, timeoutSeconds }: TimeStampConfig,
  content: Uint8Array,
): Promise<OutsideTimeStamp> {
  const hashed = createHash('sha256').update(content).digest();
  // The first bit is not set, so that the number is positive in as many octets.
  const nonce = randomBytes(16);
  nonce[0] = ((nonce[0] as number) & 0x7f) | 0x40;
  const answer = await post(url, buildTimeStampRequest({ hash: 'sha256', hashed, nonce }), timeoutSeconds);
  const anchors = ca === undefined ? [] : trusted(ca, world.config.home);
  let report: TimeStampReport;
  let token: Uint8Array;
  try {
    const response = readTimeStampResponse(answer);
    if (!response.granted || response.token === undefined)
      throw unavailable(
        `refused (status ${response.status}${response.text.map((one) => `, ${one.slice(0, 200)}`).join('')})`,
      );
    token = response.token;
    report = verifyTimeStamp({ token, content, nonce, anchors });
  } catch (error) {
    if (!(error instanceof SmimeError)) throw error;
    throw unavailable(`answered what is no time stamp: ${error.message}`);
  }
  const { info, certificate, path, problems } = report;
  const wrong = problems.find(({ severity }) => severity === 'error');
  if (!report.valid || certificate === undefined) throw unavailable(`answered wrongly: ${wrong?.message ?? ''}`);
  if (path !== undefined && !path.valid)
    throw unavailable(`is not the one of ${ca}: ${path.problems[0]?.message ?? 'its certificate leads elsewhere'}`);
  if (Math.abs(info.time.getTime() - world.clock().getTime()) > FAR_MS)
    throw unavailable(`says that it is ${info.time.toISOString()}, and the clock here does not`);
  return {
    token,
    time: info.time,
    certificates: anchors.length > 0 ? anchors.map(({ der }) => der) : [certificate.der],
    serialNumber: info.serialNumber,
    policy: info.policy,
  };
}

/** Octets of an answer: a token with a long chain has some ten thousand. */
const LONGEST_ANSWER = 262_144;
/** Clocks that are further apart are wrong, one of them. */
const FAR_MS = 10 * 60_000;

async function post(url: string, body: Uint8Array, timeoutSeconds: number): Promise<Uint8Array> {
  try {
    const answer = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/timestamp-query', accept: 'application/timestamp-reply' },
      body: Buffer.from(body),
      redirect: 'error',
      signal: AbortSignal.timeout(timeoutSeconds * 1000),
    });
    const chunks: Uint8Array[] = [];
    let octets = 0;
    for await (const chunk of answer.body ?? []) {
      octets += chunk.length;
      if (octets > LONGEST_ANSWER) throw unavailable('answers with more than 256 KB');
      chunks.push(chunk);
    }
    if (!answer.ok) throw unavailable(`answers ${answer.status}`);
    return Buffer.concat(chunks);
  } catch (error) {
    if (error instanceof AuthorityError) throw error;
    throw unavailable(`does not answer: ${(error as Error).message}`);
  }
}

function trusted(file: string, home: string): Certificate[] {
  return pemBlocks(readTrust(file, home))
    .filter(({ label }) => label === 'CERTIFICATE')
    .map(({ der }) => parseCertificate(der));
}

function unavailable(what: string): AuthorityError {
  return new AuthorityError(
    'unavailable',
    `The time-stamping authority ${what}. No file was handed out. Try again later, or take [evidence.timeStamp] out of the configuration.`,
  );
}
