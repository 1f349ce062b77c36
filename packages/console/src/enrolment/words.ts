/** What devices ask for, in words. */
import type { DeviceEnrolment, EnrolledDevice, ListedChallenge } from '@chancery/api';
import type { Worded } from '../words.ts';

export const enrolmentStates: Record<DeviceEnrolment['state'], Worded> = {
  waiting: ['Waits', 'wait'],
  approved: ['Approved', 'wait'],
  issued: ['Issued', 'ok'],
  refused: ['Refused', 'bad'],
};

export const protocols: Record<DeviceEnrolment['protocol'], string> = { scep: 'SCEP', est: 'EST', upload: 'Upload' };

/** How it was shown whose request it is. */
export const proofs: Record<DeviceEnrolment['proof'], string> = {
  challenge: 'with a one-time challenge',
  static: 'with the static challenge',
  certificate: 'with its certificate',
  intune: 'let through by Intune',
  session: 'by its owner, signed in',
};

export const challengeStates: Record<ListedChallenge['state'], Worded> = {
  open: ['Open', 'wait'],
  used: ['Used', 'ok'],
  withdrawn: ['Withdrawn', 'quiet'],
  lapsed: ['Lapsed', 'quiet'],
};

/** Hex in groups of four, to be compared with another screen by eye. */
export const inFours = (hex: string): string => hex.match(/.{1,4}/g)?.join(' ') ?? '';

/** What it calls itself, which decides nothing; or what it asked with, where it says nothing. */
export function nameOfDevice({ subject, protocol }: Pick<EnrolledDevice, 'subject' | 'protocol'>): string {
  if (subject === '') return protocol === 'upload' ? 'A key made elsewhere' : 'A device without a name';
  return /^CN=([^,]+)$/.exec(subject)?.[1] ?? subject;
}
