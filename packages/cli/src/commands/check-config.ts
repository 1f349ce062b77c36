import { readFileSync } from 'node:fs';
import path from 'node:path';
import {
  checkToken,
  describeConfig as describeAuthority,
  enrolmentWarnings,
  parseAuthorityConfig,
} from '@chancery/authority';
import { describeConfig as describeGateway, parseGatewayConfig } from '@chancery/gateway';
import { Command } from 'commander';
import { CommandError, exitCodes } from '../exit-codes.ts';
import { processLog } from '../log.ts';
import { homeFolder } from '../office.ts';
import { print } from '../output.ts';
import { describeHealth } from './keys.ts';

/** `chancery check-config`: reads both files as the processes would, and prints what they would use, secrets left out. */
export function checkConfigCommand(): Command {
  return new Command('check-config')
    .description('check authority.toml and gateway.toml, and print what is in force, redacted')
    .option('--authority <file>', 'default: authority.toml in the data folder')
    .option('--gateway <file>', 'default: gateway.toml in the data folder')
    .option('--json', 'print JSON')
    .action(async (options: { authority?: string; gateway?: string; json?: boolean }) => {
      const home = homeFolder();
      const authorityFile = options.authority ?? path.join(home, 'authority.toml');
      const gatewayFile = options.gateway ?? path.join(home, 'gateway.toml');
      const authority = parseAuthorityConfig(readOptional(authorityFile, options.authority), home, authorityFile);
      const gateway = parseGatewayConfig(readOptional(gatewayFile, options.gateway), home, gatewayFile);
      const described = { authority: describeAuthority(authority), gateway: describeGateway(gateway) };
      const token = await checkToken(authority, processLog());
      const verdict =
        token?.state === 'unavailable' ? 'Both can be read, and the token cannot be used.' : 'Both can be used.';
      const warnings = enrolmentWarnings(authority.enrolment);
      print(options, { ...described, warnings, ...(token && { token }) }, () =>
        [verdict, ...warnings, ...(token ? [describeHealth([token])] : []), JSON.stringify(described, null, 2)].join(
          '\n',
        ),
      );
      if (token?.state === 'unavailable') process.exitCode = exitCodes.refused;
    });
}

/** A file that was not asked for may be absent: the defaults are in force. */
function readOptional(file: string, asked: string | undefined): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if (asked === undefined && (error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw new CommandError(`${file} cannot be read: ${(error as Error).message}`);
  }
}
