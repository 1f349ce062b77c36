/** Reasons and kinds of publication in a person's words. */
import type { PublicationTarget, UnreachableReason } from '@chancery/api';
import type { Worded } from '../words.ts';

/** In the order in which they are shown; the first seven hold wherever a sender looks. */
export const unreachableReasons: Record<UnreachableReason, Worded> = {
  'no-key': ['No certificate', 'bad'],
  'being-made': ['Key being made', 'wait'],
  delayed: ['Key delayed', 'bad'],
  'not-collected': ['Key not collected', 'warn'],
  expired: ['Expired', 'bad'],
  revoked: ['Revoked', 'bad'],
  'on-hold': ['On hold', 'warn'],
  profile: ['Not published there', 'quiet'],
  pending: ['On its way', 'wait'],
  runbook: ['Runbook not run', 'warn'],
  'not-found': ['No entry', 'bad'],
  ambiguous: ['Several entries', 'bad'],
  'no-room': ['No room', 'warn'],
  refused: ['Refused', 'bad'],
  down: ['Target down', 'bad'],
};

/** What to do about it, where the target says nothing of its own. */
export const remedies: Record<UnreachableReason, string> = {
  'no-key': 'No encryption certificate was ever asked for.',
  'being-made': 'The encryption key is being made.',
  delayed: 'The encryption key could not be made yet.',
  'not-collected':
    'Has not fetched the key yet: nobody is told of a certificate whose owner cannot read. Give them their claim link.',
  expired: 'The encryption certificate has ended.',
  revoked: 'The encryption certificate was revoked.',
  'on-hold': 'The encryption certificate is on hold.',
  profile: 'The certificate’s profile does not publish there.',
  pending: 'It is being published.',
  runbook: 'It will be there once the runbook has been run, and that was confirmed.',
  'not-found': 'No entry there has an address of theirs.',
  ambiguous: 'Several entries there have the address.',
  'no-room': 'Others’ values fill the entry.',
  refused: 'The target refuses it.',
  down: 'The target did not answer when it was asked last.',
};

export const targetKinds: Record<PublicationTarget['kind'], string> = {
  ldap: 'LDAP directory',
  'active-directory': 'Active Directory',
  dns: 'DNS (SMIMEA)',
  exchange: 'Exchange Online',
};

export function targetState(target: PublicationTarget): Worded {
  if (target.isDown) return ['Down', 'bad'];
  if (target.failed > 0) return ['Trouble', 'warn'];
  if (target.pending > 0) return ['Under way', 'wait'];
  return ['In line', 'ok'];
}
