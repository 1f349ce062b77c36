/** Refusals in ACME's own terms (RFC 8555 section 6.7), which are errors of the office too. */
import type { ErrorCode } from '@chancery/api';
import { AuthorityError } from '../../errors.ts';

const CODES = {
  accountDoesNotExist: 'not-found',
  alreadyRevoked: 'wrong-state',
  badCSR: 'unusable-input',
  badNonce: 'unauthenticated',
  badPublicKey: 'unusable-input',
  badRevocationReason: 'invalid-request',
  badSignatureAlgorithm: 'unusable-input',
  externalAccountRequired: 'forbidden',
  incorrectResponse: 'forbidden',
  invalidContact: 'invalid-request',
  malformed: 'invalid-request',
  orderNotReady: 'wrong-state',
  rateLimited: 'rate-limited',
  rejectedIdentifier: 'forbidden',
  unauthorized: 'forbidden',
  unsupportedContact: 'invalid-request',
  unsupportedIdentifier: 'invalid-request',
  userActionRequired: 'forbidden',
} as const satisfies Record<string, ErrorCode>;
export type AcmeErrorType = keyof typeof CODES;

export class AcmeError extends AuthorityError {
  readonly type: AcmeErrorType;

  /** @param message as of an AuthorityError */
  constructor(type: AcmeErrorType, message: string) {
    super(CODES[type], message);
    this.type = type;
  }
}
