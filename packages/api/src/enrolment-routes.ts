/** The routes of `enrolment.ts`; `routes.ts` has them all. */
import { z } from 'zod';
import { IssuedCertificate } from './certificates.ts';
import {
  Challenge,
  ChallengeQuery,
  Challenges,
  DeviceEnrolment,
  DeviceEnrolmentDetail,
  EnrolmentDecision,
  EnrolmentQuery,
  LostDevice,
  NewChallenge,
  NewChallengeFor,
  OpenChallenge,
  RequestReading,
  UploadedRequest,
  UploadOutcome,
} from './enrolment.ts';
import { WhyNote } from './lifecycle.ts';
import type { RouteDefinition } from './route.ts';
import { Id, SerialNumber } from './values.ts';

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
  allChallenges: {
    method: 'GET',
    path: '/api/v1/challenges',
    summary: 'Challenges of everybody: open or ended ones, and the static ones of the configuration',
    access: 'authenticated',
    query: ChallengeQuery,
    response: Challenges,
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
  enrolment: {
    method: 'GET',
    path: '/api/v1/enrolments/:id',
    summary: 'What a device asked for, and the certificate as it would be',
    access: 'authenticated',
    params: ById,
    response: DeviceEnrolmentDetail,
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
  loseDevice: {
    method: 'POST',
    path: '/api/v1/enrolments/:id/loss',
    summary: 'A device is lost: every key that it held is revoked as compromised, and replaced',
    access: 'authenticated',
    params: ById,
    body: WhyNote,
    response: LostDevice,
  },
  loseMyDevice: {
    method: 'POST',
    path: '/api/v1/self/devices/:id/loss',
    summary: 'A device of mine is lost: every key that it held is revoked as compromised, and replaced',
    access: 'person',
    params: ById,
    body: WhyNote,
    response: LostDevice,
  },
  makeMyChallenge: {
    method: 'POST',
    path: '/api/v1/self/challenges',
    summary: 'A one-time challenge for a device of one’s own',
    access: 'person',
    body: NewChallenge,
    response: Challenge,
  },
  readMyRequest: {
    method: 'POST',
    path: '/api/v1/self/requests/reading',
    summary: 'What a certificate request says, and what would become of it; nothing is kept of it',
    access: 'person',
    body: UploadedRequest,
    response: RequestReading,
  },
  myCertificate: {
    method: 'GET',
    path: '/api/v1/self/certificates/:serialNumber',
    summary: 'A certificate of one’s own, with what stands above it',
    access: 'person',
    params: z.object({ serialNumber: SerialNumber }),
    response: IssuedCertificate,
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
