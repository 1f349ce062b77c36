export { type TrailVerdict, verifyExportedTrail } from './audit/verify.ts';
export {
  type AuthorityConfig,
  ConfigError,
  describeConfig,
  loadAuthorityConfig,
  parseAuthorityConfig,
  readSecret,
} from './config.ts';
export { StartError } from './listen-address.ts';
export { type AuthorityOptions, openKeyStore, type RunningAuthority, startAuthority } from './main.ts';
export { type RunningStatus, startStatus } from './status-main.ts';
export { statusGrants } from './store/status-grants.ts';
