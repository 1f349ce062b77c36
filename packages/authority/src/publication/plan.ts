/** What should stand where of people's certificates, and what a target needs to know of them. */
import type { ProfileDocument } from '@chancery/api';
import { chainOf } from '../store/authorities.ts';
import { type CertificateEntry, certificateState, certificatesOfPeople } from '../store/certificates.ts';
import type { Snapshot } from '../store/database.ts';
import { usableKeys } from '../store/escrow.ts';
import { type PersonRow, peopleByIds } from '../store/people.ts';
import { publicationByProfile } from '../store/profiles.ts';
import {
  certificatesEverIssued,
  entriesOfPeople,
  type PublicationRow,
  publicationsOfPeople,
} from '../store/publications.ts';
import type { Holder } from './target.ts';

interface Planned {
  readonly personId: string;
  readonly target: string;
  readonly serialNumber: string;
  readonly wanted: boolean;
}

/** What must change in those targets so that they hold what they should of those people. */
export async function planFor(
  snapshot: Snapshot,
  personIds: readonly string[],
  targets: readonly string[],
  now: Date,
): Promise<Planned[]> {
  const publishable = await publishableOf(snapshot, personIds, now);
  const rows = grouped(await publicationsOfPeople(snapshot, personIds), ({ person_id }) => person_id ?? '');
  return personIds.flatMap((personId) =>
    targets.flatMap((target) => {
      const here = new Set(
        (publishable.get(personId) ?? [])
          .filter(({ publication }) => isFor(publication, target))
          .map(({ serialNumber }) => serialNumber),
      );
      const known = (rows.get(personId) ?? []).filter((row) => row.target === target);
      const news = [...here].filter((serial) => !known.some((row) => row.serial_number === serial && row.wanted));
      const gone = known.filter((row) => row.wanted && !here.has(row.serial_number)).map((row) => row.serial_number);
      return [
        ...news.map((serialNumber) => ({ personId, target, serialNumber, wanted: true })),
        ...gone.map((serialNumber) => ({ personId, target, serialNumber, wanted: false })),
      ];
    }),
  );
}

/** Those people as that target needs to know them, and what is written down about each. */
export async function holdersOf(
  snapshot: Snapshot,
  personIds: readonly string[],
  target: string,
): Promise<{ holder: Holder; rows: PublicationRow[] }[]> {
  const people = new Map((await peopleByIds(snapshot, personIds)).map((row) => [row.id, row]));
  const certificates = grouped(await certificatesEverIssued(snapshot, personIds), ({ person_id }) => person_id ?? '');
  const publications = grouped(await publicationsOfPeople(snapshot, personIds), ({ person_id }) => person_id ?? '');
  const entries = await entriesOfPeople(snapshot, target, personIds);
  const chains = new Map<string, readonly Uint8Array[]>();
  for (const { authority_id } of [...certificates.values()].flat())
    if (!chains.has(authority_id)) chains.set(authority_id, await chainOf(snapshot, authority_id));
  return personIds.flatMap((personId) => {
    const person = people.get(personId);
    if (person === undefined) return [];
    const rows = (publications.get(personId) ?? []).filter((row) => row.target === target);
    const own = (certificates.get(personId) ?? []).map((row) => ({
      serialNumber: row.serial_number,
      use: row.use,
      der: row.certificate,
      addresses: row.addresses,
      issuers: chains.get(row.authority_id) ?? [],
    }));
    const wanted = new Set(rows.filter((row) => row.wanted).map((row) => row.serial_number));
    const holder = {
      personId,
      addresses: addressesOf(person),
      own,
      wanted,
      entry: entries.get(personId)?.entry ?? null,
    };
    return [{ holder, rows }];
  });
}

const addressesOf = ({ address, aliases }: PersonRow): [string, ...string[]] => [address, ...aliases];

type Publication = ProfileDocument['publication'];

const isFor = (publication: Publication, target: string): boolean =>
  publication === 'everywhere' || (publication !== 'nowhere' && publication.includes(target));

/**
 * Certificates that senders should find, each where the version of its profile wants it: good, of somebody who is here,
 * and for encryption only once the key is in use.
 */
async function publishableOf(
  snapshot: Snapshot,
  personIds: readonly string[],
  now: Date,
): Promise<Map<string, { serialNumber: string; publication: Publication }[]>> {
  const active = (await peopleByIds(snapshot, personIds)).filter(({ state }) => state === 'active');
  const good = (
    await certificatesOfPeople(
      snapshot,
      active.map(({ id }) => id),
    )
  ).filter((one) => ['valid', 'expiring'].includes(certificateState(one, now)));
  const usable = await usableKeys(
    snapshot,
    good.flatMap((one) => one.escrowed_key_id ?? []),
  );
  const ready = good.filter((one) => one.use === 'signing' || usable.has(one.escrowed_key_id ?? ''));
  const publications = await publicationByProfile(
    snapshot,
    ready.map((one) => one.profile),
  );
  const publicationOf = (one: CertificateEntry): Publication =>
    publications.get(`${one.profile}/${one.profile_version}`) ??
    // Issued by another office before it came here: senders find it as they find ours.
    (one.use === 'encryption' ? 'everywhere' : 'nowhere');
  return new Map(
    [...grouped(ready, ({ person_id }) => person_id ?? '')].map(([personId, list]) => [
      personId,
      list.map((one) => ({ serialNumber: one.serial_number, publication: publicationOf(one) })),
    ]),
  );
}

function grouped<T>(list: readonly T[], keyOf: (one: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const one of list) groups.set(keyOf(one), [...(groups.get(keyOf(one)) ?? []), one]);
  return groups;
}
