/** Parameters that do not fit on a line or into ASCII (RFC 2231): `name*`, `name*0`, `name*1*`. Joined for people to read; never for a parser. */
import { limits } from '../limits.ts';
import { type Problem, problem } from '../problem.ts';
import { decodeCharset, decodeRaw } from './header-text.ts';

/** A parameter's name, taken apart. */
export interface SectionName {
  readonly name: string;
  /** Undefined for a parameter in one piece. */
  readonly number: number | undefined;
  /** The value has octets as percent signs; the first section's begins with a character set and a language. */
  readonly encoded: boolean;
}

/** Undefined for a name that is not of the form of RFC 2231. */
export function readSectionName(rawName: string): SectionName | undefined {
  const [, name = '', number, star] = /^([^*]+)\*(0|[1-9][0-9]{0,4})?(\*)?$/.exec(rawName) ?? [];
  if (name === '' || (number === undefined && star !== undefined)) return undefined;
  return {
    name,
    number: number === undefined ? undefined : Number(number),
    encoded: number === undefined || star !== undefined,
  };
}

/** Collects the sections of one Content-Type or Content-Disposition, in whatever order they stand. */
export class ExtendedParameters {
  private readonly sections = new Map<string, Map<number, Section>>();
  private count = 0;

  add({ name, number, encoded }: SectionName, value: string, problems: Problem[]): void {
    if (++this.count > limits.parameterSections) {
      if (this.count === limits.parameterSections + 1) problems.push(tooManySections);
      return;
    }
    const known = this.sections.get(name) ?? new Map<number, Section>();
    this.sections.set(name, known);
    const key = number ?? whole;
    if (known.has(key)) problems.push(repeatedSection(name));
    else known.set(key, { encoded, value });
  }

  /** Each parameter's text in UTF-8, one character per octet, as other raw values are. */
  *joined(problems: Problem[]): Generator<[name: string, value: string], void, void> {
    for (const [name, sections] of this.sections) {
      const ordered = inOrder(sections);
      const found = [...sections.keys()].filter((key) => key !== whole).length;
      if (!sections.has(whole) && ordered.length < found) problems.push(missingSection(name));
      if (ordered.length > 0) yield [name, Buffer.from(textOf(ordered)).toString('latin1')];
    }
  }
}

interface Section {
  readonly encoded: boolean;
  readonly value: string;
}

const whole = -1;

/** The parameter in one piece, or its sections from the first on, up to one that is missing. */
function inOrder(sections: ReadonlyMap<number, Section>): Section[] {
  const one = sections.get(whole);
  if (one) return [one];
  const ordered: Section[] = [];
  for (let next = sections.get(0); next; next = sections.get(ordered.length)) ordered.push(next);
  return ordered;
}

function textOf(sections: readonly Section[]): string {
  const [first] = sections as [Section];
  const [, charset = '', rest] = (first.encoded ? /^([^']*)'[^']*'(.*)$/s.exec(first.value) : undefined) ?? [];
  const octets = Buffer.concat(
    sections.map(({ encoded, value }, index) => {
      const text = index === 0 && rest !== undefined ? rest : value;
      return encoded ? percentDecoded(text) : Buffer.from(text, 'latin1');
    }),
  );
  const known = charset === '' ? undefined : decodeCharset(octets, charset);
  return known ?? decodeRaw(octets.toString('latin1'));
}

/** What is no pair of hexadecimal digits after its percent sign stays as it is. */
function percentDecoded(text: string): Buffer {
  const decoded = text.replace(/%([0-9a-fA-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(decoded, 'latin1');
}

/** @param value UTF-8, one character per octet. Returns it as one extended parameter, without the semicolon. */
export const extendedParameter = (name: string, value: string): string =>
  `${name}*=utf-8''${value.replace(/[^A-Za-z0-9!#$&+.^_`{|}~-]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`)}`;

const tooManySections = problem(
  'warning',
  'too-many-parameter-sections',
  `A header field has parameters in more than ${limits.parameterSections} sections; the rest was not read.`,
  'RFC 2231 section 3',
);
const repeatedSection = (name: string): Problem =>
  problem(
    'warning',
    'repeated-parameter-section',
    `A section of the parameter "${name.slice(0, 40)}" stands twice; the first was taken.`,
    'RFC 2231 section 3',
  );
const missingSection = (name: string): Problem =>
  problem(
    'warning',
    'missing-parameter-section',
    `The parameter "${name.slice(0, 40)}" lacks a section; what comes after the gap was not taken.`,
    'RFC 2231 section 3',
  );
