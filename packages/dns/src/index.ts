/** Messages and names of the DNS: octets in, octets out. Whoever asks a server brings the connection. */
export {
  encodeRecord,
  encodeRequest,
  type Message,
  opcode,
  parseMessage,
  type Question,
  type ReceivedRecord,
  type ResourceRecord,
  recordClass,
  recordType,
  responseCode,
} from './message.ts';
export { encodeName, readName } from './name.ts';
export { smimeaOwners } from './smimea-owner.ts';
