/** Records of the audit trail about a person, in that person's words. What is told is read from the very text that is proven. */
import { recoveryReasons } from '../words.ts';

/** As the trail has it, read from its canonical JSON. */
export interface TrailRecord {
  readonly sequence: number;
  readonly at: string;
  readonly actor: string;
  readonly actorName: string;
  readonly action: string;
  readonly outcome: 'attempted' | 'succeeded' | 'denied' | 'failed';
  readonly subject: string | null;
  readonly details: Readonly<Record<string, unknown>>;
}

export interface Told {
  readonly what: string;
  /** Somebody asked for the person's keys, or got them. */
  readonly weighty: boolean;
}

/** @returns undefined for what is no record */
export function readRecord(canonical: string): TrailRecord | undefined {
  try {
    const record = JSON.parse(canonical) as Partial<TrailRecord> | null;
    const fits =
      typeof record?.sequence === 'number' &&
      typeof record.at === 'string' &&
      typeof record.actor === 'string' &&
      typeof record.actorName === 'string' &&
      typeof record.action === 'string' &&
      typeof record.outcome === 'string' &&
      typeof record.details === 'object' &&
      record.details !== null;
    return fits ? (record as TrailRecord) : undefined;
  } catch {
    return undefined;
  }
}

/** One sentence for a record. @param personId of the reader: what they did themselves is theirs */
export function tellRecord(record: TrailRecord, personId: string): Told {
  const who = record.actor === `person:${personId}` ? 'You' : nameOf(record);
  const known = (record.outcome === 'succeeded' ? undefined : wishes[record.action]) ?? sentences[record.action];
  const sentence = known?.(who, record.details) ?? `${who}: ${record.action}`;
  const weighty = record.action.startsWith('recovery.') || WEIGHTY.has(record.action);
  if (record.outcome === 'succeeded') return { what: `${sentence}.`, weighty };
  const { reason } = record.details;
  const why = typeof reason === 'string' ? ` ${reason}` : '.';
  return { what: `${tried[record.outcome]}: ${lowerFirst(sentence)}${why === '.' ? '.' : `.${why}`}`, weighty };
}

const WEIGHTY = new Set(['key.deliver', 'key.deliver-profile', 'escrow.report-opening']);
const tried = { attempted: 'Begun', denied: 'Refused', failed: 'Did not work' } as const;

/** A key of theirs that was brought back by officers. */
export interface ToldRecovery {
  readonly sequence: number;
  readonly at: string;
  readonly by: string;
  readonly approvedBy: readonly string[];
  readonly reason: string | null;
  readonly caseNumber: string | null;
}

/** Every release of the person's keys, newest first. */
export function recoveriesIn(records: readonly TrailRecord[]): ToldRecovery[] {
  return records
    .filter(
      ({ action, outcome, details }) =>
        outcome === 'succeeded' && (releases.has(action) || (action === 'escrow.report-opening' && isOpened(details))),
    )
    .map(({ sequence, at, actorName, details }) => ({
      sequence,
      at,
      by: actorName,
      approvedBy: approversIn(details),
      reason: reasonIn(details),
      caseNumber: typeof details.caseNumber === 'string' && details.caseNumber !== '' ? details.caseNumber : null,
    }));
}

/** Officers did it without the office, and told it afterwards. */
const isOpened = ({ event, already }: TrailRecord['details']) => event === 'opened' && already !== true;

const releases = new Set(['recovery.release', 'recovery.release-to-owner', 'recovery.release-messages']);

type Sentence = (who: string, details: TrailRecord['details']) => string;

