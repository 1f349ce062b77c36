import { configDefaults, defineConfig } from 'vitest/config';

/** Files without a process, a database or a clock of their own: many of them share one worker, which saves its start. */
const PURE = [
  'packages/{api,dns,mail-policy,smime,trail,vault}/src/**/*.test.ts',
  'packages/smime/test/attacks/*.test.ts',
];
const timeouts = { testTimeout: 30_000, hookTimeout: 60_000 };

/** `npm test`: everything that needs no native peer. Tests sit beside the code; attacks and vectors under `packages/NAME/test`. */
export default defineConfig({
  test: {
    maxWorkers: 2,
    projects: [
      {
        test: {
          name: 'office',
          include: ['packages/*/src/**/*.test.ts', 'packages/*/test/**/*.test.ts', '.ci/**/*.test.ts'],
          exclude: [...configDefaults.exclude, ...PURE],
          globalSetup: ['packages/authority/test/database-template.ts'],
          ...timeouts,
        },
      },
      { test: { name: 'pure', include: PURE, isolate: false, ...timeouts } },
    ],
  },
});
