import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
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
    expect(readdirSync(folder)).toEqual([]);
    lockFolder(folder)();
  });

  it('is taken, and taken over, on a disk that is full', ({ skip }) => {
    const folder = mkdtempSync(path.join(tmpdir(), 'lock-'));
    const mount = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=16k', 'tmpfs', folder]);
    if (mount.status !== 0) skip('only root may mount a small disk');
    try {
      expect(() => writeFileSync(path.join(folder, 'ballast'), Buffer.alloc(64 * 1024))).toThrow(/ENOSPC/);
      lockFolder(folder)();
      symlinkSync('4194303 12345', path.join(folder, 'lock'));
      lockFolder(folder)();
      expect(readdirSync(folder)).toEqual(['ballast']);
    } finally {
      spawnSync('umount', ['-l', folder]);
      rmSync(folder, { recursive: true });
    }
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
