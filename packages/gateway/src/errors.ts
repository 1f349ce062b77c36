/** The one error class of the gateway. What a client or a person sees of it is decided in `smtp/reply.ts` and `log.ts`. */

export type GatewayErrorCode =
  /** The configuration file, or something it refers to, cannot be used. */
  | 'configuration'
  /** Another gateway works in this folder. */
  | 'folder-in-use'
  /** A listening address cannot be had. */
  | 'port-in-use'
  /** The spool cannot take the message now: full or failing disk, or too much in memory. The client keeps it. */
  | 'spool-unavailable'
  /** The authority, DNS or a directory did not answer, and the message must not go without that answer. */
  | 'unavailable'
  /** A key of ours is missing or does not work. */
  | 'key-unusable'
  /** What came cannot be read: a header, or a text, that no program should have to take. */
  | 'unreadable'
  /** Octets of our own state on disk are not what we wrote. */
  | 'state-damaged';

export class GatewayError extends Error {
  override readonly name = 'GatewayError';
  readonly code: GatewayErrorCode;

  constructor(code: GatewayErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}

/** The sentence of anything thrown. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
