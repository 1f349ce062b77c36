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
    .argument('[address]', 'of an operator who has a password; without it, a sign-in link is asked for')
    .addHelpText(
      'after',
      `
Asks for the password and the code of the authenticator app; CHANCERY_PASSWORD and CHANCERY_CODE answer in a script.
Without an address it asks for a sign-in link, as the demo prints for everybody and "chancery authority sign-in-link" for
an administrator; CHANCERY_SIGN_IN_LINK answers in a script. None of these is an argument: others on the machine read those.

  export CHANCERY_TOKEN=$(chancery sign-in otto@example.com)
  chancery escrow approve ID --share-key otto.json`,
    )
    .action(async (address: string | undefined, options: OfficeOptions) => {
      const token = address === undefined ? await signInByLink(options) : await signInByPassword(address, options);
      print(options, { token }, () => token);
    });
}

async function signInByPassword(address: string, options: OfficeOptions): Promise<string> {
  const password =
    process.env.CHANCERY_PASSWORD ?? (await ask(`Password of ${address}: `, 'CHANCERY_PASSWORD and CHANCERY_CODE'));
  const totpCode = process.env.CHANCERY_CODE ?? (await ask('Code from the authenticator app: ', 'CHANCERY_CODE'));
  return beginSession(officeUrl(options), 'password', { address, password, totpCode });
}

/** A link works once, here or in a browser. */
async function signInByLink(options: OfficeOptions): Promise<string> {
  const link = process.env.CHANCERY_SIGN_IN_LINK ?? (await ask('Sign-in link: ', 'CHANCERY_SIGN_IN_LINK'));
  const token = /\/sign-in#([\w-]+)\s*$/.exec(link)?.[1];
  if (token === undefined) {
    throw new CommandError('This is not a sign-in link: one ends in "/sign-in#" and its secret. Nobody was signed in.');
  }
  return beginSession(officeUrl(options), 'link', { token });
}

/** The session's token comes as the cookie that a browser would keep. */
async function beginSession(url: string, way: 'password' | 'link', body: Record<string, string>): Promise<string> {
  const response = await fetch(`${url}/api/v1/sessions/${way}`, {
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
async function ask(question: string, variables: string): Promise<string> {
  if (!process.stdin.isTTY) throw new CommandError(`There is no terminal to ask on. Set ${variables}.`);
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
