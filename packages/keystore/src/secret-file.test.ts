import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { openOrCreateSecretFile } from './secret-file.ts';

describe('the secret file', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'chancery-secret-'));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it('is made once, for its owner alone, and read ever after', async () => {
    const file = path.join(folder, 'deep/er/secret');
    const made = await openOrCreateSecretFile(file);
    expect(made).toMatchObject({ created: true, path: file });
    expect(made.secret).toHaveLength(43);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(await openOrCreateSecretFile(file)).toEqual({ ...made, created: false });
  });

  it('is one secret for all who make it at the same time', async () => {
    const file = path.join(folder, 'secret');
    const all = await Promise.all(Array.from({ length: 8 }, () => openOrCreateSecretFile(file)));
    expect(new Set(all.map(({ secret }) => Buffer.from(secret).toString())).size).toBe(1);
    expect(all.filter(({ created }) => created)).toHaveLength(1);
  });

  it('differs each time', async () => {
    const [one, other] = [
      await openOrCreateSecretFile(path.join(folder, 'a')),
      await openOrCreateSecretFile(path.join(folder, 'b')),
    ];
    expect(one.secret).not.toEqual(other.secret);
  });

  it.each(['by hand', 'by hand\n', 'by hand\r\n'])('may be written %j', async (text) => {
    const file = path.join(folder, 'secret');
    writeFileSync(file, text);
    expect(Buffer.from((await openOrCreateSecretFile(file)).secret).toString()).toBe('by hand');
  });

  it.each(['', '\n'])('is never replaced, even where it holds just %j', async (text) => {
    const file = path.join(folder, 'secret');
    writeFileSync(file, text);
    await expect(openOrCreateSecretFile(file)).rejects.toMatchObject({ code: 'damaged', path: file });
    expect(readFileSync(file, 'utf8')).toBe(text);
  });
});
