/** Who may do what. The console, the CLI's errors and the permission table in the docs all read this. */
import { z } from 'zod';

export const roles = ['administrator', 'registration-officer', 'recovery-officer', 'auditor', 'gateway'] as const;
export const Role = z.enum(roles);
export type Role = z.infer<typeof Role>;

export const permissions = [
  'office:read',
  'person:read',
  'person:write',
  'certificate:read',
  'certificate:issue',
  'certificate:revoke',
  'certificate:import',
  'profile:write',
  'authority:write',
  'escrow:import',
  'recovery:read',
  'recovery:request',
  'recovery:approve',
  'recovery:release',
  'hold:place',
  'hold:lift',
  'escrow:destroy',
  'vault:write',
  'audit:read',
  'operator:read',
  'operator:write',
  'gateway:enrol',
  'gateway:serve',
] as const;
export type Permission = (typeof permissions)[number];

/** An administrator never approves a recovery, and a recovery officer never administers: four eyes need four eyes. */
export const rolePermissions: Record<Role, readonly Permission[]> = {
  administrator: [
    'office:read',
    'person:read',
    'person:write',
    'certificate:read',
    'certificate:issue',
    'certificate:revoke',
    'certificate:import',
    'profile:write',
    'authority:write',
    'escrow:import',
    'recovery:read',
    'recovery:request',
    'recovery:release',
    'vault:write',
    'audit:read',
    'operator:read',
    'operator:write',
    'gateway:enrol',
  ],
  'registration-officer': [
    'office:read',
    'person:read',
    'person:write',
    'certificate:read',
    'certificate:issue',
    'certificate:revoke',
    'certificate:import',
    'recovery:read',
    'recovery:request',
    'recovery:release',
    'hold:place',
    'escrow:destroy',
  ],
  'recovery-officer': [
    'office:read',
    'person:read',
    'certificate:read',
    'recovery:read',
    'recovery:approve',
    'hold:place',
    'hold:lift',
    'escrow:destroy',
  ],
  auditor: ['office:read', 'person:read', 'certificate:read', 'recovery:read', 'audit:read', 'operator:read'],
  gateway: ['gateway:serve'],
};

/** Roles that one person may not hold together. */
export const exclusiveRoles: readonly (readonly [Role, Role])[] = [['administrator', 'recovery-officer']];
