/**
 * Gives an office from before there was one a key of its own for operators' secrets: they were sealed under the key of the
 * provisional vault, which is destroyed once the officers have founded theirs.
 */
import { z } from 'zod';
import { operation, perform } from '../operation.ts';
import { system } from '../principal.ts';
import { secretsKey } from '../store/office.ts';
import { lockTotpSecrets, setTotpSecret } from '../store/operators.ts';
import type { World } from '../world.ts';
import { totpPurpose } from './credential.ts';
import { establishSecretsKey, openSecret, sealSecret } from './sealing.ts';

export const moveSecrets = operation({
  action: 'operator.move-secrets',
  permission: 'system',
  input: z.strictObject({}),
  subject: () => 'office',
  async run(tx, _input, _by, world) {
    const secrets = [];
    for (const { id, totp_secret } of await lockTotpSecrets(tx)) {
      secrets.push({ id, secret: await openSecret(world, tx, totpPurpose(id), totp_secret) });
    }
    await establishSecretsKey(tx, world);
    for (const { id, secret } of secrets) {
      await setTotpSecret(tx, id, Buffer.from(await sealSecret(world, tx, totpPurpose(id), secret)));
      secret.fill(0);
    }
    return { result: undefined, audit: { operators: secrets.map(({ id }) => id) } };
  },
});

/** For the scheduler and the job that empties vaults. A sign-in by passkey that is under way is begun again. */
export async function moveSecretsOnce(world: World): Promise<void> {
  if ((await world.database.snapshot(secretsKey)) === null) await perform(world, moveSecrets, system, {});
}
