/** The routes of `enrolment.ts`; `routes.ts` has them all. */
import { z } from 'zod';
import {
  Challenge,
  DeviceEnrolment,
  EnrolmentDecision,
  EnrolmentQuery,
  NewChallenge,
  NewChallengeFor,
  OpenChallenge,
  UploadedRequest,
  UploadOutcome,
} from './enrolment.ts';
import type { RouteDefinition } from './route.ts';
import { Id } from './values.ts';

const ById = z.object({ id: Id });
const Done = z.object({ done: z.literal(true) });

export const enrolmentRoutes = {
  makeChallenge: {
    method: 'POST',
    path: '/api/v1/people/:id/challenges',
    summary: 'A one-time challenge with which a device of that person enrols; shown once',
    access: 'authenticated',
    params: ById,
    body: NewChallenge,
    response: Challenge,
  },
  makeChallengeFor: {
    method: 'POST',
    path: '/api/v1/challenges',
    summary: 'The same by address, for programs that manage devices',
    access: 'authenticated',
    body: NewChallengeFor,
    response: Challenge,
  },
  challenges: {
    method: 'GET',
    path: '/api/v1/people/:id/challenges',
    summary: 'Challenges of that person that nobody has used yet',
    access: 'authenticated',
    params: ById,
    response: z.object({ items: z.array(OpenChallenge) }),
  },
  withdrawChallenge: {
    method: 'DELETE',
    path: '/api/v1/challenges/:id',
    summary: 'Withdraw a challenge',
    access: 'authenticated',
    params: ById,
    response: Done,
  },
  enrolments: {
    method: 'GET',
    path: '/api/v1/enrolments',
    summary: 'What devices asked for: those that wait for a decision in their order, others newest first; at most 200',
    access: 'authenticated',
    query: EnrolmentQuery,
    response: z.object({ items: z.array(DeviceEnrolment) }),
  },
  decideEnrolment: {
    method: 'POST',
    path: '/api/v1/enrolments/:id/decision',
    summary: 'Approve or refuse what a device asked for',
    access: 'authenticated',
    params: ById,
    body: EnrolmentDecision,
    response: Done,
  },
  makeMyChallenge: {
    method: 'POST',
    path: '/api/v1/self/challenges',
    summary: 'A one-time challenge for a device of one’s own',
    access: 'person',
    body: NewChallenge,
    response: Challenge,
  },
  uploadMyRequest: {
    method: 'POST',
    path: '/api/v1/self/requests',
    summary: 'A signing certificate for a key that was made elsewhere: on a smart card, in a program',
    access: 'person',
    body: UploadedRequest,
    response: UploadOutcome,
  },
} as const satisfies Record<string, RouteDefinition>;
