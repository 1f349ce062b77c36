/**
 * The office as SCEP's registration authority: a key of its own, apart from those of the authorities, that opens what devices send
 * and signs what they are answered. The next is made long before one ends, and the one before serves until its own end.
 */
import { parseKeyReference } from '@chancery/keystore';
import { type Certificate, type Decrypter, parseCertificate, type Signer } from '@chancery/smime';
import { system } from '../principal.ts';
import { authorityChain, issuingAuthority, ownAndOutside } from '../store/authorities.ts';
import { endedScepRaKeys, type ScepRaRow, scepRaCertificates } from '../store/service-certificates.ts';
import type { World } from '../world.ts';
import { issueScepRa } from './service-certificates.ts';

export interface RegistrationAuthority {
  readonly certificate: Certificate;
  signer(): Promise<Signer>;
  decrypter(): Promise<Decrypter>;
}

/** All that still serve, the newest first; the first is made where there is none. */
export async function registrationAuthorities(
  world: World,
): Promise<readonly [RegistrationAuthority, ...RegistrationAuthority[]]> {
  let rows = await present(world);
  if (rows.length === 0) {
    await makeOnce(world);
    rows = await present(world);
  }
  const [first, ...others] = rows.map((row) => serve(world, row));
  if (first === undefined) throw new Error('The certificate of the registration authority is not there');
  return [first, ...others];
}

/** What devices are given before they ask for anything: the newest one, and the chains above it and above what is issued now. DER. */
export async function authorityCertificates(world: World): Promise<Certificate[]> {
  const [ra] = await registrationAuthorities(world);
  const chain = await issuingChain(world);
  return [ra.certificate, ...chain];
}

/** From the authority that issues now to its root, and the root above that where another office's stands there. */
export async function issuingChain(world: World): Promise<Certificate[]> {
  const ders = await world.database.snapshot(async (snapshot) => {
    const { id } = await issuingAuthority(snapshot);
    return (await authorityChain(snapshot, id)).flatMap(ownAndOutside);
  });
  return ders.map((der) => parseCertificate(der));
}

/** For the scheduler: where SCEP is in use, the next one, and an end to the keys of those that ended. */
export async function renewRegistrationAuthority(world: World): Promise<void> {
  const [newest] = await present(world);
  if (newest === undefined) return;
  const { id } = await world.database.snapshot(issuingAuthority);
  // One of an authority that issues no more is not above what devices get: clients would miss the chain.
  if (newest.renewAt <= world.clock() || newest.authorityId !== id) await issueScepRa(world, system, KEY);
  const ended = await world.database.snapshot((snapshot) => endedScepRaKeys(snapshot, world.clock()));
  if (ended.length === 0) return;
  const there = new Set((await world.keyStore.list()).map(({ reference }) => reference as string));
  for (const reference of ended) if (there.has(reference)) await world.keyStore.destroy(parseKeyReference(reference));
}

/** Every client encrypts to it, and opens what it signs, many times in its life: 3,072 bits. */
const KEY = 'rsa-3072';

const present = (world: World): Promise<ScepRaRow[]> =>
  world.database.snapshot((snapshot) => scepRaCertificates(snapshot, world.clock()));

/** Two who ask at once wait for one key. Two nodes may make one each: both are good. */
const making = new WeakMap<World, Promise<unknown>>();

async function makeOnce(world: World): Promise<void> {
  const begun = making.get(world) ?? issueScepRa(world, system, KEY).finally(() => making.delete(world));
  making.set(world, begun);
  await begun;
}

function serve(world: World, { certificate, keyReference }: ScepRaRow): RegistrationAuthority {
  const reference = parseKeyReference(keyReference);
  return {
    certificate: parseCertificate(certificate),
    signer: () => world.keyStore.signer(reference),
    decrypter: () => world.keyStore.decrypter(reference),
  };
}
