import { type Explanation, explainRecipient } from '@chancery/gateway';
import { Command } from 'commander';
import { localGatewayConfig } from '../gateway-config.ts';
import { processLog } from '../log.ts';
import { homeFolder, type OfficeOptions, officeUrl, withOffice } from '../office.ts';
import { print } from '../output.ts';

/** `chancery gateway recipient`: why an address can or cannot be written to encrypted. */
export function recipientCommand(): Command {
  return withOffice(new Command('recipient'))
    .description(
      'ask every source about an address: can it be written to encrypted, with which certificate, and why not',
    )
    .argument('<address>')
    .action(async (address: string, options: OfficeOptions) => {
      const config = localGatewayConfig(homeFolder(), officeUrl(options));
      const explanation = await explainRecipient(config, address, processLog());
      print(options, explanation, () => describeExplanation(explanation));
      if (explanation.state !== 'good') process.exitCode = 1;
    });
}

function describeExplanation({ address, state, reason, uses, sources }: Explanation): string {
  const verdict =
    uses !== null
      ? `${address} is written to encrypted, by a certificate from ${uses.source}:\n  ${uses.subject}\n  issued by ${uses.issuer}, until ${uses.notAfter}\n  SHA-256 ${uses.sha256}`
      : state === 'unknown'
        ? `${address}: not known at the moment, so mail that is to be encrypted waits: ${reason}`
        : `${address} cannot be written to encrypted: ${reason}`;
  const rows = sources.flatMap(({ source, said, remark, certificates }) => [
    `  ${source}: ${SAID[said]}${remark === null ? '' : ` (${remark})`}`,
    ...certificates.map(
      (one) =>
        `    ${one.serialNumber || 'a certificate'} ${one.subject}: ${one.state === 'good' ? 'good' : one.reason}`,
    ),
  ]);
  return [verdict, '', 'Asked, in the order in which they count:', ...rows].join('\n');
}

const SAID = { found: 'found', nothing: 'nothing', unknown: 'no answer', 'not-asked': 'not asked' } as const;
