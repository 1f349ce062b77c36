/**
 * Letters: what the office writes to one person about their own keys and links. To them alone, at once, and whatever the rules say;
 * in texts that an office may change like those of every other notice.
 */

export const letterNames = [
  'sign-in-link',
  'passkeys-changed',
  'renewal-link',
  'renewal-on-device',
  'key-replaced',
  'recovery-requested',
  'recovery-released',
  'recovery-refused',
  'recovery-ended',
  'recovered-keys',
  'keys-opened-outside',
  'held-mail-ended',
] as const;
export type NoticeLetter = (typeof letterNames)[number];

const toOne = { to: { person: 'now' }, letter: true } as const;
const request = ['by', 'since', 'reason', 'case', 'delivery', 'request'] as const;

/** What each is about, and what its text may name. */
export const letters = {
  'sign-in-link': {
    ...toOne,
    what: 'Somebody asks to sign in to their own page: the link, which works once and for fifteen minutes',
    link: 'signInLink',
    placeholders: ['signInLink'],
  },
  'passkeys-changed': {
    ...toOne,
    what: 'A passkey was added for somebody, or all of theirs were removed',
    placeholders: ['change', 'device'],
  },
  'renewal-link': {
    ...toOne,
    what: 'A certificate ends soon and its owner is needed for the next: the link by which they make or collect the key',
    link: 'claimLink',
    placeholders: ['claimLink', 'until'],
  },
  'renewal-on-device': {
    ...toOne,
    what: 'A certificate for encryption ends soon whose key was made on its owner’s own device',
    placeholders: ['address', 'until'],
  },
  'key-replaced': {
    ...toOne,
    what: 'A key was reported as compromised and another takes its place: the link by which its owner collects that',
    link: 'claimLink',
    placeholders: ['claimLink', 'until'],
  },
  'recovery-requested': {
    ...toOne,
    what: 'Somebody’s encryption keys were asked for',
    placeholders: [...request, 'count', 'threshold'],
  },
  'recovery-released': {
    ...toOne,
    what: 'Somebody’s encryption keys were recovered',
    placeholders: [...request, 'threshold'],
  },
  'recovery-refused': {
    ...toOne,
    what: 'A request for somebody’s encryption keys was refused',
    placeholders: request,
  },
  'recovery-ended': {
    ...toOne,
    what: 'A request for somebody’s encryption keys came to nothing',
    placeholders: request,
  },
  'recovered-keys': {
    ...toOne,
    what: 'Keys were recovered for their owner: the link by which they collect them',
    link: 'claimLink',
    placeholders: ['claimLink', 'until'],
  },
  'keys-opened-outside': {
    ...toOne,
    what: 'Officers opened somebody’s keys with a copy of the escrow, without the office',
    placeholders: ['since', 'by', 'detail'],
  },
  'held-mail-ended': {
    ...toOne,
    what: 'A message to somebody was held by a rule of mail, and its time has ended: written by the gateway that held it',
    placeholders: ['by', 'since', 'reason'],
  },
} as const;

/** The English text of `held-mail-ended`: also of a gateway whose authority is older than that letter. */
export const heldMailEndedText = {
  subject: 'A message to you was held, and its time has ended',
  text: `${[
    'Dear {name},',
    'a message to you was held by the mail gateway of {organisation}, and its time has ended.',
    'From: {by}\nHeld since: {since}\nBecause: {reason}',
    'Nobody let it go, so it was deleted. Whoever wrote it may have written under a name that is not theirs: they were told only where their own domain vouches for them.',
    'If you expected it, ask its sender to send it again, and your administrator to let it through.',
  ].join('\n\n')}\n`,
} as const;
