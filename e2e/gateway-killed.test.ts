/** A few kills of what `npm run kill -- gateway 300` does at length. */
import { expect, it } from 'vitest';
import { killTheGateway } from './support/gateway-killed.ts';

it('kill -9 of a loaded gateway loses nothing, leaks nothing, and repeats nothing beyond SMTP’s own window', async () => {
  const report = await killTheGateway({ kills: 3, within: 1_000, say: () => undefined });
  expect(report.broken).toEqual([]);
  for (const count of Object.values(report.accepted)) expect(count).toBeGreaterThan(0);
});
