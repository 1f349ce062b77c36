/** Routes of sources of people; `routes.ts` spreads them in. */
import { z } from 'zod';
import { Person } from './people.ts';
import type { RouteDefinition } from './routes.ts';
import { MadeScimToken, NewScimToken, ScimTokenRotation, Source, SourceConflict, StoppedPerson } from './sources.ts';
import { Id } from './values.ts';

const route = <const R extends RouteDefinition>(definition: R): R => definition;
const ById = z.object({ id: Id });
const Done = z.object({ done: z.literal(true) });

export const sourceRoutes = {
  sources: route({
    method: 'GET',
    path: '/api/v1/sources',
    summary: 'Sources of people: what each presents, and the tokens of SCIM clients',
    access: 'authenticated',
    response: z.object({ items: z.array(Source) }),
  }),
  sourceConflicts: route({
    method: 'GET',
    path: '/api/v1/sources/conflicts',
    summary: 'What sources present that waits for a decision; at most 500, the oldest first',
    access: 'authenticated',
    response: z.object({ items: z.array(SourceConflict) }),
  }),
  linkSourceRecord: route({
    method: 'POST',
    path: '/api/v1/sources/conflicts/:id/link',
    summary: 'That what a source presents is that person',
    access: 'authenticated',
    params: ById,
    body: z.object({ personId: Id }),
    response: Person,
  }),
  stoppedPeople: route({
    method: 'GET',
    path: '/api/v1/sources/stopped',
    summary: 'People whom somebody in the office had leave, though a source presents them; at most 500',
    access: 'authenticated',
    response: z.object({ items: z.array(StoppedPerson) }),
  }),
  readmitPerson: route({
    method: 'POST',
    path: '/api/v1/people/:id/readmit',
    summary: 'Let somebody back whom a source still presents',
    access: 'authenticated',
    params: ById,
    response: Person,
  }),
  createScimToken: route({
    method: 'POST',
    path: '/api/v1/scim-tokens',
    summary: 'Make a token for a SCIM client, and its source with the first',
    access: 'authenticated',
    body: NewScimToken,
    response: MadeScimToken,
  }),
  rotateScimToken: route({
    method: 'POST',
    path: '/api/v1/scim-tokens/:id/rotate',
    summary: 'Make a token in place of another, which goes on for a while',
    access: 'authenticated',
    params: ById,
    body: ScimTokenRotation,
    response: MadeScimToken,
  }),
  revokeScimToken: route({
    method: 'DELETE',
    path: '/api/v1/scim-tokens/:id',
    summary: 'Revoke a token of a SCIM client at once',
    access: 'authenticated',
    params: ById,
    response: Done,
  }),
} as const;
