import { createInterface } from 'node:readline/promises';
import { Writable } from 'node:stream';
import { Problem } from '@chancery/api';
import { Command } from 'commander';
import { CommandError, exitCodes } from '../exit-codes.ts';
import { type OfficeOptions, officeUrl, withOffice } from '../office.ts';
import { print } from '../output.ts';

/** `chancery sign-in`: a session for the commands that an operator gives under their own name. */
export function signInCommand(): Command {
  return withOffice(new Command('sign-in').description('sign in as an operator, and print the token of the session'))
    .argument('<address>')
    .addHelpText(
      'after',
      `
Asks for the password and the code of the authenticator app; CHANCERY_PASSWORD and CHANCERY_CODE answer in a script.

  export CHANCERY_TOKEN=$(chancery sign-in otto@example.com)
  chancery escrow approve ID`,
    )
    .action(async (address: string, options: OfficeOptions) => {
      const password = process.env.CHANCERY_PASSWORD ?? (await ask(`Password of ${address}: `));
      const totpCode = process.env.CHANCERY_CODE ?? (await ask('Code from the authenticator app: '));
      const token = await signIn(officeUrl(options), { address, password, totpCode });
      print(options, { token }, () => token);
    });
}

/** The session's token comes as the cookie that a browser would keep. */
async function signIn(url: string, body: { address: string; password: string; totpCode: string }): Promise<string> {
  const response = await fetch(`${url}/api/v1/sessions/password`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  }).catch((error: Error) => {
    throw new CommandError(`The office at ${url} does not answer: ${error.message}`, exitCodes.unreachable);
  });
  const token = /chancery_session=([^;]+)/.exec(response.headers.get('set-cookie') ?? '')?.[1];
  if (token !== undefined) return token;
  const problem = Problem.safeParse(await response.json().catch(() => undefined));
  throw new CommandError(problem.data?.title ?? `The office answered ${response.status}.`, exitCodes.refused);
}

/** Asks on standard error, so that standard output is the token alone; what is typed is not shown. */
async function ask(question: string): Promise<string> {
  if (!process.stdin.isTTY) {
    throw new CommandError('There is no terminal to ask on. Set CHANCERY_PASSWORD and CHANCERY_CODE.');
  }
  process.stderr.write(question);
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() });
  const terminal = createInterface({ input: process.stdin, output: silent, terminal: true });
  try {
    return await terminal.question('');
  } finally {
    terminal.close();
    process.stderr.write('\n');
  }
}
