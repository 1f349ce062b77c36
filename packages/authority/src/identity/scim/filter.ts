/** Filters and paths (RFC 7644 3.4.2.2 and 3.5.2), read into a tree within a budget; and a filter applied to a value. */
import { ScimRefusal } from './refusal.ts';
import type { Attribute, Shape } from './schemas.ts';

export type Comparison = 'eq' | 'ne' | 'co' | 'sw' | 'ew' | 'gt' | 'ge' | 'lt' | 'le' | 'pr';

/** An attribute as the schema names it, with where it is in the resource. */
export interface Target {
  /** URN of the extension it is in; null in the core. */
  readonly extension: string | null;
  readonly attribute: Attribute;
  readonly sub: Attribute | null;
}

export type Filter =
  | { readonly kind: 'and' | 'or'; readonly left: Filter; readonly right: Filter }
  | { readonly kind: 'not'; readonly of: Filter }
  | {
      readonly kind: 'compare';
      readonly target: Target;
      readonly comparison: Comparison;
      readonly value: string | number | boolean | null;
    }
  /** `emails[type eq "work"]`: some value of it is as the filter says. */
  | { readonly kind: 'some'; readonly target: Target; readonly of: Filter };

/** `members`, `name.familyName`, `emails[type eq "work"].value`, with or without the schema's URN. */
export interface Path extends Target {
  readonly filter: Filter | null;
}

/** A filter of a person's making is a line; nobody needs more. */
const MOST_CHARACTERS = 4_096;
const MOST_DEPTH = 20;

/** @throws ScimRefusal `invalidFilter` */
export function parseFilter(text: string, shape: Shape): Filter {
  if (text.length > MOST_CHARACTERS) throw bad('the filter is too long');
  const reader = new Reader(text, shape, 'invalidFilter');
  const filter = reader.filter(shape.attributes, 0);
  reader.end();
  return filter;
}

/** Undefined for an attribute that the office passes over. @throws ScimRefusal `invalidPath` */
export function parsePath(text: string, shape: Shape): Path | undefined {
  if (text.length > MOST_CHARACTERS) throw new ScimRefusal('invalidPath', 'The path is too long. Nothing was changed.');
  const reader = new Reader(text, shape, 'invalidPath');
  const path = reader.path();
  if (path !== undefined) reader.end();
  return path;
}

/** Is the value of a multi-valued attribute as the filter says? Strings are compared without regard to case, unless the schema says otherwise. */
export function matches(filter: Filter, value: Readonly<Record<string, unknown>>): boolean {
  switch (filter.kind) {
    case 'and':
      return matches(filter.left, value) && matches(filter.right, value);
    case 'or':
      return matches(filter.left, value) || matches(filter.right, value);
    case 'not':
      return !matches(filter.of, value);
    case 'some':
      return false;
    default: {
      const { attribute, sub } = filter.target;
      return compare(
        filter.comparison,
        value[(sub ?? attribute).name],
        filter.value,
        (sub ?? attribute).caseExact === true,
      );
    }
  }
}

function compare(comparison: Comparison, actual: unknown, expected: unknown, exact: boolean): boolean {
  if (comparison === 'pr') return actual !== undefined && actual !== null && actual !== '';
  if (comparison === 'ne') return !compare('eq', actual, expected, exact);
  if (typeof actual === 'boolean' || actual === undefined || actual === null) {
    const wanted = typeof expected === 'string' ? expected.toLowerCase() === 'true' : expected;
    return comparison === 'eq' && (actual ?? null) === wanted;
  }
  const one = exact ? String(actual) : String(actual).toLowerCase();
  const other = exact ? String(expected) : String(expected).toLowerCase();
  switch (comparison) {
    case 'eq':
      return one === other;
    case 'co':
      return one.includes(other);
    case 'sw':
      return one.startsWith(other);
    case 'ew':
      return one.endsWith(other);
    case 'gt':
      return one > other;
    case 'ge':
      return one >= other;
    case 'lt':
      return one < other;
    case 'le':
      return one <= other;
  }
}

