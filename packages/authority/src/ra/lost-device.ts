/**
 * A device is lost: every key that it held is compromised, in one act. Its owner says so on their own page, an operator for them.
 * What it asked for and was not given yet is refused.
 */
import type { LostDevice } from '@chancery/api';
import { z } from 'zod';
import { AuthorityError } from '../errors.ts';
import { act, consult, operation, performTogether } from '../operation.ts';
import { type Principal, permissionsOf, requireSelf } from '../principal.ts';
import { type CertificateEntry, certificateState } from '../store/certificates.ts';
import type { Snapshot } from '../store/database.ts';
import { changeDeviceEnrolment, deviceEnrolmentById, markEnrolmentsLost } from '../store/device-enrolments.ts';
import { lockPerson } from '../store/people.ts';
import type { World } from '../world.ts';
import { reportCompromise } from './compromise.ts';
import { type DeviceOf, devicesOfPerson } from './enrolled-devices.ts';
import { noSuchPerson } from './onboarding.ts';

/** @throws AuthorityError `not-found`, `forbidden` (another's) */
export const markDeviceLost = operation({
  action: 'device.report-lost',
  permission: {
    guard: (by: Principal) =>
      (by.kind === 'person' && by.signedIn === true) || permissionsOf(by).has('certificate:revoke'),
    description: 'the permission certificate:revoke, or a device of their own',
  },
  input: z.strictObject({
    personId: z.uuid(),
    /** Of the request that it enrolled with. */
    deviceId: z.uuid(),
    note: z.string().trim().max(1000).default(''),
  }),
  subject: ({ personId }) => `person:${personId}`,
  async run(tx, { personId, deviceId, note }, by, world) {
    if (by.kind === 'person') requireSelf(by, personId);
    if ((await lockPerson(tx, personId)) === undefined) throw noSuchPerson();
    const { first, later, certificates } = await requireDevice(tx, personId, deviceId);
    const at = world.clock();
    const rows = [first, ...later];
    await markEnrolmentsLost(
      tx,
      rows.map(({ id }) => id),
      at,
    );
    const open = rows.filter(({ state }) => state === 'waiting' || state === 'approved').map(({ id }) => id);
    for (const id of open)
      await changeDeviceEnrolment(tx, id, {
        state: 'refused',
        request: null,
        decided_at: at,
        decided_by: by.name,
        reason: 'The device was reported lost.',
      });
    return {
      result: undefined,
      audit: {
        personId,
        deviceId,
        note,
        protocol: first.protocol,
        certificates: certificates.map(({ serial_number }) => serial_number).sort(),
        refused: open,
      },
    };
  },
});

/**
 * @param deviceId of the request that it enrolled with
 * @throws AuthorityError as `markDeviceLost` and `reportCompromise`
 */
export async function loseDevice(
  world: World,
  by: Principal,
  { deviceId, note }: { readonly deviceId: string; readonly note: string },
): Promise<LostDevice> {
  const needs = by.kind === 'person' ? 'self:write' : 'certificate:revoke';
  const { personId, keys } = await consult(world, needs, by, async (snapshot) => {
    const row = await deviceEnrolmentById(snapshot, deviceId);
    if (row === undefined || (by.kind === 'person' && by.id !== row.person_id)) throw noSuchDevice();
    const { certificates } = await requireDevice(snapshot, row.person_id, deviceId);
    return { personId: row.person_id, keys: keysInForce(certificates, world.clock()) };
  });
  const [, ...outcomes] = await performTogether<Awaited<ReturnType<typeof reportCompromise.run>>['result'] | undefined>(
    world,
    by,
    [
      act(markDeviceLost, { personId, deviceId, note }),
      ...keys.map(({ serial_number }) => act(reportCompromise, { personId, serialNumber: serial_number, note })),
    ],
  );
  return {
    keys: outcomes.flatMap((outcome, index) => {
      const use = keys[index]?.use;
      return outcome === undefined || (use !== 'signing' && use !== 'encryption') ? [] : [{ ...outcome, use }];
    }),
  };
}

async function requireDevice(snapshot: Snapshot, personId: string, deviceId: string): Promise<DeviceOf> {
  const device = (await devicesOfPerson(snapshot, personId)).find(({ first }) => first.id === deviceId);
  if (device === undefined) throw noSuchDevice();
  return device;
}

/** One certificate for each key that still has one which is good, or on hold. */
function keysInForce(certificates: readonly CertificateEntry[], now: Date): CertificateEntry[] {
  const found = new Map<string, CertificateEntry>();
  for (const one of certificates) {
    const state = certificateState(one, now);
    if (state !== 'revoked' && state !== 'expired') found.set(one.spki_sha256.toString('hex'), one);
  }
  return [...found.values()];
}

const noSuchDevice = () => new AuthorityError('not-found', 'There is no such device. Nothing was changed.');
