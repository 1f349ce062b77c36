/** Stable codes: scripts depend on them, so a code is never renamed or given a second meaning. */
export type KeyStoreErrorCode =
  /** The passphrase or secret is not the one that the store was made with. Nothing was changed. */
  | 'wrong-passphrase'
  | 'key-not-found'
  /** The key exists, and is not of the kind that the operation needs. */
  | 'wrong-key-type'
  /** The store cannot hold this key (algorithm, size, or a hardware store that takes no keys from outside). */
  | 'unsupported-key'
  /** `unwrap` refuses: altered, wrapped by another key, or for another purpose (`aad`). Deliberately indistinct. */
  | 'unwrap-failed'
  /** A file of the store was altered or truncated. `path` names it. */
  | 'damaged'
  | 'folder-not-writable'
  | 'disk-full'
  | 'invalid-argument'
  /** The token, its library or a remote service does not answer. The same call may succeed later; the message says what to do. */
  | 'unavailable'
  /** A token refused its PIN, or would lock itself at the next wrong one. It is not tried again until a person says so. */
  | 'pin-refused'
  /** The key is there, and its store has no means for this way of using it. */
  | 'unsupported-mechanism'
  /** The store was closed. */
  | 'closed';

/** What went wrong in a key store: a stable code, and a sentence that says what to do next. It never holds a secret. */
export class KeyStoreError extends Error {
  override readonly name = 'KeyStoreError';
  readonly code: KeyStoreErrorCode;
  /** The file that the error is about, where there is one. */
  readonly path: string | undefined;

  constructor(code: KeyStoreErrorCode, message: string, options: { path?: string; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.path = options.path;
  }
}

/** Turns an error of the file system about `path` into the one error that says what to do; anything else comes back as it is. */
export function explainFileError(error: unknown, path: string): unknown {
  const errno = error instanceof Error && 'code' in error ? String(error.code) : '';
  switch (errno) {
    case 'ENOSPC':
    case 'EDQUOT':
      return new KeyStoreError(
        'disk-full',
        `The disk that holds ${path} is full. No key was lost. Free some space and try again.`,
        {
          path,
          cause: error,
        },
      );
    case 'EACCES':
    case 'EPERM':
    case 'EROFS':
    case 'ENOTDIR':
      return new KeyStoreError(
        'folder-not-writable',
        `${path} cannot be used (${errno}): this user must be able to read and write it. No key was lost. Give the user the folder, or choose another.`,
        { path, cause: error },
      );
    default:
      return error;
  }
}
