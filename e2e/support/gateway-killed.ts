/** kill -9 of a gateway at random moments under load, while what it needs comes and goes. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { encryptMessage } from '@chancery/smime';
import type { NextServer } from '../../packages/gateway/test/support/next-server.ts';
import { makeKeys } from '../../packages/gateway/test/support/test-ca.ts';
import { type Correspondence, idOf, type Letter, LoadedGateway, letterOf } from './gateway-load.ts';
import { daneDomain, makeMxSurroundings, plainDomain, stsDomain, violation } from './gateway-mx.ts';
import { makeSurroundings, type Spell, type Trouble, troublesOf, visit } from './gateway-troubles.ts';

export interface GatewayKillReport {
  readonly kills: number;
  /** By how they had to arrive. */
  readonly accepted: Readonly<Record<Arrival, number>>;
  /** By kind of trouble, how often there was one. */
  readonly troubles: Readonly<Record<string, number>>;
  /** Starts that the full disk, or another trouble, did not let come about; the next did. */
  readonly startedAgain: number;
  /** Of those, by MX: DANE, MTA-STS, nothing promised. */
  readonly byMx: number;
  /** Connections that TLSRPT counted, through all kills, of the domain with DANE. */
  readonly tlsCounted: number;
  /** Came twice because the gateway died between the next server's answer and writing it down (RFC 5321 4.5.3.2.6). */
  readonly twiceInWindow: number;
  /** The same, because the next server went away before its answer came. */
  readonly twiceAtCut: number;
  /** Was accepted while the disk was full, so that its record was in memory alone when the gateway died. */
  readonly unrecorded: number;
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

/** So that what is amiss for one kind keeps none of the others waiting. */
const sendersOfOne = 2;
/** Troubles at once. */
const visitors = 2;
/** Every so many messages is a large one. */
const largeEvery = 12;
/** Milliseconds after a delivery in which its answer may not have been written down yet, on a busy machine. */
const window = 2_000;
/** Milliseconds that a gateway may take to start where something keeps it from that. */
const startPatience = 20_000;

/** How something must arrive. */
type Arrival = 'encrypted' | 'signed' | 'unchanged' | 'opened';

const anna = 'anna@example.com';
const ben = 'ben@example.com';
const rob = 'rob@partner.example';
/** Her certificate is in a directory of her own organisation. */
const pia = 'pia@directory.example';

type Kind = Correspondence & { readonly arrives: Arrival };

const bySmarthost: readonly Kind[] = [
  { direction: 'outbound', sender: anna, recipient: ben, isSecret: true, arrives: 'encrypted' },
  { direction: 'outbound', sender: anna, recipient: rob, isSecret: false, arrives: 'signed' },
  { direction: 'outbound', sender: anna, recipient: 'rob@plain.example', isSecret: false, arrives: 'unchanged' },
  { direction: 'outbound', sender: anna, recipient: pia, isSecret: true, arrives: 'encrypted' },
  { direction: 'inbound', sender: rob, recipient: ben, isSecret: false, arrives: 'unchanged' },
  // Encrypted by its sender.
  { direction: 'inbound', sender: rob, recipient: ben, isSecret: true, arrives: 'opened' },
];

const byMx: readonly Kind[] = [
  { direction: 'outbound', sender: anna, recipient: `rob@${daneDomain}`, isSecret: false, arrives: 'signed' },
  { direction: 'outbound', sender: anna, recipient: `rob@${stsDomain}`, isSecret: false, arrives: 'unchanged' },
  { direction: 'outbound', sender: anna, recipient: `rob@${plainDomain}`, isSecret: false, arrives: 'unchanged' },
];
const isByMx = ({ recipient }: Pick<Letter, 'recipient'>) => byMx.some((kind) => kind.recipient === recipient);

interface Sent extends Letter {
  readonly arrives: Arrival;
}

