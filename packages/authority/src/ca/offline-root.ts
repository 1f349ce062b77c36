/**
 * A root whose key is on a machine that no network reaches. The office knows its certificate, publishes the lists that
 * ceremonies sign, and says in time when the next is due.
 */
import { createHash } from 'node:crypto';
import {
  type Certificate,
  type Crl,
  formatName,
  parseCrl,
  type RevocationReason,
  SmimeError,
  verifyCrlSignature,
} from '@chancery/smime';
import { z } from 'zod';
import { AuthorityError } from '../errors.ts';
import { operation } from '../operation.ts';
import {
  type AuthorityRow,
  insertAuthority,
  listAuthorities,
  placeBelow,
  requireAuthority,
} from '../store/authorities.ts';
import { holdAuthority, insertCrl, lastNumber, latestCrl } from '../store/crls.ts';
import { listCrossCertificates, markCrossRevoked, placeCrossBelow } from '../store/cross-certificates.ts';
import type { Transaction } from '../store/database.ts';
import {
  changeAuthorityStatus,
  listRevocations,
  noteRevocation,
  revocationVersion,
  type StatusChange,
} from '../store/revocations.ts';
import type { World } from '../world.ts';
import { addressesOf } from './addresses.ts';
import { freeSlug, isSignedBy, readCertificate, requireSoundAuthority, sha256 } from './admit-authority.ts';
import { keyLabel } from './authority-key.ts';

const Der = z.custom<Uint8Array>((value) => value instanceof Uint8Array);

/**
 * Takes in the certificate of a root of ours whose key stays offline. Authorities that it signed stand below it from then on;
 * where their certificates name a CRL at this office, that is where its lists are published.
 * @throws AuthorityError `unusable-input` for what is no root in its period, `conflict`
 */
export const adoptRoot = operation({
  action: 'authority.adopt-root',
  permission: 'authority:write',
  input: z.strictObject({ name: z.string().trim().min(1).max(200), certificate: Der }),
  subject: ({ name }) => `authority:${name}`,
  async run(tx, { name, certificate: der }, _by, world) {
    const certificate = readCertificate(der);
    requireSoundAuthority(certificate, world.clock(), refuse);
    if (!isSignedBy(certificate, certificate))
      throw refuse('The certificate is not signed by its own key: it is no root.');
    const known = await listAuthorities(tx);
    if (known.some((one) => Buffer.compare(one.certificate.der, certificate.der) === 0))
      throw new AuthorityError('conflict', 'This root is here already. Nothing was changed.');
    const below = known.filter(
      ({ outsideChain: [issuer, ...others] }) =>
        issuer !== undefined && others.length === 0 && Buffer.compare(issuer, certificate.der) === 0,
    );
    const slug = slugNamed(world, below, known) ?? (await freeSlug(tx, name));
    const row = {
      role: 'root' as const,
      slug,
      name,
      keyReference: null,
      certificate,
      issuerId: null,
      outsideChain: [],
    };
    const id = await insertAuthority(tx, { ...row, createdAt: world.clock() });
    await placeBelow(
      tx,
      below.map((one) => one.id),
      id,
    );
    const crossed = (await listCrossCertificates(tx)).filter(
      ({ above: [issuer, ...others] }) =>
        issuer !== undefined && others.length === 0 && Buffer.compare(issuer, certificate.der) === 0,
    );
    await placeCrossBelow(
      tx,
      crossed.map((one) => one.id),
      id,
    );
    await world.jobs.enqueue(tx, 'publish-documents', { authorityId: id });
    return {
      result: { id, slug },
      audit: {
        authority: slug,
        name,
        key: keyLabel(certificate),
        subject: formatName(certificate.subject),
        fingerprint: sha256(certificate.der),
        notAfter: certificate.notAfter.toISOString(),
        below: below.map((one) => one.slug),
      },
    };
  },
});

/**
 * Takes in a list that a ceremony signed, and publishes it. What it revokes is revoked here from then on; it must hold
 * everything that is revoked here.
 * @throws AuthorityError `unusable-input` for another's list, one that is older than what is here, limited, ended, or lacks an entry
 */
