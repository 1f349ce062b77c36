/** The adapters that `main.ts` builds once and every room is handed. */
import type { KeyStore } from '@chancery/keystore';
import type { AuthorityConfig } from './config.ts';
import type { Jobs } from './jobs/outbox.ts';
import type { Database } from './store/database.ts';

export interface World {
  readonly config: AuthorityConfig;
  readonly database: Database;
  readonly keyStore: KeyStore;
  readonly jobs: Jobs;
  /** The present instant. */
  readonly clock: () => Date;
  readonly log: Log;
}

/** Structured log lines. No secret, key, password, token or message text is ever passed here. */
export interface Log {
  info(event: string, fields?: Record<string, unknown>): void;
  warn(event: string, fields?: Record<string, unknown>): void;
  error(event: string, fields?: Record<string, unknown>): void;
}
