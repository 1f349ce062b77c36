/** How a command reaches the running office: its address, and whose token it carries. */
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { type Client, createClient } from '@chancery/api';
import type { Command } from 'commander';
import { CommandError, exitCodes } from './exit-codes.ts';

/** The data folder: `CHANCERY_HOME`, or `./data`. Absolute. */
export function homeFolder(): string {
  return path.resolve(process.env.CHANCERY_HOME ?? 'data');
}

export interface OfficeOptions {
  readonly url?: string;
  readonly json?: boolean;
}

/** Adds the options of every command that talks to the office. */
export function withOffice(command: Command): Command {
  return command
    .option('--url <url>', 'address of the office (default: CHANCERY_URL, or the office that runs on the data folder)')
    .option('--json', 'print JSON');
}

/**
 * A client with the token of `CHANCERY_TOKEN`, else of the office on this machine's data folder.
 * @throws CommandError when no token is at hand
 */
export function connect(options: OfficeOptions): Client {
  const home = homeFolder();
  const given = process.env.CHANCERY_TOKEN?.trim();
  if (given === '') {
    // As `export CHANCERY_TOKEN=$(chancery sign-in …)` leaves it where nobody was signed in. To go on with the office's own
    // token would be to act as somebody else than was meant.
    throw new CommandError('CHANCERY_TOKEN is empty: nobody was signed in. Sign in again, or unset it.');
  }
  const token = given ?? recorded(path.join(home, 'local.token'));
  if (token === undefined) {
    throw new CommandError(
      `No token: ${path.join(home, 'local.token')} is not there. Start the office with "chancery start", set CHANCERY_HOME to its data folder, or set CHANCERY_URL and CHANCERY_TOKEN.`,
      exitCodes.unreachable,
    );
  }
  return createClient({ baseUrl: officeUrl(options), token });
}

/** `--url`, else `CHANCERY_URL`, else where the office of the data folder last listened. */
export function officeUrl(options: OfficeOptions): string {
  return options.url ?? process.env.CHANCERY_URL ?? recorded(path.join(homeFolder(), 'url')) ?? 'http://127.0.0.1:8080';
}

function recorded(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    return undefined;
  }
}
