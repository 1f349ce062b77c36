import type { Migration } from 'kysely/migration';
import { up as house } from './0001-house.ts';
import { up as profiles } from './0002-profiles.ts';
import { up as status } from './0003-status.ts';
import { up as issuances } from './0004-issuances.ts';
import { up as inventory } from './0005-inventory.ts';
import { up as hierarchy } from './0006-hierarchy.ts';
import { up as crossCertificates } from './0007-cross-certificates.ts';
import { up as history } from './0008-history.ts';
import { up as imports } from './0009-imports.ts';
import { up as many } from './0010-many.ts';
import { up as search } from './0011-search.ts';
import { up as offlineRoots } from './0012-offline-roots.ts';
import { up as renewal } from './0013-renewal.ts';
import { up as importedKeys } from './0014-imported-keys.ts';
import { up as vaultCeremonies } from './0020-vault-ceremonies.ts';
import { up as auditTree } from './0021-audit-tree.ts';
import { up as notices } from './0022-notices.ts';
import { up as recoverySteps } from './0023-recovery-steps.ts';
import { up as rounds } from './0024-rounds.ts';
import { up as legalHolds } from './0026-legal-holds.ts';
import { up as keyRetention } from './0027-key-retention.ts';
import { up as lockedPoints } from './0028-locked-points.ts';
import { up as auditTargets } from './0029-audit-targets.ts';
import { up as employees } from './0030-employees.ts';
import { up as coveringInventory } from './0040-covering-inventory.ts';
import { up as offlineOpenings } from './0041-offline-openings.ts';
import { up as sources } from './0043-sources.ts';
import { up as scimTokens } from './0044-scim-tokens.ts';
import { up as identityProviders } from './0045-identity-providers.ts';
import { up as directories } from './0046-directories.ts';
import { up as deviceEnrolments } from './0047-device-enrolments.ts';
import { up as sealedRequests } from './0048-sealed-requests.ts';
import { up as intune } from './0049-intune.ts';
import { up as reconciliation } from './0050-reconciliation.ts';
import { up as lifecycle } from './0052-lifecycle.ts';
import { up as renewals } from './0053-renewals.ts';
import { up as noticeEvents } from './0054-notices.ts';
import { up as coverage } from './0055-coverage.ts';
import { up as devices } from './0056-devices.ts';
import { up as phoneKeys } from './0057-phone-keys.ts';
import { up as acme } from './0060-acme.ts';
import { up as listedChallenges } from './0062-listed-challenges.ts';
import { up as lostDevices } from './0063-lost-devices.ts';
import { up as switchedOff } from './0064-switched-off.ts';
import { up as timeStamps } from './0065-time-stamps.ts';
import { up as mailJournal } from './0070-mail-journal.ts';
import { up as mailRules } from './0071-mail-rules.ts';
import { up as departedOperators } from './0074-departed-operators.ts';
import { up as correspondents } from './0078-correspondents.ts';
import { up as mailDelivery } from './0081-mail-delivery.ts';
import { up as heldMail } from './0082-held-mail.ts';
import { up as judgedMail } from './0083-judged-mail.ts';
import { up as keptCoverage } from './0086-kept-coverage.ts';

/** In order of their names. A migration that has landed is never edited: write the next one. */
export const migrations: Record<string, Migration> = {
  '0001-house': { up: house },
  '0002-profiles': { up: profiles },
  '0003-status': { up: status },
  '0004-issuances': { up: issuances },
  '0005-inventory': { up: inventory },
  '0006-hierarchy': { up: hierarchy },
  '0007-cross-certificates': { up: crossCertificates },
  '0008-history': { up: history },
  '0009-imports': { up: imports },
  '0010-many': { up: many },
  '0011-search': { up: search },
  '0012-offline-roots': { up: offlineRoots },
  '0013-renewal': { up: renewal },
  '0014-imported-keys': { up: importedKeys },
  '0020-vault-ceremonies': { up: vaultCeremonies },
  '0021-audit-tree': { up: auditTree },
  '0022-notices': { up: notices },
  '0023-recovery-steps': { up: recoverySteps },
  '0024-rounds': { up: rounds },
  '0026-legal-holds': { up: legalHolds },
  '0027-key-retention': { up: keyRetention },
  '0028-locked-points': { up: lockedPoints },
  '0029-audit-targets': { up: auditTargets },
  '0030-employees': { up: employees },
  '0040-covering-inventory': { up: coveringInventory },
  '0041-offline-openings': { up: offlineOpenings },
  '0043-sources': { up: sources },
  '0044-scim-tokens': { up: scimTokens },
  '0045-identity-providers': { up: identityProviders },
  '0046-directories': { up: directories },
  '0047-device-enrolments': { up: deviceEnrolments },
  '0048-sealed-requests': { up: sealedRequests },
  '0049-intune': { up: intune },
  '0050-reconciliation': { up: reconciliation },
  '0052-lifecycle': { up: lifecycle },
  '0053-renewals': { up: renewals },
  '0054-notices': { up: noticeEvents },
  '0055-coverage': { up: coverage },
  '0056-devices': { up: devices },
  '0057-phone-keys': { up: phoneKeys },
  '0060-acme': { up: acme },
  '0062-listed-challenges': { up: listedChallenges },
  '0063-lost-devices': { up: lostDevices },
  '0064-switched-off': { up: switchedOff },
  '0065-time-stamps': { up: timeStamps },
  '0070-mail-journal': { up: mailJournal },
  '0071-mail-rules': { up: mailRules },
  '0074-departed-operators': { up: departedOperators },
  '0078-correspondents': { up: correspondents },
  '0081-mail-delivery': { up: mailDelivery },
  '0082-held-mail': { up: heldMail },
  '0083-judged-mail': { up: judgedMail },
  '0086-kept-coverage': { up: keptCoverage },
};
