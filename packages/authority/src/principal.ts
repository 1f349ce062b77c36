/** Who is asking. Made by an endpoint once it has authenticated the caller, and by jobs for the office itself. */
import { type Permission, type Role, rolePermissions } from '@chancery/api';

export type Principal =
  /** A person who runs the office, signed in to the console. */
  | {
      readonly kind: 'operator';
      readonly id: string;
      readonly name: string;
      readonly address: string;
      readonly roles: readonly Role[];
    }
  /** A mail gateway, by its bearer token. */
  | { readonly kind: 'gateway'; readonly id: string; readonly name: string }
  /** An end entity who proved possession of a claim secret: may act on that person's own keys only. */
  | { readonly kind: 'person'; readonly id: string; readonly name: string }
  /** Whoever can read the token file in the data folder: the command line on this machine, as an administrator. */
  | { readonly kind: 'local'; readonly id: 'local'; readonly name: string }
  /** The office's own jobs. */
  | { readonly kind: 'system'; readonly id: 'system'; readonly name: 'system' }
  /** Nobody yet: signing in, opening a link. */
  | { readonly kind: 'anonymous'; readonly id: 'anonymous'; readonly name: 'anonymous' };

export const system: Principal = { kind: 'system', id: 'system', name: 'system' };
export const anonymous: Principal = { kind: 'anonymous', id: 'anonymous', name: 'anonymous' };

/** As the audit trail writes it: `operator:<id>`, `gateway:<id>`, `person:<id>`, `local`, `system`, `anonymous`. */
export function actorOf(by: Principal): string {
  return by.kind === by.id ? by.kind : `${by.kind}:${by.id}`;
}

export function permissionsOf(by: Principal): ReadonlySet<Permission> {
  if (by.kind === 'operator') return new Set(by.roles.flatMap((role) => rolePermissions[role]));
  if (by.kind === 'gateway') return new Set(rolePermissions.gateway);
  if (by.kind === 'local') return new Set(rolePermissions.administrator);
  return new Set();
}
