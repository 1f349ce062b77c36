import { existsSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { lockFolder } from './folder-lock.ts';

describe('the folder lock', () => {
  it('is held by one, and says by whom', () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'lock-'));
    const release = lockFolder(folder);
    expect(() => lockFolder(folder)).toThrow(expect.objectContaining({ code: 'folder-in-use' }));
    expect(() => lockFolder(folder)).toThrow(new RegExp(`${process.pid}`));
    release();
    expect(existsSync(path.join(folder, 'lock'))).toBe(false);
    lockFolder(folder)();
  });

  it.each([
    ['a process that is gone', '4194303 12345'],
    ['a process id that another process has now', `${process.pid} 1`],
    ['garbage', 'x'],
    ['nothing', ''],
  ])('is taken over from %s', (_, content) => {
    const folder = mkdtempSync(path.join(tmpdir(), 'lock-'));
    writeFileSync(path.join(folder, 'lock'), content);
    lockFolder(folder)();
  });
});
