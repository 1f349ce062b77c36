/** Every REST route of the authority, in one table. The server, the typed client and the OpenAPI page are made from it. */
import { z } from 'zod';
import { AuditQuery, AuditRecord, AuditVerification } from './audit.ts';
import {
  Authority,
  CertificateDetail,
  CertificateQuery,
  CertificateSummary,
  IssuedCertificate,
  RevokeRequest,
  SigningRequest,
} from './certificates.ts';
import { Claim, ClaimEncryption, ClaimSecret, ClaimSigning, Pkcs12 } from './claims.ts';
import {
  GatewayConfiguration,
  GatewayEnrolment,
  GatewayKeys,
  GatewaySigningRequest,
  JournalBatch,
  JournalEntry,
  RecipientCertificates,
  RecipientQuery,
} from './gateway.ts';
import { InspectNode, InspectRequest } from './inspect.ts';
import { Issuance, IssuanceItem, IssuanceItemQuery, NewIssuance } from './issuances.ts';
import { Overview } from './overview.ts';
import {
  ClaimLink,
  ImportReport,
  ImportRequest,
  NewPerson,
  PeopleQuery,
  Person,
  PersonDetail,
  PersonPatch,
} from './people.ts';
import {
  ApplyProfile,
  ChooseProfile,
  CompareProfile,
  Profile,
  ProfileComparison,
  ProfileDetail,
  ProfileId,
  RestoreProfile,
} from './profiles.ts';
import { Decision, NewRecoveryRequest, RecoveryQuery, RecoveryRequest, Release, ReleasePassword } from './recovery.ts';
import {
  CompleteInvitation,
  CompleteSetup,
  CredentialOptions,
  GatewayToken,
  InvitationLink,
  Me,
  NewGateway,
  NewOperator,
  OfficeState,
  Operator,
  PasskeyLogin,
  PasskeyOptions,
  PasswordLogin,
  SignInLink,
  TokenRequest,
} from './session.ts';
import { NoteRequest, StatusChanged, StatusChangeRequest, StatusHealth } from './status.ts';
import { Address, Id, PageQuery, pageOf, SerialNumber } from './values.ts';

export interface RouteDefinition {
  readonly method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  /** Fastify style: `/api/v1/people/:id`. */
  readonly path: string;
  readonly summary: string;
  /** `public`: before sign-in (still rate-limited). */
  readonly access: 'public' | 'authenticated';
  readonly params?: z.ZodType;
  readonly query?: z.ZodType;
  readonly body?: z.ZodType;
  readonly response: z.ZodType;
}

const route = <const R extends RouteDefinition>(definition: R): R => definition;
const ById = z.object({ id: Id });
const ByProfile = z.object({ id: ProfileId });
const BySerial = z.object({ serialNumber: SerialNumber });
const Done = z.object({ done: z.literal(true) });

