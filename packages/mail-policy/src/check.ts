/** Whether a document is a rule set that can be put in force: its schema, and what a schema does not see. */
import { lastRule, RuleSet } from './rules.ts';

interface RuleProblem {
  /** Dotted: `rules.2.when.recipientDomain`. Empty for the document as a whole. */
  readonly path: string;
  readonly message: string;
}

/** Names that stand in records for what no rule of a set decides. */
const taken: readonly string[] = [lastRule, 'acme', '_other'];

/** The set with nothing left unsaid, or everything that is wrong. */
export function checkRules(
  document: unknown,
):
  | { readonly set: RuleSet; readonly problems: readonly [] }
  | { readonly set: undefined; readonly problems: readonly RuleProblem[] } {
  const parsed = RuleSet.safeParse(document);
  if (!parsed.success) {
    const problems = parsed.error.issues.map((issue) => ({ path: issue.path.join('.'), message: issue.message }));
    return { set: undefined, problems };
  }
  const problems = problemsOf(parsed.data);
  return problems.length === 0 ? { set: parsed.data, problems: [] } : { set: undefined, problems };
}

function problemsOf({ rules }: RuleSet): RuleProblem[] {
  const places = new Map<string, number>();
  return rules.flatMap(({ name, when, do: actions }, index) => {
    const problems: RuleProblem[] = [];
    const problem = (path: string, message: string) => problems.push({ path: `rules.${index}.${path}`, message });
    const key = name.trim().toLowerCase();
    const earlier = places.get(key);
    places.set(key, index);
    // Records, figures and the diff know a rule by its name.
    if (earlier !== undefined) problem('name', `is the name of rule ${earlier + 1} too`);
    if (taken.includes(key)) problem('name', `“${name}” stands in records for what no rule decides`);
    const { largerThan, smallerThan } = when;
    if (largerThan !== undefined && smallerThan !== undefined && smallerThan <= largerThan + 1)
      problem('when.smallerThan', `no message is larger than ${largerThan} and smaller than ${smallerThan} octets`);
    if (actions.split === true && actions.encrypt === 'never')
      problem('do.split', 'lets some have it in the clear where nobody gets it encrypted');
    return problems;
  });
}
