/** Compiles the library: `.ts` in node_modules is run by no Node, so what is published is JavaScript and declarations. */
import { execFileSync } from 'node:child_process';
import { globSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

const compiler = createRequire(import.meta.url).resolve('ts7/package.json');

/** Fills `folder` with the compiled library. Throws where the compiler finds fault. */
export function build(folder: string): void {
  rmSync(folder, { recursive: true, force: true });
  const project = path.join(import.meta.dirname, 'tsconfig.json');
  execFileSync(process.execPath, [path.join(path.dirname(compiler), 'bin/tsc'), '-p', project, '--outDir', folder], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  for (const name of globSync('**/*.d.ts', { cwd: folder })) {
    const file = path.join(folder, name);
    writeFileSync(file, namingJavaScript(readFileSync(file, 'utf8')));
  }
}

/** The compiler names `.ts` files in declarations as they stand in the source; only recent compilers find their way from there. */
function namingJavaScript(declarations: string): string {
  return declarations.replaceAll(/\b(from |import\()'(\.\.?\/[^']+)\.ts'/g, "$1'$2.js'");
}
