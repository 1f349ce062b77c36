/**
 * `npm run build:pkcs11`: compiles pkcs11js, through which tokens are reached. Nothing is downloaded: the headers are those of the Node
 * that npm brought, and node-gyp is the one inside npm.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

const require = createRequire(import.meta.url);
const force = process.argv.includes('--force');

/** The folder of pkcs11js, whether it is built or not; undefined where npm left it out. */
function findFolder(name: string): string | undefined {
  try {
    return path.dirname(require.resolve(`${name}/package.json`));
  } catch {
    return undefined;
  }
}

/** npm says where it is to the scripts that it runs; elsewhere it is looked for beside the Node of the system. */
function findNodeGyp(): string | undefined {
  const npm =
    process.env.npm_execpath ??
    spawnSync('sh', ['-c', 'readlink -f "$(command -v npm)"'], { encoding: 'utf8' }).stdout.trim();
  const program = path.join(path.dirname(npm), '..', 'node_modules', 'node-gyp', 'bin', 'node-gyp.js');
  return existsSync(program) ? program : undefined;
}

function fail(message: string): never {
  console.error(message);
  process.exit(1);
}

const folder = findFolder('pkcs11js') ?? fail('pkcs11js is not installed: run "npm ci" without --omit=optional.');
if (existsSync(path.join(folder, 'build', 'Release', 'pkcs11.node')) && !force) {
  console.log('pkcs11js is built already.');
} else {
  const nodeGyp = findNodeGyp() ?? fail('node-gyp, which comes with npm, was not found.');
  const headers = findFolder(`node-${process.platform}-${process.arch}`);
  const { status } = spawnSync(process.execPath, [nodeGyp, 'rebuild'], {
    cwd: folder,
    stdio: 'inherit',
    env: { ...process.env, ...(headers !== undefined && { npm_config_nodedir: headers }) },
  });
  if (status !== 0)
    fail('pkcs11js could not be compiled. It needs a C++ compiler, make and Python 3 (Debian: g++ make python3).');
  console.log('pkcs11js is built.');
}
