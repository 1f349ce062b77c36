import { defineConfig } from 'vitest/config';

/** `npm run test:interop`: against software that nobody here wrote. */
export default defineConfig({
  test: {
    include: ['interop/*.test.ts'],
    testTimeout: 180_000,
    hookTimeout: 180_000,
    maxWorkers: 2,
    globalSetup: ['packages/authority/test/database-template.ts'],
  },
});
