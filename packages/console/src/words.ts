/** The contract's words in a person's words, and the tone each is shown in. */
import type {
  AuditRecord,
  Authority,
  CertificateSummary,
  CertificateUse,
  CompromiseOutcome,
  HelpRequest,
  InspectNode,
  JournalEntry,
  LintOutcome,
  NewAuthority,
  Operator,
  OverdueRenewal,
  Person,
  PersonDetail,
  RecoveryRequest,
  RevocationReason,
  Role,
  Rollover,
  SourceKind,
  Vault,
} from '@chancery/api';

type Tone = 'ok' | 'warn' | 'bad' | 'wait' | 'quiet';
export type Worded = readonly [word: string, tone: Tone];

export const certificateStates: Record<CertificateSummary['state'], Worded> = {
  valid: ['Valid', 'ok'],
  expiring: ['Expiring', 'warn'],
  expired: ['Expired', 'bad'],
  held: ['On hold', 'warn'],
  revoked: ['Revoked', 'bad'],
};

export const coverageStates: Record<Person['coverage']['signing'], Worded> = {
  valid: certificateStates.valid,
  expiring: certificateStates.expiring,
  expired: certificateStates.expired,
  revoked: certificateStates.revoked,
  pending: ['Pending', 'wait'],
  none: ['None', 'quiet'],
};

export const publicationStates: Record<Person['coverage']['published'], Worded> = {
  published: ['Published', 'ok'],
  pending: ['Pending', 'wait'],
  failed: ['Failed', 'bad'],
  'not-published': ['Not published', 'quiet'],
  'no-target': ['No directory', 'quiet'],
};

export const uses: Record<CertificateUse, string> = {
  signing: 'Signing',
  encryption: 'Encryption',
  gateway: 'Gateway',
  ocsp: 'OCSP responder',
  'scep-ra': 'SCEP registration authority',
  admin: 'Administrator',
  seal: 'Office seal',
  partner: 'Partner',
};

/** Who has to act. */
export const renewalWays: Record<OverdueRenewal['way'], string> = {
  office: 'The office',
  gateway: 'The mail gateway',
  owner: 'Its owner',
  operator: 'An operator',
};

export const rolloverStates: Record<Rollover['state'], Worded> = {
  running: ['Running', 'wait'],
  paused: ['Paused', 'warn'],
  done: ['Done', 'ok'],
  ended: ['Ended', 'quiet'],
};

export const keyOrigins: Record<CertificateSummary['keyOrigin'], string> = {
  device: "On the person's device",
  browser: "In the person's browser",
  gateway: 'In the mail gateway',
  kra: 'Here, escrowed',
  authority: 'In the authority',
};

/** In the order they are offered; the explanation stands beneath the choice. */
export const revocationReasons: Record<RevocationReason, readonly [label: string, explanation: string]> = {
  superseded: ['Superseded', 'A newer certificate has taken its place'],
  keyCompromise: ['Key compromised', 'Somebody else has, or may have, the private key'],
  affiliationChanged: ['Affiliation changed', 'The person has another name or another organisation'],
  cessationOfOperation: ['No longer used', 'The address or the person is gone'],
  privilegeWithdrawn: ['Privilege withdrawn', 'The person may no longer use it'],
  cACompromise: ['Authority compromised', 'Somebody else has, or may have, the key of the authority that signed it'],
  aACompromise: ['Attribute authority compromised', 'What it says of its holder is not to be believed'],
  unspecified: ['No reason given', 'Relying parties see no reason'],
};

export const roleNames: Record<Role, readonly [name: string, explanation: string]> = {
  administrator: ['Administrator', 'Runs the office: people, certificates, operators. Never approves a recovery'],
  'registration-officer': ['Registration officer', 'Looks after people and certificates'],
  'recovery-officer': ['Recovery officer', 'Approves the recovery of escrowed keys, and nothing else'],
  auditor: ['Auditor', 'Reads everything, changes nothing'],
  employee: ['Employee', 'Sees and keeps what is their own'],
  gateway: ['Mail gateway', 'A machine'],
};

/** What takes the place of a key that was given up. */
export const replacements: Record<CompromiseOutcome['replacement'], string> = {
  'not-needed': 'Another good certificate for the same use is there already.',
  office: 'Another key is being made. A link to collect it comes by mail, where the office sends mail.',
  gateway: 'The mail gateway makes another key by itself.',
  owner: 'A link to make another key comes by mail, where the office sends mail; or an administrator makes one.',
  none: 'Nothing takes its place until they return.',
};

export const helpTopics: Record<HelpRequest['topic'], string> = {
  'lost-key': 'My mail no longer opens',
  'lost-device': 'I lost a device that had my keys',
  other: 'Something else',
};

export const recoveryStates: Record<RecoveryRequest['state'], Worded> = {
  open: ['Waiting for officers', 'wait'],
  approved: ['Approved', 'warn'],
  released: ['Released', 'ok'],
  rejected: ['Rejected', 'bad'],
  expired: ['Lapsed', 'quiet'],
};

export const vaultStates: Record<Vault['state'], Worded> = {
  provisional: ['Not founded yet', 'warn'],
  live: ['In use', 'ok'],
  retired: ['Retired', 'quiet'],
};

export const recoveryReasons: Record<RecoveryRequest['reason'], string> = {
  'lost-device': 'Lost device',
  'forgotten-password': 'Forgotten password',
  'departed-employee': 'Departed employee',
  'legal-hold': 'Legal hold',
  investigation: 'Investigation',
  other: 'Other',
};

