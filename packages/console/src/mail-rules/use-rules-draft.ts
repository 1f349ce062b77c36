/** A rule set under somebody's hands: what stands in it, what is wrong with it, and what it would change. */
import {
  type Advice,
  adviceOn,
  checkRules,
  type Rule,
  type RuleChange,
  type RuleSet,
  ruleChanges,
} from '@chancery/mail-policy';
import { useMemo, useState } from 'react';

/** A rule with a key of its own, so that a row stays the same row wherever it goes and whatever it is called. */
export interface DraftRule {
  readonly key: string;
  readonly rule: Rule;
}

export interface RulesDraft {
  readonly mode: RuleSet['mode'];
  readonly rows: readonly DraftRule[];
  setMode(mode: RuleSet['mode']): void;
  change(key: string, rule: Rule): void;
  /** Puts it at that place among the others. */
  move(key: string, to: number): void;
  /** @returns its key */
  add(): string;
  copy(key: string): string;
  remove(key: string): void;
  reset(): void;
  /** Paths begin with `rules.<place>.`. */
  readonly problems: readonly { readonly path: string; readonly message: string }[];
  /** What is likely to be a mistake, where nothing is wrong. */
  readonly advice: readonly Advice[];
  /** As it would be kept; undefined while something is wrong. */
  readonly set: RuleSet | undefined;
  /** Against what it was made from. */
  readonly isChanged: boolean;
  changesFrom(other: RuleSet | undefined): RuleChange[];
}

export const noRules: RuleSet = { version: 1, mode: 'first-match', rules: [] };

export function useRulesDraft(original: RuleSet): RulesDraft {
  const [mode, setMode] = useState(original.mode);
  const [rows, setRows] = useState(() => rowsOf(original));
  const document = useMemo(() => ({ version: 1 as const, mode, rules: rows.map(({ rule }) => rule) }), [mode, rows]);
  const checked = useMemo(() => checkRules(document), [document]);
  const insert = (rule: Rule, at: number): string => {
    const key = newKey();
    setRows((old) => [...old.slice(0, at), { key, rule }, ...old.slice(at)]);
    return key;
  };
  return {
    mode,
    rows,
    setMode,
    change: (key, rule) => setRows((old) => old.map((row) => (row.key === key ? { key, rule } : row))),
    move: (key, to) =>
      setRows((old) => {
        const row = old.find((one) => one.key === key);
        const rest = old.filter((one) => one.key !== key);
        return row === undefined ? old : [...rest.slice(0, to), row, ...rest.slice(to)];
      }),
    add: () => insert({ name: freeName('New rule', rows), enabled: 'shadow', when: {}, do: {} }, rows.length),
    copy: (key) => {
      const at = rows.findIndex((row) => row.key === key);
      const rule = rows[at]?.rule;
      if (rule === undefined) return key;
      return insert({ ...rule, name: freeName(rule.name, rows), enabled: 'shadow' }, at + 1);
    },
    remove: (key) => setRows((old) => old.filter((row) => row.key !== key)),
    reset: () => {
      setMode(original.mode);
      setRows(rowsOf(original));
    },
    problems: checked.problems,
    advice: checked.set === undefined ? [] : adviceOn(checked.set),
    set: checked.set,
    isChanged: checked.set === undefined || ruleChanges(original, checked.set).length > 0,
    changesFrom: (other) => (checked.set === undefined ? [] : ruleChanges(other, checked.set)),
  };
}

const rowsOf = ({ rules }: RuleSet): DraftRule[] => rules.map((rule) => ({ key: newKey(), rule }));

let keys = 0;
function newKey(): string {
  keys += 1;
  return `rule-${keys}`;
}

function freeName(name: string, rows: readonly DraftRule[]): string {
  const taken = new Set(rows.map(({ rule }) => rule.name.trim().toLowerCase()));
  for (let number = 1; ; number += 1) {
    const tried = number === 1 ? name : `${name} ${number}`;
    if (!taken.has(tried.trim().toLowerCase())) return tried;
  }
}

/** The first sentence about a field, or about something within it. */
export function problemAt(
  problems: readonly { readonly path: string; readonly message: string }[],
  path: string,
): string | undefined {
  const found = problems.find((one) => one.path === path || one.path.startsWith(`${path}.`));
  return (
    found &&
    `It ${found.message.replace(/^Too small.*/, 'has nothing in it').replace(/^Invalid input.*/, 'is not complete')}.`
  );
}
