export { EmbeddedPostgresError, type EmbeddedPostgresErrorCode } from './errors.ts';
export {
  type EmbeddedConnection,
  type EmbeddedPostgres,
  type EmbeddedPostgresOptions,
  startEmbeddedPostgres,
} from './supervise.ts';
export { copyDatabase, startTemporaryPostgres } from './temporary.ts';
