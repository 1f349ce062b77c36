/** `chancery`: one file for every command below `commands/`. */
import { Command, CommanderError } from 'commander';
import { commands } from './commands.ts';
import { CommandError, exitCodes } from './exit-codes.ts';

/** Refusals that are about what was given, not about who asks. */
const UNUSABLE = new Set(['invalid-request', 'invalid-import', 'unusable-input', 'not-found']);

const program = new Command('chancery')
  .description(
    'Chancery: the S/MIME office of an organisation. `chancery start` runs it; the other commands speak to it.',
  )
  .version('0.1.0')
  .configureHelp({ showGlobalOptions: true })
  .addHelpText(
    'after',
    `
Exit codes:
  0  done, valid, intact
  1  the answer is no: an invalid signature, a broken trail, a refusal by the office
  2  the input, option or configuration cannot be used; nothing was changed
  3  the office does not answer; nothing was changed

Environment:
  CHANCERY_HOME   the data folder (default: ./data)
  CHANCERY_URL    the address of an office elsewhere
  CHANCERY_TOKEN  a token for it`,
  );

const [asked = ''] = process.argv.slice(2);
const sole = Object.hasOwn(commands, asked) ? commands[asked] : undefined;
for (const load of sole ? [sole] : Object.values(commands)) program.addCommand(exitByThrowing(await load()));
program.exitOverride();

// Whoever reads us may stop reading (`| head`): that is no failure of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(exitCodes.ok);
  throw error;
});

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = await report(error);
}

/** Every level must throw instead of ending the process, so that usage errors have our exit code. */
function exitByThrowing(command: Command): Command {
  command.exitOverride();
  command.commands.forEach(exitByThrowing);
  return command;
}

async function report(error: unknown): Promise<number> {
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.unusable;
  const json = process.argv.includes('--json');
  const say = (message: string, code: string, lines: readonly string[]) => {
    if (json) process.stderr.write(`${JSON.stringify({ error: { code, message, details: lines } })}\n`);
    else process.stderr.write(`${[message, ...lines.map((line) => `  ${line}`)].join('\n')}\n`);
  };
  if (error instanceof CommandError) {
    say(error.message, error.name, error.lines);
    return error.exitCode;
  }
  // Here, since commands that ask no office do not need it, and start in half the time without.
  const { ApiError } = await import('@chancery/api');
  if (error instanceof ApiError) {
    say(
      error.message,
      error.code,
      error.fields.map((field) => `${field.path}: ${field.message}`),
    );
    if (error.code === 'unavailable') return exitCodes.unreachable;
    return UNUSABLE.has(error.code) ? exitCodes.unusable : exitCodes.refused;
  }
  const known = error instanceof Error && 'code' in error && typeof error.code === 'string';
  say(error instanceof Error ? error.message : String(error), known ? String(error.code) : 'internal', []);
  if (!known && process.env.CHANCERY_DEBUG !== undefined) console.error(error);
  return exitCodes.unusable;
}
