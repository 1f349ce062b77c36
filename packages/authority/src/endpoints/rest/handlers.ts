/** The handlers of all resources, together the whole contract. */
import type { RouteName } from '@chancery/api';
import { acmeHandlers } from './acme.ts';
import { auditHandlers } from './audit.ts';
import { authorityHandlers } from './authorities.ts';
import { certificateHandlers } from './certificates.ts';
import { claimHandlers } from './claims.ts';
import { correspondentHandlers } from './correspondents.ts';
import { crossCertificateHandlers } from './cross-certificates.ts';
import { deviceHandlers } from './devices.ts';
import { directoryHandlers } from './directories.ts';
import { enrolmentHandlers } from './enrolment.ts';
import { escrowHandlers } from './escrow.ts';
import { gatewayHandlers } from './gateway.ts';
import type { Handlers } from './handler.ts';
import { heldMailHandlers } from './held-mail.ts';
import { importHandlers } from './imports.ts';
import { inspectHandlers } from './inspect.ts';
import { inventoryHandlers } from './inventory.ts';
import { issuanceHandlers } from './issuances.ts';
import { journalHandlers } from './journal.ts';
import { legalHoldHandlers } from './legal-holds.ts';
import { lifecycleHandlers } from './lifecycle.ts';
import { mailRuleHandlers } from './mail-rules.ts';
import { noticeHandlers } from './notices.ts';
import { officeHandlers } from './office.ts';
import { offlineRootHandlers } from './offline-roots.ts';
import { operatorHandlers } from './operators.ts';
import { originsHandlers } from './origins.ts';
import { peopleHandlers } from './people.ts';
import { profileHandlers } from './profiles.ts';
import { publicationHandlers } from './publication.ts';
import { recoveryHandlers } from './recovery.ts';
import { renewalHandlers } from './renewals.ts';
import { roundHandlers } from './rounds.ts';
import { selfHandlers } from './self.ts';
import { serviceCertificateHandlers } from './service-certificates.ts';
import { sessionHandlers } from './session.ts';
import { signInProviderHandlers } from './sign-in-providers.ts';
import { sourceHandlers } from './sources.ts';
import { statusHandlers } from './status.ts';
import { vaultHandlers } from './vault.ts';

export const handlers: Handlers<RouteName> = {
  ...officeHandlers,
  ...sessionHandlers,
  ...signInProviderHandlers,
  ...operatorHandlers,
  ...peopleHandlers,
  ...sourceHandlers,
  ...directoryHandlers,
  ...lifecycleHandlers,
  ...renewalHandlers,
  ...certificateHandlers,
  ...serviceCertificateHandlers,
  ...enrolmentHandlers,
  ...authorityHandlers,
  ...crossCertificateHandlers,
  ...offlineRootHandlers,
  ...profileHandlers,
  ...importHandlers,
  ...issuanceHandlers,
  ...claimHandlers,
  ...deviceHandlers,
  ...selfHandlers,
  ...vaultHandlers,
  ...roundHandlers,
  ...recoveryHandlers,
  ...legalHoldHandlers,
  ...escrowHandlers,
  ...originsHandlers,
  ...gatewayHandlers,
  ...mailRuleHandlers,
  ...acmeHandlers,
  ...inspectHandlers,
  ...auditHandlers,
  ...journalHandlers,
  ...correspondentHandlers,
  ...heldMailHandlers,
  ...noticeHandlers,
  ...inventoryHandlers,
  ...statusHandlers,
  ...publicationHandlers,
};
