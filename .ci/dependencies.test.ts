import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { checkDependencies } from './check-dependencies.ts';

const folder = mkdtempSync(path.join(tmpdir(), 'chancery-arrows-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function file(name: string, text: string): void {
  mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
  writeFileSync(path.join(folder, name), text);
}

describe('the dependency rules', () => {
  it('refuse arrows that the plan forbids, and pass those that it allows', async () => {
    file('packages/smime/src/engine.ts', 'export const engine = 1;\n');
    file('packages/authority/src/ra/join.ts', "import { sign } from '../ca/sign.ts';\nexport const join = sign;\n");
    file(
      'packages/authority/src/ca/sign.ts',
      "import { engine } from '../../../smime/src/engine.ts';\nexport const sign = engine;\n",
    );
    file('packages/authority/src/ca/wrong.ts', "import { join } from '../ra/join.ts';\nexport const wrong = join;\n");
    file(
      'packages/gateway/src/main.ts',
      "import { sign } from '../../authority/src/ca/sign.ts';\nexport const main = sign;\n",
    );

    const { modules, violations } = await checkDependencies(folder, ['packages']);

    expect(modules).toBe(5);
    expect(violations.toSorted()).toEqual([
      'ca-apart: packages/authority/src/ca/wrong.ts -> packages/authority/src/ra/join.ts',
      'gateway-is-a-client: packages/gateway/src/main.ts -> packages/authority/src/ca/sign.ts',
    ]);
  });
});
