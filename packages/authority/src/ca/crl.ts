/** Certificate revocation lists (RFC 5280 section 5): complete, one for each authority. */
import {
  authorityKeyIdentifier,
  buildTbsCrl,
  crlNumber,
  keyIdentifier,
  parseCrl,
  type RevocationReason,
  revocationReasons,
  verifyCrlSignature,
} from '@chancery/smime';
import { z } from 'zod';
import { AuthorityError } from '../errors.ts';
import { operation, perform } from '../operation.ts';
import { system } from '../principal.ts';
import { type AuthorityRow, authorityById, listAuthorities } from '../store/authorities.ts';
import {
  type CrlRow,
  countRevoked,
  dropEndedCrls,
  holdAuthority,
  insertCrl,
  latestCrl,
  revokedCertificates,
} from '../store/crls.ts';
import type { Snapshot, Transaction } from '../store/database.ts';
import type { World } from '../world.ts';
import { algorithmOf, signAsAuthority } from './authority-key.ts';

/** Makes the next CRL of one authority. */
export const generateCrl = operation({
  action: 'crl.generate',
  permission: 'system',
  input: z.strictObject({ authorityId: z.uuid() }),
  subject: ({ authorityId }) => `authority:${authorityId}`,
  async run(tx, { authorityId }, _by, world) {
    await holdAuthority(tx, authorityId);
    const authority = await authorityById(tx, authorityId);
    if (authority === undefined) throw new AuthorityError('not-found', 'There is no such authority. No CRL was made.');
    const { number, thisUpdate, nextUpdate, entries } = await issueCrl(tx, world, authority);
    return {
      result: { number },
      audit: {
        authority: authority.slug,
        number,
        entries,
        thisUpdate: thisUpdate.toISOString(),
        nextUpdate: nextUpdate.toISOString(),
      },
    };
  },
});

/** The next CRL, signed, read back, verified and stored. The caller holds the authority. */
export async function issueCrl(tx: Transaction, world: World, authority: AuthorityRow): Promise<CrlRow> {
  const certificate = authority.certificate;
  const last = await latestCrl(tx, authority.id);
  const number = (last?.number ?? 0) + 1;
  const thisUpdate = wholeSeconds(world.clock());
  const nextUpdate = new Date(
    Math.min(thisUpdate.getTime() + world.config.crl.validHours * HOUR, certificate.notAfter.getTime()),
  );
  const revoked = await revokedCertificates(tx, authority.id, entriesUntil(world, thisUpdate));
  const tbs = buildTbsCrl({
    signatureAlgorithm: algorithmOf(certificate.spki),
    issuer: certificate.subject,
    thisUpdate,
    nextUpdate,
    entries: revoked.map((row) => ({
      serialNumber: row.serial_number,
      revokedAt: row.revoked_at ?? thisUpdate,
      ...entryReason(row.revocation_reason),
    })),
    extensions: [
      authorityKeyIdentifier(certificate.subjectKeyIdentifier ?? keyIdentifier(certificate.spki)),
      crlNumber(number),
    ],
  });
  const der = await signAsAuthority(world, { keyReference: authority.keyReference, spki: certificate.spki }, tbs);
  const crl = parseCrl(der);
  if (!verifyCrlSignature(crl, certificate) || crl.entryCount !== revoked.length)
    throw new Error('The CRL that was made does not read back as it should. The last one stays in force.');
  const row: CrlRow = { number, thisUpdate, nextUpdate, entries: revoked.length, crl: Buffer.from(der) };
  await insertCrl(tx, authority.id, row);
  await dropEndedCrls(tx, authority.id, number, thisUpdate);
  return row;
}

/** The job after a revocation: makes a CRL unless one since then has it already. */
export async function generateCrlIfDue(world: World, authorityId: string): Promise<void> {
  const due = await world.database.snapshot((snapshot) => isDue(snapshot, world, authorityId));
  if (due) await perform(world, generateCrl, system, { authorityId });
}

/** For the scheduler: every authority whose CRL is missing, old, or lacks a revocation. One that fails stops no other. */
export async function generateDueCrls(world: World): Promise<void> {
  const authorities = await world.database.snapshot(listAuthorities);
  for (const { id, slug } of authorities) {
    await generateCrlIfDue(world, id).catch((error: Error) =>
      world.log.error('crl.failed', { authority: slug, error: error.message }),
    );
  }
}

async function isDue(snapshot: Snapshot, world: World, authorityId: string): Promise<boolean> {
  const last = await latestCrl(snapshot, authorityId);
  if (last === undefined) return true;
  if (world.clock().getTime() >= last.thisUpdate.getTime() + world.config.crl.everyHours * HOUR) return true;
  // Revocations are only ever added: the list as of then has more entries now if and only if one is missing.
  return (await countRevoked(snapshot, authorityId, entriesUntil(world, last.thisUpdate))) > last.entries;
}

const HOUR = 3_600_000;

/** RFC 5280 3.3: an entry stays until it stood on one regular CRL after its certificate ended. */
function entriesUntil(world: World, thisUpdate: Date): Date {
  return new Date(thisUpdate.getTime() - 2 * world.config.crl.everyHours * HOUR);
}

function entryReason(text: string | null): { reason?: RevocationReason } {
  // RFC 5280 5.3.1: `unspecified` is said by saying nothing.
  if (text === null || text === 'unspecified' || !(text in revocationReasons)) return {};
  return { reason: text as RevocationReason };
}

const wholeSeconds = (at: Date): Date => new Date(Math.floor(at.getTime() / 1000) * 1000);
