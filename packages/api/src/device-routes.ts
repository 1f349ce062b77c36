/** Routes by which keys reach people's devices. */
import { z } from 'zod';
import { ClaimAppleProfile, ClaimSecret } from './claims.ts';
import { AllowPhone, Kit, KitQuery, OrganisationKit, PickUp, SealedForPhone } from './devices.ts';
import type { RouteDefinition } from './routes.ts';
import { AppleProfileRequest, PhoneKeyRequest } from './self.ts';
import { Id } from './values.ts';

export const deviceRoutes = {
  claimAppleProfile: {
    method: 'POST',
    path: '/api/v1/claims/apple-profile',
    summary: 'The encryption key in a profile for an iPhone, iPad or Mac',
    access: 'public',
    body: ClaimAppleProfile,
    response: PickUp,
  },
  myAppleProfile: {
    method: 'POST',
    path: '/api/v1/self/apple-profile',
    summary: 'All my keys in a profile for an iPhone, iPad or Mac',
    access: 'person',
    body: AppleProfileRequest,
    response: PickUp,
  },
  claimKit: {
    method: 'POST',
    path: '/api/v1/claims/kit',
    summary: 'A kit for a mail program, without the keys',
    access: 'public',
    body: ClaimSecret.extend(KitQuery.shape),
    response: Kit,
  },
  myKit: {
    method: 'GET',
    path: '/api/v1/self/kit',
    summary: 'A kit for my mail program, without the keys',
    access: 'person',
    query: KitQuery,
    response: Kit,
  },
  organisationKit: {
    method: 'GET',
    path: '/api/v1/kits',
    summary: "What every machine's mail program is told, as a ZIP: policies, trust, where colleagues are found",
    access: 'authenticated',
    query: KitQuery,
    response: OrganisationKit,
  },
  sealMyPhoneKeys: {
    method: 'POST',
    path: '/api/v1/self/phone-keys',
    summary: "All my keys to my managed phones, sealed to Intune's connector",
    access: 'person',
    body: PhoneKeyRequest,
    response: SealedForPhone,
  },
  allowPhoneKeys: {
    method: 'POST',
    path: '/api/v1/people/:id/phone-keys',
    summary: 'Whether their encryption keys may go to phones that Intune manages',
    access: 'authenticated',
    params: z.object({ id: Id }),
    body: AllowPhone,
    response: z.object({ done: z.literal(true) }),
  },
} as const satisfies Record<string, RouteDefinition>;
