/** The routes of publication. */
import { z } from 'zod';
import {
  AuthorityStore,
  NewReconciliation,
  PublicationState,
  RunbookAnswer,
  RunbookConfirmation,
  RunbookQuery,
  UnreachableQuery,
  UnreachableReport,
} from './publication.ts';

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
  runbook: {
    method: 'GET',
    path: '/api/v1/publication/runbook',
    summary: 'The PowerShell runbook that brings the mailboxes of Exchange Online in line',
    access: 'authenticated',
    query: RunbookQuery,
    response: RunbookAnswer,
  },
  authorityStore: {
    method: 'GET',
    path: '/api/v1/publication/authority-store',
    summary: 'The authorities as a serialized certificate store, for Set-SmimeConfig',
    access: 'authenticated',
    response: AuthorityStore,
  },
  confirmRunbook: {
    method: 'POST',
    path: '/api/v1/publication/runbook/confirmations',
    summary: 'A runbook has run: what it said stands now',
    access: 'authenticated',
    body: RunbookConfirmation,
    response: z.object({ mailboxes: z.int() }),
  },
} as const;
