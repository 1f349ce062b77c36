/** A whole gateway as a process of its own. Arguments: its configuration as JSON, and the base folder. */
import { resolveGatewayConfig, startGateway } from '../../src/index.ts';

const [config = '{}', folder = '.'] = process.argv.slice(2);
const quiet = () => undefined;
const gateway = await startGateway(resolveGatewayConfig(JSON.parse(config), folder), {
  log: { info: quiet, warn: quiet, error: quiet },
});
process.stdout.write(`${JSON.stringify({ outbound: gateway.outboundPort, inbound: gateway.inboundPort })}\n`);
