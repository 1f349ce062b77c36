/** The REST contract of the authority. Safe in a browser. */

export { type AcmeKey, type AcmeOrder, acmeReplyOctets } from './acme.ts';
export { type AuditProof, AuditRecord, AuditTargets, AuditTimeline, AuditVerification } from './audit.ts';
export { CertificateText } from './certificate-text.ts';
export {
  Authority,
  AuthorityDetail,
  AuthorityKey,
  AuthorityList,
  CertificateDetail,
  CertificateState,
  CertificateSummary,
  CertificateUse,
  NewAuthority,
  OpenAuthorityRequest,
  RevocationReason,
} from './certificates.ts';
export { ApiError, type Client, type ClientOptions, createClient } from './client.ts';
export {
  type Correspondent,
  type CorrespondentCertificate,
  CorrespondentDecision,
  CorrespondentReport,
  CorrespondentStanding,
} from './correspondents.ts';
export type { CrossCertificate } from './cross-certificates.ts';
export { type DeviceSystem, deviceSystems, FileFormat, Kit, KitKind } from './devices.ts';
export type { Directory, DirectoryPreview } from './directories.ts';
export type {
  Challenge,
  Challenges,
  DeviceEnrolment,
  DeviceEnrolmentDetail,
  EnrolledDevice,
  ListedChallenge,
  LostDevice,
  RequestReading,
} from './enrolment.ts';
export { type ErrorCode, errorCodes, Problem } from './errors.ts';
export type { EndingKey, Retention } from './escrow.ts';
export { GatewayConfiguration } from './gateway.ts';
export { HeldDecision, type HeldMail, HeldReport, HeldStanding, OpenHeldDecision } from './held-mail.ts';
export { ImportedCertificate, type ImportedItem } from './imports.ts';
export { Finding, InspectNode } from './inspect.ts';
export {
  CoverageFilter,
  type CoverageItem,
  CoverageReason,
  type Holding,
  HoldingFilter,
  type InventoryList,
  type InventoryView,
  inventoryFormats,
  SaveView,
} from './inventory.ts';
export {
  type JournalDelivery,
  JournalEntry,
  JournalFilter,
  type JournalRecord,
  journalFormats,
  journalOutcomes,
  type ListedEntry,
  mostFacts,
  type RuleCounts,
  type ShadowOutcome,
} from './journal.ts';
export type { LegalHold } from './legal-holds.ts';
export type { CompromiseOutcome, Departure, Handover } from './lifecycle.ts';
export {
  type ExplainedMessage,
  type GatewayRules,
  type MailRules,
  type RuleDocument,
  type RuleSetDetail,
  type RuleSetState,
  type RuleSetVersion,
  type RulesInForce,
  ruleDocument,
  type Simulation,
} from './mail-rules.ts';
export { type MailSignal, type MailSignalCode, MailVerdict, mailSignals, signalWords } from './mail-verdict.ts';
export { heldMailEndedText, letters, type NoticeLetter } from './notice-letters.ts';
export {
  type EventSettings,
  fillNotice,
  type InboxItem,
  type MyNotices,
  NoticeEvent,
  NoticeLanguage,
  NoticePreferences,
  NoticeRole,
  NoticeSettings,
  type NoticeSettingsPage,
  NoticeState,
  type NoticeTemplate,
  type NoticeTemplateDetail,
  type NoticeText,
  NoticeTime,
  noticeEventNames,
  noticeEvents,
  noticeLanguages,
  noticeRoles,
  placeholdersOf,
  plainHtml,
  type SentNotice,
  sampleFacts,
  settingsOf,
  templateProblems,
} from './notices.ts';
export { Origins } from './origins.ts';
export { CertificateHistory, Overview } from './overview.ts';
export {
  ImportReport,
  NewPerson,
  Person,
  PersonAttributes,
  PersonDetail,
  SigningKeyOrigin,
  SourceKind,
} from './people.ts';
export { type ProfileChange, profileChanges } from './profile-changes.ts';
export {
  baselineEditions,
  contentCiphers,
  fillTemplate,
  generatedKeys,
  namedPurposes,
  ProfileDocument,
  type ProfileVariable,
  profileKeyAlgorithms,
  profileKeyOrigins,
  profileKeyUsages,
  profileVariables,
  subjectAttributes,
  variablesOf,
} from './profile-document.ts';
export { type ProfileProblem, profileProblems } from './profile-rules.ts';
export { CertificatePreview, LintOutcome, Profile, ProfileComparison, ProfileDetail, ProfileId } from './profiles.ts';
export {
  type PublicationTarget,
  type Reconciliation,
  UnreachableReason,
  type UnreachableReport,
} from './publication.ts';
export { RecoveryPreview, RecoveryRequest, RecoverySummary, recoveryReasons } from './recovery.ts';
export type { OverdueRenewal, RenewalForecast, Rollover } from './renewals.ts';
export { exclusiveRoles, OperatorRole, type Permission, permissions, Role, rolePermissions, roles } from './roles.ts';
export type { RouteDefinition } from './route.ts';
export { type RouteName, type Routes, routes } from './routes.ts';
export type { HelpRequest, MyRecords, Myself } from './self.ts';
export { Me, NewCredential, Operator } from './session.ts';
export type { Entered, SignInProvider } from './sign-in-providers.ts';
export type { ScimToken, Source, SourceConflict } from './sources.ts';
export { AuthorityHealth, StatusChangeRequest, StatusHealth } from './status.ts';
export { Ceremony, OpeningPart, Round, Vault } from './vault.ts';
export { standAfterLoss, type VaultStanding } from './vault-standing.ts';
