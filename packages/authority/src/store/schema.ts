/** The tables as TypeScript sees them; `migrations/` is the truth. */
import type {
  CertificateUse,
  CorrespondentStanding,
  HeldStanding,
  MailVerdict,
  NoticeEvent,
  NoticeLanguage,
  NoticeRole,
  PersonAttributes,
  SourceKind,
} from '@chancery/api';
import type { ColumnType, Generated, GeneratedAlways } from 'kysely';

type Json = ColumnType<Record<string, unknown>, string, string>;
/** bigint columns come back as strings from the driver. */
type BigIntColumn = ColumnType<string, string | number | bigint, string | number | bigint>;

/** What the officers of a ceremony open together: half of a lock that nothing is behind. */
interface TestRecord {
  /** Base64url. */
  readonly encapsulation: string;
  readonly ciphertext: string;
  /** SHA-256 of what it must open to, hexadecimal. */
  readonly expected: string;
}

/** What a source says of a person. What it leaves out it does not know; null means that there is none. */
export interface Presented {
  readonly name?: string | undefined;
  readonly address?: string | null | undefined;
  /** All of them, where it knows any at all. */
  readonly aliases?: readonly string[] | undefined;
  readonly externalId?: string | null | undefined;
  readonly attributes?: { readonly [A in keyof PersonAttributes]?: string | null | undefined } | undefined;
  /** The source's own key of the manager. */
  readonly manager?: string | null | undefined;
  readonly signingKey?: 'device' | 'gateway' | undefined;
  readonly gatewayDecrypts?: boolean | undefined;
}

/** Why a record is nobody's, or not wholly in force, and what an administrator does about it. */
export interface SourceConflict {
  readonly code: 'perhaps-another' | 'address-taken' | 'alias-taken' | 'unusable';
  readonly message: string;
  /** Whom it may be about. */
  readonly personId: string | null;
}

/** The public key of an ACME account, with nothing but what makes it one (RFC 7638 3.2). */
export type AccountKey =
  | { readonly kty: 'EC'; readonly crv: string; readonly x: string; readonly y: string }
  | { readonly kty: 'OKP'; readonly crv: string; readonly x: string }
  | { readonly kty: 'RSA'; readonly n: string; readonly e: string };

/** By use, the profile that a person's certificates are issued by instead of the office's choice. */
export type PersonProfiles = { readonly [U in 'signing' | 'encryption']?: string };
/** Serial numbers, each as often as it was missing from an entry or stood in it without leave. */
export type DriftByPerson = Readonly<Record<string, { readonly missing: string[]; readonly extra: string[] }>>;

