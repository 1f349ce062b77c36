/**
 * What happened to a person, for whoever has to show it outside of the office: certificates and when they were revoked, keys and what keeps
 * them, lists that the authorities signed, and every record of the trail about them with its proof. Signed twice: within by the key of
 * the trail, which a third party notes once and then checks all of it with, and around it, as a CMS object that any program reads,
 * by the office's seal, which leads to its root. When that was there a time stamp says.
 */
import { createHash } from 'node:crypto';
import { parseKeyReference } from '@chancery/keystore';
import { derToPem } from '@chancery/smime';
import canonicalize from 'canonicalize';
import { z } from 'zod';
import { provenRecordsAbout } from '../audit/about-person.ts';
import { checkpointIfDue, verifierKeyOf } from '../audit/checkpoint.ts';
import { EVIDENCE, type Evidence, signedText } from '../audit/verify-evidence.ts';
import { ensureSeal, seal } from '../delivery/seal.ts';
import { AuthorityError } from '../errors.ts';
import { safeName, zipOf } from '../kra/recovered-files.ts';
import { operation, perform } from '../operation.ts';
import type { Principal } from '../principal.ts';
import { auditKey } from '../store/audit-tree.ts';
import { listAuthorities, ownAndOutside, trustAnchors } from '../store/authorities.ts';
import { certificatesOfPerson } from '../store/certificates.ts';
import { latestCrl, readCrl } from '../store/crls.ts';
import type { Snapshot } from '../store/database.ts';
import { keyHistory } from '../store/escrow.ts';
import { holdsOf } from '../store/legal-holds.ts';
import { requireOffice } from '../store/office.ts';
import { type PersonRow, personById } from '../store/people.ts';
import { publicationsOfPeople } from '../store/publications.ts';
import { retentionEnds } from '../store/retention.ts';
import { presentTimeStampKey } from '../store/time-stamp-keys.ts';
import type { World } from '../world.ts';
import { describeBundle } from './describe-bundle.ts';
import { noSuchPerson } from './onboarding.ts';
import { ensureTimeStampKey, timeStamp } from './time-stamp.ts';

/** Records in one bundle, the newest. */
const MOST_RECORDS = 5_000;
/** Octets of a list that is taken in whole; of a larger one its number and digest stand for it. */
const LARGEST_LIST = 1_000_000;

/**
 * The bundle as it stands now, under a checkpoint that covers what was done up to now: a ZIP with the signed object, the time stamp
 * upon it, what the two lead to, and how they are checked.
 * @throws AuthorityError `not-found`, `forbidden`, `unavailable` (a time-stamping authority elsewhere did not stamp)
 */
export async function evidenceAbout(
  world: World,
  by: Principal,
  personId: string,
): Promise<{ fileName: string; data: Uint8Array; records: number }> {
  await checkpointIfDue(world);
  await ensureSeal(world);
  await ensureTimeStampKey(world);
  const { data, records, ...about } = await perform(world, exportEvidence, by, { personId });
  const stamp = await timeStamp(world, data);
  const roots = await world.database.snapshot(trustAnchors);
  const files = [
    { name: 'evidence.p7m', data },
    { name: 'evidence.tst', data: stamp.token },
    { name: 'office.pem', data: pem(roots) },
    { name: 'tsa.pem', data: pem(stamp.certificates) },
  ];
  const outside = world.config.evidence.timeStamp;
  const readMe = describeBundle({ ...about, roots, stamp, outside: outside && new URL(outside.url).host });
  const now = world.clock();
  return {
    fileName: `evidence-${safeName(about.address)}-${now.toISOString().slice(0, 10)}.zip`,
    data: zipOf([{ name: 'README.txt', data: Buffer.from(readMe, 'utf8') }, ...files], now),
    records,
  };
}

export const exportEvidence = operation({
  action: 'person.export-evidence',
  permission: 'audit:read',
  input: z.strictObject({ personId: z.uuid() }),
  subject: ({ personId }) => `person:${personId}`,
  async run(tx, { personId }, _by, world) {
    const person = await personById(tx, personId);
    if (person === undefined) throw noSuchPerson();
    const evidence = await signed(tx, world, await gather(tx, world, person));
    const text = canonicalize(evidence);
    if (text === undefined) throw new Error('The evidence is no JSON');
    const data = await seal(world, tx, Buffer.from(text, 'utf8'));
    const { organisation, madeAt, trail } = evidence;
    return {
      result: { data, address: person.address, organisation, madeAt, records: trail.records.length },
      audit: {
        records: trail.records.length,
        truncated: trail.truncated,
        octets: data.length,
        sha256: createHash('sha256').update(data).digest('hex'),
      },
    };
  },
});

