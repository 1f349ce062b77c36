/** What differs between two rule sets, in words: the console, the command line and the audit trail read the same. */
import type { Rule, RuleSet } from './rules.ts';

export interface RuleChange {
  readonly kind: 'added' | 'removed' | 'renamed' | 'changed' | 'moved' | 'mode';
  /** Its name now, or what it was where it is gone; empty for the set as a whole. */
  readonly rule: string;
  readonly sentence: string;
}

/** In the order of the rules as they are now, then those that are gone; empty where both say the same. `before` undefined: a first set. */
export function ruleChanges(before: RuleSet | undefined, after: RuleSet): RuleChange[] {
  const was = before?.rules ?? [];
  const old = new Map(was.map((rule) => [rule.name, rule]));
  const names = new Set(after.rules.map(({ name }) => name));
  const gone = new Map(was.filter(({ name }) => !names.has(name)).map((rule) => [rule.name, rule]));
  /** Where a rule was, by its name now. */
  const from = new Map<string, Rule>();
  const changes: RuleChange[] = [];
  if (before !== undefined && before.mode !== after.mode) changes.push(changeOfMode(after));
  for (const rule of after.rules) {
    const { name } = rule;
    const known = old.get(name);
    const renamed = known === undefined ? [...gone.values()].find((one) => isSame(one, rule)) : undefined;
    const origin = known ?? renamed;
    if (origin !== undefined) from.set(name, origin);
    if (renamed !== undefined) {
      gone.delete(renamed.name);
      changes.push({ kind: 'renamed', rule: name, sentence: `“${renamed.name}” is called “${name}”` });
    } else if (known === undefined) {
      changes.push({ kind: 'added', rule: name, sentence: `“${name}” is new${stateOf(rule)}: ${wholeOf(rule)}` });
    } else {
      const parts = partsChanged(known, rule);
      if (parts.length > 0) changes.push({ kind: 'changed', rule: name, sentence: `“${name}”: ${parts.join('; ')}` });
    }
  }
  for (const { name } of gone.values()) changes.push({ kind: 'removed', rule: name, sentence: `“${name}” is gone` });
  return [...changes, ...moves(was, after.rules, from)];
}

function changeOfMode({ mode }: RuleSet): RuleChange {
  const sentence =
    mode === 'first-match'
      ? 'The first rule that holds decides alone, no longer all that hold together'
      : 'All rules that hold decide together, no longer the first alone';
  return { kind: 'mode', rule: '', sentence };
}

/** The fewest rules that must have been taken out and put elsewhere; what stands before or after a new one has not moved. */
function moves(was: readonly Rule[], now: readonly Rule[], from: ReadonlyMap<string, Rule>): RuleChange[] {
  const places = new Map(was.map((rule, index) => [rule, index]));
  const kept = now.flatMap(({ name }) => {
    const origin = from.get(name);
    return origin === undefined ? [] : [{ name, place: places.get(origin) ?? 0 }];
  });
  const stayed = longestRising(kept.map(({ place }) => place));
  return kept.flatMap(({ name, place }, index) => {
    if (stayed.has(index)) return [];
    const at = now.findIndex((rule) => rule.name === name);
    return { kind: 'moved' as const, rule: name, sentence: `“${name}” stands at ${at + 1}, and stood at ${place + 1}` };
  });
}

/** Indexes of a longest rising subsequence. */
function longestRising(values: readonly number[]): Set<number> {
  const best: { length: number; previous: number }[] = [];
  let last = -1;
  values.forEach((value, index) => {
    let length = 1;
    let previous = -1;
    for (let at = 0; at < index; at += 1) {
      const chain = best[at]?.length ?? 0;
      if ((values[at] ?? 0) < value && chain >= length) {
        length = chain + 1;
        previous = at;
      }
    }
    best.push({ length, previous });
    if (last < 0 || length > (best[last]?.length ?? 0)) last = index;
  });
  const chain = new Set<number>();
  for (let at = last; at >= 0; at = best[at]?.previous ?? -1) chain.add(at);
  return chain;
}

function isSame(one: Rule, other: Rule): boolean {
  return partsChanged(one, other).length === 0;
}

function partsChanged(was: Rule, is: Rule): string[] {
  const before = partsOf(was);
  const after = partsOf(is);
  return [...new Set([...before.keys(), ...after.keys()])].flatMap((part) => {
    const old = before.get(part);
    const now = after.get(part);
    if (JSON.stringify(old) === JSON.stringify(now)) return [];
    if (old === undefined) return `${part} ${written(now)}`;
    if (now === undefined) return `no longer ${part} ${written(old)}`;
    if (isList(old) && isList(now)) {
      const gained = now.filter((one) => !old.includes(one));
      const lost = old.filter((one) => !now.includes(one));
      const said = [
        ...(gained.length > 0 ? [`gains ${few(gained)}`] : []),
        ...(lost.length > 0 ? [`loses ${few(lost)}`] : []),
      ];
      if (said.length > 0) return `${part} ${said.join(' and ')}`;
    }
    return `${part} ${written(old)} → ${written(now)}`;
  });
}

/** A rule in parts, each by the name that it has in a file. */
function partsOf({ enabled, when, do: actions }: Rule): Map<string, unknown> {
  const given = (of: object, prefix = '') =>
    Object.entries(of).flatMap(([name, value]) => (value === undefined ? [] : [[`${prefix}${name}`, value] as const]));
  const { unless, ...simple } = when;
  return new Map<string, unknown>([
    ['is', enabled],
    ...given(simple),
    ...given(unless ?? {}, 'unless.'),
    ...given(actions),
  ]);
}

function wholeOf(rule: Rule): string {
  const parts = [...partsOf(rule)]
    .filter(([part]) => part !== 'is')
    .map(([part, value]) => `${part} ${written(value)}`);
  return parts.length === 0 ? 'for every message, as where nothing is said' : parts.join('; ');
}

function stateOf({ enabled }: Rule): string {
  return enabled === 'on' ? '' : enabled === 'shadow' ? ' and in shadow' : ' and off';
}

const isList = (value: unknown): value is string[] =>
  Array.isArray(value) && value.every((one) => typeof one === 'string');

function written(value: unknown): string {
  if (isList(value)) return few(value);
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return text.length > 200 ? `${text.slice(0, 199)}…` : text;
}

const shown = 6;
function few(values: readonly string[]): string {
  const more = values.length > shown ? ` and ${values.length - shown} more` : '';
  return `${values.slice(0, shown).join(', ')}${more}`;
}