/** Of every resource; for filters only. */
const COMMON: readonly Attribute[] = [
  { name: 'id', type: 'string', description: '', caseExact: true },
  {
    name: 'meta',
    type: 'complex',
    description: '',
    subAttributes: [
      { name: 'created', type: 'string', description: '' },
      { name: 'lastModified', type: 'string', description: '' },
    ],
  },
];

const COMPARISONS = new Set<string>(['eq', 'ne', 'co', 'sw', 'ew', 'gt', 'ge', 'lt', 'le', 'pr']);
const bad = (why: string) => new ScimRefusal('invalidFilter', `The filter cannot be read: ${why}.`);

/** One pass over the text, no backtracking. */
class Reader {
  readonly #text: string;
  readonly #shape: Shape;
  readonly #type: 'invalidFilter' | 'invalidPath';
  #at = 0;

  constructor(text: string, shape: Shape, type: 'invalidFilter' | 'invalidPath') {
    this.#text = text;
    this.#shape = shape;
    this.#type = type;
  }

  filter(within: readonly Attribute[], depth: number): Filter {
    let left = this.#conjunction(within, depth);
    while (this.#word('or')) left = { kind: 'or', left, right: this.#conjunction(within, depth) };
    return left;
  }

  path(): Path | undefined {
    const target = this.#target(this.#shape.attributes);
    if (target === undefined) return undefined;
    const filter = this.#take('[') ? this.#bracket(target) : null;
    if (filter === null || !this.#take('.')) return { ...target, filter };
    return { ...target, filter, sub: this.#sub(target.attribute, this.#name()) };
  }

  end(): void {
    this.#space();
    if (this.#at < this.#text.length)
      throw this.#refusal(`"${this.#text.slice(this.#at, this.#at + 40)}" is not expected`);
  }

  #conjunction(within: readonly Attribute[], depth: number): Filter {
    if (depth > MOST_DEPTH) throw this.#refusal('it is nested too deeply');
    let left = this.#factor(within, depth);
    while (this.#word('and')) left = { kind: 'and', left, right: this.#factor(within, depth) };
    return left;
  }

  #factor(within: readonly Attribute[], depth: number): Filter {
    if (this.#word('not')) {
      if (!this.#take('(')) throw this.#refusal('after "not" comes a parenthesis');
      const of = this.filter(within, depth + 1);
      this.#expect(')');
      return { kind: 'not', of };
    }
    if (this.#take('(')) {
      const inner = this.filter(within, depth + 1);
      this.#expect(')');
      return inner;
    }
    const target = this.#target(within);
    if (target === undefined) throw this.#refusal('the office does not keep that attribute');
    if (this.#take('[')) {
      const of = this.#bracket(target);
      if (!this.#take('.')) return { kind: 'some', target, of };
      // `emails[type eq "work"].value eq "x"`, as Entra writes it.
      const inner = { extension: null, attribute: this.#sub(target.attribute, this.#name()), sub: null };
      return { kind: 'some', target, of: { kind: 'and', left: of, right: this.#comparison(inner) } };
    }
    return this.#comparison(target);
  }

  #comparison(target: Target): Filter {
    const comparison = this.#name().toLowerCase();
    if (!COMPARISONS.has(comparison)) throw this.#refusal(`"${comparison.slice(0, 40)}" is no comparison`);
    const value = comparison === 'pr' ? null : this.#value();
    return { kind: 'compare', target, comparison: comparison as Comparison, value };
  }

  #bracket(target: Target): Filter {
    if (target.attribute.multiValued !== true) throw this.#refusal(`${target.attribute.name} has a single value`);
    const of = this.filter(target.attribute.subAttributes ?? [], 1);
    this.#expect(']');
    return of;
  }

  /** Undefined for one that the office passes over. */
  #target(within: readonly Attribute[]): Target | undefined {
    this.#space();
    const { extension, rest } = this.#urn();
    const known =
      extension === null ? [...within, ...(within === this.#shape.attributes ? COMMON : [])] : extension.attributes;
    const [first = '', second, ...more] = rest === '' ? [] : rest.split('.');
    if (extension !== null && first === '') {
      const attribute: Attribute = {
        name: extension.urn,
        type: 'complex',
        description: '',
        subAttributes: extension.attributes,
      };
      return { extension: null, attribute, sub: null };
    }
    const attribute = find(known, first);
    if (attribute === undefined) {
      if (this.#shape.passedOver.has(first.toLowerCase())) return undefined;
      throw this.#refusal(`${first.slice(0, 80) || 'nothing'} is no attribute that is kept`);
    }
    if (more.length > 0) throw this.#refusal('there is no attribute so deep');
    const sub = second === undefined ? null : this.#sub(attribute, second);
    return { extension: extension?.urn ?? null, attribute, sub };
  }

  #sub(attribute: Attribute, name: string): Attribute {
    const sub = find(attribute.subAttributes ?? [], name);
    if (sub === undefined) throw this.#refusal(`${attribute.name} has no ${name.slice(0, 80)}`);
    return sub;
  }

  /** A URN has colons and full stops of its own: it is known, or it is none. */
  #urn(): { extension: { urn: string; attributes: readonly Attribute[] } | null; rest: string } {
    const here = this.#text.slice(this.#at, this.#at + 200).toLowerCase();
    const urns = [this.#shape.core, ...Object.keys(this.#shape.extensions)];
    const urn = urns.find((one) => here.startsWith(one.toLowerCase()));
    if (urn === undefined) return { extension: null, rest: this.#name() };
    this.#at += urn.length;
    const rest = this.#take(':', false) ? this.#name() : '';
    const attributes = this.#shape.extensions[urn];
    return { extension: attributes === undefined ? null : { urn, attributes }, rest };
  }

  #value(): string | number | boolean | null {
    this.#space();
    if (this.#text[this.#at] === '"') return this.#string();
    const word = this.#name();
    const lower = word.toLowerCase();
    if (lower === 'true' || lower === 'false') return lower === 'true';
    if (lower === 'null') return null;
    if (/^-?\d+(\.\d+)?$/.test(word)) return Number(word);
    throw this.#refusal(`"${word.slice(0, 40)}" is no value; texts stand in quotation marks`);
  }

  /** As in JSON (RFC 7644 3.4.2.2). */
  #string(): string {
    for (let end = this.#at + 1; end < this.#text.length; end++) {
      if (this.#text[end] === '\\') end++;
      else if (this.#text[end] === '"') {
        const literal = this.#text.slice(this.#at, end + 1);
        this.#at = end + 1;
        try {
          return JSON.parse(literal) as string;
        } catch {
          throw this.#refusal('a text in it is not as in JSON');
        }
      }
    }
    throw this.#refusal('a quotation mark is missing');
  }

  #name(): string {
    this.#space();
    const name = /^[\w$.:-]*/.exec(this.#text.slice(this.#at, this.#at + 300))?.[0] ?? '';
    this.#at += name.length;
    if (name === '') throw this.#refusal('something is missing');
    return name;
  }

  #word(word: string): boolean {
    this.#space();
    const here = this.#text.slice(this.#at, this.#at + word.length + 1).toLowerCase();
    if (here !== word && here !== `${word} ` && here !== `${word}(`) return false;
    this.#at += word.length;
    return true;
  }

  #take(character: string, spaced = true): boolean {
    if (spaced) this.#space();
    if (this.#text[this.#at] !== character) return false;
    this.#at += 1;
    return true;
  }

  #expect(character: string): void {
    if (!this.#take(character)) throw this.#refusal(`"${character}" is missing`);
  }

  #space(): void {
    while (this.#text[this.#at] === ' ') this.#at += 1;
  }

  #refusal(why: string): ScimRefusal {
    return this.#type === 'invalidFilter'
      ? bad(why)
      : new ScimRefusal(
          'invalidPath',
          `The path ${JSON.stringify(this.#text.slice(0, 120))} cannot be followed: ${why}. Nothing was changed.`,
        );
  }
}

function find(attributes: readonly Attribute[], name: string): Attribute | undefined {
  return attributes.find((one) => one.name.toLowerCase() === name.toLowerCase());
}
