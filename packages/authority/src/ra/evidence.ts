/**
 * What happened to a person, for whoever has to show it outside of the office: certificates and when they were revoked, keys and what keeps
 * them, lists that the authorities signed, and every record of the trail about them with its proof. Signed as one CMS object by
 * the key of the trail, which a third party notes once and then checks both with.
 */
import { parseKeyReference } from '@chancery/keystore';
import {
  assembleSigned,
  buildName,
  buildTbsCertificate,
  type Certificate,
  defaultHash,
  keyIdentifier,
  keyUsage,
  parseCertificate,
  signatureAlgorithmFor,
  signContent,
  subjectKeyIdentifier,
} from '@chancery/smime';
import canonicalize from 'canonicalize';
import { z } from 'zod';
import { provenRecordsAbout } from '../audit/about-person.ts';
import { checkpointIfDue } from '../audit/checkpoint.ts';
import { EVIDENCE, type Evidence } from '../audit/verify-evidence.ts';
import { AuthorityError } from '../errors.ts';
import { operation, perform } from '../operation.ts';
import type { Principal } from '../principal.ts';
import { auditKey } from '../store/audit-tree.ts';
import { listAuthorities, ownAndOutside } from '../store/authorities.ts';
import { certificatesOfPerson } from '../store/certificates.ts';
import { latestCrl, readCrl } from '../store/crls.ts';
import type { Snapshot } from '../store/database.ts';
import { keyHistory } from '../store/escrow.ts';
import { holdsOf } from '../store/legal-holds.ts';
import { requireOffice } from '../store/office.ts';
import { type PersonRow, personById } from '../store/people.ts';
import { publicationsOfPeople } from '../store/publications.ts';
import { retentionEnds } from '../store/retention.ts';
import type { World } from '../world.ts';
import { noSuchPerson } from './onboarding.ts';

/** Records in one bundle, the newest. */
const MOST_RECORDS = 5_000;
/** Octets of a list that is taken in whole; of a larger one its number and digest stand for it. */
const LARGEST_LIST = 1_000_000;

/**
 * The bundle as it stands now, under a checkpoint that covers what was done up to now.
 * @throws AuthorityError `not-found`, `forbidden`
 */
export async function evidenceAbout(
  world: World,
  by: Principal,
  personId: string,
): Promise<{ fileName: string; data: Uint8Array; records: number }> {
  await checkpointIfDue(world);
  return perform(world, exportEvidence, by, { personId });
}

export const exportEvidence = operation({
  action: 'person.export-evidence',
  permission: 'audit:read',
  input: z.strictObject({ personId: z.uuid() }),
  subject: ({ personId }) => `person:${personId}`,
  async run(tx, { personId }, _by, world) {
    const person = await personById(tx, personId);
    if (person === undefined) throw noSuchPerson();
    const evidence = await gather(tx, world, person);
    const text = canonicalize(evidence);
    if (text === undefined) throw new Error('The evidence is no JSON');
    const data = await seal(tx, world, Buffer.from(text, 'utf8'));
    const day = world.clock().toISOString().slice(0, 10);
    return {
      result: { fileName: `evidence-${person.address}-${day}.p7m`, data, records: evidence.trail.records.length },
      audit: { records: evidence.trail.records.length, truncated: evidence.trail.truncated, octets: data.length },
    };
  },
});

async function gather(snapshot: Snapshot, world: World, person: PersonRow): Promise<Evidence> {
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
    version: 1,
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
    trail,
  };
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

/** CMS SignedData, with the content in it. */
async function seal(snapshot: Snapshot, world: World, content: Uint8Array): Promise<Uint8Array> {
  const key = await auditKey(snapshot);
  if (key === undefined) throw new Error('The trail has a checkpoint and no key');
  const signer = await world.keyStore.signer(parseKeyReference(key.key_reference));
  const hash = defaultHash(signer.kind);
  const signatureAlgorithm = signatureAlgorithmFor(signer.kind, hash);
  const name = buildName([{ type: 'commonName', value: key.name.slice(0, 64) }]);
  const since = new Date(Math.floor(key.created_at.getTime() / 1000) * 1000);
  // The key is what is trusted, by whoever noted it; CMS wants a certificate to carry it.
  const tbs = buildTbsCertificate({
    serialNumber: `41${key.public_key.subarray(0, 15).toString('hex')}`,
    signatureAlgorithm,
    issuer: name,
    subject: name,
    notBefore: since,
    // RFC 5280 4.1.2.5: of no well-defined end.
    notAfter: new Date(Date.UTC(9999, 11, 31, 23, 59, 59)),
    spki: signer.spki,
    extensions: [keyUsage(['digitalSignature', 'nonRepudiation']), subjectKeyIdentifier(keyIdentifier(signer.spki))],
  });
  const certificate: Certificate = parseCertificate(
    assembleSigned(tbs, signatureAlgorithm, await signer.sign(tbs, hash)),
  );
  return signContent({ content, signers: [{ signer, certificate }], signingTime: world.clock() });
}
