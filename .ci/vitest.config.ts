import { defineConfig } from 'vitest/config';
import endToEnd from '../e2e/vitest.config.ts';
import consoleInChromium from '../e2e/vitest.console.config.ts';
import interop from '../interop/vitest.config.ts';

/**
 * The three suites that `.ci/run` runs beside one another. Each waits for other processes now and then; a third worker
 * uses that time.
 */
export default defineConfig({
  test: {
    projects: [
      { test: { ...consoleInChromium.test, name: 'console' } },
      { test: { ...endToEnd.test, name: 'end to end' } },
      { test: { ...interop.test, name: 'interoperability' } },
    ],
    maxWorkers: 3,
  },
});