export const takeCrl = operation({
  action: 'authority.take-crl',
  permission: 'authority:write',
  irreversible: true,
  input: z.strictObject({
    authorityId: z.uuid(),
    crl: Der,
    /** Of the ceremony, as it was printed. */
    transcript: z.string().max(200_000).optional(),
  }),
  subject: ({ authorityId }) => `authority:${authorityId}`,
  async run(tx, { authorityId, crl: der, transcript }, _by, world) {
    await holdAuthority(tx, authorityId);
    const root = await requireAuthority(tx, authorityId);
    if (root.keyReference !== null)
      throw new AuthorityError(
        'wrong-state',
        `The key of ${root.name} is here: it signs its lists by itself. Nothing was changed.`,
      );
    const crl = readCrl(der);
    const scope = { authorityId, shard: null };
    const number = requireSoundList(crl, root.certificate, world.clock());
    const last = await lastNumber(tx, scope);
    if (number <= last) throw refuse(`Its number is ${number}, and the list that is here has ${last}.`);
    const before = await latestCrl(tx, scope);
    if (before !== undefined && crl.thisUpdate < before.thisUpdate)
      throw refuse(`It was made on ${crl.thisUpdate.toISOString()}, before the list that is here.`);
    const missing = (await listRevocations(tx, authorityId, crl.thisUpdate)).filter(
      ({ serialNumber }) => crl.find(serialNumber) === undefined,
    );
    if (missing.length > 0)
      throw refuse(
        `It lacks ${missing.map(({ serialNumber }) => serialNumber).join(', ')}, revoked here: give the ceremony the list of "chancery authorities revoked ${root.slug}".`,
      );
    const revoked = await believe(tx, root, crl);
    const octets = Buffer.from(crl.der);
    await insertCrl(tx, scope, {
      number,
      baseNumber: null,
      version: await revocationVersion(tx, authorityId),
      thisUpdate: crl.thisUpdate,
      nextUpdate: crl.nextUpdate ?? root.certificate.notAfter,
      entries: crl.entryCount,
      octets: octets.length,
      sha256: createHash('sha256').update(octets).digest(),
      crl: octets,
    });
    await world.jobs.enqueue(tx, 'publish-documents', { authorityId });
    return {
      result: { number, revoked },
      audit: {
        authority: root.slug,
        number,
        entries: crl.entryCount,
        sha256: sha256(crl.der),
        thisUpdate: crl.thisUpdate.toISOString(),
        nextUpdate: crl.nextUpdate?.toISOString() ?? null,
        ...(revoked.length > 0 && { revoked }),
        ...(transcript !== undefined && { transcript: sha256(Buffer.from(transcript)) }),
      },
    };
  },
});

/** Below our own address, as a certificate below it says already. */
function slugNamed(world: World, below: readonly AuthorityRow[], known: readonly AuthorityRow[]): string | undefined {
  const [before = '', after = ''] = addressesOf(world.config, '*').crl.split('*');
  for (const { certificate } of below) {
    for (const url of certificate.crlDistributionPoints) {
      const slug = url.startsWith(before) && url.endsWith(after) ? url.slice(before.length, -after.length) : '';
      if (/^[a-z0-9-]{1,64}$/.test(slug) && !known.some((one) => one.slug === slug)) return slug;
    }
  }
  return undefined;
}

/** @returns its number */
function requireSoundList(crl: Crl, root: Certificate, now: Date): number {
  if (Buffer.compare(crl.issuer.der, root.subject.der) !== 0 || !verifyCrlSignature(crl, root))
    throw refuse(`${formatName(root.subject)} did not sign it.`);
  const scope = crl.issuingDistributionPoint;
  const limited =
    scope !== undefined &&
    (scope.onlyUserCertificates ||
      scope.onlyAttributeCertificates ||
      scope.indirect ||
      scope.onlySomeReasons !== undefined);
  if (crl.baseCrlNumber !== undefined || limited || crl.unknownCritical.length > 0)
    throw refuse('It is a delta, or limited to some certificates or reasons: a complete list is needed.');
  if (crl.thisUpdate.getTime() > now.getTime() + CLOCK_SKEW_MS)
    throw refuse(`It was made on ${crl.thisUpdate.toISOString()}, which is still to come: look at both clocks.`);
  if (crl.nextUpdate === undefined || crl.nextUpdate <= now)
    throw refuse('It has ended, or does not say when the next one comes.');
  const number = crl.crlNumber === undefined ? Number.NaN : Number.parseInt(crl.crlNumber, 16);
  if (!Number.isSafeInteger(number)) throw refuse('It has no number, or one beyond all counting (RFC 5280 5.2.3).');
  return number;
}

const CLOCK_SKEW_MS = 5 * 60_000;

/** What the root revoked without our knowing. @returns serial numbers */
async function believe(tx: Transaction, root: AuthorityRow, crl: Crl): Promise<string[]> {
  const found: string[] = [];
  for (const { id, issuerId, certificate, revocationReason } of await listAuthorities(tx)) {
    const entry = issuerId === root.id ? crl.find(certificate.serialNumber) : undefined;
    if (entry === undefined || issuerId === null) continue;
    const change = changeFor(entry.reason);
    if (revocationReason !== null && !(revocationReason === 'certificateHold' && change.act === 'revoke')) continue;
    const { serialNumber, notAfter } = certificate;
    if (await changeAuthorityStatus(tx, { id, issuerId, serialNumber, notAfter }, change, entry.revokedAt))
      found.push(serialNumber);
  }
  for (const { id, issuerId, certificate, revokedAt } of await listCrossCertificates(tx)) {
    const entry = issuerId === root.id && revokedAt === null ? crl.find(certificate.serialNumber) : undefined;
    if (entry === undefined) continue;
    const { serialNumber, notAfter } = certificate;
    await markCrossRevoked(tx, id, entry.revokedAt);
    await noteRevocation(tx, {
      ...{ authorityId: root.id, serialNumber, revokedAt: entry.revokedAt, notAfter },
      reason: entry.reason ?? 'unspecified',
      released: false,
    });
    found.push(serialNumber);
  }
  return found;
}

function changeFor(reason: RevocationReason | undefined): StatusChange {
  if (reason === 'certificateHold') return { act: 'hold' };
  return { act: 'revoke', reason: reason === undefined || reason === 'removeFromCRL' ? 'unspecified' : reason };
}

function readCrl(der: Uint8Array): Crl {
  try {
    return parseCrl(der);
  } catch (error) {
    if (!(error instanceof SmimeError)) throw error;
    throw refuse(`The list cannot be read: ${error.message}.`);
  }
}

function refuse(why: string): AuthorityError {
  return new AuthorityError('unusable-input', `${why} Nothing was changed; the list before stays in force.`);
}
