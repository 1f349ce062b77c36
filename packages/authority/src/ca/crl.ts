/**
 * Certificate revocation lists (RFC 5280 section 5): of each authority a complete one of all its certificates, where it has
 * shards a complete one of each, and deltas where they are wanted. They are made ahead of time and streamed from the database.
 */
import { createHash } from 'node:crypto';
import {
  authorityKeyIdentifier,
  crlNumber,
  deltaCrlIndicator,
  type Extension,
  freshestCrl,
  issuingDistributionPoint,
  keyIdentifier,
  layOutCrl,
  parseCrl,
  RevokedList,
  verifyCrlSignature,
} from '@chancery/smime';
import { z } from 'zod';
import { type CrlConfig, crlConfigOf } from '../config.ts';
import { AuthorityError } from '../errors.ts';
import { operation } from '../operation.ts';
import { type AuthorityRow, authorityById } from '../store/authorities.ts';
import { listShards } from '../store/crl-shards.ts';
import {
  baseCrl,
  type CrlKind,
  type CrlRow,
  type CrlScope,
  holdAuthority,
  insertCrl,
  lastNumber,
} from '../store/crls.ts';
import type { Transaction } from '../store/database.ts';
import { countRevocations, forEachRevocation, revocationVersion } from '../store/revocations.ts';
import type { World } from '../world.ts';
import { crlAddress } from './addresses.ts';
import { algorithmOf, signatureOf } from './authority-key.ts';

/** Makes the next complete list of one scope, and its delta; or, to refresh that, the delta alone. */
export const generateCrl = operation({
  action: 'crl.generate',
  permission: 'system',
  input: z.strictObject({
    authorityId: z.uuid(),
    /** Null: the list of all certificates. */
    shard: z.int().min(0).nullable().default(null),
    only: z.literal('delta').optional(),
  }),
  subject: ({ authorityId }) => `authority:${authorityId}`,
  async run(tx, { authorityId, shard, only }, _by, world) {
    await holdAuthority(tx, authorityId);
    const authority = await authorityById(tx, authorityId);
    if (authority === undefined) throw new AuthorityError('not-found', 'There is no such authority. No CRL was made.');
    const made = await issueCrl(tx, world, authority, shard, only);
    return {
      result: { number: made.number },
      audit: {
        authority: authority.slug,
        ...(shard !== null && { shard }),
        number: made.number,
        ...(made.baseNumber !== null && { base: made.baseNumber }),
        entries: made.entries,
        octets: made.octets,
        sha256: made.sha256.toString('hex'),
        thisUpdate: made.thisUpdate.toISOString(),
        nextUpdate: made.nextUpdate.toISOString(),
      },
    };
  },
});

/**
 * The next list of a scope, and its delta where the authority has deltas: signed, read back, verified and stored, with their
 * publication ordered. The caller holds the authority. Returns the complete one, unless only the delta was asked for.
 */
export async function issueCrl(
  tx: Transaction,
  world: World,
  authority: AuthorityRow,
  shard: number | null = null,
  only?: 'delta',
): Promise<CrlRow> {
  const scope: CrlScope = { authorityId: authority.id, shard };
  const config = crlConfigOf(world.config, authority.slug);
  const urls = shard === null ? [] : (await listShards(tx, authority.id)).find((one) => one.shard === shard)?.urls;
  if (urls === undefined) throw new AuthorityError('not-found', `There is no shard ${shard}. No CRL was made.`);
  const number = (await lastNumber(tx, scope)) + 1;
  // Read before the entries: the list holds what changed up to here, and perhaps more, never less.
  const version = await revocationVersion(tx, authority.id);
  const make = (kind: CrlKind, base: CrlRow | undefined) =>
    makeCrl(tx, world, { authority, scope, config, urls, number, version, kind, base });
  const complete = only === undefined ? await make('complete', undefined) : undefined;
  let delta: CrlRow | undefined;
  if (config.deltaHours !== undefined) {
    const now = world.clock();
    delta = await make('delta', await baseCrl(tx, scope, new Date(now.getTime() - config.everyHours * HOUR), now));
  }
  const made = complete ?? delta;
  if (made === undefined) throw new AuthorityError('wrong-state', 'This authority has no deltas. No CRL was made.');
  await world.jobs.enqueue(tx, 'publish-documents', { authorityId: authority.id });
  return made;
}

