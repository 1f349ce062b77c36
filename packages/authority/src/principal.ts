/** Who is asking. Made by an endpoint once it has authenticated the caller, and by jobs for the office itself. */
import { type Permission, type Role, rolePermissions } from '@chancery/api';
import { AuthorityError } from './errors.ts';

export type Principal =
  /** A person who runs the office, signed in to the console. */
  | {
      readonly kind: 'operator';
      readonly id: string;
      readonly name: string;
      readonly address: string;
      readonly roles: readonly Role[];
      /** Their roles exclude each other, since a time or a configuration that allowed both: they read, and write nothing. */
      readonly readsOnly?: true;
    }
  /** A mail gateway, by its bearer token. */
  | { readonly kind: 'gateway'; readonly id: string; readonly name: string }
  /** A program that makes challenges for the devices that it manages, by the token of its entry in the configuration. */
  | { readonly kind: 'manager'; readonly id: string; readonly name: string }
  /** An end entity: by the secret of a claim link, or signed in to their own page. Acts on what is that person's own only. */
  | { readonly kind: 'person'; readonly id: string; readonly name: string; readonly signedIn?: true }
  /** A SCIM client, by its bearer token: it presents the people of its own source, and can do nothing else. */
  | { readonly kind: 'source'; readonly id: string; readonly name: string }
  /** A partner outside the organisation, by a signature with the key of their ACME account. Acts on what that account has ordered. */
  | { readonly kind: 'acme'; readonly id: string; readonly name: string }
  /** Whoever can read the token file in the data folder: the command line on this machine, as an administrator. */
  | { readonly kind: 'local'; readonly id: 'local'; readonly name: string }
  /** The office's own jobs. */
  | { readonly kind: 'system'; readonly id: 'system'; readonly name: 'system' }
  /** Nobody yet: signing in, opening a link. */
  | { readonly kind: 'anonymous'; readonly id: 'anonymous'; readonly name: 'anonymous' };

export const system: Principal = { kind: 'system', id: 'system', name: 'system' };
export const anonymous: Principal = { kind: 'anonymous', id: 'anonymous', name: 'anonymous' };

/** As the audit trail writes it: `operator:<id>`, `gateway:<id>`, `manager:<name>`, `person:<id>`, `acme:<id>`, `local`, `system`, `anonymous`. */
export function actorOf(by: Principal): string {
  return by.kind === by.id ? by.kind : `${by.kind}:${by.id}`;
}

/** A person acts on what is theirs. @throws AuthorityError `forbidden` */
export function requireSelf(by: Principal, personId: string): void {
  if (by.kind === 'person' && by.id === personId) return;
  throw new AuthorityError('forbidden', 'This belongs to another person. Nothing was changed.');
}

export function permissionsOf(by: Principal): ReadonlySet<Permission> {
  if (by.kind === 'operator') {
    const all = by.roles.flatMap((role) => rolePermissions[role]);
    return new Set(by.readsOnly === true ? all.filter((permission) => permission.endsWith(':read')) : all);
  }
  if (by.kind === 'person') return new Set(by.signedIn === true ? rolePermissions.employee : []);
  if (by.kind === 'gateway') return new Set(rolePermissions.gateway);
  if (by.kind === 'manager') return new Set(['challenge:make']);
  if (by.kind === 'local') return new Set(rolePermissions.administrator);
  return new Set();
}
