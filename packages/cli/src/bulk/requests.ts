/** The requests of a batch, read from CSV or JSON Lines before anything is sent. */
import { createHash } from 'node:crypto';
import path from 'node:path';
import { parseRequest, SmimeError } from '@chancery/smime';
import { CsvError, parse } from 'csv-parse/sync';
import { CommandError } from '../exit-codes.ts';
import { readInput, readRegularFile, requestIn } from '../input-files.ts';

export interface BulkRequest {
  /** In the file, from 1. */
  readonly line: number;
  readonly address: string;
  /** PKCS#10, DER. */
  readonly request: Uint8Array;
  readonly keyOrigin: 'device' | 'browser' | 'gateway';
}

/**
 * @param file CSV with the columns address, csr and perhaps keyOrigin, or one JSON object a line; `-` for standard input
 * @throws CommandError with a line for each that cannot be used
 */
export function readRequests(file: string, keyOrigin: BulkRequest['keyOrigin']): BulkRequest[] {
  const text = readInput(file).toString('utf8');
  const rows = text.trimStart().startsWith('{') ? jsonLines(text) : csvLines(text, file);
  const folder = file === '-' ? '.' : path.dirname(file);
  const wrong: string[] = [];
  const requests: BulkRequest[] = [];
  for (const { line, value } of rows) {
    try {
      const { address, csr, keyOrigin: own } = rowOf(value);
      const request = csr.trimStart().startsWith('-----')
        ? requestIn(Buffer.from(csr.trim()), 'csr')
        : requestIn(readRegularFile(path.resolve(folder, csr)), csr);
      parseRequest(request);
      requests.push({ line, address, request, keyOrigin: own ?? keyOrigin });
    } catch (error) {
      if (!(error instanceof CommandError || error instanceof SmimeError)) throw error;
      wrong.push(`line ${line}: ${error.message}`);
    }
  }
  if (wrong.length > 0)
    throw new CommandError(
      `${file}: ${wrong.length} of ${rows.length} requests cannot be used. Nothing was sent.`,
      undefined,
      wrong,
    );
  if (requests.length === 0) throw new CommandError(`${file} holds no requests. Nothing was sent.`);
  return requests;
}

/** The same requests have the same identifier: whoever runs a batch again goes on with it. A UUID of version 8. */
export function identifierOf(requests: readonly BulkRequest[]): string {
  const hash = createHash('sha256').update('chancery bulk\n');
  for (const { address, request, keyOrigin } of requests)
    hash.update(`${address.toLowerCase()}\n${keyOrigin}\n${Buffer.from(request).toString('base64')}\n`);
  const octets = hash.digest().subarray(0, 16);
  octets[6] = ((octets[6] ?? 0) & 0x0f) | 0x80;
  octets[8] = ((octets[8] ?? 0) & 0x3f) | 0x80;
  return octets.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

interface Line {
  readonly line: number;
  readonly value: unknown;
}

function jsonLines(text: string): Line[] {
  return text.split(/\r?\n/).flatMap((content, index): Line[] => {
    if (content.trim() === '') return [];
    try {
      return [{ line: index + 1, value: JSON.parse(content) }];
    } catch {
      return [{ line: index + 1, value: new Error('it is no JSON object') }];
    }
  });
}

function csvLines(text: string, file: string): Line[] {
  try {
    const rows = parse(text, { bom: true, columns: true, info: true, skip_empty_lines: true, trim: true }) as {
      record: Record<string, string>;
      info: { lines: number };
    }[];
    return rows.map(({ record: { key_origin: keyOrigin, ...record }, info }) => ({
      line: info.lines,
      value: { ...record, ...(keyOrigin ? { keyOrigin } : {}) },
    }));
  } catch (error) {
    if (error instanceof CsvError) throw new CommandError(`${file} cannot be read as CSV: ${error.message}.`);
    throw error;
  }
}

/** `csr` is a path, beside the file if it is relative, or the request itself in PEM. @throws CommandError */
function rowOf(value: unknown): { address: string; csr: string; keyOrigin?: BulkRequest['keyOrigin'] } {
  if (value instanceof Error) throw new CommandError(value.message);
  const { address, csr, keyOrigin, ...others } = Object(value) as Record<string, unknown>;
  const [unknown] = Object.keys(others);
  if (unknown !== undefined) throw new CommandError(`${unknown} is no field of a request`);
  if (typeof address !== 'string' || address.trim() === '' || address.length > 254)
    throw new CommandError('address is missing, or longer than 254 characters');
  if (typeof csr !== 'string' || csr === '') throw new CommandError('csr is missing');
  if (keyOrigin === undefined) return { address: address.trim(), csr };
  const origin = ORIGINS.find((one) => one === keyOrigin);
  if (origin === undefined) throw new CommandError(`the key comes from ${ORIGINS.join(', ')}, not from ${keyOrigin}`);
  return { address: address.trim(), csr, keyOrigin: origin };
}

const ORIGINS = ['device', 'browser', 'gateway'] as const;