const sentences: Record<string, Sentence> = {
  'person.add': (who) => `${who} added you to the office`,
  'person.change': (who) => `${who} changed what is known of you`,
  'person.leave': (who) => `${who} noted that you left`,
  'person.suspend': (who) => `${who} put your certificates on hold for a time`,
  'person.return': (who) => `${who} noted that you are here again`,
  'person.report-compromise': (who) => `${who} reported a key of yours as compromised, and it was revoked`,
  'device.report-lost': (who) => `${who} reported a device of yours as lost, and its keys were revoked`,
  'enrolment.make-challenge': (who) => `${who} made a challenge with which a device of yours enrols`,
  'enrolment.withdraw-challenge': (who) => `${who} withdrew a challenge for a device of yours`,
  'enrolment.request': () => 'A device of yours asked for a certificate',
  'enrolment.decide': (who, { decision }) =>
    `${who} ${decision === 'approve' ? 'agreed to' : 'refused'} what a device of yours had asked for`,
  'enrolment.settle': (_, { outcome }) =>
    outcome === 'refused'
      ? 'What a device of yours had asked for was refused'
      : 'A device of yours was given its certificate',
  'enrolment.deliver-key': () => 'A device of yours was given an encryption key',
  'person.export-evidence': (who) => `${who} saved the records about you, with their proofs`,
  'claim.offer': () => 'The office mailed you a link to collect or make a key',
  'person.rotate-key': (who) => `${who} ordered a new encryption key for you`,
  'key.escrow': () => 'The office made an encryption key for you, and put a copy into escrow',
  'key.challenge': () => 'A device of yours asked how to hand over a copy of its key',
  'key.archive': () => 'A device of yours handed over a copy of its encryption key, for escrow',
  'key.destroy': () => 'An encryption key of yours was destroyed, since it need not be kept any longer',
  'hold.place': (who) => `${who} placed a legal hold: your keys were not to be destroyed`,
  'hold.lift': (who) => `${who} lifted the legal hold`,
  'certificate.prepare': () => 'A certificate was prepared for you',
  'certificate.issue': () => 'A certificate was issued to you',
  'certificate.sign': () => 'A certificate was issued to you',
  'certificate.revoke': (who) => `${who} revoked a certificate of yours`,
  'certificate.hold': (who) => `${who} put a certificate of yours on hold`,
  'certificate.release': (who) => `${who} made a certificate of yours valid again`,
  'certificate.import': (who) => `${who} took in a certificate of yours from another office`,
  'key.import': (who) => `${who} took in an encryption key of yours from another office, into escrow`,
  'claim.show': (who) => `${who} was shown a link by which your keys are collected`,
  'claim.collect-key': () => 'Your encryption key was collected with that link',
  'claim.collect-profile': () =>
    'A profile with your encryption key was made with that link, for an iPhone, iPad or Mac',
  'claim.finish': () => 'The link was used up',
  'claim.expire': () => 'The link ended unused',
  'publication.plan': () => 'The directory is to have your certificates',
  'publication.note': () => 'The directory was given your certificates',
  'gateway.read-keys': (who) => `The mail gateway ${who} fetched your locked keys, to open mail for you`,
  'recovery.request': (who, details) => `${who} asked for your encryption keys${caseOf(details)}`,
  'recovery.decide': (who, { decision }) =>
    `${who} ${decision === 'approve' ? 'agreed to' : 'rejected'} a request for your encryption keys`,
  'recovery.release': (who, details) => {
    return `Your encryption keys were given out to ${who}${agreedBy(details)}${caseOf(details)}`;
  },
  'recovery.release-to-owner': (who, details) =>
    `Your encryption keys were brought back for you, as ${who} had asked${agreedBy(details)}${caseOf(details)}`,
  'recovery.release-messages': (who, details) =>
    `Mail of yours was decrypted and given to ${who}${agreedBy(details)}${caseOf(details)}; no key was given out`,
  'recovery.expire': (_who, { because }) =>
    because === 'moved'
      ? 'A request for your encryption keys ended, since they moved to another vault; nothing was opened'
      : 'A request for your encryption keys ran out of time; nothing was opened',
  'recovery.check-identity': (who) => `${who} noted who asked for your encryption keys`,
  'recovery.record-manager-approval': (who) =>
    `${who} noted that a manager agreed to a request for your encryption keys`,
  'recovery.tell-subjects': (who) =>
    `${who} ended a time in which you were not told of a request for your encryption keys`,
  'recovery.release-password': (who) => `${who} was told the password of the file with your keys`,
  'escrow.report-opening': (who, details) =>
    details.event === 'opened'
      ? `Your encryption keys were opened outside of the office${agreedBy(details)}, as ${who} told it afterwards`
      : `Officers set out to open your encryption keys outside of the office, as ${who} told it afterwards`,
  'person.make-sign-in-link': () => 'A link that signs you in was sent to your address',
  'person.begin-session-with-link': () => 'You signed in with a link from your mail',
  'person.begin-session-with-passkey': () => 'You signed in with a passkey',
  'person.begin-session-with-provider': () => 'You signed in with your account of the organisation',
  'person.forget-provider-account': (who) => `${who} let go of the account that you signed in with`,
  'person.end-session': () => 'You signed out',
  'person.enrol-passkey': (who, { name, opensKeys }) =>
    `${who} added the passkey ${quoted(name)}${opensKeys === true ? ', which opens your keys' : ''}`,
  'person.remove-passkey': (who, { name }) => `${who} removed the passkey ${quoted(name)}`,
  'person.remove-passkeys': (who) => `${who} removed all your passkeys`,
  'person.ask-for-help': (who) => `${who} asked for help`,
  'person.close-help': (who) => `${who} noted that you were helped`,
  'key.add-owner-lock': (_who, { escrowedKeyIds }) => `${keys(escrowedKeyIds)} locked to a passkey of yours`,
  'key.remove-owner-lock': () => 'A passkey of yours opens your keys no more',
  'key.deliver': (who, { device, escrowedKeyIds }) =>
    `${who} took ${keys(escrowedKeyIds, false)} to ${typeof device === 'string' && device !== '' ? quoted(device) : 'another device'}`,
  'key.deliver-profile': (who, { device, escrowedKeyIds }) =>
    `${who} made a profile with ${keys(escrowedKeyIds, false)} for ${typeof device === 'string' && device !== '' ? quoted(device) : 'an iPhone, iPad or Mac'}`,
  'pick-up.fetch': () => 'Your profile was fetched, by whoever had its address',
  'phone.allow': (who, { allowed }) =>
    `${who} ${allowed === true ? 'allowed your encryption keys on phones that Intune manages' : 'took back that your encryption keys may go to managed phones'}`,
  'phone.seal': (who) => `${who} sealed your encryption keys for your managed phones`,
  'phone.seal-new': () => 'A new encryption key of yours was sealed for your managed phones',
  'phone.note': (_who, { kind }) =>
    kind === 'taken' ? 'Intune has a key of yours for your phones' : 'Intune did not take a key of yours',
  'notice.send': () => 'The office sent you a mail',
};