export async function killTheGateway({ kills, within, say }: Options): Promise<GatewayKillReport> {
  const surroundings = await makeSurroundings(say);
  const mx = await makeMxSurroundings(say);
  const kinds = [...bySmarthost, ...(mx === undefined ? [] : byMx)];
  const senders = kinds.length * sendersOfOne;
  const data = surroundings.configuration.data;
  const gateway = await LoadedGateway.prepare({ ...surroundings.configuration, route: mx?.route ?? {} }, mx);
  const { authority, next } = gateway;
  const broken: string[] = [];
  const accepted = new Map<string, Sent & { readonly at: number }>();
  const sent = new Map<string, Sent>();
  const deliveries = new Map<string, { readonly begunAt: number; readonly at: number }[]>();
  const killedAt: number[] = [];
  const spells: Spell[] = [];
  let startedAgain = 0;
  let calm = false;
  let over = false;

  const certificate = await authority.ca.issue({ spki: makeKeys().spki, emails: [pia], use: 'encryption' });
  surroundings.directory.publish(pia, [certificate.der]);

  let refusing = false;
  const nextServer: Trouble = {
    begin() {
      refusing = true;
    },
    end() {
      refusing = false;
    },
  };
  const troubles = {
    ...troublesOf(authority),
    'next server refusing': nextServer,
    ...surroundings.troubles,
    ...mx?.troubles,
  };

  next.onMessage = (delivered) => {
    // Kept by number alone: the messages are large.
    next.delivered.length = 0;
    return receive(delivered, (letter) => (isByMx(letter) ? 'went by the next server' : undefined));
  };
  if (mx !== undefined)
    mx.onMessage = (arrived) =>
      receive(arrived.delivered, ({ recipient }) => violation(recipient.slice(recipient.indexOf('@') + 1), arrived));

  /** @param objection to the way by which a letter came */
  function receive(
    delivered: NextServer['delivered'][number],
    objection: (letter: Letter) => string | undefined,
  ): string | undefined {
    if (refusing) return '451 4.3.2 not now';
    const id = idOf(delivered.message);
    const letter = id === undefined ? undefined : sent.get(id);
    if (id === undefined || letter === undefined) {
      broken.push(`something nobody sent came to ${delivered.recipients.join()}`);
      return undefined;
    }
    deliveries.set(id, [...(deliveries.get(id) ?? []), { begunAt: delivered.begunAt, at: Date.now() }]);
    const wrong = objection(letter);
    if (wrong !== undefined) broken.push(`${id} to ${letter.recipient} came by a way that it must not: ${wrong}`);
    if (!delivered.recipients.includes(letter.recipient)) broken.push(`${id} went to ${delivered.recipients.join()}`);
    if (!arrivedAs(letter, delivered.message)) broken.push(`${id} to ${letter.recipient} was not ${letter.arrives}`);
    return undefined;
  }

  async function sendAll(first: number): Promise<void> {
    for (let n = first; !over; n += senders) {
      const letter = await write(kinds[first % kinds.length] as (typeof kinds)[number], n);
      sent.set(letter.id, letter);
      const taken = await gateway.sendUntilTaken(letter, () => over);
      // What is not needed any more of a letter: its octets.
      const known = { ...letter, message: Buffer.alloc(0) };
      if (taken !== undefined) accepted.set(letter.id, { ...known, at: Date.now() });
      sent.set(letter.id, known);
    }
  }

  async function write(kind: (typeof kinds)[number], n: number): Promise<Sent> {
    const letter = letterOf(kind, Math.floor(n / senders) % largeEvery === largeEvery - 1 ? 5_000_000 : 10_000);
    if (kind.arrives !== 'opened') return { ...letter, arrives: kind.arrives };
    const recipients = [authority.encryptionKeyOf(ben).certificate];
    const message = Buffer.from(await encryptMessage({ message: letter.message, recipients }));
    return { ...letter, message, arrives: kind.arrives };
  }

  /** As a supervisor does, where a full disk keeps it from starting. */
  async function start(): Promise<void> {
    for (const deadline = Date.now() + startPatience; ; startedAgain++) {
      try {
        return await gateway.start();
      } catch (error) {
        if (Date.now() > deadline) throw error;
        await sleep(100);
      }
    }
  }

  async function untilAllGoesWell(since: number): Promise<void> {
    const still = () => {
      const taken = [...accepted.values()].filter(({ at }) => at > since);
      return kinds.filter(
        (kind) => !taken.some((one) => one.recipient === kind.recipient && one.arrives === kind.arrives),
      );
    };
    for (const deadline = Date.now() + 60_000; Date.now() < deadline && still().length > 0; ) await sleep(50);
    for (const { recipient, arrives } of still())
      broken.push(`nothing that is to be ${arrives} for ${recipient} is accepted any more`);
  }

  /** Accepted, and not in the authority's journal as handed on. */
  function unrecorded(): string[] {
    const recorded = new Set(
      authority.journal.filter(({ outcome }) => outcome !== 'deferred').map(({ messageId }) => messageId),
    );
    return [...accepted.keys()].filter((id) => !recorded.has(`<${id}@example.com>`));
  }

  function circumstances(from: number, to: number): string {
    const amiss = spells.filter(({ begin, end }) => begin <= to && end >= from).map(({ name }) => name);
    const kills = killedAt.filter((at) => at >= from && at <= to).map((at) => `killed after ${at - from} ms`);
    return [...amiss, ...kills].join(', ') || 'nothing was amiss';
  }

  const diskWasFull = (from: number, to: number) =>
    spells.some(({ name, begin, end }) => name === 'disk full' && begin <= to && end >= from);

  try {
    await start();
    const load = Array.from({ length: senders }, (_, n) => sendAll(n));
    // A policy that was never fetched binds nobody: what is shown here begins with one that was.
    if (mx !== undefined) await untilThere(path.join(data ?? gateway.folder, 'mta-sts'));
    const visits = Array.from({ length: visitors }, () => visit(troubles, spells, () => calm));
    for (let kill = 1; kill <= kills; kill++) {
      await sleep(Math.random() * within);
      // The last one in peace: from then on all must go well by itself.
      calm = kill === kills;
      if (calm) await Promise.all(visits);
      await gateway.kill();
      killedAt.push(Date.now());
      await start();
      if (kill % 20 === 0) say(`${kill} kills, ${accepted.size} accepted, ${gateway.waiting()} waiting`);
    }
    await untilAllGoesWell(killedAt.at(-1) ?? 0);
    over = true;
    await Promise.all(load);
    const began = performance.now();
    const missing = () => [...accepted.keys()].filter((id) => !deliveries.has(id));
    for (const deadline = Date.now() + 60_000; Date.now() < deadline; await sleep(50)) {
      if (missing().length === 0 && gateway.waiting() === 0) break;
    }
    const drained = Math.round(performance.now() - began);
    // What was decided is told once a second.
    for (const deadline = Date.now() + 10_000; Date.now() < deadline && unrecorded().length > 0; ) await sleep(100);
    for (const id of missing()) broken.push(`${id} to ${accepted.get(id)?.recipient} was accepted and never delivered`);
    if (gateway.waiting() > 0) broken.push(`${gateway.waiting()} messages are left in the spool`);
    let withoutRecord = 0;
    for (const id of unrecorded()) {
      const { at = 0, direction, recipient } = accepted.get(id) ?? {};
      if (diskWasFull(at - window, at + window)) withoutRecord++;
      else
        broken.push(
          `${id}, ${direction} to ${recipient}, was accepted and is in no journal: ${circumstances(at - window, at + window)}`,
        );
    }
    let twiceInWindow = 0;
    let twiceAtCut = 0;
    for (const [id, times] of deliveries) {
      for (const [n, again] of times.entries()) {
        const before = times[n - 1];
        if (before === undefined) continue;
        const explains = (at: number) => at >= before.begunAt && at <= again.at && at - before.at < window;
        if (killedAt.some(explains)) twiceInWindow++;
        else if (mx?.cuts.some(explains) === true) twiceAtCut++;
        else {
          const around = circumstances(before.begunAt - window, again.at);
          broken.push(`${id} came again ${again.at - before.at} ms later, and no kill explains it: ${around}`);
        }
      }
    }
    const count: Record<string, number> = Object.fromEntries(Object.keys(troubles).map((name) => [name, 0]));
    for (const { name } of spells) count[name] = (count[name] ?? 0) + 1;
    const by: Record<Arrival, number> = { encrypted: 0, signed: 0, unchanged: 0, opened: 0 };
    for (const { arrives } of accepted.values()) by[arrives]++;
    const mxAccepted = [...accepted.values()].filter(isByMx).length;
    const tlsCounted = countedIn(path.join(data ?? gateway.folder, 'tls-reports'));
    if (mx !== undefined && tlsCounted === 0) broken.push('no connection was counted for TLSRPT');
    const counts = { kills, accepted: by, byMx: mxAccepted, tlsCounted, troubles: count, startedAgain };
    return { ...counts, twiceInWindow, twiceAtCut, unrecorded: withoutRecord, drained, broken };
  } finally {
    over = true;
    await gateway.dispose();
    await surroundings.remove();
    await mx?.remove();
  }
}

