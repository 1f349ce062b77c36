/** A whole gateway as a process of its own. Arguments: its configuration as JSON, the base folder, and ports of its as JSON. */
import { resolveGatewayConfig, startGateway } from '../../src/index.ts';

const [config = '{}', folder = '.', ports = '{}'] = process.argv.slice(2);
const quiet = () => undefined;
const gateway = await startGateway(resolveGatewayConfig(JSON.parse(config), folder), {
  ...{ log: { info: quiet, warn: quiet, error: quiet }, ...JSON.parse(ports) },
});
process.stdout.write(`${JSON.stringify({ outbound: gateway.outboundPort, inbound: gateway.inboundPort })}\n`);
