import { configDefaults, defineConfig } from 'vitest/config';

/** Files that leave nothing behind in their process: many of them share one, which saves reading the same modules again for each. */
const SHARING = [
  'packages/{api,authority,cli,console,dns,gateway,keystore,mail-facts,mail-policy,smime,trail,vault}/src/**/*.test.ts',
  'packages/{gateway,keystore}/test/**/*.test.ts',
  'packages/smime/test/attacks/*.test.ts',
  // That one measures the memory of its process.
  'packages/smime/test/!(stream-memory).test.ts',
];
const timeouts = { testTimeout: 30_000, hookTimeout: 60_000 };

/** `npm test`: everything that needs no native peer. Tests sit beside the code; attacks and vectors under `packages/NAME/test`. */
export default defineConfig({
  test: {
    maxWorkers: 2,
    projects: [
      {
        test: {
          name: 'alone',
          include: ['packages/*/src/**/*.test.ts', 'packages/*/test/**/*.test.ts', '.ci/**/*.test.ts'],
          exclude: [...configDefaults.exclude, ...SHARING],
          globalSetup: ['packages/authority/test/database-template.ts'],
          ...timeouts,
        },
      },
      {
        test: {
          name: 'sharing a process',
          include: SHARING,
          isolate: false,
          globalSetup: ['packages/authority/test/database-template.ts'],
          ...timeouts,
        },
      },
    ],
  },
});
