import { type Permission, type Role, type RouteName, type Routes, rolePermissions, routes } from '@chancery/api';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type RunningOffice, runningOffice } from '../../../test/running-office.ts';
import { shippedProfiles } from '../../ca/profile.ts';

type AuthenticatedRoute = {
  [N in RouteName]: Routes[N]['access'] extends 'authenticated' ? N : never;
}[RouteName];

interface Call {
  /** What the caller needs; `operator`: an account, whatever its roles; `local`: the command line on this machine. */
  readonly needs: Permission | 'operator' | 'local';
  /** Where an account matters beyond the permission: four eyes, a gateway's own business. */
  readonly not?: readonly ('local' | Role)[];
  readonly query?: string;
  readonly body?: unknown;
}

const NOBODY = '6d0f4c0e-4d2a-4b9e-9d0a-0f6f3c1c8a11';
const csr = 'AAAA';
const NOBODY_ELSE = '6d0f4c0e-4d2a-4b9e-9d0a-0f6f3c1c8a12';
const recovery = { personId: NOBODY, reason: 'other', explanation: 'a test', delivery: { kind: 'pkcs12' } };

const calls: Record<AuthenticatedRoute, Call> = {
  auditCheckpoints: { needs: 'audit:read' },
  auditProof: { needs: 'audit:read' },
  auditConsistency: { needs: 'audit:read', query: '?from=1&to=1' },
  auditTimeline: { needs: 'audit:read' },
  auditTargets: { needs: 'audit:read' },
  recoveryOrigins: { needs: 'recovery:approve' },
  vault: { needs: 'recovery:read' },
  registerShareKey: {
    needs: 'recovery:approve',
    not: ['local'],
    body: { publicKeys: { encryption: 'AA', signing: 'AA' }, signature: 'AA', kind: 'file' },
  },
  ceremonies: { needs: 'recovery:read' },
  openCeremony: { needs: 'vault:write', body: { kind: 'found', threshold: 2, officers: [NOBODY, NOBODY_ELSE] } },
  ceremony: { needs: 'recovery:read' },
  dealPart: {
    needs: 'recovery:approve',
    body: { plan: '', dealer: 1, commitments: [], proof: '', shares: [], signature: '' },
  },
  acceptCeremony: {
    needs: 'recovery:approve',
    body: { signature: '', partial: { officer: 1, points: [], proofs: [] } },
  },
  abandonCeremony: { needs: 'vault:write', body: { reason: 'a test' } },
  rounds: { needs: 'recovery:read' },
  round: { needs: 'recovery:read' },
  beginDrill: { needs: 'vault:write', body: {} },
  rotateKek: { needs: 'vault:write' },
  escrowExport: { needs: 'vault:write' },
  reportOpenings: { needs: 'recovery:attest', body: { lines: ['none'] } },
  roundWork: { needs: 'recovery:approve' },
  contribute: {
    needs: 'recovery:approve',
    body: { digest: '', signature: '', partial: { officer: 1, points: [], proofs: [] } },
  },
  allowPhoneKeys: { needs: 'person:write', body: { allowed: false } },
  organisationKit: { needs: 'office:read', query: '?kind=thunderbird' },
  sources: { needs: 'person:read' },
  sourceConflicts: { needs: 'person:read' },
  stoppedPeople: { needs: 'person:read' },
  linkSourceRecord: { needs: 'person:write', body: { personId: NOBODY } },
  readmitPerson: { needs: 'person:write' },
  createScimToken: { needs: 'source:write', body: { source: 'entra' } },
  rotateScimToken: { needs: 'source:write', body: {} },
  revokeScimToken: { needs: 'source:write' },
  signInLink: { needs: 'local', body: { address: 'nobody@example.com' } },
  me: { needs: 'operator' },
  logout: { needs: 'operator' },
  operators: { needs: 'operator:read' },
  inviteOperator: { needs: 'operator:write', body: { name: 'X', address: 'ada@example.com', roles: ['auditor'] } },
  disableOperator: { needs: 'operator:write' },
  createGateway: { needs: 'gateway:enrol', body: { name: 'taken' } },
  overview: { needs: 'office:read' },
  history: { needs: 'office:read' },
  people: { needs: 'person:read' },
  helpRequests: { needs: 'person:read' },
  closeHelp: { needs: 'person:write' },
  directories: { needs: 'person:read' },
  previewDirectory: { needs: 'person:write' },
  runDirectory: { needs: 'person:write' },
  answerDirectory: { needs: 'person:write', body: { answer: 'dismissed', askedAt: '2026-01-01T00:00:00.000Z' } },
  forgetProviderAccount: { needs: 'person:write' },
  removePersonPasskeys: { needs: 'person:write' },
  person: { needs: 'person:read' },
  addPerson: { needs: 'person:write', body: { address: 'x@elsewhere.example', name: 'X' } },
  changePerson: { needs: 'person:write', body: { name: 'X' } },
  removePerson: { needs: 'person:write' },
  renewalForecast: { needs: 'certificate:read' },
  overdueRenewals: { needs: 'certificate:read' },
  rollovers: { needs: 'certificate:read' },
  beginRollover: { needs: 'authority:write', body: { authorityId: NOBODY } },
  changeRollover: { needs: 'authority:write', body: { act: 'pause' } },
  departure: { needs: 'person:read' },
  handover: { needs: 'recovery:request' },
  personEvidence: { needs: 'audit:read' },
  suspendPerson: { needs: 'person:write', body: {} },
  returnPerson: { needs: 'person:write', body: {} },
  reportCompromise: { needs: 'certificate:revoke', body: { serialNumber: '4a' } },
  importPeople: { needs: 'person:write', body: { csv: 'address,name\n', dryRun: true } },
  newClaim: { needs: 'person:write' },
  makeChallenge: { needs: 'challenge:make', body: {} },
  makeChallengeFor: { needs: 'challenge:make', body: { address: 'x@example.com' } },
  challenges: { needs: 'person:read' },
  allChallenges: { needs: 'person:read' },
  withdrawChallenge: { needs: 'challenge:make' },
  enrolments: { needs: 'person:read' },
  enrolment: { needs: 'person:read' },
  loseDevice: { needs: 'certificate:revoke', body: {} },
  decideEnrolment: { needs: 'certificate:issue', body: { decision: 'refuse', reason: 'a test' } },
  requestSigning: { needs: 'certificate:issue', body: { csr, keyOrigin: 'device' } },
  certificates: { needs: 'certificate:read' },
  certificate: { needs: 'certificate:read' },
  revokeCertificate: { needs: 'certificate:revoke', body: { reason: 'unspecified' } },
  holdCertificate: { needs: 'certificate:revoke', body: {} },
  releaseCertificate: { needs: 'certificate:revoke', body: {} },
  changePersonCertificates: { needs: 'certificate:revoke', body: { change: { act: 'hold' } } },
  changeAuthorityCertificates: { needs: 'authority:write', body: { change: { act: 'hold' } } },
  changeAuthority: { needs: 'authority:write', body: { change: { act: 'hold' } } },
  status: { needs: 'certificate:read' },
  publication: { needs: 'certificate:read' },
  unreachable: { needs: 'person:read' },
  beginReconciliation: { needs: 'publication:write', body: {} },
  runbook: { needs: 'certificate:read', query: '?target=x' },
  authorityStore: { needs: 'certificate:read' },
  confirmRunbook: { needs: 'publication:write', body: { target: 'x', digest: '0'.repeat(64) } },
  issueScepRa: { needs: 'authority:write', body: { key: 'rsa-2048' } },
  issueAdmin: { needs: 'operator:write', body: { csr } },
  submitIssuance: {
    needs: 'certificate:issue',
    body: { id: NOBODY, items: [{ address: 'x@example.com', csr, keyOrigin: 'device' }] },
  },
  issuances: { needs: 'certificate:read' },
  issuance: { needs: 'certificate:read' },
  issuanceItems: { needs: 'certificate:read' },
  retryIssuance: { needs: 'certificate:issue' },
  withdrawIssuance: { needs: 'certificate:issue' },
  importCertificates: { needs: 'certificate:import', body: { items: [{ certificate: 'AAAA', source: 'x' }] } },
  importTransportKey: { needs: 'escrow:import' },
  importKeys: { needs: 'escrow:import', body: { items: [{ certificate: 'AAAA', source: 'x', sealed: null }] } },
  importedCertificates: { needs: 'certificate:read' },
  importedCertificate: { needs: 'certificate:read' },
  revokeImported: { needs: 'certificate:revoke', body: { reason: 'unspecified' } },
  authorities: { needs: 'certificate:read' },
  authority: { needs: 'certificate:read' },
  authorityRequests: { needs: 'certificate:read' },
  createAuthority: { needs: 'authority:write', body: { title: 'X', key: 'p256', parentId: NOBODY } },
  requestAuthority: { needs: 'authority:write', body: { title: 'X', key: 'p256' } },
  installAuthority: { needs: 'authority:write', body: { certificate: 'AAAA' } },
  importAuthority: {
    needs: 'authority:write',
    body: { name: 'X', source: { kind: 'pkcs12', file: 'AAAA', password: 'x' } },
  },
  retireAuthority: { needs: 'authority:write' },
  createRoot: { needs: 'authority:write', body: { title: 'Root CA', key: 'p256' } },
  adoptRoot: { needs: 'authority:write', body: { name: 'X', certificate: 'AAAA' } },
  takeCrl: { needs: 'authority:write', body: { crl: 'AAAA' } },
  authorityRevocations: { needs: 'certificate:read' },
  crossCertificates: { needs: 'certificate:read' },
  crossCertify: {
    needs: 'authority:write',
    body: { issuerId: NOBODY, subject: { kind: 'authority', authorityId: NOBODY } },
  },
  requestCross: { needs: 'authority:write' },
  installCross: { needs: 'authority:write', body: { certificate: 'AAAA' } },
  revokeCross: { needs: 'authority:write', body: { reason: 'superseded' } },
  profiles: { needs: 'certificate:read' },
  profile: { needs: 'certificate:read' },
  compareProfile: { needs: 'certificate:read', body: { document: shippedProfiles.gateway } },
  applyProfile: { needs: 'profile:write', body: { document: shippedProfiles.gateway, expectedVersion: 7 } },
  restoreProfile: { needs: 'profile:write', body: { version: 1, expectedVersion: 7 } },
  chooseProfile: { needs: 'profile:write', body: { expected: 'signing' } },
  inspect: { needs: 'office:read', body: { message: 'QUJD' } },
  beginArchive: { needs: 'certificate:issue' },
  archiveDeviceKey: { needs: 'certificate:issue', body: { request: 'AAAA', sealed: 'AAAA' } },
  retention: { needs: 'recovery:read' },
  approveDestruction: { needs: 'escrow:destroy', body: { escrowedKeyIds: [NOBODY] } },
  legalHolds: { needs: 'recovery:read' },
  placeHold: { needs: 'hold:place', body: { caseNumber: 'C-1', reason: 'a test' } },
  liftHold: { needs: 'hold:lift', body: { reason: 'a test' } },
  recoveryRequests: { needs: 'recovery:read' },
  recoveryRequest: { needs: 'recovery:read' },
  requestRecovery: { needs: 'recovery:request', not: ['local'], body: recovery },
  previewRecovery: { needs: 'recovery:request', not: ['local'], body: recovery },
  checkIdentity: {
    needs: 'recovery:attest',
    body: { digest: '0'.repeat(64), of: 'subject', who: 'a', how: 'other', evidence: 'b' },
  },
  recordManagerApproval: {
    needs: 'recovery:attest',
    body: {
      digest: '0'.repeat(64),
      manager: { name: 'a', address: 'mona@example.com' },
      how: 'other',
      evidence: 'b',
    },
  },
  tellSubjects: { needs: 'recovery:request', body: { reason: 'a test' } },
  releaseToOwner: { needs: 'recovery:release' },
  releaseMessages: { needs: 'recovery:release', body: { messages: ['AAAA'] } },
  decideRecovery: { needs: 'recovery:approve', body: { decision: 'reject', digest: 'x', signature: '' } },
  releaseKey: { needs: 'recovery:release' },
  releasePassword: { needs: 'recovery:approve' },
  auditRecords: { needs: 'audit:read' },
  auditExport: { needs: 'audit:read' },
  verifyAudit: { needs: 'audit:read' },
  enrolGateway: { needs: 'gateway:serve', body: { csr } },
  gatewayConfiguration: { needs: 'gateway:serve' },
  gatewaySigning: { needs: 'gateway:serve', body: { address: 'x@example.com', csr } },
  gatewayRecipients: { needs: 'gateway:serve', query: '?address=x@example.com' },
  gatewayKeys: { needs: 'gateway:serve', query: '?address=x@example.com' },
  acmeKeys: { needs: 'certificate:read' },
  createAcmeKey: { needs: 'partner:write', body: { name: 'X', addresses: ['partner.example'] } },
  revokeAcmeKey: { needs: 'partner:write', body: {} },
  acmeOrders: { needs: 'certificate:read' },
  acmeReply: { needs: 'gateway:serve', body: { message: 'QUJD' } },
  writeJournal: { needs: 'gateway:serve', body: { entries: [] } },
  journal: { needs: 'office:read' },
  journalEntry: { needs: 'office:read' },
  ruleCounts: { needs: 'office:read' },
  mailRules: { needs: 'office:read' },
  mailRuleSet: { needs: 'office:read' },
  proposeMailRules: { needs: 'mail-rules:propose', body: { document: { rules: [] }, basedOn: null } },
  activateMailRules: { needs: 'mail-rules:activate', body: { expectedLive: null } },
  restoreMailRules: { needs: 'mail-rules:activate', body: { expectedLive: null } },
  simulateMailRules: { needs: 'office:read', body: { document: { rules: [] } } },
  explainMailRules: { needs: 'office:read', body: { document: { rules: [] }, message: 'QQ==', direction: 'outbound' } },
  appliedMailRules: { needs: 'gateway:serve', body: { version: null, source: 'office', ownRules: 0, problem: null } },
  reportCorrespondents: { needs: 'gateway:serve', body: { correspondents: [], done: [] } },
  correspondents: { needs: 'office:read' },
  correspondent: { needs: 'office:read' },
  decideCorrespondent: { needs: 'partner:write', body: { kind: 'forget' } },
  reportHeldMail: {
    needs: 'gateway:serve',
    body: { run: '00000000-0000-4000-8000-000000000000', held: [], gone: [], done: [], complete: true },
  },
  heldMail: { needs: 'office:read' },
  heldMessage: { needs: 'office:read' },
  decideHeldMail: { needs: 'held-mail:decide', body: { act: 'release' } },
  holdings: { needs: 'certificate:read' },
  coverage: { needs: 'person:read' },
  coverageCounts: { needs: 'person:read' },
  inventoryViews: { needs: 'office:read' },
  saveInventoryView: { needs: 'office:read', body: { name: 'X', content: { list: 'coverage', filter: {} } } },
  removeInventoryView: { needs: 'office:read' },
  notices: { needs: 'notice:read' },
  notice: { needs: 'notice:read' },
  retryNotice: { needs: 'notice:write' },
  inbox: { needs: 'office:read' },
  readInbox: { needs: 'office:read', not: ['local'], body: {} },
  noticeSettings: { needs: 'notice:read' },
  changeNoticeSettings: { needs: 'notice:write', body: { settings: {}, expectedVersion: 7 } },
  noticeTemplates: { needs: 'notice:read' },
  noticeTemplate: { needs: 'notice:read' },
  changeNoticeTemplate: { needs: 'notice:write', body: { content: null, expectedVersion: 7 } },
};

