/** Passwords of key files: from a file, a table of files, the environment or a person; never from the command line. */
import { readFileSync } from 'node:fs';
import { CsvError, parse } from 'csv-parse/sync';
import { askHidden } from '../ask-hidden.ts';
import { CommandError } from '../exit-codes.ts';
import type { WalkedFile } from './walk.ts';

export interface PasswordOptions {
  readonly passwordFile?: string;
  readonly passwords?: string;
}

/** Which passwords to try on a file, in that order. */
export type Passwords = (file: WalkedFile) => readonly string[];

/** Passwords tried on one file at the most: each costs a whole key derivation. */
const MOST_TRIED = 10;

export async function readPasswords({ passwordFile, passwords }: PasswordOptions): Promise<Passwords> {
  const byFile = passwords === undefined ? new Map<string, string>() : readTable(passwords);
  const everywhere = passwordFile === undefined ? await fallback(byFile.size > 0) : readLines(passwordFile);
  return (file) => {
    const own = namesOf(file)
      .map((name) => byFile.get(name))
      .find((password) => password !== undefined);
    return own === undefined ? everywhere : [own];
  };
}

/** Every line is a password to try; only the line's end is taken off. */
function readLines(file: string): string[] {
  const lines = readText(file).split(/\r?\n/);
  if (lines.at(-1) === '') lines.pop();
  if (lines.length === 0) throw new CommandError(`${file} holds no password.`);
  if (lines.length > MOST_TRIED)
    throw new CommandError(
      `${file} holds ${lines.length} passwords; at most ${MOST_TRIED} are tried. Give --passwords, a table of files.`,
    );
  return lines;
}

function readTable(file: string): Map<string, string> {
  let rows: string[][];
  try {
    rows = parse(readText(file), { bom: true, skip_empty_lines: true, relax_column_count: false });
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
    // Its message quotes the line, and with it a password.
    throw new CommandError(
      `${file} is not CSV with two columns, file and password (line ${String(error.lines ?? '?')}).`,
    );
  }
  const table = new Map<string, string>();
  for (const [index, row] of rows.entries()) {
    const [name, password] = row;
    if (row.length !== 2 || name === undefined || password === undefined)
      throw new CommandError(`${file} has not two columns, file and password.`);
    if (index === 0 && name.trim().toLowerCase() === 'file' && password.trim().toLowerCase() === 'password') continue;
    table.set(normal(name), password);
  }
  return table;
}

/** As a table may name a file: by its place below what was given, or alone. It only chooses a password; it is never opened. */
function namesOf({ name }: WalkedFile): string[] {
  const parts = name.split('/');
  return parts.map((_, from) => normal(parts.slice(from).join('/')));
}

const normal = (name: string): string => name.trim().replaceAll('\\', '/').replace(/^\.\//, '').normalize('NFC');

/** `CHANCERY_P12_PASSWORD`, else whoever sits there, else none. */
async function fallback(haveTable: boolean): Promise<string[]> {
  const { CHANCERY_P12_PASSWORD: given } = process.env;
  if (given !== undefined) return [given];
  if (haveTable || !process.stdin.isTTY) return [''];
  return [await askHidden('Password of the key files: ')];
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new CommandError(`${file} cannot be read: ${(error as Error).message}. Nothing was imported.`);
  }
}