async function gather(snapshot: Snapshot, world: World, person: PersonRow): Promise<Omit<Evidence, 'signature'>> {
  const trail = await provenRecordsAbout(snapshot, person.id, MOST_RECORDS);
  if (trail === undefined) {
    throw new AuthorityError(
      'wrong-state',
      'No checkpoint is signed yet. Nothing was exported. Try again in two minutes.',
    );
  }
  const isoOf = (date: Date | null | undefined) => date?.toISOString() ?? null;
  const keys = await keyHistory(snapshot, person.id);
  const ends = await retentionEnds(
    snapshot,
    keys.map(({ id }) => id),
  );
  const publications = await publicationsOfPeople(snapshot, [person.id]);
  return {
    format: EVIDENCE,
    version: 2,
    organisation: (await requireOffice(snapshot)).organisation,
    madeAt: world.clock().toISOString(),
    person: {
      id: person.id,
      name: person.name,
      address: person.address,
      aliases: [...person.aliases],
      externalId: person.external_id,
      state: person.state,
      leftAt: isoOf(person.left_at),
      suspendedAt: isoOf(person.suspended_at),
    },
    certificates: (await certificatesOfPerson(snapshot, person.id)).map((one) => ({
      serialNumber: one.serial_number,
      authorityId: one.authority_id,
      use: one.use,
      subject: one.subject,
      addresses: one.addresses,
      fingerprintSha256: one.fingerprint.toString('hex'),
      notBefore: one.not_before.toISOString(),
      notAfter: one.not_after.toISOString(),
      revokedAt: isoOf(one.revoked_at),
      revocationReason: one.revocation_reason,
      published: publications
        .filter(({ serial_number }) => serial_number === one.serial_number)
        .map(({ target, state, updated_at }) => ({ target, state, at: updated_at.toISOString() })),
    })),
    escrowedKeys: keys.map((key) => ({
      id: key.id,
      algorithm: key.key_algorithm,
      spkiSha256: key.spki_sha256.toString('hex'),
      createdAt: key.created_at.toISOString(),
      deliveredAt: isoOf(key.delivered_at),
      keptUntil: isoOf(ends.get(key.id)),
      destroyedAt: isoOf(key.destroyed_at),
    })),
    legalHolds: (await holdsOf(snapshot, person.id)).map((hold) => ({
      caseNumber: hold.case_number,
      placedAt: hold.placed_at.toISOString(),
      liftedAt: isoOf(hold.lifted_at),
    })),
    authorities: await authoritiesOf(snapshot),
    timeStamp: await stamperOf(snapshot, world),
    trail,
  };
}

/** Whose stamp is to be looked for: named here, where the office signs it. */
async function stamperOf(snapshot: Snapshot, world: World): Promise<Evidence['timeStamp']> {
  const outside = world.config.evidence.timeStamp;
  if (outside !== undefined) return { by: outside.url, certificateSha256: null };
  const key = await presentTimeStampKey(snapshot, world.clock());
  if (key === undefined)
    throw new AuthorityError('unavailable', 'The office has no key for time stamps yet. Nothing was exported.');
  return { by: 'office', certificateSha256: createHash('sha256').update(key.certificate).digest('hex') };
}

/** By the key of the trail, over all of it but the signature. */
async function signed(snapshot: Snapshot, world: World, evidence: Omit<Evidence, 'signature'>): Promise<Evidence> {
  const key = await auditKey(snapshot);
  if (key === undefined) throw new Error('The trail has a checkpoint and no key');
  const signer = await world.keyStore.signer(parseKeyReference(key.key_reference));
  // EdDSA has a hash of its own: the one that is named here is not looked at.
  const value = await signer.sign(signedText(evidence), 'sha512');
  return { ...evidence, signature: { key: verifierKeyOf(key).name, value: base64(value) } };
}

async function authoritiesOf(snapshot: Snapshot): Promise<Evidence['authorities']> {
  const described: Evidence['authorities'][number][] = [];
  for (const authority of await listAuthorities(snapshot)) {
    const scope = { authorityId: authority.id, shard: null };
    const crl = await latestCrl(snapshot, scope);
    const der = crl !== undefined && crl.octets <= LARGEST_LIST ? await readCrl(snapshot, scope, crl) : undefined;
    described.push({
      id: authority.id,
      name: authority.name,
      chain: ownAndOutside(authority).map((one) => Buffer.from(one).toString('base64')),
      list:
        crl === undefined ? null : { sha256: crl.sha256.toString('hex'), der: der === undefined ? null : base64(der) },
    });
  }
  return described;
}

const base64 = (octets: Uint8Array): string => Buffer.from(octets).toString('base64');

const pem = (certificates: readonly Uint8Array[]): Buffer =>
  Buffer.from(certificates.map((der) => derToPem(der, 'CERTIFICATE')).join(''), 'latin1');
