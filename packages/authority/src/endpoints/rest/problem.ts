/** Errors as RFC 9457 problem+json. */
import type { ErrorCode, Problem } from '@chancery/api';
import { KeyStoreError } from '@chancery/keystore';
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify';
import { AuthorityError } from '../../errors.ts';
import { isDatabaseTrouble } from '../../store/database.ts';
import type { World } from '../../world.ts';

const STATUS = {
  'invalid-request': 400,
  'invalid-import': 422,
  'unusable-input': 422,
  unauthenticated: 401,
  'wrong-credentials': 401,
  forbidden: 403,
  'not-found': 404,
  conflict: 409,
  'wrong-state': 409,
  'quorum-refused': 403,
  'lint-failed': 422,
  'rate-limited': 429,
  'not-set-up': 409,
  unavailable: 503,
  internal: 500,
} as const satisfies Record<ErrorCode, number>;

/** Answers with the problem that an error is; what nobody foresaw goes to the log, and to the caller without its text. */
export function answerError(world: Pick<World, 'log'>) {
  return (error: FastifyError | AuthorityError | Error, request: FastifyRequest, reply: FastifyReply): void => {
    const { known, status } = classify(error);
    if (known.code === 'internal' || known.code === 'unavailable') {
      world.log.error('request.failed', {
        method: request.method,
        // Without the query, which may name people.
        path: request.routeOptions.url ?? 'unknown',
        error: error.message,
        stack: error.stack,
      });
    }
    if (known.code === 'unauthenticated') reply.header('www-authenticate', 'Bearer');
    const problem: Problem = {
      type: 'about:blank',
      title: known.message,
      status,
      code: known.code,
      ...(known.fields.length === 0 ? {} : { fields: known.fields.map((field) => ({ ...field })) }),
    };
    // Serialised here: the route's own serialiser expects its own answer.
    reply
      .status(status)
      .header('content-type', 'application/problem+json')
      .header('cache-control', 'no-store')
      .serializer((payload: unknown) => JSON.stringify(payload))
      .send(problem);
  };
}

function classify(error: FastifyError | AuthorityError | Error): { known: AuthorityError; status: number } {
  if (error instanceof AuthorityError) return { known: error, status: STATUS[error.code] };
  const status = 'statusCode' in error && typeof error.statusCode === 'number' ? error.statusCode : 500;
  if ('validation' in error && Array.isArray(error.validation)) {
    const where = error.validationContext ?? 'request';
    const fields = error.validation.map((issue) => ({
      path: issue.instancePath.replace(/^\//, '').replaceAll('/', '.') || where,
      message: issue.message ?? 'cannot be used',
    }));
    const first = fields[0];
    const message = `The request cannot be used: ${first?.path}: ${first?.message}. Nothing was changed.`;
    return { known: new AuthorityError('invalid-request', message, { fields }), status: 400 };
  }
  if (status === 413) {
    const message = 'The request is larger than this route takes. Nothing was changed. Send less at a time.';
    return { known: new AuthorityError('invalid-request', message), status };
  }
  if (status >= 400 && status < 500) {
    return { known: new AuthorityError('invalid-request', `${error.message}. Nothing was changed.`), status };
  }
  if (isDatabaseTrouble(error)) {
    const message =
      'The office cannot reach its database. What was committed is safe; this request may have to be repeated. Try again in a moment.';
    return { known: new AuthorityError('unavailable', message), status: STATUS.unavailable };
  }
  if (error instanceof KeyStoreError && (error.code === 'unavailable' || error.code === 'pin-refused')) {
    // Which token, and what it said, is for the overview and the log.
    const message =
      'The office cannot reach the token that holds its keys. Nothing was issued or changed. Try again once the overview shows the key store as available.';
    return { known: new AuthorityError('unavailable', message), status: STATUS.unavailable };
  }
  if (error instanceof KeyStoreError && (error.code === 'unsupported-key' || error.code === 'unsupported-mechanism'))
    return { known: new AuthorityError('unusable-input', `${error.message} Nothing was made.`), status: 422 };
  const message =
    'Something went wrong in the office. Nothing was half done. Try again; if it stays, its log says what happened.';
  return { known: new AuthorityError('internal', message), status: STATUS.internal };
}
