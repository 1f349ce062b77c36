import { spawn } from 'node:child_process';
import { createPublicKey, randomUUID } from 'node:crypto';
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { generateSealedKey, type SpareKey } from './generate.ts';
import { type KeyPool, openKeyPool } from './key-pool.ts';

const binding = { recordId: randomUUID(), personId: randomUUID(), vaultId: randomUUID() };
const settled = async (pool: KeyPool) => {
  while (pool.figures().making > 0) await sleep(5);
};

it('hands out each key once, those that are ready at once, and makes more while somebody waits', async () => {
  const pool = openKeyPool({ size: 2, cores: 2 });
  pool.fill('rsa-2048');
  expect(pool.figures()).toMatchObject({ spec: 'rsa-2048', ready: 0, making: 1, waiting: 0 });
  await settled(pool);
  expect(pool.figures()).toMatchObject({ ready: 2, making: 0 });
  const taking = [1, 2, 3, 4, 5].map(() => pool.take('rsa-2048'));
  expect(pool.figures()).toMatchObject({ ready: 0, making: 2, waiting: 3, taken: { ready: 2, made: 3 } });
  const spares = (await Promise.all(taking)) as SpareKey[];
  expect(new Set(spares.map(({ spki }) => spki.toString('hex'))).size).toBe(5);
  for (const spare of spares) {
    const key = await generateSealedKey('rsa-2048', binding, spare);
    expect(key.spki).toEqual(spare.spki);
    expect(createPublicKey({ key: key.spki, format: 'der', type: 'spki' }).asymmetricKeyDetails?.modulusLength).toBe(
      2048,
    );
    // Used up: nothing of it is left, and there is no second time.
    expect(spare.box.every((octet) => octet === 0)).toBe(true);
    await expect(generateSealedKey('rsa-2048', binding, spare)).rejects.toThrow();
  }
  await settled(pool);
  expect(pool.figures()).toMatchObject({ ready: 2, waiting: 0 });
  pool.stop();
});

it('keeps no keys that are made at once, none where it is told to, and none of a kind that nobody gets any more', async () => {
  const pool = openKeyPool({ size: 1, cores: 1 });
  expect(await pool.take('p256')).toBeUndefined();
  expect(await openKeyPool({ size: 0 }).take('rsa-2048')).toBeUndefined();
  pool.fill('rsa-2048');
  await settled(pool);
  const waiting = pool.take('rsa-4096').catch((error: Error) => error);
  expect(pool.figures()).toMatchObject({ spec: 'rsa-4096', ready: 0, waiting: 1 });
  pool.stop();
  expect(await waiting).toBeInstanceOf(Error);
  expect(await pool.take('rsa-4096')).toBeUndefined();
  expect(pool.figures()).toMatchObject({ ready: 0, waiting: 0 });
});

it('loses its keys with its process, and never has one of them again', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'chancery-pool-'));
  try {
    const seen: string[] = [];
    for (let life = 0; life < 2; life++) {
      const child = spawn(
        process.execPath,
        [fileURLToPath(new URL('../../test/fill-key-pool.ts', import.meta.url)), '3'],
        { cwd: folder, env: { ...process.env, TMPDIR: folder }, stdio: ['ignore', 'pipe', 'inherit'] },
      );
      let printed = '';
      for await (const piece of child.stdout) {
        printed += piece;
        if (printed.split('\n').length > 3) child.kill('SIGKILL');
      }
      seen.push(...printed.trim().split('\n'));
    }
    expect(seen).toHaveLength(6);
    expect(seen.every((digest) => /^[0-9a-f]{64}$/.test(digest))).toBe(true);
    expect(new Set(seen).size).toBe(6);
    // Nothing to read them from, either.
    expect(readdirSync(folder)).toEqual([]);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
