/** The public face of the mail gateway. */
export {
  describeConfig,
  type GatewayConfig,
  type GatewayConfigInput,
  GatewayConfigSchema,
  parseGatewayConfig,
  resolveGatewayConfig,
} from './config.ts';
export { GatewayError, type GatewayErrorCode } from './errors.ts';
export { type HeldMessage, readHeld, writeOrder as orderHeld } from './held/held-store.ts';
export type { Log } from './log.ts';
export { type DkimRecord, dkimRecords } from './made-dkim-keys.ts';
export { type GatewayHealth, type GatewayPorts, type RunningGateway, startGateway } from './main.ts';
export { explainRecipient } from './recipients/explain-recipient.ts';
export type { Explanation } from './recipients/lookup.ts';
