/** Everything that is measured: the page for whoever watches the office is made from this table, and nothing else is served. */

interface Family {
  readonly name: string;
  readonly help: string;
  readonly type: 'gauge' | 'counter' | 'histogram';
  readonly labels: readonly string[];
}

/** Names and labels are stable: dashboards and alerts are written against them. Labels take few values, and never a person's. */
export const families = {
  info: gauge('chancery_info', 'Always 1; which Chancery this is', ['version']),
  collected: gauge('chancery_collected', '1 where the figures of the database could be read, else 0'),
  collectedAge: gauge(
    'chancery_collected_age_seconds',
    'Age of the figures that are counted in large tables: slow ones are kept for a while',
  ),

  people: gauge('chancery_people', 'People, by state', ['state']),
  peopleReady: gauge('chancery_people_ready', 'Active people with a good certificate whose key can be used, by use', [
    'use',
  ]),
  coverage: gauge('chancery_people_coverage', 'People who are covered, and who are not, by use and reason', [
    'use',
    'reason',
  ]),

  certificates: gauge('chancery_certificates', 'Certificates, by use and state', ['use', 'state']),
  certificatesEnding: gauge(
    'chancery_certificates_ending',
    'Certificates in force that end within so many days (each bucket holds those before it)',
    ['use', 'within_days'],
  ),

  jobs: gauge('chancery_jobs', 'Jobs that are not done, by queue and state', ['queue', 'state']),
  jobsOldest: gauge('chancery_jobs_oldest_seconds', 'Age of the oldest job that is not done, by queue', ['queue']),

  authorityEnds: gauge('chancery_authority_ends_seconds', 'Seconds until the certificate of an authority ends', [
    'authority',
  ]),
  crlAge: gauge('chancery_crl_age_seconds', 'Age of the complete list in force, by authority', ['authority']),
  crlEnds: gauge('chancery_crl_ends_seconds', 'Seconds until it ends; negative once it has', ['authority']),
  crlEntries: gauge('chancery_crl_entries', 'Its entries', ['authority']),
  responderEnds: gauge('chancery_ocsp_responder_ends_seconds', 'Seconds until its OCSP responder certificate ends', [
    'authority',
  ]),
  ocspAnswers: counter('chancery_ocsp_answers_total', 'OCSP answers of this process, by kind', ['kind']),

  publications: gauge('chancery_publications', 'Certificates in a target, by state', ['target', 'state']),
  publicationLag: gauge('chancery_publication_lag_seconds', 'Age of the oldest change that a target has not taken', [
    'target',
  ]),
  reconcileAge: gauge(
    'chancery_reconcile_age_seconds',
    'Time since a target was last compared with the inventory to its end',
    ['target'],
  ),
  documentsFailed: gauge('chancery_documents_failed', 'Lists and CA certificates whose last try failed, by target', [
    'target',
  ]),

  notices: gauge('chancery_notices', 'Notices that have not gone out, by state', ['state']),
  noticesOldest: gauge('chancery_notices_oldest_seconds', 'Age of the oldest notice that waits to be sent'),

  escrowedKeys: gauge('chancery_escrowed_keys', 'Keys in escrow'),
  vaultLive: gauge('chancery_vault_live', '1 where the officers have founded the vault, else 0'),
  drillAge: gauge('chancery_drill_age_seconds', 'Time since the last drill that was completed'),
  drillOverdue: gauge('chancery_drill_overdue', '1 where a drill is overdue, else 0'),
  recoveriesOpen: gauge('chancery_recoveries_open', 'Recovery requests that wait, by state', ['state']),

  trailRecords: gauge('chancery_trail_records', 'Records under the last checkpoint of the audit trail'),
  checkpointAge: gauge('chancery_trail_checkpoint_age_seconds', 'Age of the last checkpoint of the audit trail'),
  targetBehind: gauge(
    'chancery_trail_target_behind_records',
    'Records under the last checkpoint that a witness or collector has not been told of',
    ['target'],
  ),
  targetFailing: gauge('chancery_trail_target_failing', '1 where a witness or collector cannot be reached, else 0', [
    'target',
  ]),

  mailDecisions: counter(
    'chancery_mail_decisions_total',
    'Decisions about one message and recipient, by rule, direction and outcome; rules beyond a hundred are `_other`',
    ['rule', 'direction', 'outcome'],
  ),
  mailShadow: counter('chancery_mail_shadow_total', 'What rules in shadow would have done otherwise', [
    'rule',
    'direction',
    'outcome',
  ]),

  requests: {
    name: 'chancery_http_request_duration_seconds',
    help: 'Time to answer a request, by route and class of status',
    type: 'histogram',
    labels: ['route', 'status'],
  },
} as const satisfies Record<string, Family>;

export type FamilyName = keyof typeof families;

/** Within how many days a certificate ends. */
export const endingBuckets = [1, 7, 14, 30, 60, 90, 180, 365] as const;

/** Seconds. */
export const requestBuckets = [0.005, 0.02, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10];

/** The table of the page, in Markdown. */
export function describeFamilies(): string {
  const rows = Object.values(families).map(({ name, type, labels, help }: Family) => {
    const shown = labels.map((label) => `\`${label}\``).join(', ');
    return `| \`${name}\` | ${type} | ${shown} | ${help} |`;
  });
  return `| metric | kind | labels | meaning |\n| --- | --- | --- | --- |\n${rows.join('\n')}\n`;
}

function gauge<const L extends readonly string[] = readonly []>(name: string, help: string, labels?: L) {
  return { name, help, type: 'gauge', labels: labels ?? [] } as const;
}

function counter<const L extends readonly string[]>(name: string, help: string, labels: L) {
  return { name, help, type: 'counter', labels } as const;
}
