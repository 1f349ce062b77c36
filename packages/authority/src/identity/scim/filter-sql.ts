/** A filter as SQL over what is kept: every comparison of RFC 7644, of every attribute that the schema has. */
import { type RawBuilder, sql } from 'kysely';
import type { Comparison, Filter, Target } from './filter.ts';
import { ScimRefusal } from './refusal.ts';

/** Where the attributes of one kind of resource are. */
export interface Columns {
  /** SQL: a text, or null. */
  text(target: Target): RawBuilder<unknown>;
  /** SQL: an instant; undefined where the attribute is none. */
  instant(target: Target): RawBuilder<unknown> | undefined;
  /** SQL: an array in JSON of its values. */
  list(target: Target): RawBuilder<unknown>;
}

export const ofUsers: Columns = {
  text: ({ extension, attribute, sub }) => {
    if (attribute.name === 'id') return sql`r.key`;
    if (attribute.name === 'externalId') return sql`(r.presented->>'externalId')`;
    const path = [extension, attribute.name, sub?.name].filter((one) => one != null);
    const [only] = path;
    // As the index has it.
    if (path.length === 1 && only === 'userName') return sql`(r.resource->>'userName')`;
    return sql`(r.resource #>> ${path}::text[])`;
  },
  instant: ({ attribute, sub }) => instantOf(attribute.name, sub?.name, 'r'),
  list: ({ attribute }) => sql`(r.resource->${attribute.name}::text)`,
};

export const ofGroups: Columns = {
  text: ({ attribute }) => {
    if (attribute.name === 'id') return sql`g.key`;
    if (attribute.name === 'displayName') return sql`g.name`;
    if (attribute.name === 'externalId') return sql`g.external_id`;
    return sql`NULL::text`;
  },
  instant: ({ attribute, sub }) => instantOf(attribute.name, sub?.name, 'g'),
  list: () =>
    sql`(SELECT jsonb_agg(jsonb_build_object('value', m.member_key, 'type', CASE m.member_kind WHEN 'group' THEN 'Group' ELSE 'User' END))
      FROM source_members m WHERE m.group_id = g.id)`,
};

/** @throws ScimRefusal `invalidFilter` */
export function filterSql(filter: Filter, columns: Columns): RawBuilder<boolean> {
  switch (filter.kind) {
    case 'and':
      return sql`(${filterSql(filter.left, columns)} AND ${filterSql(filter.right, columns)})`;
    case 'or':
      return sql`(${filterSql(filter.left, columns)} OR ${filterSql(filter.right, columns)})`;
    case 'not':
      return sql`(NOT ${filterSql(filter.of, columns)})`;
    case 'some':
      return some(columns.list(filter.target), (value) => filterSql(filter.of, value));
    default: {
      const { target, comparison, value } = filter;
      const { attribute, sub } = target;
      if (attribute.multiValued === true) {
        // RFC 7644 3.4.2.2: without a part named, it is `value`.
        const of = sub ?? attribute.subAttributes?.find(({ name }) => name === 'value');
        if (of === undefined)
          throw new ScimRefusal('invalidFilter', `${attribute.name} is compared by one of its parts.`);
        const inner: Filter = {
          kind: 'compare',
          target: { extension: null, attribute: of, sub: null },
          comparison,
          value,
        };
        return some(columns.list(target), (element) => filterSql(inner, element));
      }
      const instant = columns.instant(target);
      if (instant !== undefined) return compareInstants(instant, comparison, value);
      return compareTexts(columns.text(target), comparison, value, (sub ?? attribute).caseExact === true);
    }
  }
}

function some(list: RawBuilder<unknown>, of: (element: Columns) => RawBuilder<boolean>): RawBuilder<boolean> {
  const element: Columns = {
    text: ({ attribute }) => sql`(e.value->>${attribute.name}::text)`,
    instant: () => undefined,
    list: () => sql`NULL::jsonb`,
  };
  return sql`EXISTS (SELECT 1 FROM jsonb_array_elements(${list}) AS e (value) WHERE ${of(element)})`;
}

function compareTexts(
  actual: RawBuilder<unknown>,
  comparison: Comparison,
  value: string | number | boolean | null,
  exact: boolean,
): RawBuilder<boolean> {
  if (comparison === 'pr') return sql`(${actual} IS NOT NULL)`;
  if (value === null) {
    if (comparison === 'eq') return sql`(${actual} IS NULL)`;
    if (comparison === 'ne') return sql`(${actual} IS NOT NULL)`;
    throw new ScimRefusal('invalidFilter', 'Nothing is more or less than null.');
  }
  // Entra compares a boolean with a text.
  const expected = String(value);
  const one = exact ? actual : sql`lower(${actual})`;
  const other = exact ? sql`${expected}::text` : sql`lower(${expected}::text)`;
  switch (comparison) {
    case 'eq':
      // Not through coalesce: an index answers it.
      return sql`(${actual} IS NOT NULL AND ${one} = ${other})`;
    case 'ne':
      return sql`(${one} IS DISTINCT FROM ${other})`;
    case 'co':
      return sql`coalesce(position(${other} in ${one}) > 0, false)`;
    case 'sw':
      return sql`coalesce(starts_with(${one}, ${other}), false)`;
    case 'ew':
      return sql`coalesce(right(${one}, length(${other})) = ${other}, false)`;
    default:
      return sql`coalesce(${one} COLLATE "C" ${ORDER[comparison]} ${other} COLLATE "C", false)`;
  }
}

function compareInstants(
  actual: RawBuilder<unknown>,
  comparison: Comparison,
  value: string | number | boolean | null,
): RawBuilder<boolean> {
  if (comparison === 'pr') return sql`true`;
  const at = typeof value === 'string' ? new Date(value) : undefined;
  const symbol = comparison === 'eq' ? sql`=` : comparison === 'ne' ? sql`<>` : ORDER[comparison as keyof typeof ORDER];
  if (at === undefined || Number.isNaN(at.getTime()) || symbol === undefined)
    throw new ScimRefusal('invalidFilter', 'An instant is compared with one, as 2026-01-31T12:00:00Z.');
  return sql`(date_trunc('milliseconds', ${actual}) ${symbol} ${at}::timestamptz)`;
}

const ORDER = { gt: sql`>`, ge: sql`>=`, lt: sql`<`, le: sql`<=` } as const;

function instantOf(name: string, part: string | undefined, table: 'r' | 'g'): RawBuilder<unknown> | undefined {
  if (name !== 'meta') return undefined;
  return sql.ref(`${table}.${part === 'created' ? 'created_at' : 'changed_at'}`);
}
