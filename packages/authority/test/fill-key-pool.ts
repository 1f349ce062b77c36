/** A process that fills its pool, says which keys it has, takes one, and hangs until it is killed. */
import { createHash } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { openKeyPool } from '../src/kra/key-pool.ts';

const size = Number(process.argv[2]);
const pool = openKeyPool({ size });
pool.fill('rsa-2048');
while (pool.figures().ready < size) await sleep(5);
for (let taken = 0; taken < size; taken++) {
  const spare = await pool.take('rsa-2048');
  if (spare === undefined) throw new Error('the pool is empty');
  process.stdout.write(`${createHash('sha256').update(spare.spki).digest('hex')}\n`);
}
await sleep(60_000);