interface Making {
  readonly authority: AuthorityRow;
  readonly scope: CrlScope;
  readonly config: CrlConfig;
  readonly urls: readonly string[];
  readonly number: number;
  readonly version: number;
  readonly kind: CrlKind;
  readonly base: CrlRow | undefined;
}

async function makeCrl(tx: Transaction, world: World, making: Making): Promise<CrlRow> {
  const { authority, scope, config, kind, number, version, base } = making;
  if (kind === 'delta' && base === undefined)
    throw new AuthorityError('wrong-state', 'There is no complete CRL that a delta could follow. No CRL was made.');
  const certificate = authority.certificate;
  const thisUpdate = wholeSeconds(world.clock());
  const hours = kind === 'delta' ? 2 * (config.deltaHours ?? 0) : config.validHours;
  const nextUpdate = new Date(Math.min(thisUpdate.getTime() + hours * HOUR, certificate.notAfter.getTime()));
  const wanted = {
    endedBefore: entriesUntil(config, thisUpdate),
    ...(kind === 'delta' && base !== undefined && { since: base.version }),
  };
  const count = await countRevocations(tx, scope, wanted);
  const entries = new RevokedList(count);
  await forEachRevocation(tx, scope, wanted, count, ({ serialNumber, revokedAt, reason }) =>
    entries.add(serialNumber, revokedAt, reason),
  );
  const crlToSign = layOutCrl({
    signatureAlgorithm: algorithmOf(certificate.spki),
    issuer: certificate.subject,
    thisUpdate,
    nextUpdate,
    entries,
    extensions: extensionsOf(world, making),
  });
  const key = { keyReference: authority.keyReference, spki: certificate.spki };
  const der = crlToSign.withSignature(await signatureOf(world, key, crlToSign.tbs));
  const crl = parseCrl(der);
  if (!verifyCrlSignature(crl, certificate) || crl.entryCount !== crlToSign.entryCount)
    throw new Error('The CRL that was made does not read back as it should. The last one stays in force.');
  const octets = Buffer.from(der.buffer, der.byteOffset, der.byteLength);
  const row: CrlRow = {
    number,
    baseNumber: kind === 'delta' ? (base?.number ?? null) : null,
    version,
    thisUpdate,
    nextUpdate,
    entries: crlToSign.entryCount,
    octets: octets.length,
    sha256: createHash('sha256').update(octets).digest(),
  };
  await insertCrl(tx, scope, { ...row, crl: octets });
  return row;
}

function extensionsOf(world: World, { authority, scope, config, urls, number, kind, base }: Making): Extension[] {
  const { certificate, slug } = authority;
  return [
    authorityKeyIdentifier(certificate.subjectKeyIdentifier ?? keyIdentifier(certificate.spki)),
    crlNumber(number),
    ...(urls.length > 0 ? [issuingDistributionPoint({ uri: urls })] : []),
    ...(kind === 'delta' && base !== undefined ? [deltaCrlIndicator(base.number)] : []),
    // RFC 5280 5.2.6: never on a delta.
    ...(kind === 'complete' && config.deltaHours !== undefined
      ? [freshestCrl([crlAddress(world.config, slug, scope.shard, 'delta')])]
      : []),
  ];
}

export const HOUR = 3_600_000;

/** RFC 5280 3.3: an entry stays until it stood on one regular CRL after its certificate ended. */
function entriesUntil({ everyHours }: CrlConfig, thisUpdate: Date): Date {
  return new Date(thisUpdate.getTime() - 2 * everyHours * HOUR);
}

const wholeSeconds = (at: Date): Date => new Date(Math.floor(at.getTime() / 1000) * 1000);
