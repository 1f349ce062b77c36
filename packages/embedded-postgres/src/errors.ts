/** Stable codes: scripts depend on them, so a code is never renamed or given a second meaning. */
export type EmbeddedPostgresErrorCode =
  /** npm brought no PostgreSQL for this operating system and processor. */
  | 'unsupported-platform'
  /** A program that every Debian has (`sh`, `flock`, `unshare`) or the PostgreSQL binary itself cannot be run. */
  | 'program-unusable'
  /** Another process has this folder. `pid` names it where this process can see it. */
  | 'already-running'
  | 'folder-not-writable'
  | 'disk-full'
  /** PostgreSQL refuses to run as root, and no other way of running it worked here. */
  | 'no-suitable-account'
  /** The folder was made by another major version of PostgreSQL. */
  | 'incompatible-version'
  | 'initialisation-failed'
  | 'start-failed'
  /** The database went away while it was in use. */
  | 'stopped-unexpectedly';

/** What went wrong with the embedded database: a stable code, and a sentence that says what to do next. */
export class EmbeddedPostgresError extends Error {
  override readonly name = 'EmbeddedPostgresError';
  readonly code: EmbeddedPostgresErrorCode;
  /** The process that has the folder, for `already-running`. */
  readonly pid: number | undefined;

  constructor(code: EmbeddedPostgresErrorCode, message: string, options: { pid?: number; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.pid = options.pid;
  }
}

/** Turns an error of the file system about `path` into the one error that says what to do; anything else comes back as it is. */
export function explainFileError(error: unknown, path: string): unknown {
  const errno = error instanceof Error && 'code' in error ? String(error.code) : '';
  switch (errno) {
    case 'ENOSPC':
    case 'EDQUOT':
      return diskFull(path, error);
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
    case 'ENOTDIR':
    case 'EEXIST':
      return new EmbeddedPostgresError(
        'folder-not-writable',
        `The database folder ${path} cannot be used (${errno}): it must be a folder that this user may write to. ` +
          'Nothing was changed. Give the user the folder, choose another, or set database.url to a PostgreSQL of yours.',
        { cause: error },
      );
    default:
      return error;
  }
}

/** Recognises a full disk in what PostgreSQL printed. */
export function saysDiskFull(output: string): boolean {
  return /No space left on device|Disk quota exceeded|Check free disk space/.test(output);
}

export function diskFull(path: string, cause?: unknown): EmbeddedPostgresError {
  return new EmbeddedPostgresError(
    'disk-full',
    `The disk that holds the database folder ${path} is full. What was committed is safe. Free some space and start again.`,
    { cause },
  );
}
