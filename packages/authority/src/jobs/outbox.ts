/**
 * The outbox: work that follows a commit (issuing, publishing, notices), enqueued in the same transaction and run
 * at least once by some node. Every handler is idempotent.
 */
import { z } from 'zod';
import type { Transaction } from '../store/database.ts';

/** Every kind of job and its payload. */
export const jobPayloads = {
  /** ra: make, escrow and certify the key of a waiting enrolment. */
  'fulfil-enrollment': z.object({ enrollmentId: z.uuid() }),
  /** ra: certify what waits in a batch of requests. */
  'issue-batch': z.object({ issuanceId: z.uuid() }),
  /** publication: bring one person's entry in every target in line with the inventory. */
  'publish-person': z.object({ personId: z.uuid() }),
  /** ca: make a new CRL. */
  'generate-crl': z.object({ authorityId: z.uuid() }),
  /** kra: move what a provisional vault holds into the vault that the officers founded. */
  'empty-vaults': z.object({}),
  /** kra: open what a quorum of officers has contributed to. */
  'open-batch': z.object({ batchId: z.uuid() }),
  /** kra: seal anew what the key-encryption key before has sealed. */
  'rotate-kek': z.object({}),
  /** identity: send a sign-in link to whoever has that address; nothing where nobody does. */
  'send-sign-in-link': z.object({ address: z.string() }),
  /** publication: bring an authority's certificate and lists in every target in line with ours. */
  'publish-documents': z.object({ authorityId: z.uuid() }),
  /** ra: tell Intune what became of a device that it validated. */
  'tell-intune': z.object({ id: z.uuid() }),
  /** publication: go on comparing a target with the inventory. */
  reconcile: z.object({ target: z.string() }),
  /** identity: follow a directory, once. */
  'sync-directory': z.object({ name: z.string() }),
  /** ra: mail the challenges that wait. */
  'send-acme-challenges': z.object({}),
  /** notices: send the mail that waits. */
  'send-notices': z.object({}),
} as const;

export type JobName = keyof typeof jobPayloads;
export type JobPayload<N extends JobName> = z.output<(typeof jobPayloads)[N]>;

export interface Jobs {
  /** Enqueues in the caller's transaction: it runs if and only if the transaction commits. */
  enqueue<N extends JobName>(tx: Transaction, name: N, payload: JobPayload<N>): Promise<void>;
  /** The same for many at once: thousands take one statement. */
  enqueueAll<N extends JobName>(tx: Transaction, name: N, payloads: readonly JobPayload<N>[]): Promise<void>;
}
