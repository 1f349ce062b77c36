/** The office's errors as ACME has them: problem documents (RFC 8555 section 6.7, RFC 9457). */
import type { ErrorCode } from '@chancery/api';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { AuthorityError } from '../../errors.ts';
import { AcmeError, type AcmeErrorType } from '../../ra/acme/acme-error.ts';
import { signatureAlgorithms } from '../../ra/acme/jws.ts';
import { isDatabaseTrouble } from '../../store/database.ts';
import type { World } from '../../world.ts';

const STATUS = {
  accountDoesNotExist: 400,
  alreadyRevoked: 400,
  badCSR: 400,
  badNonce: 400,
  badPublicKey: 400,
  badRevocationReason: 400,
  badSignatureAlgorithm: 400,
  externalAccountRequired: 403,
  incorrectResponse: 403,
  invalidContact: 400,
  malformed: 400,
  orderNotReady: 403,
  rateLimited: 429,
  rejectedIdentifier: 400,
  unauthorized: 403,
  unsupportedContact: 400,
  unsupportedIdentifier: 400,
  userActionRequired: 403,
  serverInternal: 500,
} as const satisfies Record<AcmeErrorType | 'serverInternal', number>;

/** What no room of ACME's own said. */
const TYPES = {
  'invalid-request': 'malformed',
  'invalid-import': 'malformed',
  'unusable-input': 'malformed',
  unauthenticated: 'unauthorized',
  'wrong-credentials': 'unauthorized',
  forbidden: 'unauthorized',
  'not-found': 'malformed',
  conflict: 'malformed',
  'wrong-state': 'malformed',
  'quorum-refused': 'unauthorized',
  'lint-failed': 'badCSR',
  'rate-limited': 'rateLimited',
  'not-set-up': 'serverInternal',
  unavailable: 'serverInternal',
  internal: 'serverInternal',
} as const satisfies Record<ErrorCode, keyof typeof STATUS>;

export const typeUrn = (type: string): string => `urn:ietf:params:acme:error:${type}`;

export function answerProblem(world: World) {
  return (error: FastifyError | Error, _request: FastifyRequest, reply: FastifyReply) => {
    const { type, status, detail } = read(error);
    if (type === 'serverInternal') world.log.error('acme.failed', { error: error.message, stack: error.stack });
    if (status === 429 || status === 503) reply.header('retry-after', '60');
    return sendProblem(reply, { type, status, detail });
  };
}

export function sendProblem(reply: FastifyReply, { type, status, detail }: Problem): FastifyReply {
  return reply
    .code(status)
    .header('content-type', 'application/problem+json')
    .header('cache-control', 'no-store')
    .send(
      JSON.stringify({
        type: typeUrn(type),
        detail,
        status,
        ...(type === 'badSignatureAlgorithm' && { algorithms: signatureAlgorithms }),
      }),
    );
}

interface Problem {
  readonly type: string;
  readonly status: number;
  readonly detail: string;
}

function read(error: FastifyError | Error): Problem {
  if (error instanceof AcmeError) return { type: error.type, status: STATUS[error.type], detail: error.message };
  if (error instanceof AuthorityError) {
    const type = TYPES[error.code];
    const status = error.code === 'not-found' ? 404 : error.code === 'not-set-up' ? 503 : STATUS[type];
    return { type, status, detail: error.message };
  }
  const status = 'statusCode' in error && typeof error.statusCode === 'number' ? error.statusCode : 500;
  if (status >= 400 && status < 500) return { type: 'malformed', status, detail: `${error.message}.` };
  const detail = 'Something of the office is down. Nothing was half done. Try again in a minute.';
  return { type: 'serverInternal', status: isDatabaseTrouble(error) ? 503 : 500, detail };
}
