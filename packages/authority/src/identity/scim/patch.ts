/** PATCH (RFC 7644 3.5.2) as clients really send it: operations in any case, strings for booleans, dotted keys, a filter that matches nothing yet. */
import { type Filter, matches, type Path, parsePath } from './filter.ts';
import { ScimRefusal } from './refusal.ts';
import { isObject, type Resource, readSingle, readValue, requireRequired } from './resource.ts';
import type { Attribute, Shape } from './schemas.ts';

export interface PatchOperation {
  readonly op: 'add' | 'remove' | 'replace';
  readonly path: string | undefined;
  readonly value: unknown;
}

/** Members of one group, a thousand at a time. */
const MOST_OPERATIONS = 2_000;

/** @throws ScimRefusal `invalidSyntax`, `noTarget` */
export function readOperations(body: unknown): PatchOperation[] {
  const operations = isObject(body) ? (body.Operations ?? body.operations) : undefined;
  if (!Array.isArray(operations) || operations.length === 0)
    throw new ScimRefusal('invalidSyntax', 'The body has no Operations. Nothing was changed.');
  if (operations.length > MOST_OPERATIONS)
    throw new ScimRefusal('tooMany', `At most ${MOST_OPERATIONS} operations at a time. Nothing was changed.`);
  return operations.map((one: unknown) => {
    if (!isObject(one) || typeof one.op !== 'string') throw notAnOperation();
    const op = one.op.toLowerCase();
    if (op !== 'add' && op !== 'remove' && op !== 'replace') throw notAnOperation();
    const path = one.path === undefined || one.path === null || one.path === '' ? undefined : one.path;
    if (path !== undefined && typeof path !== 'string')
      throw new ScimRefusal('invalidPath', 'A path is a text. Nothing was changed.');
    if (op === 'remove' && path === undefined)
      throw new ScimRefusal('noTarget', 'A removal says by its path of what. Nothing was changed.');
    return { op, path, value: one.value };
  });
}

/**
 * The resource with the operations applied, one after the other; the one given stays as it is.
 * @throws ScimRefusal `invalidPath`, `invalidValue`, `mutability`
 */
export function applyPatch(before: Resource, operations: readonly PatchOperation[], shape: Shape): Resource {
  const resource = structuredClone(before);
  for (const { op, path, value } of operations) {
    for (const [where, what] of targetsOf(path, value, shape)) applyAt(resource, op, where, what);
  }
  requireRequired(resource, shape);
  return resource;
}

/** Without a path, each member of the value is one; Entra writes paths into their names. */
export function targetsOf(path: string | undefined, value: unknown, shape: Shape): [Path, unknown][] {
  if (path !== undefined) {
    const target = parsePath(path, shape);
    return target === undefined ? [] : [[target, value]];
  }
  if (!isObject(value))
    throw new ScimRefusal('invalidValue', 'Without a path, the value consists of attributes. Nothing was changed.');
  return Object.entries(value).flatMap(([key, one]) => {
    const target = parseKey(key, shape);
    return target === undefined ? [] : [[target, one]];
  });
}

/** As in a whole resource, what the office does not know is passed over there. */
function parseKey(key: string, shape: Shape): Path | undefined {
  try {
    return parsePath(key, shape);
  } catch (error) {
    if (error instanceof ScimRefusal) return undefined;
    throw error;
  }
}

function applyAt(resource: Resource, op: PatchOperation['op'], path: Path, value: unknown): void {
  const { attribute, extension } = path;
  if (attribute.mutability === 'readOnly')
    throw new ScimRefusal('mutability', `${attribute.name} is ours to say. Nothing was changed.`);
  const holder = extension === null ? resource : partOf(resource, extension);
  // A removal by null, as some clients write it.
  const removing = op === 'remove' || (value === null && path.filter === null);
  if (attribute.multiValued !== true) applyToSingle(holder, removing, path, value);
  else if (removing) removeValues(holder, path, value);
  else setValues(holder, op === 'replace', path, value);
  if (extension !== null && Object.keys(holder).length === 0) delete resource[extension];
}

