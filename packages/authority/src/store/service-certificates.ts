/** Certificates of keys in the key store that serve SCEP. */
import type { Snapshot } from './database.ts';

export interface ScepRaRow {
  readonly serialNumber: string;
  readonly authorityId: string;
  readonly keyReference: string;
  readonly certificate: Buffer;
  readonly renewAt: Date;
}

/** Good at that instant, the one that was issued last first. */
export async function scepRaCertificates(snapshot: Snapshot, at: Date): Promise<ScepRaRow[]> {
  const rows = await snapshot
    .selectFrom('certificates')
    .select(['serial_number', 'authority_id', 'key_reference', 'certificate', 'renew_at'])
    .where('use', '=', 'scep-ra')
    .where('revoked_at', 'is', null)
    .where('not_before', '<=', at)
    .where('not_after', '>', at)
    .orderBy('issued_at', 'desc')
    .orderBy('serial_number')
    .limit(20)
    .execute();
  return rows.flatMap(({ serial_number, authority_id, key_reference, certificate, renew_at }) =>
    key_reference === null
      ? []
      : [
          {
            serialNumber: serial_number,
            authorityId: authority_id,
            keyReference: key_reference,
            certificate,
            renewAt: renew_at,
          },
        ],
  );
}

/** References of keys whose certificate ended before that instant. */
export async function endedScepRaKeys(snapshot: Snapshot, before: Date): Promise<string[]> {
  const rows = await snapshot
    .selectFrom('certificates')
    .select('key_reference')
    .where('use', '=', 'scep-ra')
    .where('not_after', '<', before)
    .where('key_reference', 'is not', null)
    .execute();
  return rows.flatMap(({ key_reference }) => key_reference ?? []);
}
