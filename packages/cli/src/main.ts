/** `chancery`: one file for every command below `commands/`. */
import { Command, CommanderError } from 'commander';
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

/** Each is loaded when it is asked for: `chancery smime` needs neither the authority nor the gateway. */
const commands: Readonly<Record<string, () => Promise<Command>>> = {
  start: async () => (await import('./commands/start.ts')).startCommand(),
  authority: async () => (await import('./commands/authority.ts')).authorityCommand(),
  status: async () => (await import('./commands/status.ts')).statusCommand(),
  gateway: async () => (await import('./commands/gateway.ts')).gatewayCommand(),
  'check-config': async () => (await import('./commands/check-config.ts')).checkConfigCommand(),
  keys: async () => (await import('./commands/keys.ts')).keysCommand(),
  people: async () => (await import('./commands/people.ts')).peopleCommand(),
  devices: async () => (await import('./commands/devices.ts')).devicesCommand(),
  inventory: async () => (await import('./commands/inventory.ts')).inventoryCommand(),
  source: async () => (await import('./commands/source.ts')).sourceCommand(),
  directory: async () => (await import('./commands/directory.ts')).directoryCommand(),
  renewals: async () => (await import('./commands/renewals.ts')).renewalsCommand(),
  person: async () => (await import('./commands/person.ts')).personCommand(),
  import: async () => (await import('./commands/import.ts')).importCommand(),
  authorities: async () => (await import('./commands/authorities.ts')).authoritiesCommand(),
  ceremony: async () => (await import('./commands/ceremony.ts')).ceremonyCommand(),
  certificates: async () => (await import('./commands/certificates.ts')).certificatesCommand(),
  publication: async () => (await import('./commands/publication.ts')).publicationCommand(),
  profiles: async () => (await import('./commands/profiles.ts')).profilesCommand(),
  smime: async () => (await import('./commands/smime.ts')).smimeCommand(),
  path: async () => (await import('./commands/path.ts')).pathCommand(),
  lint: async () => (await import('./commands/lint.ts')).lintCommand(),
  vault: async () => (await import('./commands/vault.ts')).vaultCommand(),
  escrow: async () => (await import('./commands/escrow.ts')).escrowCommand(),
  audit: async () => (await import('./commands/audit.ts')).auditCommand(),
  'scim-token': async () => (await import('./commands/scim-token.ts')).scimTokenCommand(),
  acme: async () => (await import('./commands/acme.ts')).acmeCommand(),
  'sign-in': async () => (await import('./commands/sign-in.ts')).signInCommand(),
};
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
