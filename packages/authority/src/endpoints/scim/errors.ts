/** Errors as SCIM has them (RFC 7644 3.12). */
import type { ErrorCode } from '@chancery/api';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { AuthorityError } from '../../errors.ts';
import { ScimRefusal, type ScimType } from '../../identity/scim/refusal.ts';
import { isDatabaseTrouble } from '../../store/database.ts';
import type { World } from '../../world.ts';

interface Answer {
  readonly status: number;
  readonly scimType?: ScimType;
}

const ANSWERS = {
  'invalid-request': { status: 400, scimType: 'invalidValue' },
  'invalid-import': { status: 400, scimType: 'invalidValue' },
  'unusable-input': { status: 400, scimType: 'invalidValue' },
  unauthenticated: { status: 401 },
  'wrong-credentials': { status: 401 },
  forbidden: { status: 403 },
  'not-found': { status: 404 },
  conflict: { status: 409, scimType: 'uniqueness' },
  'wrong-state': { status: 409 },
  'quorum-refused': { status: 403 },
  'lint-failed': { status: 400, scimType: 'invalidValue' },
  'rate-limited': { status: 429 },
  'not-set-up': { status: 503 },
  unavailable: { status: 503 },
  internal: { status: 500 },
} as const satisfies Record<ErrorCode, Answer>;

/** Answers with the SCIM error that an error is; what nobody foresaw goes to the log, and to the client without its text. */
export function answerScimError(world: Pick<World, 'log'>) {
  return (error: FastifyError | AuthorityError | Error, request: FastifyRequest, reply: FastifyReply): void => {
    const { known, answer } = classify(error);
    if (answer.status >= 500) {
      world.log.error('scim.failed', {
        method: request.method,
        path: request.routeOptions.url ?? 'unknown',
        error: error.message,
        stack: error.stack,
      });
    }
    if (answer.status === 401) reply.header('www-authenticate', 'Bearer');
    if (answer.status === 503) reply.header('retry-after', '30');
    reply
      .status(answer.status)
      .header('content-type', 'application/scim+json')
      .header('cache-control', 'no-store')
      .send(
        JSON.stringify({
          schemas: ['urn:ietf:params:scim:api:messages:2.0:Error'],
          status: String(answer.status),
          ...(answer.scimType !== undefined && { scimType: answer.scimType }),
          detail: known,
        }),
      );
  };
}

function classify(error: FastifyError | AuthorityError | Error): { known: string; answer: Answer } {
  if (error instanceof ScimRefusal) {
    const { scimType, message } = error;
    // A precondition is HTTP's own matter (RFC 7644 3.14).
    if (scimType === 'version') return { known: message, answer: { status: 412 } };
    return { known: message, answer: { status: ANSWERS[error.code].status, scimType } };
  }
  if (error instanceof AuthorityError) return { known: error.message, answer: ANSWERS[error.code] };
  const status = 'statusCode' in error && typeof error.statusCode === 'number' ? error.statusCode : 500;
  if (status === 413)
    return { known: 'The request is larger than the office takes. Nothing was changed.', answer: { status } };
  if (status >= 400 && status < 500)
    return {
      known: `${error.message}. Nothing was changed.`,
      answer: { status, ...(status === 400 && { scimType: 'invalidSyntax' }) },
    };
  if (isDatabaseTrouble(error))
    return {
      known: 'The office cannot reach its database. Nothing was lost. Try again in a moment.',
      answer: ANSWERS.unavailable,
    };
  return { known: 'Something went wrong in the office. Nothing was half done. Try again.', answer: ANSWERS.internal };
}
