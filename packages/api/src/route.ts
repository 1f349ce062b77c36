/** What a route is, for the tables of routes. */
import { z } from 'zod';
import { Id } from './values.ts';

export interface RouteDefinition {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** Fastify style: `/api/v1/people/:id`. */
  readonly path: string;
  readonly summary: string;
  /** `public`: before sign-in (still rate-limited). `person`: an employee's own session, which opens nothing else. */
  readonly access: 'public' | 'authenticated' | 'person';
  readonly params?: z.ZodType;
  readonly query?: z.ZodType;
  readonly body?: z.ZodType;
  readonly response: z.ZodType;
}

export const route = <const R extends RouteDefinition>(definition: R): R => definition;

export const ById = z.object({ id: Id });
export const Done = z.object({ done: z.literal(true) });
