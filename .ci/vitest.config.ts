import { configDefaults, defineConfig } from 'vitest/config';
import endToEnd from '../e2e/vitest.config.ts';
import consoleInChromium from '../e2e/vitest.console.config.ts';
import interop from '../interop/vitest.config.ts';
import { leftOutOn } from './in-turn.ts';

const exclude = [...configDefaults.exclude, ...leftOutOn(new Date())];

/** The three suites that `.ci/run` runs as one: the console's walk is a single long file, and the others run beside it. */
export default defineConfig({
  test: {
    projects: [
      { test: { ...consoleInChromium.test, name: 'console', exclude } },
      { test: { ...endToEnd.test, name: 'end to end', exclude } },
      { test: { ...interop.test, name: 'interoperability', exclude } },
    ],
    // A browser beside each: with three, its clicks waited for a processor until they were given up.
    maxWorkers: 2,
  },
});
