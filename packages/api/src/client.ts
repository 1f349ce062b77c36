/** The typed client: one function for every route, in the browser and in Node. */
import type { z } from 'zod';
import { type ErrorCode, Problem } from './errors.ts';
import type { RouteDefinition } from './route.ts';
import { type RouteName, type Routes, routes } from './routes.ts';

type Part<R, K extends 'params' | 'query' | 'body'> = R extends { readonly [P in K]: infer S extends z.ZodType }
  ? { [P in K]: z.input<S> }
  : unknown;
type CallInput<R> = Part<R, 'params'> & Part<R, 'query'> & Part<R, 'body'>;
type Call<R extends RouteDefinition> =
  unknown extends CallInput<R>
    ? () => Promise<z.output<R['response']>>
    : (input: CallInput<R>) => Promise<z.output<R['response']>>;

export type Client = { readonly [N in RouteName]: Call<Routes[N]> };

/** A request that the authority refused, or that did not reach it (`unavailable`). */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly code: ErrorCode;
  readonly status: number;
  readonly fields: { path: string; message: string }[];

  constructor(problem: {
    title: string;
    code: ErrorCode;
    status: number;
    fields?: { path: string; message: string }[] | undefined;
  }) {
    super(problem.title);
    this.code = problem.code;
    this.status = problem.status;
    this.fields = problem.fields ?? [];
  }
}

export interface ClientOptions {
  /** Origin of the authority, without a path: `http://127.0.0.1:8080`; empty for the page's own origin. */
  baseUrl: string;
  /** Bearer token; browsers use the session cookie instead. */
  token?: string;
  fetch?: typeof fetch;
  /** Milliseconds until a call is given up as `unavailable`. */
  timeout?: number;
}

/** Calls are validated both ways: input before it leaves, output before it is returned. Throws `ApiError`. */
export function createClient(options: ClientOptions): Client {
  const call = (definition: RouteDefinition) => (input?: Record<'params' | 'query' | 'body', unknown>) =>
    send(options, definition, input);
  return Object.fromEntries(
    Object.entries(routes).map(([name, definition]) => [name, call(definition)]),
  ) as unknown as Client;
}

async function send(
  options: ClientOptions,
  definition: RouteDefinition,
  input: Partial<Record<'params' | 'query' | 'body', unknown>> = {},
): Promise<unknown> {
  const params = (definition.params?.parse(input.params) ?? {}) as Record<string, string>;
  const path = definition.path.replace(/:(\w+)/g, (_, name: string) => encodeURIComponent(params[name] ?? ''));
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries((input.query ?? {}) as Record<string, unknown>)) {
    if (value !== undefined) query.set(name, String(value));
  }
  const headers: Record<string, string> = { accept: 'application/json' };
  if (options.token !== undefined) headers.authorization = `Bearer ${options.token}`;
  if (definition.body !== undefined) headers['content-type'] = 'application/json';

  let response: Response;
  try {
    response = await (options.fetch ?? fetch)(`${options.baseUrl}${path}${query.size > 0 ? `?${query}` : ''}`, {
      method: definition.method,
      headers,
      credentials: 'same-origin',
      signal: AbortSignal.timeout(options.timeout ?? 30_000),
      ...(definition.body === undefined ? {} : { body: JSON.stringify(definition.body.parse(input.body)) }),
    });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ApiError({
      title: `The authority at ${options.baseUrl || 'this address'} did not answer: ${reason}`,
      code: 'unavailable',
      status: 0,
    });
  }
  const payload: unknown = await response.json().catch(() => undefined);
  if (response.ok) return definition.response.parse(payload);
  const problem = Problem.safeParse(payload);
  if (problem.success) throw new ApiError(problem.data);
  throw new ApiError({
    title: `The authority answered ${response.status} ${response.statusText}`,
    code: 'internal',
    status: response.status,
  });
}
