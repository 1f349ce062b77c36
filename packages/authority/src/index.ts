export { type KeptCheckpoints, type TrailVerdict, verifyExportedTrail } from './audit/verify.ts';
export { type EvidenceVerdict, verifyEvidence } from './audit/verify-evidence.ts';
export {
  type AuthorityConfig,
  ConfigError,
  describeConfig,
  loadAuthorityConfig,
  parseAuthorityConfig,
  readSecret,
} from './config.ts';
export { enrolmentWarnings } from './enrolment-config.ts';
export { checkToken, openKeyStores, openKeyStoresForStatus, pinRefusalFile } from './key-stores.ts';
export { type EscrowExport, EscrowExportLine, openExported, vaultLockOf } from './kra/open-offline.ts';
export { OPENING_GENESIS, type OpeningEntry, type OpeningLog, readOpeningLog } from './kra/opening-log.ts';
export { StartError } from './listen-address.ts';
export { type AuthorityOptions, type RunningAuthority, startAuthority } from './main.ts';
export { type RunningStatus, startStatus } from './status-main.ts';
export { statusGrants } from './store/status-grants.ts';
