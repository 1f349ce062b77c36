/** The attributes of users and groups that the office keeps (RFC 7643), and how it describes itself to a SCIM client. */

export interface Attribute {
  readonly name: string;
  readonly type: 'string' | 'boolean' | 'complex' | 'reference';
  readonly description: string;
  readonly multiValued?: boolean;
  readonly required?: boolean;
  readonly caseExact?: boolean;
  readonly mutability?: 'readOnly' | 'readWrite';
  readonly returned?: 'always' | 'default';
  readonly uniqueness?: 'none' | 'server';
  readonly canonicalValues?: readonly string[];
  readonly referenceTypes?: readonly string[];
  readonly subAttributes?: readonly Attribute[];
}

export const USER = 'urn:ietf:params:scim:schemas:core:2.0:User';
export const ENTERPRISE = 'urn:ietf:params:scim:schemas:extension:enterprise:2.0:User';
export const GROUP = 'urn:ietf:params:scim:schemas:core:2.0:Group';

const text = (name: string, description: string, more: Partial<Attribute> = {}): Attribute => ({
  name,
  type: 'string',
  description,
  ...more,
});
const flag = (name: string, description: string): Attribute => ({ name, type: 'boolean', description });
const typed = (types: readonly string[]): Attribute[] => [
  text('type', 'What kind it is', { canonicalValues: types }),
  flag('primary', 'The preferred one; at most one is'),
  text('display', 'For people to read'),
];

/** Of every resource (RFC 7643 3.1), beside `id` and `meta`, which are ours. */
const EXTERNAL_ID = text('externalId', 'As the client calls it', { caseExact: true });

const userAttributes: readonly Attribute[] = [
  text('userName', 'By which the client tells its users apart', { required: true, uniqueness: 'server' }),
  {
    name: 'name',
    type: 'complex',
    description: 'The parts of the name',
    subAttributes: [
      text('formatted', 'The whole name'),
      text('familyName', 'Surname: in certificates whose profile asks for it'),
      text('givenName', 'Given name: in certificates whose profile asks for it'),
      text('middleName', 'Middle names'),
      text('honorificPrefix', 'Title before the name'),
      text('honorificSuffix', 'Title after the name'),
    ],
  },
  text('displayName', 'The name in certificates'),
  text('nickName', 'A casual name'),
  text('title', 'Job title: in certificates whose profile asks for it'),
  text('userType', 'The relation to the organisation'),
  text('preferredLanguage', 'For what the office writes to them'),
  text('locale', 'For dates and numbers'),
  text('timezone', 'As in the IANA time zone database'),
  flag('active', 'False: they leave'),
  {
    name: 'emails',
    type: 'complex',
    multiValued: true,
    description: 'The primary one is the address of the certificates; others in the office’s domains are further ones',
    subAttributes: [text('value', 'The address'), ...typed(['work', 'home', 'other'])],
  },
  {
    name: 'addresses',
    type: 'complex',
    multiValued: true,
    description: 'Of these, the country is in certificates whose profile asks for it',
    subAttributes: [
      text('formatted', 'All of it'),
      text('streetAddress', 'Street'),
      text('locality', 'City'),
      text('region', 'State or province'),
      text('postalCode', 'Postal code'),
      text('country', 'ISO 3166-1, two letters'),
      ...typed(['work', 'home', 'other']),
    ],
  },
  {
    name: 'groups',
    type: 'complex',
    multiValued: true,
    mutability: 'readOnly',
    description: 'Groups they are in',
    subAttributes: [
      text('value', 'Id of the group', { mutability: 'readOnly' }),
      {
        name: '$ref',
        type: 'reference',
        description: 'Where it is',
        referenceTypes: ['Group'],
        mutability: 'readOnly',
      },
      text('display', 'Its name', { mutability: 'readOnly' }),
      text('type', 'Directly, or through another group', {
        mutability: 'readOnly',
        canonicalValues: ['direct', 'indirect'],
      }),
    ],
  },
];

const enterpriseAttributes: readonly Attribute[] = [
  text('employeeNumber', 'In certificates whose profile asks for it; tells two people of one name apart'),
  text('costCenter', 'Cost centre'),
  text('organization', 'Organisation'),
  text('division', 'Division'),
  text('department', 'In certificates whose profile asks for it'),
  {
    name: 'manager',
    type: 'complex',
    description: 'Who is told of what concerns them, and agrees to a recovery',
    subAttributes: [
      text('value', 'Id of the manager’s user'),
      { name: '$ref', type: 'reference', description: 'Where it is', referenceTypes: ['User'] },
      text('displayName', 'The manager’s name'),
    ],
  },
];