function applyToSingle(holder: Resource, removing: boolean, { attribute, sub }: Path, value: unknown): void {
  const { name } = attribute;
  if (sub !== null) {
    const part = partOf(holder, name);
    put(part, sub.name, removing ? undefined : readValue(sub, value));
    if (Object.keys(part).length === 0) delete holder[name];
    return;
  }
  const read = removing ? undefined : readValue(attribute, value);
  // RFC 7644 3.5.2.3: parts of a complex attribute that are not named stay.
  if (isObject(read) && isObject(holder[name])) Object.assign(holder[name], read);
  else put(holder, name, read);
}

function removeValues(holder: Resource, { attribute, sub, filter }: Path, value: unknown): void {
  const list = listOf(holder, attribute);
  // Entra: {"op":"remove","path":"members","value":[{"value":id}]}
  const named = filter === null && sub === null && value != null ? valuesOf(attribute, value) : undefined;
  const chosen = (one: Resource) =>
    filter !== null ? matches(filter, one) : named === undefined || named.has(String(one.value).toLowerCase());
  if (sub === null) {
    put(holder, attribute.name, nonEmpty(list.filter((one) => !chosen(one))));
    return;
  }
  for (const one of list.filter(chosen)) delete one[sub.name];
  put(holder, attribute.name, nonEmpty(list.filter((one) => Object.keys(one).length > 0)));
}

function valuesOf(attribute: Attribute, value: unknown): Set<string> {
  const all = Array.isArray(value) ? value : [value];
  return new Set(
    all.flatMap((one) => {
      const read = readSingle(attribute, one);
      return isObject(read) && read.value !== undefined ? [String(read.value).toLowerCase()] : [];
    }),
  );
}

function setValues(holder: Resource, replacing: boolean, path: Path, value: unknown): void {
  const { attribute, sub, filter } = path;
  const list = listOf(holder, attribute);
  let touched: Resource[];
  if (filter === null && sub === null) {
    const read = (readValue(attribute, value) ?? []) as Resource[];
    touched = read;
    const kept = replacing ? [] : list.filter((one) => !read.some((other) => sameValue(one, other)));
    put(holder, attribute.name, nonEmpty([...kept, ...read]));
  } else {
    touched = list.filter((one) => filter === null || matches(filter, one));
    if (touched.length === 0) {
      // Of a value that is not there yet Entra names what it is to be: emails[type eq "work"].value
      const seed = filter === null ? {} : seedOf(filter);
      touched = [seed];
      list.push(seed);
    }
    for (const one of touched) {
      if (sub !== null) put(one, sub.name, readValue(sub, value));
      else Object.assign(one, readSingle(attribute, value) ?? {});
    }
    put(holder, attribute.name, nonEmpty(list.filter((one) => Object.keys(one).length > 0)));
  }
  // RFC 7644 3.5.2: who becomes the primary one is the only one.
  const primary = touched.findLast((one) => one.primary === true);
  if (primary === undefined) return;
  for (const one of listOf(holder, attribute)) if (one !== primary && one.primary === true) one.primary = false;
}

const sameValue = (one: Resource, other: Resource): boolean =>
  one.value !== undefined && one.value === other.value && one.type === other.type;

function seedOf(filter: Filter): Resource {
  if (filter.kind === 'and') return { ...seedOf(filter.left), ...seedOf(filter.right) };
  if (filter.kind !== 'compare' || filter.comparison !== 'eq' || filter.value === null) return {};
  return { [filter.target.attribute.name]: readValue(filter.target.attribute, filter.value) };
}

function partOf(holder: Resource, name: string): Resource {
  const part = holder[name];
  if (isObject(part)) return part;
  const made: Resource = {};
  holder[name] = made;
  return made;
}

function listOf(holder: Resource, { name }: Attribute): Resource[] {
  const list = holder[name];
  return Array.isArray(list) ? (list as Resource[]) : [];
}

function put(holder: Resource, name: string, value: unknown): void {
  if (value === undefined) delete holder[name];
  else holder[name] = value;
}

const nonEmpty = <T>(list: readonly T[]): readonly T[] | undefined => (list.length === 0 ? undefined : list);

function notAnOperation(): ScimRefusal {
  return new ScimRefusal('invalidSyntax', 'An operation is add, remove or replace. Nothing was changed.');
}
