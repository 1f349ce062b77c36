/**
 * The relay of `relay.ts` as a process of its own, which dies.
 * Arguments: spool folder, port of the next server, and the file operation at which it is to die as by kill -9 (0: never).
 */
import { promises } from 'node:fs';
import fs from 'node:fs/promises';
import { syncBuiltinESMExports } from 'node:module';

const [folder = '', downstream = '', killAt = '0'] = process.argv.slice(2);

let operations = 0;
function countOperation(): void {
  operations++;
  if (operations === Number(killAt)) process.kill(process.pid, 'SIGKILL');
}

/** Only what changes something on disk: dying between two readings is dying before the next change. */
const changing = ['rename', 'unlink', 'appendFile', 'writeFile'] as const;
const patched = fs as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>;
for (const name of changing) {
  const original = patched[name];
  if (original === undefined) throw new Error(`fs has no ${name}`);
  patched[name] = (...args) => {
    countOperation();
    return original.apply(promises, args);
  };
}
const originalOpen = fs.open;
patched.open = async (...args) => {
  const handle = (await (originalOpen as (...args: unknown[]) => Promise<fs.FileHandle>)(...args)) as unknown as Record<
    string,
    (...args: unknown[]) => Promise<unknown>
  >;
  for (const name of ['write', 'sync', 'datasync']) {
    const original = handle[name];
    if (original === undefined) throw new Error(`a file handle has no ${name}`);
    handle[name] = (...rest) => {
      countOperation();
      return original.apply(handle, rest);
    };
  }
  return handle;
};
syncBuiltinESMExports();

const { startRelay } = await import('./relay.ts');
const { port } = await startRelay(folder, Number(downstream));
process.stdout.write(`${port}\n`);
process.on('SIGTERM', () => process.exit(0));
