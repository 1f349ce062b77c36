import type { CoverageReason, Holding, HoldingFilter } from '@chancery/api';
import { publicationStates, type Worded } from '../words.ts';

export const reasonNames: Record<CoverageReason, Worded> = {
  covered: ['Covered', 'ok'],
  'link-not-given': ['Link not given yet', 'warn'],
  'link-not-used': ['Link not opened yet', 'wait'],
  'no-link': ['No link is open', 'warn'],
  'being-made': ['Being made', 'wait'],
  'enrolment-failed': ['Cannot be made', 'bad'],
  'gateway-not-enrolled': ['Gateway has not enrolled', 'wait'],
  'profile-refuses': ['Profile refuses', 'bad'],
  'on-hold': ['On hold', 'warn'],
  revoked: ['Revoked', 'bad'],
  expired: ['Expired', 'bad'],
  suspended: ['Suspended', 'quiet'],
  left: ['Has left', 'quiet'],
};

export const holdingStateNames: Record<NonNullable<HoldingFilter['state']>, string> = {
  'in-force': 'In force',
  ending: 'To be renewed',
  expired: 'Expired',
  held: 'On hold',
  revoked: 'Revoked',
};

export const standingNames: Record<Holding['published'][number]['state'], Worded> = {
  published: publicationStates.published,
  pending: publicationStates.pending,
  failed: publicationStates.failed,
  removed: ['Removed', 'quiet'],
};
