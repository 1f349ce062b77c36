import { defineConfig } from 'vitest/config';

/** `npm run test:e2e`: the whole product as its own process, over real sockets, from an empty folder. */
export default defineConfig({
  test: {
    include: ['e2e/*.test.ts'],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    maxWorkers: 2,
    globalSetup: ['packages/authority/test/database-template.ts'],
    bail: 0,
  },
});
