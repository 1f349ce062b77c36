import { loadAuthorityConfig } from '@chancery/authority';
import { Command } from 'commander';
import { connect, homeFolder, type OfficeOptions, withOffice } from '../office.ts';
import { print } from '../output.ts';
import { Running, say, serveAuthority, untilStopped } from '../serve.ts';

/** `chancery authority`: the authority alone, for an installation with gateways elsewhere. */
export function authorityCommand(): Command {
  const authority = new Command('authority')
    .description('run the authority alone: console, REST, CRL and OCSP, without a mail gateway')
    .action(async () => {
      const running = new Running();
      try {
        const started = await serveAuthority(running, loadAuthorityConfig(homeFolder()), { demo: false });
        say(`The authority serves at ${started.url}`);
        if (started.setupUrl !== undefined) say(`Set up the office with this link, once:\n  ${started.setupUrl}`);
      } catch (error) {
        await running.stop();
        throw error;
      }
      await untilStopped(running);
    });

  withOffice(
    authority.command('sign-in-link').description('a one-time sign-in link for an administrator who is locked out'),
  )
    .argument('<address>')
    .action(async (address: string, options: OfficeOptions) => {
      const link = await connect(options).signInLink({ body: { address } });
      print(options, link, () => `${link.url}\nIt signs in once, until ${link.expiresAt}.`);
    });

  withOffice(authority.command('gateway-token').description('make a mail gateway and print its token, once'))
    .argument('<name>', 'lower-case letters, digits and hyphens')
    .action(async (name: string, options: OfficeOptions) => {
      const made = await connect(options).createGateway({ body: { name } });
      print(options, made, () => made.token);
    });

  return authority;
}
