/**
 * What the office does by itself, once a minute on one node of all. Each task is idempotent, and none stops the next. What waits for
 * somebody else's server is a task of its own: a provider that does not answer delays no list, no renewal and no checkpoint.
 */
import { checkpointIfDue } from '../audit/checkpoint.ts';
import { exportTrail, tellWitnesses } from '../audit/targets/deliver.ts';
import { generateDueCrls } from '../ca/due-crls.ts';
import { sweepIntents } from '../ca/sign.ts';
import { expireClaims } from '../delivery/claim.ts';
import { sendPhoneKeys } from '../delivery/phone-keys.ts';
import { dropEndedPickUps } from '../delivery/pick-up.ts';
import { beginDuePasses } from '../identity/directory/synchronise.ts';
import { moveSecretsOnce } from '../identity/move-secrets.ts';
import { recheckProviderSessions } from '../identity/providers/recheck.ts';
import { purgeExpiredTokens } from '../identity/purge.ts';
import { catchUpSources } from '../identity/sources/catch-up.ts';
import { keepCoverage } from '../inventory/keep-coverage.ts';
import { beginDueDrill } from '../kra/drill.ts';
import { emptyVaults } from '../kra/empty-vaults.ts';
import { endRecoveries } from '../kra/end-recoveries.ts';
import { fillKeyPool } from '../kra/escrow.ts';
import { attestOldPoints } from '../kra/origins.ts';
import { endRetention } from '../kra/retention.ts';
import { continueRotations } from '../kra/rotate-kek.ts';
import { destroyEndedTransportKeys } from '../kra/transport.ts';
import { purgeEndedJournal } from '../mail-flow/journal.ts';
import { tellConditions } from '../notices/conditions.ts';
import { foldDueDigests } from '../notices/digest.ts';
import { sendDueNotices } from '../notices/send.ts';
import { beginDueReconciliations } from '../publication/reconcile.ts';
import { sendDueChallenges } from '../ra/acme/challenge-mail.ts';
import { sweepAcmeOrders } from '../ra/acme/finalize.ts';
import { purgeEndedNonces } from '../ra/acme/nonces.ts';
import { sweepEnrolments } from '../ra/device-enrolment.ts';
import { pollIntuneRevocations } from '../ra/intune.ts';
import { sendOffers } from '../ra/offer-claim.ts';
import { endKeptAccesses } from '../ra/operator-access.ts';
import { renewRegistrationAuthority } from '../ra/registration-authority.ts';
import { renewDue } from '../ra/renewal.ts';
import { continueRollovers } from '../ra/rollover.ts';
import { welcomePeople } from '../ra/welcome.ts';
import { renewDueResponders } from '../status/renew-responder.ts';
import type { World } from '../world.ts';

type Task = (world: World) => Promise<unknown>;

/** Each needs the database and the key store, and nobody else. */
const tasks: Readonly<Record<string, Task>> = {
  'due-crls': generateDueCrls,
  'due-responders': renewDueResponders,
  'due-scep-ra': renewRegistrationAuthority,
  'device-enrolments': sweepEnrolments,
  'acme-orders': sweepAcmeOrders,
  'acme-nonces': purgeEndedNonces,
  'stale-intents': sweepIntents,
  'lapsed-claims': expireClaims,
  'ended-pick-ups': dropEndedPickUps,
  'people-from-sources': catchUpSources,
  'departed-operators': endKeptAccesses,
  'ended-recoveries': endRecoveries,
  'ended-transport-keys': destroyEndedTransportKeys,
  'ended-retention': endRetention,
  'spare-keys': fillKeyPool,
  'own-secrets-key': moveSecretsOnce,
  'emptied-vaults': emptyVaults,
  'unattested-points': attestOldPoints,
  'rotating-keks': continueRotations,
  'due-drill': beginDueDrill,
  'due-reconciliations': beginDueReconciliations,
  welcomes: welcomePeople,
  conditions: tellConditions,
  'due-digests': foldDueDigests,
  'due-renewals': renewDue,
  rollovers: continueRollovers,
  'offered-links': sendOffers,
  'due-directories': beginDuePasses,
  'kept-coverage': keepCoverage,
  'purge-tokens': purgeExpiredTokens,
  'ended-journal': purgeEndedJournal,
  // Last: it signs what the others have written.
  'audit-checkpoint': checkpointIfDue,
};

/** Each asks servers of others. They begin once the rest is done, side by side, and the next minute waits for none of them. */
const errands: Readonly<Record<string, Task>> = {
  'audit-witnesses': tellWitnesses,
  'audit-exports': exportTrail,
  'due-notices': sendDueNotices,
  'acme-challenges': sendDueChallenges,
  'intune-revocations': pollIntuneRevocations,
  'phone-keys': sendPhoneKeys,
  'provider-sessions': recheckProviderSessions,
};

/** What a node does each minute by itself. */
export async function tick(world: World): Promise<void> {
  for (const [name, task] of Object.entries(tasks)) await attempt(world, name, task);
}

/** Where it then goes, by names under which the queue keeps them apart. */
export const errandsOfTick: Readonly<Record<string, (world: World) => Promise<void>>> = Object.fromEntries(
  Object.entries(errands).map(([name, task]) => [name, (world: World) => attempt(world, name, task)]),
);

async function attempt(world: World, name: string, task: Task): Promise<void> {
  try {
    await task(world);
  } catch (error) {
    world.log.error('schedule.failed', { task: name, error: error instanceof Error ? error.message : String(error) });
  }
}