export const routes = {
  // Office and sign-in
  office: route({
    method: 'GET',
    path: '/api/v1/office',
    summary: 'Is the office set up',
    access: 'public',
    response: OfficeState,
  }),
  setupOptions: route({
    method: 'POST',
    path: '/api/v1/setup/options',
    summary: 'Choose the first credential',
    access: 'public',
    body: TokenRequest.extend({ name: z.string().default(''), address: Address.optional() }),
    response: CredentialOptions,
  }),
  completeSetup: route({
    method: 'POST',
    path: '/api/v1/setup',
    summary: 'Make the authorities and the first administrator',
    access: 'public',
    body: CompleteSetup,
    response: Me,
  }),
  invitationOptions: route({
    method: 'POST',
    path: '/api/v1/invitations/options',
    summary: 'Choose a credential as an invited operator',
    access: 'public',
    body: TokenRequest,
    response: CredentialOptions,
  }),
  completeInvitation: route({
    method: 'POST',
    path: '/api/v1/invitations',
    summary: 'Accept an invitation',
    access: 'public',
    body: CompleteInvitation,
    response: Me,
  }),
  passwordLogin: route({
    method: 'POST',
    path: '/api/v1/sessions/password',
    summary: 'Sign in with password and TOTP',
    access: 'public',
    body: PasswordLogin,
    response: Me,
  }),
  passkeyOptions: route({
    method: 'POST',
    path: '/api/v1/sessions/passkey/options',
    summary: 'Start signing in with a passkey',
    access: 'public',
    response: PasskeyOptions,
  }),
  passkeyLogin: route({
    method: 'POST',
    path: '/api/v1/sessions/passkey',
    summary: 'Sign in with a passkey',
    access: 'public',
    body: PasskeyLogin,
    response: Me,
  }),
  linkLogin: route({
    method: 'POST',
    path: '/api/v1/sessions/link',
    summary: 'Sign in with a one-time link',
    access: 'public',
    body: TokenRequest,
    response: Me,
  }),
  signInLink: route({
    method: 'POST',
    path: '/api/v1/operators/sign-in-link',
    summary: "A one-time sign-in link, for the command line on the office's own machine",
    access: 'authenticated',
    body: z.object({ address: Address }),
    response: SignInLink,
  }),
  me: route({ method: 'GET', path: '/api/v1/me', summary: 'Who am I', access: 'authenticated', response: Me }),
  logout: route({
    method: 'DELETE',
    path: '/api/v1/sessions/current',
    summary: 'Sign out',
    access: 'authenticated',
    response: Done,
  }),
  operators: route({
    method: 'GET',
    path: '/api/v1/operators',
    summary: 'Operators',
    access: 'authenticated',
    response: z.object({ items: z.array(Operator) }),
  }),
  inviteOperator: route({
    method: 'POST',
    path: '/api/v1/operators',
    summary: 'Invite an operator',
    access: 'authenticated',
    body: NewOperator,
    response: InvitationLink,
  }),
  disableOperator: route({
    method: 'DELETE',
    path: '/api/v1/operators/:id',
    summary: 'Disable an operator and end their sessions',
    access: 'authenticated',
    params: ById,
    response: Done,
  }),
  createGateway: route({
    method: 'POST',
    path: '/api/v1/gateways',
    summary: 'Make a gateway and its token',
    access: 'authenticated',
    body: NewGateway,
    response: GatewayToken,
  }),
  overview: route({
    method: 'GET',
    path: '/api/v1/overview',
    summary: 'The office at a glance',
    access: 'authenticated',
    response: Overview,
  }),

  // People
  people: route({
    method: 'GET',
    path: '/api/v1/people',
    summary: 'People',
    access: 'authenticated',
    query: PeopleQuery,
    response: pageOf(Person),
  }),
  person: route({
    method: 'GET',
    path: '/api/v1/people/:id',
    summary: 'One person',
    access: 'authenticated',
    params: ById,
    response: PersonDetail,
  }),
  addPerson: route({
    method: 'POST',
    path: '/api/v1/people',
    summary: 'Add a person',
    access: 'authenticated',
    body: NewPerson,
    response: Person,
  }),
  changePerson: route({
    method: 'PATCH',
    path: '/api/v1/people/:id',
    summary: 'Change a person',
    access: 'authenticated',
    params: ById,
    body: PersonPatch,
    response: Person,
  }),
  removePerson: route({
    method: 'DELETE',
    path: '/api/v1/people/:id',
    summary: 'A person leaves: revoke signing, stop publishing, keep escrow',
    access: 'authenticated',
    params: ById,
    response: Person,
  }),
  importPeople: route({
    method: 'POST',
    path: '/api/v1/people/import',
    summary: 'Import people from CSV, all or nothing',
    access: 'authenticated',
    body: ImportRequest,
    response: ImportReport,
  }),
  newClaim: route({
    method: 'POST',
    path: '/api/v1/people/:id/claim',
    summary: 'A new claim link, replacing the last',
    access: 'authenticated',
    params: ById,
    response: ClaimLink,
  }),
  requestSigning: route({
    method: 'POST',
    path: '/api/v1/people/:id/signing-certificates',
    summary: 'Issue a signing certificate for a CSR',
    access: 'authenticated',
    params: ById,
    body: SigningRequest,
    response: IssuedCertificate,
  }),

  // Certificates
  certificates: route({
    method: 'GET',
    path: '/api/v1/certificates',
    summary: 'Certificates',
    access: 'authenticated',
    query: CertificateQuery,
    response: pageOf(CertificateSummary).extend({
      /** False where `total` is where the counting stopped: there are more. */
      totalIsExact: z.boolean(),
    }),
  }),
  certificate: route({
    method: 'GET',
    path: '/api/v1/certificates/:serialNumber',
    summary: 'One certificate',
    access: 'authenticated',
    params: BySerial,
    response: CertificateDetail,
  }),
  revokeCertificate: route({
    method: 'POST',
    path: '/api/v1/certificates/:serialNumber/revocation',
    summary: 'Revoke a certificate, at once',
    access: 'authenticated',
    params: BySerial,
    body: RevokeRequest,
    response: CertificateSummary,
  }),
  holdCertificate: route({
    method: 'POST',
    path: '/api/v1/certificates/:serialNumber/hold',
    summary: 'Put a certificate on hold, at once',
    access: 'authenticated',
    params: BySerial,
    body: NoteRequest,
    response: CertificateSummary,
  }),
  releaseCertificate: route({
    method: 'POST',
    path: '/api/v1/certificates/:serialNumber/release',
    summary: 'Release a certificate from its hold',
    access: 'authenticated',
    params: BySerial,
    body: NoteRequest,
    response: CertificateSummary,
  }),
  changePersonCertificates: route({
    method: 'POST',
    path: '/api/v1/people/:id/certificate-status',
    summary: 'Revoke, hold or release all certificates of a person',
    access: 'authenticated',
    params: ById,
    body: StatusChangeRequest,
    response: StatusChanged,
  }),
  changeAuthorityCertificates: route({
    method: 'POST',
    path: '/api/v1/authorities/:id/certificate-status',
    summary: 'Revoke, hold or release all certificates that an authority signed',
    access: 'authenticated',
    params: ById,
    body: StatusChangeRequest,
    response: StatusChanged,
  }),
  changeAuthority: route({
    method: 'POST',
    path: '/api/v1/authorities/:id/status',
    summary: "Revoke, hold or release an authority's own certificate, at its issuer",
    access: 'authenticated',
    params: ById,
    body: StatusChangeRequest,
    response: z.object({}),
  }),
  status: route({
    method: 'GET',
    path: '/api/v1/status',
    summary: 'How revocation lists and OCSP are doing',
    access: 'authenticated',
    response: StatusHealth,
  }),
  authorities: route({
    method: 'GET',
    path: '/api/v1/authorities',
    summary: 'The certification authorities',
    access: 'authenticated',
    response: z.object({ items: z.array(Authority) }),
  }),
  profiles: route({
    method: 'GET',
    path: '/api/v1/profiles',
    summary: 'Certificate profiles',
    access: 'authenticated',
    response: z.object({ items: z.array(Profile) }),
  }),
  profile: route({
    method: 'GET',
    path: '/api/v1/profiles/:id',
    summary: 'One certificate profile with all its versions',
    access: 'authenticated',
    params: ByProfile,
    response: ProfileDetail,
  }),
  compareProfile: route({
    method: 'POST',
    path: '/api/v1/profiles/:id/comparison',
    summary: 'What a changed profile would alter: in words, in a certificate, and for whom. Nothing is changed',
    access: 'authenticated',
    params: ByProfile,
    body: CompareProfile,
    response: ProfileComparison,
  }),
  applyProfile: route({
    method: 'POST',
    path: '/api/v1/profiles/:id/versions',
    summary: 'Apply a profile as its next version, to new certificates only',
    access: 'authenticated',
    params: ByProfile,
    body: ApplyProfile,
    response: ProfileDetail,
  }),
  restoreProfile: route({
    method: 'POST',
    path: '/api/v1/profiles/:id/restorations',
    summary: 'Apply an older version of a profile anew, as its next version',
    access: 'authenticated',
    params: ByProfile,
    body: RestoreProfile,
    response: ProfileDetail,
  }),
  chooseProfile: route({
    method: 'POST',
    path: '/api/v1/profiles/:id/choice',
    summary: 'Issue the certificates of its use by this profile from now on',
    access: 'authenticated',
    params: ByProfile,
    body: ChooseProfile,
    response: ProfileDetail,
  }),
  inspect: route({
    method: 'POST',
    path: '/api/v1/inspect',
    summary: 'Take a message apart and judge every layer',
    access: 'authenticated',
    body: InspectRequest,
    response: InspectNode,
  }),

  // Bulk issuance
  submitIssuance: route({
    method: 'POST',
    path: '/api/v1/issuances',
    summary: 'Take in many requests for signing certificates; a repeated call changes nothing',
    access: 'authenticated',
    body: NewIssuance,
    response: Issuance,
  }),
  issuances: route({
    method: 'GET',
    path: '/api/v1/issuances',
    summary: 'Batches of requests, newest first',
    access: 'authenticated',
    response: z.object({ items: z.array(Issuance) }),
  }),
  issuance: route({
    method: 'GET',
    path: '/api/v1/issuances/:id',
    summary: 'How far a batch of requests is',
    access: 'authenticated',
    params: ById,
    response: Issuance,
  }),
  issuanceItems: route({
    method: 'GET',
    path: '/api/v1/issuances/:id/items',
    summary: 'What became of each request, with the certificates',
    access: 'authenticated',
    params: ById,
    query: IssuanceItemQuery,
    response: z.object({ items: z.array(IssuanceItem), next: z.string().nullable() }),
  }),
  retryIssuance: route({
    method: 'POST',
    path: '/api/v1/issuances/:id/retry',
    summary: 'Try again what failed',
    access: 'authenticated',
    params: ById,
    response: Issuance,
  }),
  withdrawIssuance: route({
    method: 'DELETE',
    path: '/api/v1/issuances/:id',
    summary: 'Take back what is not issued yet',
    access: 'authenticated',
    params: ById,
    response: Issuance,
  }),

  // Claims (the secret is the credential)
  openClaim: route({
    method: 'POST',
    path: '/api/v1/claims/open',
    summary: 'What a claim link offers',
    access: 'public',
    body: ClaimSecret,
    response: Claim,
  }),
  claimSigning: route({
    method: 'POST',
    path: '/api/v1/claims/signing',
    summary: 'A signing certificate for a key made in this browser',
    access: 'public',
    body: ClaimSigning,
    response: IssuedCertificate,
  }),
  claimEncryption: route({
    method: 'POST',
    path: '/api/v1/claims/encryption',
    summary: 'The encryption key as PKCS#12',
    access: 'public',
    body: ClaimEncryption,
    response: Pkcs12,
  }),
  finishClaim: route({
    method: 'POST',
    path: '/api/v1/claims/finish',
    summary: 'The keys are safe: drop the claim lock',
    access: 'public',
    body: ClaimSecret,
    response: Done,
  }),

  // Recovery
  recoveryRequests: route({
    method: 'GET',
    path: '/api/v1/recovery-requests',
    summary: 'Recovery requests',
    access: 'authenticated',
    query: RecoveryQuery,
    response: pageOf(RecoveryRequest),
  }),
  recoveryRequest: route({
    method: 'GET',
    path: '/api/v1/recovery-requests/:id',
    summary: 'One recovery request',
    access: 'authenticated',
    params: ById,
    response: RecoveryRequest,
  }),
  requestRecovery: route({
    method: 'POST',
    path: '/api/v1/recovery-requests',
    summary: 'Ask for a key',
    access: 'authenticated',
    body: NewRecoveryRequest,
    response: RecoveryRequest,
  }),
  decideRecovery: route({
    method: 'POST',
    path: '/api/v1/recovery-requests/:id/decisions',
    summary: 'Approve or reject, as a recovery officer',
    access: 'authenticated',
    params: ById,
    body: Decision,
    response: RecoveryRequest,
  }),
  releaseKey: route({
    method: 'POST',
    path: '/api/v1/recovery-requests/:id/release',
    summary: 'Release the key, once',
    access: 'authenticated',
    params: ById,
    response: Release,
  }),
  releasePassword: route({
    method: 'POST',
    path: '/api/v1/recovery-requests/:id/password',
    summary: 'The PKCS#12 password, once, to an officer who approved',
    access: 'authenticated',
    params: ById,
    response: ReleasePassword,
  }),

  // Audit
  auditRecords: route({
    method: 'GET',
    path: '/api/v1/audit',
    summary: 'The audit trail, newest first',
    access: 'authenticated',
    query: AuditQuery,
    response: pageOf(AuditRecord),
  }),
  auditExport: route({
    method: 'GET',
    path: '/api/v1/audit/export',
    summary: 'The audit trail, oldest first, in pages',
    access: 'authenticated',
    query: PageQuery,
    response: pageOf(AuditRecord),
  }),
  verifyAudit: route({
    method: 'POST',
    path: '/api/v1/audit/verification',
    summary: 'Check the whole chain',
    access: 'authenticated',
    response: AuditVerification,
  }),

  // Gateways
  enrolGateway: route({
    method: 'POST',
    path: '/api/v1/gateway/certificate',
    summary: "The gateway's own certificate",
    access: 'authenticated',
    body: GatewayEnrolment,
    response: IssuedCertificate,
  }),
  gatewayConfiguration: route({
    method: 'GET',
    path: '/api/v1/gateway/configuration',
    summary: 'Whom the gateway serves and whom it trusts',
    access: 'authenticated',
    response: GatewayConfiguration,
  }),
  gatewaySigning: route({
    method: 'POST',
    path: '/api/v1/gateway/signing-certificates',
    summary: 'A signing certificate for a person whose mail the gateway signs',
    access: 'authenticated',
    body: GatewaySigningRequest,
    response: IssuedCertificate,
  }),
  gatewayRecipients: route({
    method: 'GET',
    path: '/api/v1/gateway/recipients',
    summary: 'Encryption certificates of an address of ours',
    access: 'authenticated',
    query: RecipientQuery,
    response: RecipientCertificates,
  }),
  gatewayKeys: route({
    method: 'GET',
    path: '/api/v1/gateway/keys',
    summary: 'Escrowed keys locked to this gateway, for one address',
    access: 'authenticated',
    query: RecipientQuery,
    response: GatewayKeys,
  }),
  writeJournal: route({
    method: 'POST',
    path: '/api/v1/gateway/journal',
    summary: 'Decision records',
    access: 'authenticated',
    body: JournalBatch,
    response: Done,
  }),
  journal: route({
    method: 'GET',
    path: '/api/v1/journal',
    summary: 'Decision records of all gateways, newest first',
    access: 'authenticated',
    query: PageQuery.extend({ search: z.string().max(200).optional() }),
    response: pageOf(JournalEntry.extend({ gateway: z.string() })),
  }),
} as const;

export type Routes = typeof routes;
export type RouteName = keyof Routes;
