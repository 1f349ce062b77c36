/** A process that begins to release an approved key, says so, and hangs until it is killed. */
import { parseAuthorityConfig } from '../src/config.ts';
import { releaseKey } from '../src/kra/release.ts';
import { perform } from '../src/operation.ts';
import type { Principal } from '../src/principal.ts';
import { openDatabase } from '../src/store/database.ts';
import type { World } from '../src/world.ts';

const [connection = '{}', id = '', by = '{}'] = process.argv.slice(2);
const world = {
  config: parseAuthorityConfig('', '/'),
  database: await openDatabase(JSON.parse(connection)),
  clock: () => new Date(),
  keyStore: {
    unwrap: () => {
      process.stdout.write('unwrapping\n');
      return new Promise(() => {});
    },
  },
} as unknown as World;
await perform(world, releaseKey, JSON.parse(by) as Principal, { id });
