/** Rules of mail flow in files: a gateway.toml, or what the office exports. */
import { RuleSet } from '@chancery/mail-policy';
import { parse as parseToml } from 'smol-toml';
import { CommandError } from './exit-codes.ts';
import { readInput } from './input-files.ts';

/** @param file TOML with `[[rule]]` (and `ruleMode` in `[gateway]`), or JSON as the office exports it; `-` for standard input */
export function readRuleSet(file: string): RuleSet {
  const text = readInput(file).toString('utf8');
  const parsed = RuleSet.safeParse(ruleSetIn(text, file));
  if (parsed.success) return parsed.data;
  const lines = parsed.error.issues.map(({ path, message }) => `  ${path.join('.')}: ${message}`);
  throw new CommandError(`The rules of ${file} cannot be used.`, undefined, lines);
}

function ruleSetIn(text: string, file: string): unknown {
  if (text.trimStart().startsWith('{')) return asObject(() => JSON.parse(text), file, 'JSON');
  const { gateway, rule, ...more } = asObject(() => parseToml(text), file, 'TOML');
  if (gateway === undefined && rule === undefined) return more;
  const mode = typeof gateway === 'object' && gateway !== null && 'ruleMode' in gateway ? gateway.ruleMode : undefined;
  return { ...more, ...(mode === undefined ? {} : { mode }), rules: rule ?? [] };
}

function asObject(parse: () => unknown, file: string, form: string): Record<string, unknown> {
  try {
    const value = parse();
    if (typeof value === 'object' && value !== null) return { ...value };
    throw new Error('it is no object');
  } catch (error) {
    throw new CommandError(`${file} is not ${form}: ${(error as Error).message}`);
  }
}
