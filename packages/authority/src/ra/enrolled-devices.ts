/** Devices that made their own keys: what each asked for first, all that it renewed since, and the certificates of its keys. */
import type { EnrolledDevice } from '@chancery/api';
import { describeCertificate } from '../ca/describe.ts';
import { type CertificateEntry, certificatesOfPerson } from '../store/certificates.ts';
import type { Snapshot } from '../store/database.ts';
import { type DeviceEnrolmentRow, enrolmentsOfPerson } from '../store/device-enrolments.ts';
import { challengesBehind } from './describe-enrolment.ts';

export interface DeviceOf {
  /** The request that it enrolled with, answered or not. */
  readonly first: DeviceEnrolmentRow;
  /** What it asked for later, with a certificate of its own; oldest first. */
  readonly later: readonly DeviceEnrolmentRow[];
  /** For every key that it was given a certificate for, also those that came later; newest first. */
  readonly certificates: readonly CertificateEntry[];
}

/** Newest first; those that were never given anything are left out. */
export async function devicesOfPerson(snapshot: Snapshot, personId: string): Promise<DeviceOf[]> {
  const certificates = await certificatesOfPerson(snapshot, personId);
  const keyOf = new Map(certificates.map((one) => [one.serial_number, one.spki_sha256.toString('hex')]));
  const rows = await enrolmentsOfPerson(snapshot, personId);
  const answered = new Map(
    rows.flatMap((row) => (row.serial_number === null ? [] : [[row.serial_number, row] as const])),
  );
  const laterOf = Map.groupBy(
    rows.filter((row) => answered.has(row.renews ?? '')),
    (row) => firstOf(row, answered).id,
  );
  return rows
    .filter((row) => !answered.has(row.renews ?? ''))
    .flatMap((first): DeviceOf[] => {
      const later = laterOf.get(first.id) ?? [];
      const keys = new Set([first, ...later].flatMap(({ serial_number }) => keyOf.get(serial_number ?? '') ?? []));
      if (keys.size === 0) return [];
      const held = certificates.filter((one) => keys.has(one.spki_sha256.toString('hex')));
      return [{ first, later, certificates: held }];
    })
    .reverse();
}

/** The request that began the line of renewals. A certificate is renewed by another that is issued later: there is no circle. */
function firstOf(row: DeviceEnrolmentRow, answered: ReadonlyMap<string, DeviceEnrolmentRow>): DeviceEnrolmentRow {
  const before = answered.get(row.renews ?? '');
  return before === undefined || before === row ? row : firstOf(before, answered);
}

/** @param name of the person */
export async function describeDevices(
  snapshot: Snapshot,
  { id, name }: { readonly id: string; readonly name: string },
  now: Date,
): Promise<EnrolledDevice[]> {
  const devices = await devicesOfPerson(snapshot, id);
  const challenges = await challengesBehind(
    snapshot,
    devices.map(({ first }) => first),
    name,
  );
  return devices.map(({ first, later, certificates }) => {
    const renewed = later.filter(({ state, use }) => state === 'issued' && use === 'signing');
    return {
      id: first.id,
      protocol: first.protocol,
      label: first.label,
      proof: first.proof,
      subject: first.subject,
      keyAlgorithm: first.key_algorithm,
      challenge: challenges.get(first.challenge_id ?? '') ?? null,
      enrolledAt: first.requested_at.toISOString(),
      renewals: renewed.length,
      renewedAt: renewed.at(-1)?.requested_at.toISOString() ?? null,
      certificates: certificates.map((one) => describeCertificate(one, now)),
      lostAt: first.lost_at?.toISOString() ?? null,
    };
  });
}
