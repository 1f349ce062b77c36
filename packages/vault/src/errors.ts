/** What goes wrong in the vault's cryptography, with who caused it where that can be told. */

export type VaultErrorCode =
  /** Octets that are not what they should be: a point off the curve, a document without a field. */
  | 'malformed'
  /** A dealing, share, partial or signature that does not check. `officer` is whose it is. */
  | 'bad-proof'
  /** Fewer contributions than the threshold, or two of one officer. */
  | 'no-quorum'
  /** A passphrase or key that does not open what it should. Deliberately indistinct. */
  | 'cannot-open'
  /** The caller asked for something that makes no sense: a threshold above the number of officers. */
  | 'invalid-argument';

export class VaultError extends Error {
  override readonly name = 'VaultError';
  readonly code: VaultErrorCode;
  /** Index (from 1) of the officer whose contribution is at fault. */
  readonly officer: number | undefined;

  constructor(code: VaultErrorCode, message: string, officer?: number) {
    super(message);
    this.code = code;
    this.officer = officer;
  }
}
