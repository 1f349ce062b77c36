/** A recovery request in sentences: whose keys, under which rules, what is missing, what was said. */
import type { RecoveryPreview, RecoveryRequest } from '@chancery/api';
import { table } from '../output.ts';

export function describeRequest(request: RecoveryRequest): string {
  const approved = request.decisions.filter(({ decision }) => decision === 'approve');
  return [
    `Request ${request.id} is ${request.state}.`,
    `Asked by ${request.requestedBy.name} at ${request.requestedAt}; lapses at ${request.expiresAt}.`,
    `Reason: ${request.reason}${request.caseNumber === '' ? '' : `, case ${request.caseNumber}`}. ${request.explanation}`,
    `Leaves: ${describeDelivery(request.delivery)}.`,
    ...(request.withholdNotice ? ['Its subjects are not told.'] : []),
    '',
    ...describePeople(request.people),
    '',
    `Rules: ${describeRules(request.rules, request.threshold)}.`,
    ...describeVault(request),
    ...describeSteps(request),
    `${approved.length} of ${request.threshold} approvals${approved.length === 0 ? '' : `: ${approved.map(({ officerName }) => officerName).join(', ')}`}.`,
    ...request.decisions
      .filter(({ decision }) => decision === 'reject')
      .map(({ officerName, note }) => `Rejected by ${officerName}${note === '' ? '' : `: ${note}`}.`),
    ...(request.missing.length === 0 ? ['Nothing is missing: whoever asked may release it.'] : ['', 'Missing:']),
    ...request.missing.map(
      ({ why, next, until }) => `  ${why}${until === null ? '' : ` (${countdown(until)})`}. ${next}.`,
    ),
    ...describeNotices(request),
    '',
    `Digest: ${request.digest}`,
  ].join('\n');
}

export function describePreview(preview: RecoveryPreview): string {
  return [
    'Nothing was asked for. This is what officers would read:',
    '',
    ...describePeople(preview.people),
    ...preview.withoutKeys.map(({ name, address }) => `${name} <${address}>: no key that fits, left out`),
    '',
    `Rules: ${describeRules(preview.rules, preview.threshold)}. It would lapse at ${preview.expiresAt}.`,
    ...describeVault(preview),
    preview.withholdNotice
      ? 'Its subjects would not be told.'
      : preview.mail
        ? 'Its subjects would be told by mail.'
        : 'Its subjects would be told by mail, once the office can send any ([mail]).',
  ].join('\n');
}

export function describeSteps({ steps }: Pick<RecoveryRequest, 'steps'>): string[] {
  return steps.flatMap(({ kind, required, recorded }) => {
    const name = kind === 'identity' ? 'Identity check' : "Manager's approval";
    if (recorded === null) return required ? [`${name}: not recorded yet.`] : [];
    const { by, at, who, how, evidence, of } = recorded;
    const whose = of === null ? '' : ` of the ${of}`;
    return [`${name}${whose}: ${who}, ${how}. ${evidence} Recorded by ${by.name} at ${at}.`];
  });
}

/** Where another vault has taken the place of the one that the keys lie in. */
function describeVault({ vault }: Pick<RecoveryPreview, 'vault'>): string[] {
  if (!vault.replaced) return [];
  const names = vault.officers.map(({ name, inOffice }) => (inOffice ? name : `${name} (no officer any more)`));
  return [
    `These keys still lie in a vault that was replaced: its officers decide (${names.join(', ')}). Once the keys have moved, the request ends and is made anew.`,
  ];
}

function describePeople(people: RecoveryRequest['people']): string[] {
  const rows = people.flatMap(({ name, address, keys }) =>
    keys.map((key) => [
      `${name} <${address}>`,
      key.notBefore === null || key.notAfter === null
        ? ''
        : `${key.notBefore.slice(0, 10)} to ${key.notAfter.slice(0, 10)}`,
      key.serialNumber ?? key.id,
    ]),
  );
  return [table(['whose key', 'valid', 'certificate'], rows, 'No keys.')];
}

function describeDelivery({ kind, recipient, messages }: RecoveryRequest['delivery']): string {
  switch (kind) {
    case 'pkcs12':
      return 'as PKCS#12, its password apart';
    case 'certificate':
      return `encrypted to ${recipient}`;
    case 'owner':
      return 'to the owner alone, by a claim link';
    case 'decrypt':
      return `no key; ${messages.length} named messages are decrypted:\n${messages.map(({ sha256, name }) => `  ${sha256}  ${name}`).join('\n')}`;
  }
}

function describeRules(rules: RecoveryRequest['rules'], threshold: number): string {
  return [
    ...(rules.identityCheck ? ['an identity check'] : []),
    ...(rules.managerApproval ? ["a manager's approval"] : []),
    `${threshold} recovery officers`,
    ...(rules.coolOffHours > 0 ? [`${rules.coolOffHours} hours of cool-off after the last approval`] : []),
    ...(rules.notBefore === null ? [] : [`locked until ${rules.notBefore}`]),
    'one release',
  ].join(', ');
}

function describeNotices({ notices, mail }: Pick<RecoveryRequest, 'notices' | 'mail'>): string[] {
  const words = {
    sent: 'sent',
    waiting: mail ? 'waiting' : 'unsent: no mail is configured',
    withheld: 'withheld',
    failed: 'not delivered',
  };
  return notices.map(
    ({ to, subject, state, error }) =>
      `Notice to ${to}, "${subject}": ${words[state]}${error === null ? '' : ` (${error})`}.`,
  );
}

function countdown(until: string): string {
  const minutes = Math.max(0, Math.ceil((Date.parse(until) - Date.now()) / 60_000));
  return minutes >= 60 ? `${Math.floor(minutes / 60)} h ${minutes % 60} min to go` : `${minutes} min to go`;
}
