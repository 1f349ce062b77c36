#!/usr/bin/env node
// Chancery runs on Node 24. Where the Node that npm found is older, the Node 24 that came with `npm ci` takes over.
import { spawn } from 'node:child_process';
import nodeModule, { createRequire } from 'node:module';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';

if (Number(process.versions.node.split('.')[0]) >= 24) {
  // Compiled code is kept beside the packages it comes from: whoever could change it there could change them too.
  // By the default export, since Node 20, which only hands over, has no such function to import.
  nodeModule.enableCompileCache?.(fileURLToPath(new URL('../../../node_modules/.cache/chancery', import.meta.url)));
  await import('../src/main.ts');
} else {
  const node = bundledNode();
  if (node === undefined) {
    console.error(
      `Chancery needs Node 24 or later; this is ${process.version}, and no Node came with npm for ${process.platform}-${process.arch}. Install Node 24 and run the command again.`,
    );
    process.exit(2);
  }
  const child = spawn(node, [new URL(import.meta.url).pathname, ...process.argv.slice(2)], { stdio: 'inherit' });
  // A terminal's Ctrl-C reaches the child by itself; a signal sent to this process alone is passed on.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('exit', (code, signal) => process.exit(code ?? 128 + constants.signals[signal]));
}

function bundledNode() {
  try {
    return createRequire(import.meta.url).resolve(`node-${process.platform}-${process.arch}/bin/node`);
  } catch {
    return undefined;
  }
}
