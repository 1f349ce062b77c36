/** The adapters that `main.ts` builds once and every room is handed. */
import type { KeyStore } from '@chancery/keystore';
import type { AuditEntry } from './audit/trail.ts';
import type { AuthorityConfig } from './config.ts';
import type { Jobs } from './jobs/outbox.ts';
import type { KeyPool } from './kra/key-pool.ts';
import type { OfficeMail } from './notices/smtp.ts';
import type { Resolve } from './ra/acme/reply-authenticity.ts';
import type { Database, Transaction } from './store/database.ts';

export interface World {
  readonly config: AuthorityConfig;
  readonly database: Database;
  readonly keyStore: KeyStore;
  /** Where the keys of OCSP responders are made; part of `keyStore`. Without it, there as all others. */
  readonly responderKeys?: Pick<KeyStore, 'generate'>;
  /** RSA keys made before somebody needs them; without it each is made when it is needed. */
  readonly keyPool?: KeyPool;
  readonly jobs: Jobs;
  /** Where the office's own mail goes; without it, notices are kept and shown as unsent. */
  readonly mail?: OfficeMail;
  /** Where DNS is asked for what signs replies to ACME challenges; the system's own name servers without it. */
  readonly resolve?: Resolve;
  /** Tells whom it concerns of what was just recorded, in the same transaction; without it nobody is told. */
  readonly announce?: (tx: Transaction, world: World, entries: readonly AuditEntry[]) => Promise<void>;
  /** The present instant. */
  readonly clock: () => Date;
  readonly log: Log;
}

/** What answering about certificates needs: `chancery status` has no more, and a database that it may only read. */
export interface StatusWorld extends Pick<World, 'config' | 'clock' | 'log'> {
  readonly database: Pick<Database, 'snapshot' | 'glance'>;
  readonly keyStore: Pick<KeyStore, 'signer'>;
}

/** Structured log lines. No secret, key, password, token or message text is ever passed here. */
export interface Log {
  info(event: string, fields?: Record<string, unknown>): void;
  warn(event: string, fields?: Record<string, unknown>): void;
  error(event: string, fields?: Record<string, unknown>): void;
}
