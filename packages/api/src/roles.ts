/** Who may do what. The console, the CLI's errors and the permission table in the docs all read this. */
import { z } from 'zod';

export const roles = [
  'administrator',
  'registration-officer',
  'recovery-officer',
  'auditor',
  'employee',
  'gateway',
] as const;
export const Role = z.enum(roles);
export type Role = z.infer<typeof Role>;
/** What an operator may be. An employee is a person with a page of their own, and a gateway a machine: each signs in apart. */
export const OperatorRole = Role.exclude(['gateway', 'employee']);

export const permissions = [
  'office:read',
  'person:read',
  'person:write',
  'certificate:read',
  'certificate:issue',
  'certificate:revoke',
  'certificate:import',
  'challenge:make',
  'partner:write',
  'publication:write',
  'profile:write',
  'authority:write',
  'escrow:import',
  'recovery:read',
  'recovery:request',
  'recovery:attest',
  'recovery:approve',
  'recovery:release',
  'hold:place',
  'hold:lift',
  'escrow:destroy',
  'vault:write',
  'audit:read',
  'operator:read',
  'operator:write',
  'source:write',
  'notice:read',
  'notice:write',
  'mail-rules:propose',
  'mail-rules:activate',
  'held-mail:decide',
  'gateway:enrol',
  'gateway:serve',
  'self:read',
  'self:write',
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
    'challenge:make',
    'partner:write',
    'publication:write',
    'profile:write',
    'authority:write',
    'escrow:import',
    'recovery:read',
    'recovery:request',
    'recovery:attest',
    'recovery:release',
    'vault:write',
    'audit:read',
    'operator:read',
    'operator:write',
    'source:write',
    'notice:read',
    'notice:write',
    'mail-rules:propose',
    'mail-rules:activate',
    'held-mail:decide',
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
    'challenge:make',
    'partner:write',
    'publication:write',
    'recovery:read',
    'recovery:request',
    'recovery:attest',
    'recovery:release',
    'hold:place',
    'escrow:destroy',
    'notice:read',
    'mail-rules:propose',
  ],
  'recovery-officer': [
    'office:read',
    'person:read',
    'certificate:read',
    'recovery:read',
    'recovery:attest',
    'recovery:approve',
    'hold:place',
    'hold:lift',
    'escrow:destroy',
  ],
  auditor: [
    'office:read',
    'person:read',
    'certificate:read',
    'recovery:read',
    'audit:read',
    'operator:read',
    'notice:read',
  ],
  /** Their own keys, passkeys and records, by operations that take nobody else's. */
  employee: ['self:read', 'self:write'],
  gateway: ['gateway:serve'],
};

/**
 * Roles that one operator never holds together: who approves recoveries does not run the office, and who audits changes nothing.
 * `[roles] exclusive` of the configuration adds to them.
 */
export const exclusiveRoles: readonly (readonly [Role, Role])[] = [
  ['administrator', 'recovery-officer'],
  ['auditor', 'administrator'],
  ['auditor', 'registration-officer'],
  ['auditor', 'recovery-officer'],
];
