import { loadAuthorityConfig, statusGrants } from '@chancery/authority';
import { Command } from 'commander';
import { CommandError } from '../exit-codes.ts';
import { homeFolder } from '../office.ts';
import { Running, say, serveStatus, untilStopped } from '../serve.ts';

/** `chancery status`: OCSP, CRLs and CA certificates as a process of their own, for a public network. */
export function statusCommand(): Command {
  return new Command('status')
    .description('answer OCSP and serve CRLs and CA certificates, as a process of its own that only reads')
    .option('--print-grants [role]', 'print the SQL that makes a database role for it, and end')
    .addHelpText(
      'after',
      `
It reads [status] of authority.toml: where it listens, and the database as a role that may only read.
"/health" answers 200 while relying parties get what they need, and 503 with the reasons when they do not.`,
    )
    .action(async (options: { printGrants?: string | true }) => {
      if (options.printGrants !== undefined) {
        process.stdout.write(grants(options.printGrants === true ? 'chancery_status' : options.printGrants));
        return;
      }
      const running = new Running();
      try {
        const status = await serveStatus(running, loadAuthorityConfig(homeFolder()));
        say(`Status is served at http://${status.host}:${status.port}: OCSP, CRLs, CA certificates, /health`);
      } catch (error) {
        await running.stop();
        throw error;
      }
      await untilStopped(running);
    });
}

function grants(role: string): string {
  try {
    return statusGrants(role);
  } catch (error) {
    throw new CommandError((error as Error).message);
  }
}
