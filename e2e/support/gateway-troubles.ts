/** What may befall a gateway while it works: everything that it needs goes away and comes back. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isPresent } from '../../interop/peers.ts';
import { makePullableToken } from '../../interop/softhsm.ts';
import type { GatewayConfigInput } from '../../packages/gateway/src/index.ts';
import { ldapPeer } from '../../packages/gateway/test/support/loopback-directories.ts';
import type { TestAuthority } from '../../packages/gateway/test/support/test-authority.ts';

export interface Trouble {
  begin(): void;
  end(): void;
}

/** What there can be of a disk, a token and a directory on this machine. */
export interface Surroundings {
  /** For the gateway's configuration. */
  readonly configuration: NonNullable<GatewayConfigInput['gateway']>;
  readonly troubles: Readonly<Record<string, Trouble>>;
  /** An LDAP directory of `directory.example`. */
  readonly directory: Awaited<ReturnType<typeof ldapPeer>>;
  remove(): Promise<void>;
}

export async function makeSurroundings(say: (text: string) => void): Promise<Surroundings> {
  const disk = smallDisk();
  if (disk === undefined) say('No small disk can be mounted here: the disk does not become full in this run.');
  const token = isPresent('softhsm') ? makePullableToken() : undefined;
  if (token === undefined) say('SoftHSM is not here: the keys are in files, and no token is pulled in this run.');
  else process.env.CHANCERY_TEST_PIN = token.pin;
  const directory = await ldapPeer();
  return {
    configuration: {
      ...(disk === undefined ? {} : { data: disk.data }),
      ...(token === undefined
        ? {}
        : {
            keyStore: 'pkcs11',
            pkcs11: { module: token.module, token: token.label, pin: { env: 'CHANCERY_TEST_PIN' } },
          }),
      // Opened keys are asked for again and again, so that both the authority and the token are missed.
      openKeySeconds: 0.3,
      recipients: {
        timeoutSeconds: 2,
        source: [
          {
            ...{ kind: 'ldap', name: 'directory', domains: ['directory.example'], url: directory.url },
            baseDn: 'dc=directory',
          },
        ],
      },
    },
    troubles: {
      'directory hanging': { begin: () => directory.hang(), end: () => directory.hang(false) },
      ...(token === undefined ? {} : { 'token lost': { begin: token.pull, end: token.putBack } }),
      ...(disk === undefined ? {} : { 'disk full': { begin: disk.fill, end: disk.empty } }),
    },
    directory,
    async remove() {
      await directory.stop();
      token?.remove();
      disk?.unmount();
    },
  };
}

/** `authority gone` drops connections, `authority hanging` never answers, `database gone` answers 503. */
export function troublesOf(authority: TestAuthority): Record<string, Trouble> {
  const during = (key: 'down' | 'hanging' | 'withoutDatabase'): Trouble => ({
    begin() {
      authority[key] = true;
    },
    end() {
      authority[key] = false;
    },
  });
  return {
    'authority gone': during('down'),
    'authority hanging': during('hanging'),
    'database gone': during('withoutDatabase'),
  };
}

/** A time in which something was amiss. Milliseconds since 1970; `end` is infinite while it lasts. */
export interface Spell {
  readonly name: string;
  readonly begin: number;
  end: number;
}

/**
 * Visits one trouble after another, in an order that changes from round to round, for a time of its own each. Several visitors may be
 * about at once: each takes what no other has.
 * @param spells where each visit is written down
 */
export async function visit(
  troubles: Readonly<Record<string, Trouble>>,
  spells: Spell[],
  isOver: () => boolean,
): Promise<void> {
  while (!isOver()) {
    for (const [name, { begin, end }] of shuffled(Object.entries(troubles))) {
      await sleep(Math.random() * 3_000);
      if (isOver()) return;
      if (spells.some((one) => one.name === name && one.end === Number.POSITIVE_INFINITY)) continue;
      const spell: Spell = { name, begin: Date.now(), end: Number.POSITIVE_INFINITY };
      spells.push(spell);
      begin();
      await sleep(200 + Math.random() * 800);
      end();
      spell.end = Date.now();
    }
  }
}

function shuffled<T>(all: readonly T[]): T[] {
  return all
    .map((one) => ({ one, at: Math.random() }))
    .sort((a, b) => a.at - b.at)
    .map(({ one }) => one);
}

/** 48 MB of memory as a disk, which only root may mount. */
function smallDisk() {
  const folder = mkdtempSync(path.join(tmpdir(), 'small-disk-'));
  const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=48m', 'tmpfs', folder]).status === 0;
  if (!mounted) {
    rmSync(folder, { recursive: true });
    return undefined;
  }
  const ballast = path.join(folder, 'ballast');
  return {
    /** For all that the gateway keeps: mail, journal, state. */
    data: path.join(folder, 'gateway'),
    fill() {
      // To the last octet: what is small does not fit either.
      for (let octets = 1024 * 1024; octets >= 1024; octets /= 4) {
        const chunk = Buffer.alloc(octets);
        try {
          for (let n = 0; n < 64; n++) writeFileSync(ballast, chunk, { flag: 'a' });
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
        }
      }
    },
    empty: () => rmSync(ballast, { force: true }),
    unmount() {
      spawnSync('umount', ['-l', folder]);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
