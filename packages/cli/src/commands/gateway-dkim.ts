import { type DkimRecord, dkimRecords } from '@chancery/gateway';
import { Command } from 'commander';
import { localGatewayConfig } from '../gateway-config.ts';
import { homeFolder, type OfficeOptions, officeUrl, withOffice } from '../office.ts';
import { print } from '../output.ts';

/** `chancery gateway dkim`: what belongs into the DNS. */
export function dkimCommand(): Command {
  return withOffice(new Command('dkim'))
    .description('the records that belong into the DNS for the DKIM keys of gateway.toml')
    .action(async (options: OfficeOptions) => {
      const records = await dkimRecords(localGatewayConfig(homeFolder(), officeUrl(options)));
      print(options, records, () =>
        records.length === 0 ? 'There is no [[gateway.dkim]] in gateway.toml.' : records.map(describe).join('\n\n'),
      );
    });
}

/** As a zone file has it: strings of at most 255 octets (RFC 1035 section 3.3.14). */
function describe({ name, text, used }: DkimRecord): string {
  if (text === undefined) return `; the gateway has not made this key yet: start it\n; ${name}.`;
  const strings = (text.match(/.{1,250}/g) ?? []).map((part) => `"${part}"`);
  const note = used ? '' : '; not used before the DNS shows it; the gateway looks once a minute\n';
  return `${note}${name}. IN TXT ( ${strings.join('\n  ')} )`;
}
