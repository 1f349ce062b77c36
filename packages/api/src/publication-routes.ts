/** The routes of publication. */
import { z } from 'zod';
import { NewReconciliation, PublicationState, UnreachableQuery, UnreachableReport } from './publication.ts';

export const publicationRoutes = {
  publication: {
    method: 'GET',
    path: '/api/v1/publication',
    summary: 'Where certificates are published, and how each place compares with the inventory',
    access: 'authenticated',
    response: PublicationState,
  },
  unreachable: {
    method: 'GET',
    path: '/api/v1/publication/unreachable',
    summary: 'Who cannot be written to encrypted, and why',
    access: 'authenticated',
    query: UnreachableQuery,
    response: UnreachableReport,
  },
  beginReconciliation: {
    method: 'POST',
    path: '/api/v1/publication/reconciliations',
    summary: 'Compare a target with the inventory, or all of them, and mend what has drifted',
    access: 'authenticated',
    body: NewReconciliation,
    response: z.object({ begun: z.array(z.string()) }),
  },
} as const;
