import { globSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { describeOperations, operations } from './operations.ts';

const src = fileURLToPath(new URL('.', import.meta.url));

describe('the catalogue', () => {
  it('lists every operation that any file exports', async () => {
    const found = new Map<string, string>();
    for (const file of globSync('**/*.ts', { cwd: src })) {
      if (/\.test\.ts$/.test(file)) continue;
      const exported = (await import(`${src}${file}`)) as Record<string, unknown>;
      for (const [name, value] of Object.entries(exported)) if (isOperation(value)) found.set(name, value.action);
    }
    expect(found.size).toBeGreaterThan(15);
    expect([...found.values()].sort()).toEqual(operations.map((one) => one.action).sort());
  });

  it('names each action once', () => {
    expect(new Set(operations.map((one) => one.action)).size).toBe(operations.length);
    for (const { action } of operations) expect(action).toMatch(/^[a-z]+(-[a-z]+)*\.[a-z]+(-[a-z0-9]+)*$/);
  });

  it('is what the reference says', async () => {
    await expect(describeOperations()).toMatchFileSnapshot('../../../docs/reference/operations.md');
  });
});

function isOperation(value: unknown): value is { action: string } {
  return typeof value === 'object' && value !== null && 'action' in value && 'run' in value && 'permission' in value;
}
