import { afterAll, beforeAll, expect, it } from 'vitest';
import { type PkiOffice, pkiOffice } from '../../test/pki-office.ts';
import { issuingAuthority } from './authorities.ts';
import { countRevocations, forEachRevocation, type RevocationEntry, type WantedRevocations } from './revocations.ts';

let office: PkiOffice;
let authorityId: string;

beforeAll(async () => {
  office = await pkiOffice();
  authorityId = (await office.world.database.snapshot(issuingAuthority)).id;
  await office.world.database.pool.query(
    `INSERT INTO revocations (authority_id, serial_number, crl_shard, revoked_at, reason, released, not_after, version)
     SELECT $1, '7' || substr(md5(n::text), 2), n % 2, timestamptz '2024-01-01' + n * interval '37.5 seconds',
       CASE n % 3 WHEN 0 THEN 'superseded' WHEN 1 THEN 'certificateHold' ELSE 'unspecified' END, n % 5 = 0 AND n % 3 = 1,
       now() + (n % 7 - 1) * interval '1 year', n
     FROM generate_series(1, 45000) AS n`,
    [authorityId],
  );
});

afterAll(() => office.close());

/** As `count` makes it be read. */
function read(shard: number | null, wanted: WantedRevocations, count?: number): Promise<RevocationEntry[]> {
  return office.world.database.operations.transaction(async (tx) => {
    const scope = { authorityId, shard };
    const entries: RevocationEntry[] = [];
    await forEachRevocation(tx, scope, wanted, count ?? (await countRevocations(tx, scope, wanted)), (entry) =>
      entries.push(entry),
    );
    return entries.sort((a, b) => (a.serialNumber < b.serialNumber ? -1 : 1));
  });
}

it.each([
  ['all', null, {}],
  ['of a shard', 1, {}],
  ['since a version', null, { since: 10_000 }],
  ['none', null, { since: 45_000 }],
])('the entries of a list are the same by the block as by the row: %s', async (_what, shard, since) => {
  const wanted = { endedBefore: new Date(), ...since };
  const rows = await read(shard, wanted, 0);
  expect(await read(shard, wanted, 1_000_000)).toEqual(rows);
  expect(await read(shard, wanted)).toEqual(rows);
  const inList = await office.world.database.pool.query(
    `SELECT serial_number AS "serialNumber", floor(extract(epoch FROM revoked_at) * 1000)::float8 AS "revokedAt",
       CASE WHEN released THEN 'removeFromCRL' ELSE nullif(reason, 'unspecified') END AS reason
     FROM revocations WHERE not_after >= $1 AND ($2::int IS NULL OR crl_shard = $2)
       AND CASE WHEN $3::int IS NULL THEN NOT released ELSE version > $3 END
     ORDER BY serial_number COLLATE "C"`,
    [wanted.endedBefore, shard, 'since' in since ? since.since : null],
  );
  expect(rows).toEqual(inList.rows.map((row) => ({ ...row, reason: row.reason ?? undefined })));
});