/** Waits until there is a file in a folder. */
async function untilThere(folder: string): Promise<void> {
  const isThere = () => existsSync(folder) && readdirSync(folder).some((name) => name.endsWith('.json'));
  for (const deadline = Date.now() + 60_000; !isThere(); await sleep(50))
    if (Date.now() > deadline) throw new Error(`nothing came to ${folder}`);
}

/** The sum of all lines; one that a kill or a full disk tore counts for nothing. */
function countedIn(folder: string): number {
  if (!existsSync(folder)) return 0;
  const lines = readdirSync(folder).flatMap((name) => readFileSync(path.join(folder, name), 'utf8').split('\n'));
  return lines.reduce((sum, line) => sum + Number(/,"count":(\d+)\}$/.exec(line)?.[1] ?? 0), 0);
}

function arrivedAs({ arrives, id, secret }: Sent, message: Buffer): boolean {
  const text = message.includes(`secret-of-${id}`);
  switch (arrives) {
    case 'encrypted':
      return !text && message.includes('enveloped-data');
    case 'signed':
      return text && message.includes('multipart/signed');
    case 'unchanged':
      return text && !message.includes('multipart/signed') && !message.includes('enveloped-data');
    case 'opened':
      return secret !== undefined && message.includes(secret);
  }
}
