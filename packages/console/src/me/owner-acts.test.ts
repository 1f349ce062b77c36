import { deriveOwnerKey, sealOwnerLock } from '@chancery/vault';
import { describe, expect, it } from 'vitest';
import { ownerActs } from './owner-acts.ts';

const output = () => new Uint8Array(32).fill(5);
const other = () => new Uint8Array(32).fill(6);
const personId = 'ada';
const dek = new Uint8Array(32).fill(9);

async function lockFor(secret: Uint8Array, id: string) {
  const wrapped = await sealOwnerLock(deriveOwnerKey(secret, personId).publicKey, dek, { recordId: id, personId });
  return { id, wrapped: Buffer.from(wrapped).toString('base64url') };
}

describe('an owner in their browser', () => {
  it('opens what is locked to them, and passes it on to another passkey of theirs', async () => {
    const locks = [await lockFor(output(), 'one'), await lockFor(output(), 'two')];
    const expected = Buffer.from(dek).toString('base64url');
    expect(await ownerActs.open({ output: output(), personId, locks })).toEqual([
      { id: 'one', dek: expected },
      { id: 'two', dek: expected },
    ]);
    const { publicKey } = await ownerActs.register({ output: other(), personId });
    const passed = await ownerActs.rewrap({ output: output(), personId, locks, publicKey });
    expect((await ownerActs.open({ output: other(), personId, locks: passed })).map((one) => one.dek)).toEqual([
      expected,
      expected,
    ]);
  });

  it('opens nothing with another passkey, for another person, or where locks were exchanged; and forgets', async () => {
    const [one, two] = [await lockFor(output(), 'one'), await lockFor(output(), 'two')];
    const refused = /does not open your keys/;
    await expect(ownerActs.open({ output: other(), personId, locks: [one] })).rejects.toThrow(refused);
    await expect(ownerActs.open({ output: output(), personId: 'eve', locks: [one] })).rejects.toThrow(refused);
    const swapped = { id: 'one', wrapped: two.wrapped };
    await expect(ownerActs.open({ output: output(), personId, locks: [swapped] })).rejects.toThrow(refused);
    const given = output();
    await ownerActs.register({ output: given, personId });
    expect(given).toEqual(new Uint8Array(32));
  });
});