let office: RunningOffice;
const tokens = new Map<Role | 'local', () => Promise<string>>();

beforeAll(async () => {
  office = await runningOffice();
  const ada = await office.setUp();
  tokens.set('administrator', async () => ada.token);
  for (const role of ['registration-officer', 'recovery-officer', 'auditor'] as const) {
    const { token } = await office.invite(office.local, role.replace('-', ''), [role]);
    tokens.set(role, async () => token);
  }
  const { token } = await office.local.createGateway({ body: { name: 'taken' } });
  tokens.set('gateway', async () => token);
  tokens.set('local', async () => office.authority.localToken);
});
afterAll(() => office.close());

describe('who may call what', () => {
  const table = Object.entries(calls).filter(([name]) => name !== 'logout') as [AuthenticatedRoute, Call][];

  it.each(table)('%s', async (name, call) => {
    const { method, path } = routes[name];
    const url = `${office.authority.url}${path.replace(':id', NOBODY).replace(':serialNumber', 'abcdef').replace(':event', 'welcome').replace(':name', 'corp').replace(':language', 'en').replace(':sequence', '1').replace(':version', '1')}${call.query ?? ''}`;
    const found: Record<string, boolean> = {};
    const expected: Record<string, boolean> = {};
    for (const [who, token] of tokens) {
      const answer = await fetch(url, {
        method,
        headers: {
          authorization: `Bearer ${await token()}`,
          ...(call.body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(call.body === undefined ? {} : { body: JSON.stringify(call.body) }),
      });
      const problem = answer.ok ? {} : ((await answer.json()) as { code?: string });
      expect(answer.status, `${name} as ${who}`).not.toBe(401);
      expect(answer.status, `${name} as ${who}: ${JSON.stringify(problem)}`).not.toBe(500);
      found[who] = problem.code !== 'forbidden';
      expected[who] = isExpected(call, who);
    }
    expect(found).toEqual(expected);
  });
});

function isExpected({ needs, not }: Call, who: Role | 'local'): boolean {
  if (not?.includes(who) === true) return false;
  if (needs === 'local') return who === 'local';
  if (needs === 'operator') return who !== 'local' && who !== 'gateway';
  return rolePermissions[who === 'local' ? 'administrator' : who].includes(needs);
}
