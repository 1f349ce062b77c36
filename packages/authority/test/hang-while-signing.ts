/** A process that prepares a certificate, begins to sign it, says so, and hangs until it is killed. */

import { prepareCertificate } from '../src/ca/prepare.ts';
import { signCertificate } from '../src/ca/sign.ts';
import { parseAuthorityConfig } from '../src/config.ts';
import { perform } from '../src/operation.ts';
import { system } from '../src/principal.ts';
import { openDatabase } from '../src/store/database.ts';
import type { World } from '../src/world.ts';
import { ecKey, requestFor } from './pki-office.ts';

const [connection = '{}', personId = ''] = process.argv.slice(2);
let signing = () => {};
const begun = new Promise<void>((resolve) => {
  signing = resolve;
});
const world = {
  config: parseAuthorityConfig('', '/'),
  database: await openDatabase(JSON.parse(connection)),
  clock: () => new Date(),
  keyStore: {
    signer: () => {
      signing();
      return new Promise(() => {});
    },
  },
} as unknown as World;
const intent = await perform(world, prepareCertificate, system, {
  use: 'signing',
  request: await requestFor(ecKey()),
  personId,
  keyOrigin: 'device',
});
void perform(world, signCertificate, system, intent);
await begun;
process.stdout.write(`${intent.serialNumber}\n`);
