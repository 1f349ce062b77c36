/** `[identity.ldap.NAME]`: a directory whose people are the office's. */

import { SecretReference } from '@chancery/keystore';
import { FilterParser } from 'ldapts';
import { z } from 'zod';

const AttributeName = z.string().regex(/^[A-Za-z][A-Za-z0-9-]{0,60}$/, 'is no name of an attribute');
const Filter = z.string().min(3).max(4_000).refine(isFilter, 'is no filter of LDAP (RFC 4515)');

/** Where the directory keeps what; `''` for what it does not keep. */
const Attributes = z.strictObject({
  address: AttributeName,
  name: AttributeName,
  aliases: AttributeName.or(z.literal('')),
  externalId: AttributeName.or(z.literal('')),
  givenName: AttributeName.or(z.literal('')),
  surname: AttributeName.or(z.literal('')),
  title: AttributeName.or(z.literal('')),
  department: AttributeName.or(z.literal('')),
  employeeId: AttributeName.or(z.literal('')),
  country: AttributeName.or(z.literal('')),
  manager: AttributeName.or(z.literal('')),
});
type DirectoryAttributes = z.output<typeof Attributes>;

const PERSON = { name: 'displayName', givenName: 'givenName', surname: 'sn', title: 'title', country: 'c' };

/** What each kind of directory has, where the configuration does not say. */
const KINDS = {
  'active-directory': {
    filter: '(&(objectCategory=person)(objectClass=user)(mail=*))',
    groupFilter: '(objectClass=group)',
    attributes: {
      ...PERSON,
      address: 'mail',
      aliases: 'proxyAddresses',
      externalId: '',
      department: 'department',
      employeeId: 'employeeID',
      manager: 'manager',
    },
  },
  openldap: {
    filter: '(&(objectClass=inetOrgPerson)(mail=*))',
    groupFilter: '(|(objectClass=groupOfNames)(objectClass=groupOfUniqueNames))',
    attributes: {
      ...PERSON,
      address: 'mail',
      aliases: 'mail',
      externalId: '',
      department: 'departmentNumber',
      employeeId: 'employeeNumber',
      manager: 'manager',
    },
  },
} as const satisfies Record<string, { filter: string; groupFilter: string; attributes: DirectoryAttributes }>;

export const DirectoryConfig = z
  .strictObject({
    kind: z.enum(['active-directory', 'openldap']),
    url: z.string().regex(/^ldaps?:\/\/[^/\s]+\/?$/, 'is ldap://HOST or ldaps://HOST, with a port where it is another'),
    /** TLS on a connection to ldap://, before anything is said. */
    startTls: z.boolean().default(false),
    /** What its certificate is checked against, PEM; without it, what Node trusts. Relative to the data folder. */
    ca: z.string().min(1).optional(),
    bindDn: z.string().min(1),
    password: SecretReference,
    baseDn: z.string().min(1),
    filter: Filter.optional(),
    groups: z.strictObject({ baseDn: z.string().min(1), filter: Filter.optional() }).optional(),
    attributes: Attributes.partial().prefault({}),
    /** In one of these states nobody signs or reads: by attribute, its values. Active Directory's own are known. */
    inactive: z.record(AttributeName, z.array(z.string().min(1)).min(1)).optional(),
    everyMinutes: z.int().min(1).max(1_440).default(15),
    /** Hours after which everybody is read anew, whatever the directory says has changed. */
    completeEveryHours: z.int().min(1).max(168).default(24),
    /** More than this many leaving at once, and more than that share of all: it stops and asks. */
    mostLeaving: z
      .strictObject({ people: z.int().min(0).max(100_000).default(5), percent: z.number().min(0).max(100).default(5) })
      .prefault({}),
    /** Hours without a pass that came to its end, until the administrators are told. */
    alarmAfterHours: z.int().min(1).max(168).default(4),
    pageSize: z.int().min(10).max(5_000).default(500),
    /** Of one request. */
    timeoutSeconds: z.int().min(1).max(300).default(30),
  })
  .refine(({ url, startTls }) => !(startTls && url.startsWith('ldaps:')), {
    path: ['startTls'],
    message: 'is for ldap://: ldaps:// has TLS from the first octet',
  })
  .refine(({ url, startTls }) => url.startsWith('ldaps:') || startTls || isLoopback(url), {
    path: ['url'],
    message: 'would send the password in the clear: ldaps://, or startTls = true',
  })
  .transform((config) => {
    const kind = KINDS[config.kind];
    return {
      ...config,
      filter: config.filter ?? kind.filter,
      attributes: {
        ...kind.attributes,
        ...defined(config.attributes),
      } satisfies DirectoryAttributes as DirectoryAttributes,
      groups: config.groups && { ...config.groups, filter: config.groups.filter ?? kind.groupFilter },
    };
  });
export type DirectoryConfig = z.output<typeof DirectoryConfig>;

function isFilter(text: string): boolean {
  try {
    FilterParser.parseString(text);
    return true;
  } catch {
    return false;
  }
}

function isLoopback(url: string): boolean {
  const { hostname } = new URL(url);
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d+){3}$/.test(hostname);
}

function defined<T extends object>(given: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)) as never;
}
