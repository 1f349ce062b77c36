/** Who runs which job. */
import { generateCrlIfDue } from '../ca/due-crls.ts';
import { runPass } from '../identity/directory/synchronise.ts';
import { moveSecretsOnce } from '../identity/move-secrets.ts';
import { sendSignInLink } from '../identity/person-sessions.ts';
import { emptyVaults } from '../kra/empty-vaults.ts';
import { openBatch } from '../kra/open-batch.ts';
import { continueRotations } from '../kra/rotate-kek.ts';
import { sendDueNotices } from '../notices/send.ts';
import { publishPerson } from '../publication/publish.ts';
import { publishDocuments } from '../publication/publish-documents.ts';
import { reconcile } from '../publication/reconcile.ts';
import { sendDueChallenges } from '../ra/acme/challenge-mail.ts';
import { issueBatch } from '../ra/bulk-issuance.ts';
import { fulfilEnrollment } from '../ra/enrollment.ts';
import { tellIntune } from '../ra/intune.ts';
import type { JobHandlers } from './queue.ts';

export const jobHandlers: JobHandlers = {
  'fulfil-enrollment': (world, { enrollmentId }) => fulfilEnrollment(world, enrollmentId),
  'issue-batch': (world, { issuanceId }) => issueBatch(world, issuanceId),
  'publish-person': (world, { personId }) => publishPerson(world, personId),
  'generate-crl': (world, { authorityId }) => generateCrlIfDue(world, authorityId),
  'empty-vaults': async (world) => {
    await moveSecretsOnce(world);
    await emptyVaults(world);
  },
  'open-batch': (world, { batchId }) => openBatch(world, batchId),
  'rotate-kek': continueRotations,
  'send-sign-in-link': (world, { address }) => sendSignInLink(world, address),
  'publish-documents': (world, { authorityId }) => publishDocuments(world, authorityId),
  'tell-intune': (world, { id }) => tellIntune(world, id),
  reconcile: (world, { target }) => reconcile(world, target),
  'sync-directory': (world, { name }) => runPass(world, name),
  'send-acme-challenges': sendDueChallenges,
  'send-notices': sendDueNotices,
};
