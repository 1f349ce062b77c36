/**
 * `npm run deps`: holds the tree against the arrows in `dependency-cruiser.config.mjs`. Fails when an arrow is forbidden, and
 * when the cruise saw too little: with a compiler it does not understand, dependency-cruiser reads nothing and is content.
 */
import { cruise, type IReporterOutput } from 'dependency-cruiser';
import extractConfig from 'dependency-cruiser/config-utl/extract-depcruise-config';
import extractTsConfig from 'dependency-cruiser/config-utl/extract-ts-config';

/** Fewer modules than this is not the house. */
const LEAST_MODULES = 60;

export interface Verdict {
  readonly modules: number;
  /** `rule: from -> to`, one a line. */
  readonly violations: readonly string[];
}

/** Cruises `folders` below `baseDir` with the project's own rules. */
export async function checkDependencies(baseDir: string, folders: string[]): Promise<Verdict> {
  const config = await extractConfig(new URL('../dependency-cruiser.config.mjs', import.meta.url).pathname);
  const tsConfig = extractTsConfig(new URL('../tsconfig.json', import.meta.url).pathname);
  const output: IReporterOutput = await cruise(
    folders,
    { ...config.options, ruleSet: { forbidden: config.forbidden ?? [] }, validate: true, baseDir },
    undefined,
    { tsConfig },
  );
  if (typeof output.output === 'string') throw new Error('dependency-cruiser did not return its modules');
  const { modules, summary } = output.output;
  return {
    modules: modules.filter((module) => module.source.startsWith('packages/')).length,
    violations: summary.violations.map((found) => `${found.rule.name}: ${found.from} -> ${found.to}`),
  };
}

if (import.meta.main) {
  const { modules, violations } = await checkDependencies(process.cwd(), ['packages']);
  for (const violation of violations) console.error(violation);
  if (modules < LEAST_MODULES) console.error(`Only ${modules} modules seen; at least ${LEAST_MODULES} were expected.`);
  console.log(`${modules} modules, ${violations.length} forbidden arrows`);
  process.exitCode = violations.length > 0 || modules < LEAST_MODULES ? 1 : 0;
}