const groupAttributes: readonly Attribute[] = [
  text('displayName', 'The name, by which the configuration names it too', { required: true }),
  {
    name: 'members',
    type: 'complex',
    multiValued: true,
    description: 'Users, and groups in the group',
    subAttributes: [
      text('value', 'Id of the member'),
      { name: '$ref', type: 'reference', description: 'Where it is', referenceTypes: ['User', 'Group'] },
      text('type', 'What it is', { canonicalValues: ['User', 'Group'] }),
      text('display', 'For people to read'),
    ],
  },
];

export interface Schema {
  readonly id: string;
  readonly name: string;
  readonly description: string;
  readonly attributes: readonly Attribute[];
}

export const schemas: readonly Schema[] = [
  { id: USER, name: 'User', description: 'Somebody who is to have certificates', attributes: userAttributes },
  { id: ENTERPRISE, name: 'EnterpriseUser', description: 'Of an employee', attributes: enterpriseAttributes },
  {
    id: GROUP,
    name: 'Group',
    description: 'Membership gives what the configuration says',
    attributes: groupAttributes,
  },
];

/** What a resource consists of. */
export interface Shape {
  readonly core: string;
  readonly attributes: readonly Attribute[];
  /** By URN. */
  readonly extensions: Readonly<Record<string, readonly Attribute[]>>;
  /** Attributes of RFC 7643 that clients send, and the office does not need: taken, and not kept. In lower case. */
  readonly passedOver: ReadonlySet<string>;
}

const OURS = ['schemas', 'id', 'meta'];
export const userShape: Shape = {
  core: USER,
  attributes: [EXTERNAL_ID, ...userAttributes],
  extensions: { [ENTERPRISE]: enterpriseAttributes },
  passedOver: new Set([
    ...OURS,
    ...['password', 'phonenumbers', 'ims', 'photos', 'entitlements', 'roles', 'x509certificates', 'profileurl'],
  ]),
};
export const groupShape: Shape = {
  core: GROUP,
  attributes: [EXTERNAL_ID, ...groupAttributes],
  extensions: {},
  passedOver: new Set(OURS),
};

/** RFC 7643 7: with every characteristic written out. */
export function describeSchema({ id, name, description, attributes }: Schema, base: string): Record<string, unknown> {
  return {
    schemas: ['urn:ietf:params:scim:schemas:core:2.0:Schema'],
    id,
    name,
    description,
    attributes: attributes.map(describeAttribute),
    meta: { resourceType: 'Schema', location: `${base}/Schemas/${id}` },
  };
}

function describeAttribute(attribute: Attribute): Record<string, unknown> {
  const { name, type, description, canonicalValues, referenceTypes, subAttributes } = attribute;
  return {
    name,
    type,
    multiValued: attribute.multiValued ?? false,
    description,
    required: attribute.required ?? false,
    caseExact: attribute.caseExact ?? false,
    mutability: attribute.mutability ?? 'readWrite',
    returned: attribute.returned ?? 'default',
    uniqueness: attribute.uniqueness ?? 'none',
    ...(canonicalValues !== undefined && { canonicalValues }),
    ...(referenceTypes !== undefined && { referenceTypes }),
    ...(subAttributes !== undefined && { subAttributes: subAttributes.map(describeAttribute) }),
  };
}

/** RFC 7643 6. */
export function resourceTypes(base: string): Record<string, unknown>[] {
  const type = (name: string, description: string, schema: string, extensions: readonly string[]) => ({
    schemas: ['urn:ietf:params:scim:schemas:core:2.0:ResourceType'],
    id: name,
    name,
    endpoint: `/${name}s`,
    description,
    schema,
    schemaExtensions: extensions.map((one) => ({ schema: one, required: false })),
    meta: { resourceType: 'ResourceType', location: `${base}/ResourceTypes/${name}` },
  });
  return [
    type('User', 'People who are to have certificates', USER, [ENTERPRISE]),
    type('Group', 'Groups of them', GROUP, []),
  ];
}

/** RFC 7643 5. */
export function serviceProviderConfig(base: string, maxResults: number): Record<string, unknown> {
  return {
    schemas: ['urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig'],
    patch: { supported: true },
    bulk: { supported: false, maxOperations: 0, maxPayloadSize: 0 },
    filter: { supported: true, maxResults },
    changePassword: { supported: false },
    sort: { supported: false },
    etag: { supported: true },
    authenticationSchemes: [
      {
        type: 'oauthbearertoken',
        name: 'Bearer token',
        description: 'A token of this office, made on the page of sources or by "chancery scim-token create"',
        primary: true,
      },
    ],
    meta: { resourceType: 'ServiceProviderConfig', location: `${base}/ServiceProviderConfig` },
  };
}
