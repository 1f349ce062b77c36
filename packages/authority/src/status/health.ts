/** How lists and OCSP are doing, authority by authority: for the console, the command line and the health route. */
import type { AuthorityHealth } from '@chancery/api';
import { crlAddress } from '../ca/addresses.ts';
import { type AuthorityRow, listAuthorities } from '../store/authorities.ts';
import { responderCertificates } from '../store/certificates.ts';
import { type CrlRow, listCrls } from '../store/crls.ts';
import type { Snapshot } from '../store/database.ts';
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
  const { id, slug, name, role, certificate, revokedAt, revocationReason } = authority;
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
