import { defineConfig } from 'vitest/config';

/** `npm run test:console`: the console in real Chromium; pictures of every page in `artifacts/console`. */
export default defineConfig({
  test: {
    include: ['e2e/console/*.test.ts'],
    testTimeout: 180_000,
    hookTimeout: 120_000,
    maxWorkers: 2,
    globalSetup: ['packages/authority/test/database-template.ts'],
  },
});
