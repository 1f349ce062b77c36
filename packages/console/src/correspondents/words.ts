/** Correspondents outside in the words of the console. */
import type { Correspondent, CorrespondentCertificate } from '@chancery/api';
import type { Worded } from '../words.ts';

export const certificateStates: Readonly<Record<CorrespondentCertificate['state'], Worded>> = {
  pinned: ['In use', 'ok'],
  waiting: ['Waits to be accepted', 'warn'],
  replaced: ['Replaced', 'quiet'],
};

export function encryptionState({ encryption }: Correspondent): Worded {
  if (encryption === undefined) return ['Not told', 'quiet'];
  return encryptionStates[encryption.state];
}

const encryptionStates: Readonly<Record<NonNullable<Correspondent['encryption']>['state'], Worded>> = {
  good: ['Yes', 'ok'],
  none: ['No', 'bad'],
  unknown: ['Not known now', 'warn'],
};

/** A sentence: why, or with what. */
export function whyWritable({ encryption }: Correspondent): string {
  if (encryption === undefined)
    return 'Its gateway is older than this question: it says what it judges once it is renewed.';
  if (encryption.state === 'good') return 'Mail to them is encrypted with the certificate in use.';
  const why = encryption.reason === null ? '' : `: ${encryption.reason}`;
  return encryption.state === 'none'
    ? `Not with the certificate in use${why}. The gateway looks in its directories, and goes by the rules where nothing is found.`
    : `It cannot be said at the moment${why}. Mail that must be encrypted waits.`;
}

export function approvedBy({ approved }: CorrespondentCertificate): string {
  if (approved === null) return 'Nobody’s yet';
  switch (approved.how) {
    case 'first':
      return 'It was the first that proved itself';
    case 'same-authority':
      return 'It came from the authority of the one before';
    case 'administrator':
      return `${approved.by ?? 'An operator'} accepted it`;
  }
}

const ciphers: Readonly<Record<string, string>> = {
  '2.16.840.1.101.3.4.1.42': 'AES-256-CBC',
  '2.16.840.1.101.3.4.1.22': 'AES-192-CBC',
  '2.16.840.1.101.3.4.1.2': 'AES-128-CBC',
  '2.16.840.1.101.3.4.1.46': 'AES-256-GCM',
  '2.16.840.1.101.3.4.1.26': 'AES-192-GCM',
  '2.16.840.1.101.3.4.1.6': 'AES-128-GCM',
  '1.2.840.113549.3.7': 'Triple DES',
  '1.2.840.113549.3.2': 'RC2',
  '1.3.14.3.2.7': 'DES',
  '1.2.840.113549.1.1.7': 'RSA-OAEP',
  '1.2.840.113549.1.1.1': 'RSA',
  '1.2.840.113549.1.9.16.3.8': 'compression',
};

/** What their software said that it reads; an object identifier where it has no name here. */
export function announced({ capabilities }: CorrespondentCertificate): string {
  if (capabilities === null) return 'It has not said';
  return [...new Set(capabilities.map((oid) => ciphers[oid] ?? oid))].join(', ') || 'Nothing';
}
