/** The catalogue: every operation of every room. The reference, the roles in the console and the permission table come from it. */
import { type Permission, rolePermissions, roles } from '@chancery/api';
import type { z } from 'zod';
import { makeCheckpoint } from './audit/checkpoint.ts';
import { noteDelivery } from './audit/targets/deliver.ts';
import { applyProfile, chooseProfile, restoreProfile, shipProfiles } from './ca/change-profile.ts';
import { generateCrl } from './ca/crl.ts';
import { addCrlShards } from './ca/crl-shard.ts';
import { crossCertify, installCross, requestCross, revokeCross } from './ca/cross-certify.ts';
import {
  createAuthority,
  createRoot,
  importAuthority,
  installAuthority,
  requestAuthority,
  retireIssuing,
} from './ca/grow-hierarchy.ts';
import { adoptRoot, takeCrl } from './ca/offline-root.ts';
import { prepareCertificate } from './ca/prepare.ts';
import {
  changeAuthorityCertificates,
  changePersonCertificates,
  holdCertificate,
  releaseCertificate,
  revokeCertificate,
} from './ca/revoke.ts';
import { changeAuthority } from './ca/revoke-authority.ts';
import { closeStaleIntents, signCertificate } from './ca/sign.ts';
import { collectAppleProfile, collectKey, expireClaim, finishClaim } from './delivery/claim.ts';
import { deliverAppleProfile, deliverKeyset, sealMyPhoneKeys } from './delivery/deliver-keyset.ts';
import { allowPhoneKeys, notePhoneKey, postponePhones, sealNewPhoneKeys } from './delivery/phone-keys.ts';
import { dropPickUps, fetchPickUp } from './delivery/pick-up.ts';
import { gatewaySeen } from './identity/authenticate.ts';
import { answerDrop, beginPass, endPass, raiseAlarm, showDirectory } from './identity/directory/synchronise.ts';
import { settleExclusiveRoles } from './identity/exclusive-roles.ts';
import { createGateway } from './identity/gateways.ts';
import { moveSecrets } from './identity/move-secrets.ts';
import { acceptInvitation, disableOperator, inviteOperator, makeSignInLink } from './identity/operators.ts';
import { enrolPersonPasskey, removePasskeysOfPerson, removePersonPasskey } from './identity/person-passkeys.ts';
import {
  askSignInLink,
  beginPersonSessionWithLink,
  beginPersonSessionWithPasskey,
  endPersonSession,
  makePersonSignInLink,
} from './identity/person-sessions.ts';
import { recheckSession } from './identity/providers/recheck.ts';
import {
  beginPersonSessionWithProvider,
  forgetProviderAccount,
  settleProviderRoles,
  signInWithProvider,
} from './identity/providers/sign-in.ts';
import { purgeTokens } from './identity/purge.ts';
import { writeGroup } from './identity/scim/groups.ts';
import { createScimToken, revokeScimToken, rotateScimToken, scimTokenUsed } from './identity/scim/tokens.ts';
import { writeUser } from './identity/scim/users.ts';
import { signInWithLink, signInWithPasskey, signInWithPassword, signOut } from './identity/sessions.ts';
import { linkRecord, readmitPerson, reconcileSource } from './identity/sources/catch-up.ts';
import { contactSource, presentPerson } from './identity/sources/present.ts';
import { presentGroup, withdrawGroup } from './identity/sources/present-groups.ts';
import { exportInventory, removeView, saveView } from './inventory/inventory.ts';
import { abandonCeremony, acceptCeremony, dealPart, openCeremony, registerShareKey } from './kra/ceremony.ts';
import { beginDrill, proveKeys } from './kra/drill.ts';
import { closeVault, moveKeys } from './kra/empty-vaults.ts';
import { expireRecovery } from './kra/end-recoveries.ts';
import { escrowKey } from './kra/escrow.ts';
import { exportEscrow } from './kra/export.ts';
import { liftHold, placeHold } from './kra/hold.ts';
import { attestPoints } from './kra/origins.ts';
import { addOwnerLocks, removeOwnerLocks } from './kra/owner-locks.ts';
import { decideRecovery, requestRecovery, tellRecovery } from './kra/recovery.ts';
import { checkIdentity, recordManagerApproval } from './kra/recovery-steps.ts';
import { releaseKey, releaseMessages, releasePassword, releaseToOwner } from './kra/release.ts';
import { reportOpening } from './kra/report-opening.ts';
import { announceRetention, approveDestruction, destroyKey } from './kra/retention.ts';
import { planRewrap, rewrapKeys } from './kra/rewrap.ts';
import { destroyOldKek, resealSome, rotateKek } from './kra/rotate-kek.ts';
import { contributeToBatch } from './kra/rounds.ts';
import { forgetTransportKeys, makeTransportKey } from './kra/transport.ts';
import { decideHeldMail, reportHeldMail } from './mail-flow/held-mail.ts';
import { exportJournal, purgeJournal, writeJournal } from './mail-flow/journal.ts';
import { activateRules, noteAppliedRules, proposeRules, restoreRules } from './mail-flow/rules.ts';
import { tellOfConditions } from './notices/conditions.ts';
import { foldDigest } from './notices/digest.ts';
import { changeMyNotices, readInboxItems } from './notices/preferences.ts';
import { changeNoticeSettings, changeNoticeTemplate } from './notices/rules.ts';
import { lapseNotices, retryNotice, sendHeld, sendNotice } from './notices/send.ts';
import { decideCorrespondent, reportCorrespondents } from './office/correspondents.ts';
import { openSetUp, setUpOffice } from './office/set-up.ts';
import type { Operation } from './operation.ts';
import { confirmRunbook } from './publication/exchange/make-runbook.ts';
import { notePublication, planPublication } from './publication/publish.ts';
import { noteDocuments } from './publication/publish-documents.ts';
import {
  beginReconciliation,
  delayReconciliation,
  findDrift,
  finishReconciliation,
  noteReconciled,
} from './publication/reconcile.ts';
import { changeAcmeContacts, changeAcmeKey, createAcmeAccount } from './ra/acme/accounts.ts';
import { sendChallenge } from './ra/acme/challenge-mail.ts';
import { finalizeAcmeOrder, settleAcmeOrder } from './ra/acme/finalize.ts';
import { createAcmeKey, revokeAcmeKey } from './ra/acme/keys.ts';
import { makeNonceKey, purgeAcme } from './ra/acme/nonces.ts';
import { answerChallenge, deactivateAuthorization, placeOrder } from './ra/acme/orders.ts';
import { revokeByAcme } from './ra/acme/revoke.ts';
import { judgeAcmeReply } from './ra/acme/take-reply.ts';
import {
  continueIssuance,
  retryIssuance,
  settleIssuance,
  submitIssuance,
  withdrawIssuance,
} from './ra/bulk-issuance.ts';
import { makeChallenge, withdrawChallenge } from './ra/challenge.ts';
import { showClaim } from './ra/claim-link.ts';
import { reportCompromise } from './ra/compromise.ts';
import { decideEnrolment, requestEnrolment, settleEnrolment } from './ra/device-enrolment.ts';
import { archiveFromDevice, challengeDevice } from './ra/device-keys.ts';
import { lockToGateway, noteEnrollmentError } from './ra/enrollment.ts';
import { exportEvidence } from './ra/evidence.ts';
import { readGatewayKeys } from './ra/gateways.ts';
import { deliverGeneratedKey } from './ra/generated-key.ts';
import { askForHelp, closeHelp } from './ra/help.ts';
import { importPeople } from './ra/import.ts';
import { importCertificate, importKey } from './ra/import-outside.ts';
import { revokeImportedCertificate } from './ra/imported-status.ts';
import { noteIntuneFailure, settleNotice, takeRevocations } from './ra/intune.ts';
import { markDeviceLost } from './ra/lost-device.ts';
import { removePerson, returnPerson, suspendPerson } from './ra/offboarding.ts';
import { sendOffer } from './ra/offer-claim.ts';
import { addPerson, changePerson, rotateEncryptionKey } from './ra/onboarding.ts';
import { endKeptAccess } from './ra/operator-access.ts';
import { beginRenewals } from './ra/renewal.ts';
import { beginRollover, changeRollover, finishRollover } from './ra/rollover.ts';
import { makeServiceKey } from './ra/service-certificates.ts';
import { makeTimeStampKey, noteTimeStamp, stampTime } from './ra/time-stamp.ts';
import { welcome } from './ra/welcome.ts';

