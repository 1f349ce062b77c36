/**
 * Statuses of certificates as they were read last, for answers that cannot be kept themselves: whoever sends a nonce is answered
 * without another query for as long as nothing changes. Who forgets what changed, and when, is `RevocationWatch`'s to say.
 */
import type { OcspCertificateStatus } from '@chancery/smime';

/** Some 200 octets each. The least recently read go first. */
const MOST = 100_000;

export class KnownStatuses {
  readonly #statuses = new Map<string, OcspCertificateStatus>();

  /** Of all of these certificates, or undefined where one is not known. */
  get(authorityId: string, serialNumbers: readonly string[]): Map<string, OcspCertificateStatus> | undefined {
    const found = new Map<string, OcspCertificateStatus>();
    for (const serial of serialNumbers) {
      const status = this.#statuses.get(nameOf(authorityId, serial));
      if (status === undefined) return undefined;
      found.set(serial, status);
    }
    return found;
  }

  /** Of certificates that were issued. One that was not may be in the next second: nobody keeps that. */
  put(authorityId: string, statuses: ReadonlyMap<string, OcspCertificateStatus>): void {
    for (const [serial, status] of statuses) {
      const name = nameOf(authorityId, serial);
      this.#statuses.delete(name);
      this.#statuses.set(name, status);
    }
    for (const oldest of this.#statuses.keys()) {
      if (this.#statuses.size <= MOST) break;
      this.#statuses.delete(oldest);
    }
  }

  /** Those certificates; without them, everything. */
  forget(authorityId: string, serialNumbers: readonly string[] | undefined): void {
    if (serialNumbers === undefined) this.#statuses.clear();
    else for (const serial of serialNumbers) this.#statuses.delete(nameOf(authorityId, serial));
  }
}

const nameOf = (authorityId: string, serialNumber: string): string => `${authorityId} ${serialNumber}`;
