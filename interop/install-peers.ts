/** Installs what is missing of the native peers, when it may: as root on Debian. Otherwise says what will be skipped. */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { isPresent, type PeerName, peers } from './peers.ts';

const absent = () => (Object.keys(peers) as PeerName[]).filter((name) => !isPresent(name));

const wanted = absent();
if (wanted.length === 0) {
  console.log('All native peers are there.');
} else if (process.getuid?.() === 0 && existsSync('/usr/bin/apt-get')) {
  const packages = [...new Set(wanted.flatMap((name) => peers[name].packages))];
  console.log(`Installing ${packages.join(' ')} …`);
  const env = {
    ...process.env,
    DEBIAN_FRONTEND: 'noninteractive',
    // The tests start what they need themselves, in folders of their own.
    RUNLEVEL: '1',
  };
  for (const args of [
    ['update', '-q'],
    ['install', '-qy', '--no-install-recommends', ...packages],
  ]) {
    const { status, stdout, stderr } = spawnSync('apt-get', args, {
      env,
      encoding: 'utf8',
      maxBuffer: 64 * 1024 * 1024,
    });
    if (status !== 0)
      console.error(`apt-get ${args[0]} ended with ${status}:\n${stdout.slice(-2000)}${stderr.slice(-2000)}`);
  }
}

// Not a peer, but what the tests reach SoftHSM through; without it they fail, and say so.
if (isPresent('softhsm'))
  spawnSync(process.execPath, ['packages/keystore/building/build-pkcs11js.ts'], { stdio: 'inherit' });

const still = absent();
for (const name of still) console.log(`not there: ${peers[name].name}; its tests are skipped`);
if (still.length > 0 && process.env.CI === 'true') process.exitCode = 1;