/** What a list of operations needs to know of each. */
type Listed = Pick<Operation<z.ZodType, unknown>, 'action' | 'permission' | 'irreversible'>;

export const operations: readonly Listed[] = [
  openSetUp,
  setUpOffice,
  makeCheckpoint,
  noteDelivery,
  signInWithPassword,
  signInWithPasskey,
  signInWithLink,
  signInWithProvider,
  recheckSession,
  signOut,
  purgeTokens,
  showDirectory,
  beginPass,
  endPass,
  answerDrop,
  raiseAlarm,
  inviteOperator,
  acceptInvitation,
  disableOperator,
  endKeptAccess,
  settleExclusiveRoles,
  settleProviderRoles,
  makeSignInLink,
  askSignInLink,
  makePersonSignInLink,
  beginPersonSessionWithLink,
  beginPersonSessionWithPasskey,
  beginPersonSessionWithProvider,
  forgetProviderAccount,
  endPersonSession,
  enrolPersonPasskey,
  removePersonPasskey,
  removePasskeysOfPerson,
  askForHelp,
  closeHelp,
  createGateway,
  gatewaySeen,
  writeJournal,
  exportJournal,
  purgeJournal,
  proposeRules,
  activateRules,
  restoreRules,
  noteAppliedRules,
  reportCorrespondents,
  decideCorrespondent,
  reportHeldMail,
  decideHeldMail,
  contactSource,
  presentPerson,
  presentGroup,
  withdrawGroup,
  reconcileSource,
  createScimToken,
  rotateScimToken,
  revokeScimToken,
  scimTokenUsed,
  writeUser,
  writeGroup,
  linkRecord,
  readmitPerson,
  addPerson,
  changePerson,
  removePerson,
  suspendPerson,
  returnPerson,
  reportCompromise,
  exportEvidence,
  makeTimeStampKey,
  stampTime,
  noteTimeStamp,
  sendOffer,
  beginRenewals,
  beginRollover,
  changeRollover,
  finishRollover,
  importPeople,
  importCertificate,
  importKey,
  revokeImportedCertificate,
  rotateEncryptionKey,
  noteEnrollmentError,
  showClaim,
  collectKey,
  collectAppleProfile,
  finishClaim,
  expireClaim,
  escrowKey,
  makeChallenge,
  withdrawChallenge,
  markDeviceLost,
  requestEnrolment,
  decideEnrolment,
  settleEnrolment,
  deliverGeneratedKey,
  createAcmeKey,
  revokeAcmeKey,
  makeNonceKey,
  purgeAcme,
  createAcmeAccount,
  changeAcmeContacts,
  changeAcmeKey,
  placeOrder,
  sendChallenge,
  answerChallenge,
  judgeAcmeReply,
  deactivateAuthorization,
  finalizeAcmeOrder,
  settleAcmeOrder,
  revokeByAcme,
  noteIntuneFailure,
  settleNotice,
  takeRevocations,
  challengeDevice,
  archiveFromDevice,
  addOwnerLocks,
  removeOwnerLocks,
  deliverKeyset,
  deliverAppleProfile,
  fetchPickUp,
  dropPickUps,
  allowPhoneKeys,
  sealMyPhoneKeys,
  sealNewPhoneKeys,
  notePhoneKey,
  postponePhones,
  moveSecrets,
  registerShareKey,
  openCeremony,
  dealPart,
  acceptCeremony,
  abandonCeremony,
  moveKeys,
  planRewrap,
  contributeToBatch,
  rewrapKeys,
  closeVault,
  attestPoints,
  rotateKek,
  resealSome,
  destroyOldKek,
  beginDrill,
  proveKeys,
  exportEscrow,
  reportOpening,
  requestRecovery,
  checkIdentity,
  recordManagerApproval,
  decideRecovery,
  tellRecovery,
  expireRecovery,
  releaseKey,
  releaseToOwner,
  releaseMessages,
  releasePassword,
  placeHold,
  liftHold,
  announceRetention,
  approveDestruction,
  destroyKey,
  tellOfConditions,
  welcome,
  foldDigest,
  sendNotice,
  sendHeld,
  lapseNotices,
  retryNotice,
  readInboxItems,
  changeNoticeSettings,
  changeNoticeTemplate,
  changeMyNotices,
  saveView,
  removeView,
  exportInventory,
  makeTransportKey,
  forgetTransportKeys,
  makeServiceKey,
  submitIssuance,
  withdrawIssuance,
  retryIssuance,
  settleIssuance,
  continueIssuance,
  lockToGateway,
  readGatewayKeys,
  planPublication,
  notePublication,
  noteDocuments,
  beginReconciliation,
  findDrift,
  noteReconciled,
  delayReconciliation,
  finishReconciliation,
  confirmRunbook,
  prepareCertificate,
  signCertificate,
  closeStaleIntents,
  revokeCertificate,
  holdCertificate,
  releaseCertificate,
  changePersonCertificates,
  changeAuthorityCertificates,
  changeAuthority,
  createAuthority,
  createRoot,
  requestAuthority,
  installAuthority,
  importAuthority,
  retireIssuing,
  crossCertify,
  requestCross,
  installCross,
  revokeCross,
  adoptRoot,
  takeCrl,
  addCrlShards,
  generateCrl,
  applyProfile,
  restoreProfile,
  chooseProfile,
  shipProfiles,
];

