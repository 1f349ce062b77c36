/** Resources as clients send them, read into what the office keeps: names as the schema writes them, strings where booleans are meant, nothing unknown. */
import { createHash } from 'node:crypto';
import { ScimRefusal } from './refusal.ts';
import type { Attribute, Shape } from './schemas.ts';

export type Resource = Record<string, unknown>;

/** As it is answered: with what we say of it. */
export type Described = Resource & {
  readonly meta: { readonly resourceType: string; readonly location: string; readonly version: string } & Resource;
};

/** Values of one attribute; nobody has more addresses. */
const MOST_VALUES = 100;
/** Characters of one value. */
const MOST_CHARACTERS = 1_024;

/** @throws ScimRefusal `invalidSyntax`, `invalidValue` */
export function readResource(body: unknown, shape: Shape): Resource {
  if (!isObject(body)) throw new ScimRefusal('invalidSyntax', 'The body is not a JSON object. Nothing was changed.');
  const { schemas } = body;
  const listed = Array.isArray(schemas) ? schemas.map((one) => String(one).toLowerCase()) : [];
  if (listed.length > 0 && !listed.includes(shape.core.toLowerCase()))
    throw new ScimRefusal('invalidSyntax', `The body is no ${shape.core}. Nothing was changed.`);
  const resource: Resource = {};
  for (const [key, value] of Object.entries(body)) {
    const name = key.toLowerCase();
    if (shape.passedOver.has(name)) continue;
    const urn = Object.keys(shape.extensions).find((one) => one.toLowerCase() === name);
    if (urn !== undefined) {
      const extension = readMembers(shape.extensions[urn] ?? [], value, urn);
      if (extension !== undefined) resource[urn] = extension;
      continue;
    }
    const attribute = shape.attributes.find((one) => one.name.toLowerCase() === name);
    if (attribute === undefined || attribute.mutability === 'readOnly') continue;
    const read = readValue(attribute, value);
    if (read !== undefined) resource[attribute.name] = read;
  }
  requireRequired(resource, shape);
  return resource;
}

/** @throws ScimRefusal `invalidValue` */
export function requireRequired(resource: Resource, shape: Shape): void {
  const missing = shape.attributes.find(({ name, required }) => required === true && resource[name] === undefined);
  if (missing !== undefined) throw new ScimRefusal('invalidValue', `${missing.name} is required. Nothing was changed.`);
}

/** Undefined where there is none: null, an empty text, an empty list (RFC 7643 2.5). @throws ScimRefusal `invalidValue` */
export function readValue(attribute: Attribute, value: unknown): unknown {
  if (attribute.multiValued !== true) return readSingle(attribute, value);
  if (value === undefined || value === null) return undefined;
  const all = Array.isArray(value) ? value : [value];
  if (all.length > MOST_VALUES) throw invalid(attribute, `has more than ${MOST_VALUES} values`);
  const read = all.map((one) => readSingle(attribute, one)).filter((one) => one !== undefined);
  return read.length === 0 ? undefined : read;
}

/** One value of it, whether or not it may have several. */
export function readSingle(attribute: Attribute, value: unknown): unknown {
  if (value === undefined || value === null || value === '') return undefined;
  if (attribute.type === 'complex') {
    // Entra writes a manager, and some write an address, as its bare value.
    const members = typeof value === 'string' ? { value } : value;
    return readMembers(attribute.subAttributes ?? [], members, attribute.name);
  }
  if (attribute.type === 'boolean') {
    if (typeof value === 'boolean') return value;
    // Entra sends "True" and "False".
    const word = String(value).toLowerCase();
    if (word === 'true' || word === 'false') return word === 'true';
    throw invalid(attribute, 'is true or false');
  }
  if (typeof value !== 'string' && typeof value !== 'number' && typeof value !== 'boolean')
    throw invalid(attribute, 'is a text');
  const text = String(value);
  if (text.length > MOST_CHARACTERS) throw invalid(attribute, `has more than ${MOST_CHARACTERS} characters`);
  // PostgreSQL keeps no NUL in a text, and nobody is called so.
  if (text.includes('\0')) throw invalid(attribute, 'has a character that no text has');
  return text;
}

function readMembers(attributes: readonly Attribute[], value: unknown, name: string): Resource | undefined {
  if (value === undefined || value === null) return undefined;
  if (!isObject(value)) throw new ScimRefusal('invalidValue', `${name} consists of parts. Nothing was changed.`);
  const members: Resource = {};
  for (const [key, one] of Object.entries(value)) {
    const attribute = attributes.find((known) => known.name.toLowerCase() === key.toLowerCase());
    if (attribute === undefined || attribute.mutability === 'readOnly') continue;
    const read = readValue(attribute, one);
    if (read !== undefined) members[attribute.name] = read;
  }
  return Object.keys(members).length === 0 ? undefined : members;
}

/** RFC 7644 3.14: a weak entity tag; the same for the same content. */
export function versionOf(content: unknown): string {
  return `W/"${createHash('sha256').update(JSON.stringify(content)).digest('base64url').slice(0, 16)}"`;
}

/** RFC 7644 3.9: the attributes that the client asks for; `id` and `schemas` are always there. */
export function project(
  resource: Resource,
  {
    attributes,
    excludedAttributes,
  }: { readonly attributes?: string | undefined; readonly excludedAttributes?: string | undefined },
): Resource {
  const wanted = names(attributes);
  const unwanted = names(excludedAttributes);
  if (wanted.length === 0 && unwanted.length === 0) return resource;
  const always = new Set(['schemas', 'id']);
  const kept = Object.entries(resource).flatMap(([key, value]): [string, unknown][] => {
    const name = key.toLowerCase();
    if (always.has(name)) return [[key, value]];
    if (wanted.length > 0) {
      if (wanted.includes(name)) return [[key, value]];
      const parts = wanted.filter((one) => one.startsWith(`${name}.`) || one.startsWith(`${name}:`));
      return parts.length === 0
        ? []
        : [
            [
              key,
              pick(
                value,
                parts.map((one) => one.slice(name.length + 1)),
              ),
            ],
          ];
    }
    return unwanted.includes(name) ? [] : [[key, value]];
  });
  return Object.fromEntries(kept);
}

function pick(value: unknown, parts: readonly string[]): unknown {
  if (Array.isArray(value)) return value.map((one) => pick(one, parts));
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).filter(([key]) => parts.some((part) => part.split('.')[0] === key.toLowerCase())),
  );
}

/** With or without the URN of the core schema before them. */
function names(list: string | undefined): string[] {
  return (list ?? '')
    .split(',')
    .map((one) => one.trim().toLowerCase())
    .map((one) => one.replace(/^urn:ietf:params:scim:schemas:core:2\.0:(user|group):/, ''))
    .filter((one) => one !== '');
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function invalid({ name }: Attribute, why: string): ScimRefusal {
  return new ScimRefusal('invalidValue', `${name} ${why}. Nothing was changed.`);
}
