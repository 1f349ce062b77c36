import { Command } from 'commander';
import { loadGatewayConfig } from '../gateway-config.ts';
import { homeFolder } from '../office.ts';
import { Running, say, serveGateway, untilStopped } from '../serve.ts';
import { dkimCommand } from './gateway-dkim.ts';
import { heldCommand } from './gateway-held.ts';
import { recipientCommand } from './gateway-recipient.ts';
import { gatewayRulesCommand, gatewaySimulateCommand } from './gateway-rules.ts';

/** `chancery gateway`: a mail gateway alone, as a client of an authority elsewhere. */
export function gatewayCommand(): Command {
  return new Command('gateway')
    .description('run a mail gateway alone, as a client of the authority that gateway.toml names')
    .addCommand(gatewayRulesCommand())
    .addCommand(gatewaySimulateCommand())
    .addCommand(recipientCommand())
    .addCommand(dkimCommand())
    .addCommand(heldCommand())
    .addHelpText(
      'after',
      '\nMake its token with "chancery authority gateway-token NAME", and name the file in [gateway.authority] token.',
    )
    .action(async () => {
      const running = new Running();
      try {
        const gateway = await serveGateway(running, loadGatewayConfig(homeFolder()));
        say(`The gateway takes mail on ${gateway.outboundPort} (outbound) and ${gateway.inboundPort} (inbound).`);
      } catch (error) {
        await running.stop();
        throw error;
      }
      await untilStopped(running);
    });
}
