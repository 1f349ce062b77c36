/** How lists and OCSP are doing, authority by authority: for the console, the command line and the health route. */
import type { AuthorityHealth } from '@chancery/api';
import { crlAddress } from '../ca/addresses.ts';
import { type AuthorityRow, listAuthorities } from '../store/authorities.ts';
import { responderCertificates } from '../store/certificates.ts';
import { type CrlRow, listCrls } from '../store/crls.ts';
import type { Snapshot } from '../store/database.ts';
import { changedSince } from '../store/revocations.ts';
import type { StatusWorld } from '../world.ts';

/** All but what was published where, which is nobody's business but the authority's. */
export async function authorityHealth(
  world: Pick<StatusWorld, 'config' | 'clock'>,
  snapshot: Snapshot,
): Promise<Omit<AuthorityHealth, 'publications'>[]> {
  const found = [];
  for (const authority of await listAuthorities(snapshot)) found.push(await healthOf(world, snapshot, authority));
  return found;
}

async function healthOf(
  world: Pick<StatusWorld, 'config' | 'clock'>,
  snapshot: Snapshot,
  authority: AuthorityRow,
): Promise<Omit<AuthorityHealth, 'publications'>> {
  const { id, slug, name, role, keyReference, certificate, revokedAt, revocationReason } = authority;
  const crls = await listCrls(snapshot, id);
  const list = (kind: 'complete' | 'delta') => {
    const row = crls.find((one) => one.shard === null && (one.baseNumber === null) === (kind === 'complete'));
    return row === undefined ? null : { ...described(row), url: crlAddress(world.config, slug, null, kind) };
  };
  const [responder] = await responderCertificates(snapshot, id, world.clock());
  return {
    id,
    slug,
    name,
    role,
    serialNumber: certificate.serialNumber,
    offline: keyReference === null ? await offlineOf(snapshot, id, crls[0]) : null,
    revoked: revokedAt === null ? null : { at: revokedAt.toISOString(), reason: revocationReason ?? 'unspecified' },
    complete: list('complete'),
    delta: list('delta'),
    shards: together(crls.filter((one) => one.shard !== null && one.baseNumber === null)),
    responder:
      responder === undefined
        ? null
        : { notBefore: responder.notBefore.toISOString(), notAfter: responder.notAfter.toISOString() },
  };
}

async function offlineOf(
  snapshot: Snapshot,
  id: string,
  crl: CrlRow | undefined,
): Promise<NonNullable<AuthorityHealth['offline']>> {
  const behind = await changedSince(snapshot, id, crl?.version ?? 0, 1000);
  return { warnFrom: crl === undefined ? null : warnFrom(crl).toISOString(), behind: behind.length };
}

/** A ceremony takes people and a date: thirty days before its list ends, or in the last third of a shorter one. */
export function warnFrom({ thisUpdate, nextUpdate }: Pick<CrlRow, 'thisUpdate' | 'nextUpdate'>): Date {
  const life = nextUpdate.getTime() - thisUpdate.getTime();
  return new Date(nextUpdate.getTime() - Math.min(30 * 86_400_000, life / 3));
}

const described = ({ number, baseNumber, entries, octets, thisUpdate, nextUpdate }: CrlRow) => ({
  number,
  baseNumber,
  entries,
  octets,
  thisUpdate: thisUpdate.toISOString(),
  nextUpdate: nextUpdate.toISOString(),
});

function together(rows: readonly CrlRow[]): AuthorityHealth['shards'] {
  if (rows.length === 0) return null;
  const earliest = (dates: readonly Date[]) => new Date(Math.min(...dates.map((date) => date.getTime()))).toISOString();
  return {
    count: rows.length,
    entries: rows.reduce((sum, { entries }) => sum + entries, 0),
    thisUpdate: earliest(rows.map(({ thisUpdate }) => thisUpdate)),
    nextUpdate: earliest(rows.map(({ nextUpdate }) => nextUpdate)),
  };
}