/** The reference page, in Markdown. */
export function describeOperations(): string {
  const rows = [...operations]
    .sort((one, other) => (one.action < other.action ? -1 : 1))
    .map(
      ({ action, permission, irreversible }) =>
        `| \`${action}\` | ${who(permission)} | ${irreversible === true ? 'no: an `attempted` record comes first' : 'yes'} |`,
    );
  return `<!-- Generated from packages/authority/src/operations.ts: npx vitest run packages/authority/src/operations.test.ts -u -->

# Operations

Every change of state, and every sensitive read, is one of these. Each leaves an audit record in the transaction that
does it; a refusal and a failure leave a record of their own. The audit trail is searched by the name in the first column.

| action | who may | rolled back on failure |
| --- | --- | --- |
${rows.join('\n')}

## Roles

| permission | ${roles.join(' | ')} |
| --- | ${roles.map(() => ':-:').join(' | ')} |
${permissionRows().join('\n')}

The command line on the office's own machine has the permissions of an administrator. The office's own jobs may perform
every operation.
`;
}

function who(permission: Listed['permission']): string {
  if (permission === 'system') return "the office's own jobs";
  return typeof permission === 'object' ? `whoever has ${permission.description}` : `\`${permission}\``;
}

function permissionRows(): string[] {
  const all = new Set<Permission>(Object.values(rolePermissions).flat());
  return [...all]
    .sort()
    .map(
      (permission) =>
        `| \`${permission}\` | ${roles.map((role) => (rolePermissions[role].includes(permission) ? '●' : '')).join(' | ')} |`,
    );
}