export interface Schema {
  office: {
    only_row: Generated<boolean>;
    organisation: string;
    domains: string[];
    demo: boolean;
    set_up_at: Date;
    secrets_key: Generated<string | null>;
  };
  operators: {
    id: Generated<string>;
    name: string;
    address: string;
    roles: string[];
    state: 'invited' | 'active' | 'disabled';
    password_hash: string | null;
    totp_secret: Buffer | null;
    totp_last_step: ColumnType<string | null, number | null, number | null>;
    created_at: Date;
    last_sign_in_at: Date | null;
    provider: Generated<string | null>;
    person_id: Generated<string | null>;
    provider_roles: Generated<string[]>;
    departed_with: Generated<string | null>;
  };
  provider_subjects: {
    issuer: string;
    subject: string;
    operator_id: string | null;
    person_id: string | null;
    created_at: Date;
    last_sign_in_at: Date;
  };
  directory_syncs: {
    name: string;
    begun_at: Generated<Date | null>;
    ended_at: Generated<Date | null>;
    done_at: Generated<Date | null>;
    complete_at: Generated<Date | null>;
    outcome: Generated<'done' | 'failed' | 'asking' | null>;
    problem: Generated<string | null>;
    failing_since: Generated<Date | null>;
    alarmed_at: Generated<Date | null>;
    position: ColumnType<Record<string, unknown> | null, string | null | undefined, string | null>;
    digest: Generated<string | null>;
    counts: ColumnType<Record<string, number> | null, string | null | undefined, string | null>;
    question: ColumnType<Record<string, unknown> | null, string | null | undefined, string | null>;
  };
  passkeys: {
    credential_id: string;
    operator_id: string;
    public_key: Buffer;
    counter: BigIntColumn;
    transports: string[];
    created_at: Date;
  };
  tokens: {
    hash: Buffer;
    kind: 'setup' | 'invitation' | 'session' | 'sign-in' | 'gateway' | 'webauthn' | 'person-session' | 'person-sign-in';
    operator_id: string | null;
    gateway_id: string | null;
    person_id: Generated<string | null>;
    data: Json;
    created_at: Date;
    expires_at: Date | null;
    last_used_at: Date | null;
  };
  person_passkeys: {
    credential_id: string;
    person_id: string;
    public_key: Buffer;
    counter: BigIntColumn;
    transports: string[];
    name: string;
    owner_key: Buffer | null;
    created_at: Date;
    last_used_at: Date | null;
  };
  help_requests: {
    id: string;
    person_id: string;
    topic: 'lost-key' | 'lost-device' | 'other';
    note: string;
    asked_at: Date;
    closed_at: Date | null;
    closed_by: string | null;
  };
  exclusive_roles: { one: string; other: string; shipped: boolean };
  gateways: { id: Generated<string>; name: string; created_at: Date; last_seen_at: Date | null };
  people: {
    id: Generated<string>;
    name: string;
    external_id: string | null;
    state: PersonState;
    signing_key: 'device' | 'gateway';
    gateway_decrypts: boolean;
    attributes: ColumnType<PersonAttributes, string | undefined, string>;
    profiles: ColumnType<PersonProfiles, string | undefined, string>;
    created_at: Date;
    left_at: Date | null;
    suspended_at: Generated<Date | null>;
    suspended_by: Generated<string | null>;
    changed_while_suspended: Generated<boolean>;
  };
  suspension_holds: { person_id: string; serial_number: string };
  claim_offers: { person_id: string; why: 'renewal' | 'compromise'; asked_at: Date };
  renewals: {
    serial_number: string;
    way: 'office' | 'gateway' | 'owner';
    fresh: boolean;
    rollover_id: string | null;
    tries: Generated<number>;
    begun_at: Date;
    next_at: Date | null;
  };
  rollovers: {
    id: string;
    authority_id: string;
    per_day: number;
    state: 'running' | 'paused' | 'done' | 'ended';
    note: string;
    begun_by: string;
    begun_at: Date;
    closed_at: Date | null;
  };
  person_addresses: { key: string; address: string; person_id: string; is_primary: boolean };
  former_addresses: { person_id: string; key: string; address: string; until: Date };
  sources: {
    name: string;
    kind: SourceKind;
    made: GeneratedAlways<string>;
    created_at: Date;
    last_contact_at: Date | null;
    problem: string | null;
    rules: string | null;
  };
  source_records: {
    id: string;
    source: string;
    key: string;
    person_id: string | null;
    active: boolean;
    gone_at: Date | null;
    presented: ColumnType<Presented, string, string>;
    resource: ColumnType<Record<string, unknown> | null, string | null, string | null>;
    conflict: ColumnType<SourceConflict | null, string | null, string | null>;
    created_at: Date;
    changed_at: Date;
  };
  source_groups: {
    id: string;
    source: string;
    key: string;
    name: string;
    external_id: string | null;
    created_at: Date;
    changed_at: Date;
  };
  scim_tokens: {
    id: string;
    source: string;
    hash: Buffer;
    created_at: Date;
    created_by: string;
    expires_at: Date | null;
    last_used_at: Date | null;
    revoked_at: Date | null;
  };
  source_members: { group_id: string; member_key: string; member_kind: 'person' | 'group' };
  authorities: {
    id: Generated<string>;
    role: 'root' | 'issuing';
    slug: string;
    name: string;
    key_reference: string | null;
    certificate: Buffer;
    issuer_id: string | null;
    not_after: Date;
    created_at: Date;
    revoked_at: Generated<Date | null>;
    revocation_reason: Generated<string | null>;
    outside_chain: Generated<Buffer[]>;
    retired_at: Generated<Date | null>;
  };
  authority_requests: {
    id: string;
    name: string;
    key_reference: string;
    request: Buffer;
    created_at: Date;
    authority_id: string | null;
  };
  cross_certificates: {
    id: string;
    subject_id: string | null;
    issuer_id: string | null;
    serial_number: string;
    certificate: Buffer;
    above: Generated<Buffer[]>;
    not_after: Date;
    created_at: Date;
    revoked_at: Generated<Date | null>;
  };
  profiles: {
    id: string;
    version: number;
    document: Json;
    author: Generated<string>;
    note: Generated<string>;
    restored_from: Generated<number | null>;
    created_at: Date;
  };
  profile_choices: { use: CertificateUse; profile: string };
  enrollments: {
    id: Generated<string>;
    person_id: string;
    use: 'signing' | 'encryption';
    state: 'waiting' | 'issued' | 'failed' | 'withdrawn';
    error: string | null;
    escrowed_key_id: Generated<string | null>;
    created_at: Date;
    updated_at: Date;
  };
  vaults: {
    id: Generated<string>;
    name: string;
    kek_reference: string;
    threshold: number;
    state: Generated<'provisional' | 'live' | 'retired'>;
    epoch: Generated<number>;
    public_key: Generated<Buffer | null>;
    transcript: Generated<string | null>;
    created_at: Date;
    replaced_at: Generated<Date | null>;
    previous_kek_reference: Generated<string | null>;
    kek_rotation_began_at: Generated<Date | null>;
    kek_rotation_cursor: Generated<string | null>;
  };
  vault_rounds: {
    id: string;
    kind: 'drill' | 'rewrap';
    vault_id: string;
    target_vault_id: string | null;
    begun_by: string;
    begun_at: Date;
    closed_at: Date | null;
    outcome: 'complete' | 'ended' | null;
  };
  vault_batches: {
    id: string;
    round_id: string;
    position: number;
    canonical: string;
    digest: string;
    state: 'open' | 'ready' | 'done' | 'ended';
  };
  vault_batch_records: {
    batch_id: string;
    escrowed_key_id: string;
    outcome: 'proven' | 'moved' | 'gone' | 'failed' | null;
    error: string | null;
    at: Date | null;
  };
  vault_batch_parts: {
    batch_id: string;
    position: number;
    operator_id: string;
    signature: string;
    partial: string | null;
    at: Date;
  };
  share_keys: {
    id: string;
    operator_id: string;
    kind: 'passkey' | 'file';
    credential_id: string | null;
    encryption_key: string;
    signing_key: string;
    created_at: Date;
  };
  ceremonies: {
    id: string;
    vault_id: string;
    epoch: number;
    threshold: number;
    officers: string[];
    dealers: number[] | null;
    state: 'gathering' | 'dealing' | 'accepting' | 'complete' | 'abandoned';
    plan: string | null;
    transcript: string | null;
    test_record: ColumnType<TestRecord | null, string | null, string | null>;
    opened_by: string;
    opened_at: Date;
    closed_at: Date | null;
    reason: string | null;
  };
  ceremony_parts: {
    ceremony_id: string;
    kind: 'dealing' | 'acceptance';
    position: number;
    operator_id: string;
    document: string;
    at: Date;
  };
  escrowed_keys: {
    id: string;
    person_id: string;
    vault_id: string;
    use: Generated<'encryption'>;
    key_algorithm: string;
    spki: Buffer;
    spki_sha256: Buffer;
    format_version: number;
    sealed: Buffer;
    created_at: Date;
    delivered_at: Generated<Date | null>;
    origin: Generated<'kra' | 'device' | 'imported'>;
    destroyed_at: Generated<Date | null>;
  };
  archive_challenges: {
    hash: Buffer;
    person_id: string;
    created_at: Date;
    expires_at: Date;
    used_at: Date | null;
  };
  enrolment_challenges: {
    id: string;
    hash: Buffer;
    person_id: string;
    profile: string;
    use: 'signing' | 'encryption';
    approval: boolean;
    made_by: string;
    created_at: Date;
    expires_at: Date;
    used_at: Date | null;
    withdrawn_at: Date | null;
  };
  device_enrolments: {
    id: string;
    protocol: 'scep' | 'est' | 'upload';
    label: string;
    use: 'signing' | 'encryption';
    profile: string;
    person_id: string;
    request: Buffer | null;
    subject: string;
    key_algorithm: string;
    spki_sha256: Buffer;
    signer_sha256: Buffer;
    transaction_id: string | null;
    proof: 'challenge' | 'static' | 'certificate' | 'intune' | 'session';
    challenge_id: string | null;
    renews: string | null;
    state: 'waiting' | 'approved' | 'refused' | 'issued';
    requested_at: Date;
    decided_at: Date | null;
    decided_by: string | null;
    reason: string | null;
    serial_number: string | null;
    delivered_at: Date | null;
    lost_at: Date | null;
  };
  acme_keys: {
    id: string;
    name: string;
    addresses: string[];
    sealed: Buffer | null;
    created_at: Date;
    created_by: string;
    expires_at: Date;
    used_at: Date | null;
    revoked_at: Date | null;
  };
  acme_accounts: {
    id: string;
    thumbprint: string;
    jwk: ColumnType<AccountKey, string, string>;
    contacts: string[];
    state: 'valid' | 'deactivated' | 'revoked';
    key_id: string | null;
    created_at: Date;
  };
  acme_orders: {
    id: string;
    account_id: string;
    state: 'pending' | 'ready' | 'processing' | 'valid' | 'invalid';
    addresses: string[];
    created_at: Date;
    expires_at: Date;
    request: Buffer | null;
    spki_sha256: Buffer | null;
    finalized_at: Date | null;
    serial_number: string | null;
    problem_type: string | null;
    problem: string | null;
  };
  acme_authorizations: {
    id: string;
    order_id: string;
    address: string;
    state: 'pending' | 'valid' | 'invalid' | 'deactivated';
    token: string;
    sealed_token: Buffer | null;
    sender: string;
    message_id: string;
    mail: 'waiting' | 'sent' | 'refused';
    tries: Generated<number>;
    next_try_at: Date;
    created_at: Date;
    expires_at: Date;
    responded_at: Date | null;
    validated_at: Date | null;
    problem_type: string | null;
    problem: string | null;
  };
  acme_spent_nonces: { hash: Buffer; expires_at: Date };
  acme_nonce_key: { only_row: Generated<boolean>; sealed: Buffer };
  intune_notices: {
    id: string;
    kind: 'success' | 'failure' | 'revocations';
    body: Buffer | null;
    created_at: Date;
    settled_at: Date | null;
    error: string | null;
  };
  intune_feed: { sole: Generated<boolean>; polled_at: Date };
  key_retentions: { escrowed_key_id: string; ends_at: Date; announced_at: Date };
  key_retention_approvals: { escrowed_key_id: string; operator_id: string; approved_at: Date };
  transport_keys: { id: string; key_reference: string; certificate: Buffer; created_at: Date; not_after: Date };
  escrow_locks: {
    id: Generated<string>;
    escrowed_key_id: string;
    kind: 'vault' | 'claim' | 'gateway' | 'owner';
    holder: string;
    wrapped: Buffer;
    created_at: Date;
    expires_at: Date | null;
    attested_at: ColumnType<Date | null, Date | null | undefined, Date | null>;
  };
  issuance_intents: {
    serial_number: string;
    authority_id: string;
    use: CertificateUse;
    profile: string;
    profile_version: Generated<number>;
    renewal_days: Generated<number>;
    person_id: string | null;
    gateway_id: string | null;
    enrollment_id: string | null;
    escrowed_key_id: string | null;
    key_origin: KeyOrigin;
    key_reference: string | null;
    tbs: Buffer;
    spki_sha256: Buffer;
    state: 'prepared' | 'signed' | 'abandoned';
    created_at: Date;
    crl_shard: Generated<number | null>;
  };
  issuances: { id: string; note: string; created_by: string; created_at: Date };
  issuance_items: {
    issuance_id: string;
    position: number;
    address: string;
    person_id: string | null;
    key_origin: 'device' | 'browser' | 'gateway';
    request: Buffer;
    state: IssuanceItemState;
    serial_number: string | null;
    error: string | null;
    updated_at: Date;
  };
  certificates: {
    serial_number: string;
    authority_id: string;
    use: CertificateUse;
    profile: string;
    profile_version: Generated<number>;
    renewal_days: Generated<number>;
    person_id: string | null;
    gateway_id: string | null;
    subject: string;
    addresses: string[];
    key_algorithm: string;
    key_origin: KeyOrigin;
    key_reference: string | null;
    spki_sha256: Buffer;
    fingerprint: Buffer;
    certificate: Buffer;
    escrowed_key_id: string | null;
    not_before: Date;
    not_after: Date;
    /** `renewal_days` before `not_after`. */
    renew_at: GeneratedAlways<Date>;
    issued_at: Date;
    revoked_at: Date | null;
    revocation_reason: string | null;
    crl_shard: Generated<number | null>;
  };
  imported_certificates: {
    id: string;
    person_id: string;
    authority_id: string | null;
    issuer: string;
    serial_number: string;
    use: 'signing' | 'encryption';
    also_signs: boolean;
    subject: string;
    addresses: string[];
    key_algorithm: string;
    spki_sha256: Buffer;
    fingerprint: Buffer;
    certificate: Buffer;
    escrowed_key_id: string | null;
    not_before: Date;
    not_after: Date;
    source: string;
    imported_at: Date;
    revoked_at: Date | null;
    revocation_reason: string | null;
  };
  responder_certificates: {
    serial_number: string;
    authority_id: string;
    key_reference: string;
    certificate: Buffer;
    not_before: Date;
    not_after: Date;
    renew_at: Date;
  };
  crl_shards: { authority_id: string; shard: number; urls: string[]; created_at: Date };
  revocation_versions: { authority_id: string; version: BigIntColumn };
  revocations: {
    authority_id: string;
    serial_number: string;
    crl_shard: number | null;
    revoked_at: Date;
    reason: string;
    released: boolean;
    not_after: Date;
    version: BigIntColumn;
  };
  crls: {
    authority_id: string;
    shard: number | null;
    number: BigIntColumn;
    base_number: ColumnType<string | null, number | null, number | null>;
    version: BigIntColumn;
    this_update: Date;
    next_update: Date;
    entries: number;
    octets: number;
    sha256: Buffer;
    crl: Buffer | null;
  };
  document_publications: {
    target: string;
    document: string;
    authority_id: string;
    sha256: Buffer | null;
    number: ColumnType<string | null, number | null, number | null>;
    published_at: Date | null;
    error: string | null;
    attempts: Generated<number>;
    updated_at: Date;
  };
  claims: {
    id: string;
    person_id: string;
    secret_hash: Buffer;
    sealed_secret: Buffer | null;
    created_at: Date;
    expires_at: Date;
    claimed_at: Date | null;
    closed_at: Date | null;
    vault_id: string | null;
  };
  pick_ups: {
    id: string;
    person_id: string;
    secret_hash: Buffer;
    file_name: string;
    media_type: string;
    content: Buffer;
    fetches: number;
    created_at: Date;
    expires_at: Date;
  };
  time_stamp_keys: {
    id: string;
    key_reference: string;
    certificate: Buffer;
    made_at: Date;
    renew_at: Date;
    not_after: Date;
  };
  phone_people: { person_id: string; allowed_at: Date; allowed_by: string };
  phone_keys: {
    id: string;
    person_id: string;
    escrowed_key_id: string;
    thumbprint: string;
    connector: string;
    body: string | null;
    state: 'waiting' | 'taken' | 'refused';
    tries: number;
    next_try_at: Date;
    error: string | null;
    created_at: Date;
    settled_at: Date | null;
  };
  publications: {
    target: string;
    serial_number: string;
    wanted: boolean;
    state: 'pending' | 'published' | 'failed' | 'removed';
    error: string | null;
    attempts: Generated<number>;
    updated_at: Date;
  };
  publication_entries: {
    target: string;
    person_id: string;
    entry: string | null;
    place: string | null;
    problem: 'not-found' | 'ambiguous' | 'no-room' | 'refused' | 'down' | null;
    detail: string | null;
    others: number;
    seen_at: Date;
  };
  reconciliations: {
    id: string;
    target: string;
    mends: boolean;
    begun_by: string;
    begun_at: Date;
    ended_at: Date | null;
    reached: string | null;
    in_hand: ColumnType<DriftByPerson, string | undefined, string>;
    people: number;
    checked: Generated<number>;
    missing: Generated<number>;
    extra: Generated<number>;
    mended: Generated<number>;
    not_found: Generated<number>;
    refused: Generated<number>;
    others: Generated<number>;
    error: string | null;
  };
  recovery_requests: {
    id: string;
    /** Null where it is for several people: `recovery_people` names them all. */
    person_id: string | null;
    requested_by: string;
    canonical: string;
    digest: string;
    threshold: number;
    state: 'open' | 'approved' | 'released' | 'rejected' | 'expired';
    requested_at: Date;
    expires_at: Date;
    released_at: Date | null;
    sealed_password: Buffer | null;
  };
  recovery_people: { request_id: string; person_id: string };
  recovery_steps: {
    request_id: string;
    kind: 'identity' | 'manager';
    recorded_by: string;
    recorded_at: Date;
    digest: string;
    statement: Json;
  };
  recovery_decisions: {
    request_id: string;
    officer_id: string;
    decision: 'approve' | 'reject';
    digest: string;
    note: string;
    decided_at: Date;
    signature: string | null;
    partial: string | null;
  };
  legal_holds: {
    id: string;
    person_id: string;
    case_number: string;
    reason: string;
    placed_by: string;
    placed_at: Date;
    lifted_by: string | null;
    lifted_at: Date | null;
    lift_reason: string | null;
  };
  notices: {
    id: string;
    recipient: string;
    subject: string;
    body: string | null;
    sealed_body: Buffer | null;
    about: string | null;
    person_id: string | null;
    state: 'withheld' | 'waiting' | 'gathering' | 'folded' | 'sent' | 'failed';
    queued_at: Date;
    expires_at: Date | null;
    attempts: Generated<number>;
    next_attempt_at: Date;
    last_error: Generated<string | null>;
    sent_at: Generated<Date | null>;
    channel: Generated<'mail' | 'webhook'>;
    event: Generated<NoticeEvent | null>;
    role: Generated<NoticeRole | null>;
    once: Generated<string | null>;
    language: Generated<NoticeLanguage | null>;
    digest: Generated<'daily' | 'weekly' | null>;
    folded_into: Generated<string | null>;
    doubtful: Generated<boolean>;
  };
  inventory_views: {
    id: string;
    name: string;
    owner_id: string | null;
    shared: boolean;
    list: 'holdings' | 'coverage';
    filter: Json;
    changed_at: Date;
  };
  notice_events: { key: string; event: NoticeEvent; at: Date };
  console_notices: {
    id: string;
    event: NoticeEvent;
    subject: string;
    body: string;
    about: string | null;
    person_id: string | null;
    urgent: boolean;
    at: Date;
  };
  console_notice_reads: { notice_id: string; operator_id: string; read_at: Date };
  notice_settings: { version: number; document: Json; author: string; note: string; created_at: Date };
  notice_templates: {
    event: NoticeEvent;
    language: NoticeLanguage;
    version: number;
    subject: string | null;
    body: string | null;
    author: string;
    note: string;
    created_at: Date;
  };
  notice_preferences: { person_id: string; language: NoticeLanguage | null; muted: NoticeEvent[]; changed_at: Date };
  mail_journal: {
    id: string;
    gateway_id: string;
    at: Date;
    direction: string;
    message_id: string | null;
    sender: string;
    recipient: string;
    rule: string | null;
    outcome: string;
    verdict: string | null;
    detail: string;
    rules: string[] | null;
    arrival: string | null;
    rule_set: number | null;
    shadow: Json;
    facts: Json | null;
    judged: ColumnType<MailVerdict, string, string> | null;
    delivery: Json | null;
  };
  mail_rule_sets: {
    version: number;
    document: Json;
    author: string;
    note: string;
    based_on: number | null;
    restored_from: number | null;
    created_at: Date;
  };
  mail_rule_activations: { version: number; author: string; note: string; at: Date };
  gateway_rules: {
    gateway_id: string;
    version: number | null;
    source: 'office' | 'file' | 'both';
    own_rules: number;
    problem: string | null;
    since: Date;
  };
  mail_rule_counts: {
    day: ColumnType<string, string>;
    direction: string;
    rule: string;
    outcome: string;
    shadow: boolean;
    count: BigIntColumn;
  };
  correspondents: {
    id: string;
    gateway_id: string;
    address: string;
    standing: ColumnType<CorrespondentStanding, string, string>;
    waiting: boolean;
    reported_at: Date;
  };
  correspondent_decisions: {
    id: string;
    correspondent_id: string;
    kind: 'accept' | 'forget';
    sha256: string | null;
    decided_by: string;
    decided_at: Date;
  };
  held_mail: {
    id: string;
    gateway_id: string;
    standing: ColumnType<HeldStanding, string, string>;
    direction: string;
    held_at: Date;
    run: string;
    reported_at: Date;
  };
  held_mail_decisions: {
    id: string;
    held_id: string;
    act: 'release' | 'refuse';
    note: string;
    decided_by: string;
    decided_at: Date;
  };
  audit_nodes: { level: number; index: BigIntColumn; hash: Buffer };
  audit_checkpoints: { size: BigIntColumn; root: Buffer; note: string; at: Date };
  audit_targets: {
    name: string;
    reached: BigIntColumn;
    reached_at: Date | null;
    error: string | null;
    failing_since: Date | null;
  };
  audit_cosignatures: { size: BigIntColumn; witness: string; line: string; at: Date };
  offline_openings: { entry: Buffer; document_id: string; reported_at: Date };
  offline_opening_people: { person_id: string; document_id: string };
  audit_keys: { key_reference: string; name: string; public_key: Buffer; created_at: Date };
  audit_records: {
    sequence: BigIntColumn;
    at: Date;
    actor: string;
    actor_name: string;
    action: string;
    outcome: 'attempted' | 'succeeded' | 'denied' | 'failed';
    subject: string | null;
    details: Json;
    canonical: string;
    previous_hash: Buffer;
    hash: Buffer;
  };
}

export type PersonState = 'active' | 'suspended' | 'left';
export type IssuanceItemState = 'waiting' | 'issued' | 'failed' | 'withdrawn';
export type KeyOrigin = 'device' | 'browser' | 'gateway' | 'kra' | 'authority';