/** Of acts that did not come about: what was wanted. */
const wishes: Record<string, Sentence> = {
  'recovery.request': (who) => `${who} wanted to ask for your encryption keys`,
  'recovery.decide': (who) => `${who} wanted to decide on a request for your encryption keys`,
  'recovery.release': (who) => `${who} wanted to be given your encryption keys`,
  'recovery.release-password': (who) => `${who} wanted the password of the file with your keys`,
  'key.deliver': (who) => `${who} wanted to take your keys to another device`,
  'key.deliver-profile': (who) => `${who} wanted to take your keys to another device`,
};

function nameOf({ actor, actorName }: TrailRecord): string {
  if (actor === 'system') return 'The office';
  if (actor === 'anonymous') return 'Somebody who was not signed in';
  if (actor === 'local') return 'An administrator at the office’s own machine';
  return actorName;
}

function keys(ids: unknown, were = true): string {
  const count = Array.isArray(ids) ? ids.length : 0;
  const what = count === 1 ? 'one key' : `${count} keys`;
  return were ? `${count === 1 ? 'One key was' : `${count} keys were`}` : what;
}

function approversIn({ approvedBy }: TrailRecord['details']): string[] {
  if (!Array.isArray(approvedBy)) return [];
  return approvedBy.flatMap((one: { officerName?: unknown } | null) =>
    typeof one?.officerName === 'string' ? [one.officerName] : [],
  );
}

function agreedBy(details: TrailRecord['details']): string {
  const approvers = approversIn(details);
  return approvers.length === 0 ? '' : `, after ${list.format(approvers)} had agreed`;
}

function reasonIn({ reason }: TrailRecord['details']): string | null {
  return (
    Object.entries(recoveryReasons)
      .find(([code]) => code === reason)?.[1]
      .toLowerCase() ?? null
  );
}

function caseOf(details: TrailRecord['details']): string {
  const reason = reasonIn(details);
  const { caseNumber } = details;
  const parts = [
    ...(reason === null ? [] : [`reason: ${reason}`]),
    ...(typeof caseNumber === 'string' && caseNumber !== '' ? [`case ${caseNumber}`] : []),
  ];
  return parts.length === 0 ? '' : ` (${parts.join(', ')})`;
}

const list = new Intl.ListFormat('en-GB', { type: 'conjunction' });
const quoted = (name: unknown) => (typeof name === 'string' ? `“${name}”` : 'of yours');
const lowerFirst = (sentence: string) =>
  /^(You|The|A|An|One|Your|Somebody)\b/.test(sentence)
    ? sentence.charAt(0).toLowerCase() + sentence.slice(1)
    : sentence;
