/** Routes of leaving, suspension, return and compromised keys. */
import { CompromiseOutcome, CompromiseReport, Departure, EvidenceBundle, Handover, WhyNote } from './lifecycle.ts';
import { Person } from './people.ts';
import { ById, route } from './route.ts';

export const lifecycleRoutes = {
  departure: route({
    method: 'GET',
    path: '/api/v1/people/:id/departure',
    summary: 'What would happen if a person left, or was suspended',
    access: 'authenticated',
    params: ById,
    response: Departure,
  }),
  handover: route({
    method: 'GET',
    path: '/api/v1/people/:id/handover',
    summary: 'What a manager would have to be given to read the old mail of somebody who has left',
    access: 'authenticated',
    params: ById,
    response: Handover,
  }),
  personEvidence: route({
    method: 'POST',
    path: '/api/v1/people/:id/evidence',
    summary: 'What happened to a person, signed, with proofs that a third party checks offline',
    access: 'authenticated',
    params: ById,
    response: EvidenceBundle,
  }),
  suspendPerson: route({
    method: 'POST',
    path: '/api/v1/people/:id/suspension',
    summary: 'Suspend a person: put their certificates on hold, publish and issue nothing',
    access: 'authenticated',
    params: ById,
    body: WhyNote,
    response: Person,
  }),
  returnPerson: route({
    method: 'POST',
    path: '/api/v1/people/:id/return',
    summary: 'A person returns from a suspension, or comes back after they left',
    access: 'authenticated',
    params: ById,
    body: WhyNote,
    response: Person,
  }),
  reportCompromise: route({
    method: 'POST',
    path: '/api/v1/people/:id/compromise',
    summary: 'A key of a person is compromised: revoke, replace and publish anew',
    access: 'authenticated',
    params: ById,
    body: CompromiseReport,
    response: CompromiseOutcome,
  }),
  reportMyCompromise: route({
    method: 'POST',
    path: '/api/v1/self/compromise',
    summary: 'A key of mine is compromised: revoke, replace and publish anew',
    access: 'person',
    body: CompromiseReport,
    response: CompromiseOutcome,
  }),
};
