/** What an employee has, as their own page shows it. */
import type { Myself } from '@chancery/api';
import { parseCertificate } from '@chancery/smime';
import { deliveriesTo } from '../audit/about-person.ts';
import { describeCertificate } from '../ca/describe.ts';
import { AuthorityError } from '../errors.ts';
import { listAuthorities, ownAndOutside } from '../store/authorities.ts';
import { certificatesOfPeople } from '../store/certificates.ts';
import type { Snapshot } from '../store/database.ts';
import { listDeviceEnrolments } from '../store/device-enrolments.ts';
import { escrowedKeysOfPerson, everyCertificateOfKeys, locksOfKeys } from '../store/escrow.ts';
import { openHelpRequest } from '../store/help-requests.ts';
import { requireOffice } from '../store/office.ts';
import { personById } from '../store/people.ts';
import { passkeysOfPerson } from '../store/person-passkeys.ts';
import type { World } from '../world.ts';
import { describeEnrolment } from './describe-enrolment.ts';
import { describeDevices } from './enrolled-devices.ts';

/** @throws AuthorityError `not-found` */
export async function describeMyself(
  world: World,
  snapshot: Snapshot,
  personId: string,
  sessionEndsAt: Date,
): Promise<Omit<Myself, 'phone'>> {
  const person = await personById(snapshot, personId);
  if (person === undefined) throw new AuthorityError('not-found', 'There is no such person.');
  const now = world.clock();
  const certificates = (await certificatesOfPeople(snapshot, [personId])).map((row) => ({
    ...describeCertificate(row, now),
    escrowedKeyId: row.escrowed_key_id,
  }));
  const passkeys = await passkeysOfPerson(snapshot, personId);
  const help = await openHelpRequest(snapshot, personId);
  return {
    id: person.id,
    organisation: (await requireOffice(snapshot)).organisation,
    name: person.name,
    address: person.address,
    sessionEndsAt: sessionEndsAt.toISOString(),
    signing: certificates.filter(({ use }) => use === 'signing'),
    keys: await describeKeys(snapshot, personId, certificates, now),
    passkeys: passkeys.map((row) => ({
      credentialId: row.credential_id,
      name: row.name,
      createdAt: row.created_at.toISOString(),
      lastUsedAt: row.last_used_at?.toISOString() ?? null,
      opensKeys: row.owner_key !== null,
    })),
    devices: await deliveriesTo(snapshot, personId),
    enrolledDevices: await describeDevices(snapshot, person, now),
    enrolments: (await listDeviceEnrolments(snapshot, { personId, limit: 20 })).map(describeEnrolment),
    mayUpload: world.config.enrolment.selfService !== 'never',
    gmail: world.config.devices.gmail ?? null,
    help: help === undefined ? null : { topic: help.topic, askedAt: help.asked_at.toISOString() },
    caCertificates: (await listAuthorities(snapshot))
      .flatMap(ownAndOutside)
      .map((der) => Buffer.from(der).toString('base64')),
  };
}

async function describeKeys(
  snapshot: Snapshot,
  personId: string,
  certificates: readonly (Myself['keys'][number]['certificates'][number] & { escrowedKeyId: string | null })[],
  now: Date,
): Promise<Myself['keys']> {
  const keys = (await escrowedKeysOfPerson(snapshot, personId)).filter(({ destroyed_at }) => destroyed_at === null);
  const ids = keys.map(({ id }) => id);
  const locks = await locksOfKeys(snapshot, ids);
  const others = (await everyCertificateOfKeys(snapshot, ids)).filter(
    ({ escrowedKeyId, serialNumber }) =>
      !certificates.some((one) => one.escrowedKeyId === escrowedKeyId && one.serialNumber === serialNumber),
  );
  return keys.map((key) => {
    const held = locks.filter(({ escrowed_key_id }) => escrowed_key_id === key.id);
    return {
      id: key.id,
      createdAt: key.created_at.toISOString(),
      certificates: [
        ...certificates.filter(({ escrowedKeyId }) => escrowedKeyId === key.id),
        // Of another office: what became of it there is not known here.
        ...others
          .filter(({ escrowedKeyId }) => escrowedKeyId === key.id)
          .map(({ serialNumber, certificate }) => {
            const { notBefore, notAfter } = parseCertificate(certificate);
            return {
              serialNumber,
              notBefore: notBefore.toISOString(),
              notAfter: notAfter.toISOString(),
              state: notAfter < now ? ('expired' as const) : ('valid' as const),
            };
          }),
      ],
      deliveredAt: key.delivered_at?.toISOString() ?? null,
      gatewayOpens: held.some(({ kind }) => kind === 'gateway'),
      openedBy: held.filter(({ kind }) => kind === 'owner').map(({ holder }) => holder),
    };
  });
}
