/** kill -9 of a gateway at random moments under load, while what it needs comes and goes. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { idOf, type Letter, LoadedGateway, letterNumber } from './gateway-load.ts';

export interface GatewayKillReport {
  readonly kills: number;
  readonly accepted: number;
  /** By kind of calamity, how often there was one. */
  readonly calamities: Readonly<Record<string, number>>;
  /** Came twice because the gateway died between the next server's answer and writing it down (RFC 5321 4.5.3.2.6). */
  readonly twiceInWindow: number;
  /** Milliseconds from the end of the load until all had been delivered and the spool was empty. */
  readonly drained: number;
  /** What must not be: empty when all is well. */
  readonly broken: readonly string[];
}

interface Options {
  readonly kills: number;
  /** Most milliseconds that a gateway lives. */
  readonly within: number;
  readonly say: (text: string) => void;
}

const senders = 4;
/** Every so many messages is a large one. */
const largeEvery = 12;
/** Milliseconds after a delivery in which its answer may not have been written down yet, on a busy machine. */
const window = 2_000;
const calamity = 400;

export async function killTheGateway({ kills, within, say }: Options): Promise<GatewayKillReport> {
  const disk = smallDisk();
  if (disk === undefined) say('No small disk can be mounted here: the disk does not become full in this run.');
  const gateway = await LoadedGateway.prepare(disk?.spool);
  const { authority, next } = gateway;
  const broken: string[] = [];
  const accepted = new Map<string, Letter>();
  const sent = new Map<string, Letter>();
  const deliveries = new Map<string, number[]>();
  const killedAt: number[] = [];
  const calamities: Record<string, number> = {};
  let over = false;

  let refusing = false;
  next.onMessage = (delivered) => {
    // Kept by number alone: the messages are large.
    next.delivered.length = 0;
    if (refusing) return '451 4.3.2 not now';
    const id = idOf(delivered.message);
    const letter = id === undefined ? undefined : sent.get(id);
    if (id === undefined || letter === undefined) {
      broken.push(`something nobody sent came to ${delivered.recipients.join()}`);
      return undefined;
    }
    deliveries.set(id, [...(deliveries.get(id) ?? []), Date.now()]);
    if (!delivered.recipients.includes(letter.recipient)) broken.push(`${id} went to ${delivered.recipients.join()}`);
    if (letter.secret !== undefined && delivered.message.includes(letter.secret))
      broken.push(`${id} left in the clear`);
    return undefined;
  };

  async function sendAll(first: number): Promise<void> {
    for (let n = first; !over; n += senders) {
      const letter = letterNumber(n, n % largeEvery === 5 ? 5_000_000 : 10_000);
      sent.set(letter.id, letter);
      if ((await gateway.sendUntilTaken(letter, () => over)) !== undefined) accepted.set(letter.id, letter);
      // What is not needed any more of a letter: its octets.
      sent.set(letter.id, { ...letter, message: Buffer.alloc(0) });
    }
  }

  const kindsOfCalamity: Record<string, { begin: () => void; end: () => void }> = {
    'authority gone': { begin: () => set(authority, 'down', true), end: () => set(authority, 'down', false) },
    'authority hanging': { begin: () => set(authority, 'hanging', true), end: () => set(authority, 'hanging', false) },
    'next server refusing': {
      begin: () => {
        refusing = true;
      },
      end: () => {
        refusing = false;
      },
    },
    ...(disk === undefined ? {} : { 'disk full': { begin: disk.fill, end: disk.empty } }),
  };

  async function visitCalamities(): Promise<void> {
    const kinds = Object.entries(kindsOfCalamity);
    for (let n = 0; !over; n++) {
      await sleep(Math.random() * 1_500);
      const [name, { begin, end }] = kinds[n % kinds.length] as (typeof kinds)[number];
      begin();
      await sleep(calamity);
      end();
      calamities[name] = (calamities[name] ?? 0) + 1;
    }
  }

  try {
    await gateway.start();
    const work = [...Array.from({ length: senders }, (_, n) => sendAll(n)), visitCalamities()];
    for (let kill = 1; kill <= kills; kill++) {
      await sleep(Math.random() * within);
      await gateway.kill();
      killedAt.push(Date.now());
      await gateway.start();
      if (kill % 20 === 0) say(`${kill} kills, ${accepted.size} accepted, ${gateway.waiting()} waiting`);
    }
    over = true;
    await Promise.all(work);
    const began = performance.now();
    const missing = () => [...accepted.keys()].filter((id) => !deliveries.has(id));
    for (const deadline = Date.now() + 60_000; Date.now() < deadline; await sleep(50)) {
      if (missing().length === 0 && gateway.waiting() === 0) break;
    }
    const drained = Math.round(performance.now() - began);
    for (const id of missing()) broken.push(`${id} to ${accepted.get(id)?.recipient} was accepted and never delivered`);
    if (gateway.waiting() > 0) broken.push(`${gateway.waiting()} messages are left in the spool`);
    let twiceInWindow = 0;
    for (const [id, [first = 0, ...again]] of deliveries) {
      if (again.length === 0) continue;
      const inWindow = killedAt.some((at) => at >= first - 50 && at - first < window);
      if (inWindow && again.length === 1) twiceInWindow++;
      else broken.push(`${id} came ${again.length + 1} times, and no kill explains it`);
    }
    return { kills, accepted: accepted.size, calamities, twiceInWindow, drained, broken };
  } finally {
    over = true;
    await gateway.dispose();
    disk?.unmount();
  }
}

function set<Key extends 'down' | 'hanging'>(authority: Record<Key, boolean>, key: Key, value: boolean): void {
  authority[key] = value;
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
    spool: path.join(folder, 'spool'),
    fill() {
      const chunk = Buffer.alloc(1024 * 1024);
      try {
        for (let n = 0; n < 64; n++) writeFileSync(ballast, chunk, { flag: 'a' });
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
      }
    },
    empty: () => rmSync(ballast, { force: true }),
    unmount() {
      spawnSync('umount', ['-l', folder]);
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
