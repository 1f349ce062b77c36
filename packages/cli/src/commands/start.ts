import path from 'node:path';
import { loadAuthorityConfig } from '@chancery/authority';
import { Command } from 'commander';
import { demoGatewayConfig, openExampleCorp, withDemoMail } from '../demo/example-corp.ts';
import { officeGatewayConfig } from '../gateway-config.ts';
import { homeFolder } from '../office.ts';
import { Running, say, serveAuthority, serveGatewayBeside, untilStopped } from '../serve.ts';

/** `chancery start`: the whole office in one process. */
export function startCommand(): Command {
  return new Command('start')
    .description('run the whole office: database, authority, console and mail gateway')
    .option('--demo', 'set up "Example Corp", with people, certificates, officers and mail')
    .addHelpText(
      'after',
      `
Without a file, everything runs on its defaults in CHANCERY_HOME (./data):
  console, REST, CRL, OCSP   http://127.0.0.1:8080
  mail gateway, outbound     127.0.0.1:2525
  mail gateway, inbound      127.0.0.1:2526
authority.toml and gateway.toml in that folder change them; "chancery check-config" reads them first.`,
    )
    .action(async (options: { demo?: boolean }) => {
      const home = homeFolder();
      const loaded = loadAuthorityConfig(home);
      const config = options.demo === true ? withDemoMail(loaded) : loaded;
      const running = new Running();
      try {
        const authority = await serveAuthority(running, config, { demo: options.demo === true });
        const tokenFile = path.join(home, 'gateway', 'token');
        const gatewayConfig =
          options.demo === true
            ? demoGatewayConfig(home, authority.url, tokenFile)
            : officeGatewayConfig(home, authority.url, tokenFile);
        const gateway = await serveGatewayBeside(running, gatewayConfig, tokenFile, authority);
        // Since the process began, which is what whoever typed the command has waited for.
        say(`Chancery serves after ${(performance.now() / 1000).toFixed(1)} s; data in ${home}`);
        say(`  console  ${authority.url}`);
        say(`  mail     127.0.0.1:${gateway.outboundPort} (outbound), 127.0.0.1:${gateway.inboundPort} (inbound)`);
        if (options.demo === true) await openExampleCorp({ home, authority, gateway, say });
        else if (authority.setupUrl !== undefined)
          say(`\nSet up the office with this link, once:\n  ${authority.setupUrl}`);
      } catch (error) {
        await running.stop();
        throw error;
      }
      await untilStopped(running);
    });
}
