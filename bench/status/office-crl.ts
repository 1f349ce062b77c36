/** The whole of it: an authority with so many revocations in PostgreSQL makes, verifies and stores its next CRL, with its audit record. */
import { generateCrl } from '../../packages/authority/src/ca/crl.ts';
import { perform } from '../../packages/authority/src/operation.ts';
import { system } from '../../packages/authority/src/principal.ts';
import { issuingAuthority } from '../../packages/authority/src/store/authorities.ts';
import { latestCrl } from '../../packages/authority/src/store/crls.ts';
import { pkiOffice } from '../../packages/authority/test/pki-office.ts';

const entries = Number(process.argv[2]);
const office = await pkiOffice();
const { world } = office;
const { id: authorityId } = await world.database.snapshot(issuingAuthority);
// The rows that a trigger writes beside certificates: lists are made of these alone.
await world.database.pool.query(
  `INSERT INTO revocations (authority_id, serial_number, revoked_at, reason, released, not_after, version)
   SELECT $1, '7' || substr(md5(n::text), 2), timestamptz '2024-01-01' + n * interval '37 seconds',
     CASE WHEN n % 2 = 0 THEN 'superseded' ELSE 'keyCompromise' END, false, now() + interval '1 year', 1
   FROM generate_series(1, $2::int) AS n`,
  [authorityId, entries],
);
await world.database.pool.query('INSERT INTO revocation_versions VALUES ($1, 1)', [authorityId]);
await world.database.pool.query('VACUUM ANALYZE revocations');
const usage = process.cpuUsage();
const began = performance.now();
await perform(world, generateCrl, system, { authorityId });
const wall = performance.now() - began;
const { user, system: kernel } = process.cpuUsage(usage);
const made = await world.database.snapshot((snapshot) => latestCrl(snapshot, { authorityId, shard: null }));
if (made?.entries !== entries) throw new Error(`a list of ${made?.entries} entries was made`);
console.log(
  `${wall.toFixed(1)} ${((user + kernel) / 1_000).toFixed(1)} ${process.resourceUsage().maxRSS} ${made.octets}`,
);
await office.close();