export const recoveryDeliveries: Record<RecoveryRequest['delivery']['kind'], string> = {
  pkcs12: 'PKCS#12 file',
  certificate: 'To a certificate',
  owner: 'To the owner',
  decrypt: 'Messages only',
};

export const noticeStates: Record<RecoveryRequest['notices'][number]['state'], Worded> = {
  sent: ['Sent', 'ok'],
  waiting: ['Waiting', 'wait'],
  withheld: ['Withheld', 'warn'],
  failed: ['Not delivered', 'bad'],
};

export const outcomes: Record<AuditRecord['outcome'], Worded> = {
  attempted: ['Attempted', 'wait'],
  succeeded: ['Succeeded', 'ok'],
  denied: ['Denied', 'warn'],
  failed: ['Failed', 'bad'],
};

export const journalOutcomes: Record<JournalEntry['outcome'], Worded> = {
  signed: ['Signed', 'ok'],
  'signed-encrypted': ['Signed and encrypted', 'ok'],
  encrypted: ['Encrypted', 'ok'],
  plain: ['Plain', 'quiet'],
  decrypted: ['Decrypted', 'ok'],
  verified: ['Verified', 'ok'],
  passed: ['Passed', 'quiet'],
  held: ['Held', 'warn'],
  quarantined: ['Quarantined', 'bad'],
  refused: ['Refused', 'bad'],
  deferred: ['Deferred', 'warn'],
};

export const verdicts: Record<NonNullable<InspectNode['verdict']>, Worded> = {
  valid: ['Valid', 'ok'],
  invalid: ['Invalid', 'bad'],
  unsigned: ['Not signed', 'quiet'],
  ambiguous: ['Ambiguous', 'warn'],
};

export const sourceKinds: Record<SourceKind, string> = {
  hand: 'By hand',
  csv: 'CSV file',
  scim: 'SCIM',
  ldap: 'Directory',
};

export const operatorStates: Record<Operator['state'], Worded> = {
  invited: ['Invited', 'wait'],
  active: ['Active', 'ok'],
  disabled: ['Disabled', 'quiet'],
};

export const lockNames = {
  vault: 'Vault: recovery officers',
  claim: "Claim link: the person's first download",
  gateway: 'Mail gateway: opens incoming mail',
  owner: 'Owner: a passkey of the person',
} as const;

/** Of an escrowed key, before the day that it was put into escrow. */
export const keyMakers: Record<PersonDetail['escrowedKeys'][number]['origin'], string> = {
  kra: 'made here',
  device: 'made by their device, here since',
  imported: 'of another office, here since',
};

export const lintVerdicts: Record<LintOutcome['verdict'], Worded> = {
  blocks: ['Blocks', 'bad'],
  noted: ['Noted', 'warn'],
  excepted: ['Excepted', 'quiet'],
};

/** `[{ value, label }]` for a select, from one of the tables above. */
export function choices<K extends string>(
  table: Record<K, string | readonly [string, ...unknown[]]>,
): { value: K; label: string }[] {
  return (Object.entries(table) as [K, string | readonly [string, ...unknown[]]][]).map(([value, words]) => ({
    value,
    label: typeof words === 'string' ? words : words[0],
  }));
}

export const authorityStates: Record<Authority['state'], Worded> = {
  issuing: ['Issues now', 'ok'],
  root: ['Root', 'wait'],
  kept: ['Kept', 'wait'],
  retired: ['Retired', 'quiet'],
  revoked: ['Revoked', 'bad'],
};

export const authorityMeanings: Record<Authority['state'], string> = {
  issuing: 'Signs every new certificate',
  root: 'Signs authorities, and nothing else',
  kept: 'Goes on with lists and OCSP for what it signed; signs again if the newer ones are retired',
  retired: 'Signs no more certificates; goes on with lists and OCSP for what it signed',
  revoked: 'Nothing that it signed is believed',
};

export const keyPlaces: Record<Authority['keyPlace'], string> = {
  software: 'in software',
  token: 'in a token',
  offline: 'offline',
};

/** The keys that an authority may have, as they are offered. */
export const authorityKeys: Record<NewAuthority['key'], string> = {
  p256: 'ECDSA P-256',
  p384: 'ECDSA P-384',
  p521: 'ECDSA P-521',
  'rsa-3072': 'RSA 3072 bits',
  'rsa-4096': 'RSA 4096 bits',
  ed25519: 'Ed25519: few mail programs know it',
  'ml-dsa-65': 'ML-DSA-65 (experimental: few can check it)',
  'ml-dsa-87': 'ML-DSA-87 (experimental: few can check it)',
};

/** Of a name as RFC 4514 writes it: what people call it. */
export function commonName(name: string): string {
  const found = /(?:^|[,+])CN=((?:\\.|[^\\,+])*)/.exec(name)?.[1];
  return found === undefined
    ? name
    : found.replace(/\\([^0-9a-f]|[0-9a-f]{2})/gi, (escaped, what: string) => (what.length === 1 ? what : escaped));
}

/** A reason as it stands in a record, in words for the middle of a sentence. */
export function revocationWords(reason: string): string {
  if (reason === 'certificateHold') return 'until somebody releases it';
  const known = Object.entries(revocationReasons).find(([name]) => name === reason)?.[1][0];
  return (known ?? reason).toLowerCase();
}
