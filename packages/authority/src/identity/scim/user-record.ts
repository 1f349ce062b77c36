/** What a SCIM user says of a person. */
import { addressKey } from '../../store/people.ts';
import type { Presented } from '../../store/schema.ts';
import { isObject, type Resource } from './resource.ts';
import { ENTERPRISE } from './schemas.ts';

/**
 * @param domains of the office: a further address elsewhere is private, and stands in no certificate
 * @param before what the client said last: who has told of further addresses once knows of them
 */
export function presentUser(
  resource: Resource,
  domains: readonly string[],
  before: Presented | undefined,
): Presented & { readonly active: boolean } {
  const name = part(resource.name);
  const enterprise = part(resource[ENTERPRISE]);
  const emails = list(resource.emails);
  const userName = text(resource.userName) ?? '';
  const address = primaryOf(emails) ?? (userName.includes('@') ? userName : null);
  const further = emails
    .flatMap((one) => text(one.value) ?? [])
    .filter((one) => address === null || addressKey(one) !== addressKey(address))
    .filter((one) => domains.includes(addressKey(one.slice(one.lastIndexOf('@') + 1))));
  const known = further.length > 0 || before?.aliases !== undefined;
  const whole = [text(name.givenName), text(name.familyName)].filter((one) => one !== undefined).join(' ');
  const country = text(
    (list(resource.addresses).find(({ type }) => type === 'work') ?? list(resource.addresses)[0])?.country,
  );
  return {
    active: resource.active !== false,
    name: text(resource.displayName) ?? text(name.formatted) ?? (whole === '' ? userName.split('@')[0] : whole),
    address,
    ...(known && { aliases: further }),
    externalId: text(resource.externalId) ?? null,
    attributes: {
      ...optional('givenName', text(name.givenName)),
      ...optional('surname', text(name.familyName)),
      ...optional('title', text(resource.title)),
      ...optional('department', text(enterprise.department)),
      ...optional('employeeId', text(enterprise.employeeNumber)),
      ...optional('country', country?.toUpperCase()),
    },
    manager: text(part(enterprise.manager).value) ?? null,
  };
}

/** The primary one, else the one for work, else the first. */
function primaryOf(emails: readonly Resource[]): string | undefined {
  const usable = emails.filter(({ value }) => text(value) !== undefined);
  const chosen =
    usable.find(({ primary }) => primary === true) ?? usable.find(({ type }) => type === 'work') ?? usable[0];
  return text(chosen?.value);
}

const text = (value: unknown): string | undefined =>
  typeof value === 'string' && value.trim() !== '' ? value.trim() : undefined;
const part = (value: unknown): Resource => (isObject(value) ? value : {});
const list = (value: unknown): Resource[] => (Array.isArray(value) ? value.filter(isObject) : []);
const optional = <K extends string>(name: K, value: string | undefined) =>
  (value === undefined ? {} : { [name]: value }) as { [P in K]?: string };
