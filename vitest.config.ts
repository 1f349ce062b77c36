import { defineConfig } from 'vitest/config';

/** `npm test`: everything that needs no native peer. Tests sit beside the code; attacks and vectors under `packages/NAME/test`. */
export default defineConfig({
  test: {
    include: ['packages/*/src/**/*.test.ts', 'packages/*/test/**/*.test.ts', '.ci/**/*.test.ts'],
    globalSetup: ['packages/authority/test/database-template.ts'],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
  },
});
