/** What a kit for a mail program is made of: everything but the keys, which whoever has them adds. */
import { publicUrlOf } from '../config.ts';
import { AuthorityError } from '../errors.ts';
import { type NamedFile, safeName, zipOf } from '../kra/recovered-files.ts';
import { listAuthorities, ownAndOutside, trustAnchors } from '../store/authorities.ts';
import { certificatesOfPerson } from '../store/certificates.ts';
import type { Snapshot } from '../store/database.ts';
import { requireOffice } from '../store/office.ts';
import { personById } from '../store/people.ts';
import { certificatesEverIssued } from '../store/publications.ts';
import type { World } from '../world.ts';
import type { DevicesConfig } from './devices-config.ts';
import { outlookForEveryone, outlookKit } from './outlook-kit.ts';
import { thunderbirdForEveryone, thunderbirdKit } from './thunderbird-kit.ts';

export type KitKind = 'thunderbird' | 'outlook';

/** Facts that every kit is made of; all of them public. */
export interface KitFacts {
  readonly organisation: string;
  readonly publicUrl: string;
  /** DER. */
  readonly roots: readonly Uint8Array[];
  /** DER: authorities below the roots. */
  readonly authorities: readonly Uint8Array[];
  readonly devices: DevicesConfig;
  readonly now: Date;
}

/** The person whom a kit is for. */
export interface KitOwner {
  /** The primary one first. */
  readonly addresses: readonly string[];
  /** Their certificates, DER, newest first. */
  readonly encryption: readonly Uint8Array[];
}

export interface Kit {
  readonly fileName: string;
  readonly files: readonly NamedFile[];
}

/** For one person, without their keys. @throws AuthorityError `not-found`, `wrong-state` (no certificate for encryption yet) */
export async function personKit(world: World, snapshot: Snapshot, personId: string, kind: KitKind): Promise<Kit> {
  const person = await personById(snapshot, personId);
  if (person === undefined) throw new AuthorityError('not-found', 'There is no such person.');
  const own = (await certificatesOfPerson(snapshot, personId))
    .filter(({ use, revoked_at }) => use === 'encryption' && revoked_at === null)
    .toSorted((a, b) => b.not_before.getTime() - a.not_before.getTime());
  if (own.length === 0) {
    throw new AuthorityError(
      'wrong-state',
      'Your encryption key is not ready yet. Nothing was lost. Try again in a minute.',
    );
  }
  const facts = await factsOf(world, snapshot);
  const issued = new Map(
    (await certificatesEverIssued(snapshot, [personId])).map((one) => [one.serial_number, one.certificate]),
  );
  const owner = {
    addresses: [person.address, ...person.aliases],
    encryption: own.flatMap(({ serial_number }) => issued.get(serial_number) ?? []),
  };
  const name = safeName(person.address);
  return kind === 'thunderbird'
    ? { fileName: `${name}.mail-keys.xpi`, files: thunderbirdKit(facts, owner) }
    : { fileName: `${name}.outlook.zip`, files: outlookKit(facts) };
}

/** For whoever manages everyone's machines: nothing of any one person is in it. */
export async function organisationKit(
  world: World,
  snapshot: Snapshot,
  kind: KitKind,
): Promise<{ fileName: string; data: Uint8Array }> {
  const facts = await factsOf(world, snapshot);
  const files = kind === 'thunderbird' ? thunderbirdForEveryone(facts) : outlookForEveryone(facts);
  return { fileName: `${kind}-for-everyone.zip`, data: zipOf(files, facts.now) };
}

async function factsOf(world: World, snapshot: Snapshot): Promise<KitFacts> {
  const roots = await trustAnchors(snapshot);
  const isRoot = (der: Uint8Array) => roots.some((root) => Buffer.compare(root, der) === 0);
  return {
    organisation: (await requireOffice(snapshot)).organisation,
    publicUrl: publicUrlOf(world.config),
    roots,
    authorities: (await listAuthorities(snapshot)).flatMap(ownAndOutside).filter((der) => !isRoot(der)),
    devices: world.config.devices,
    now: world.clock(),
  };
}
