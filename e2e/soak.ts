/**
 * `npm run soak -- MAILS`: a gateway takes so many mails from several senders at once; memory, latency and spool are to stay as they are. It ends with a
 * line that says whether they did, and with 1 where not.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { idOf, LoadedGateway, letterNumber } from './support/gateway-load.ts';

const total = Number(process.argv[2] ?? 200_000);
const senders = 8;
/** Samples over the whole run. */
const samples = 20;
/** Mails without which a run says nothing of memory and latency: a process takes thousands to become warm. */
const enough = 40_000;
/** Milliseconds in which a mail is to be taken, whatever else goes on. */
const patience = 120_000;
const megabytes = (octets: number) => Math.round(octets / 1_048_576);

interface Sample {
  readonly mails: number;
  readonly memory: number;
  readonly median: number;
  readonly p95: number;
  readonly waiting: number;
  readonly perSecond: number;
}

const gateway = await LoadedGateway.prepare();
const taken: Sample[] = [];
const broken: string[] = [];
const awaited = new Set<string>();
let delivered = 0;
gateway.next.onMessage = ({ message }) => {
  gateway.next.delivered.length = 0;
  const id = idOf(message);
  if (id !== undefined && awaited.delete(id)) delivered++;
  else broken.push('a message came that nobody waited for');
  return undefined;
};
const forgetting = setInterval(() => gateway.authority.journal.splice(0), 200);

try {
  await gateway.start();
  await gateway.sendUntilTaken(noted(letterNumber(0, 2_000)), () => false);
  const every = Math.ceil(total / samples);
  let times: number[] = [];
  let next = 1;
  let since = performance.now();
  const worker = async () => {
    while (next < total) {
      const n = next++;
      const deadline = Date.now() + patience;
      const letter = noted(letterNumber(n, 2_000));
      const time = await gateway.sendUntilTaken(letter, () => Date.now() > deadline);
      if (time === undefined) {
        broken.push(`mail ${n} was not taken within ${patience / 1000} s: the run was broken off`);
        awaited.delete(letter.id);
        next = total;
        return;
      }
      times.push(time);
      if (times.length < every) continue;
      const sorted = times.toSorted((a, b) => a - b);
      times = [];
      const sample = {
        mails: n,
        memory: megabytes(gateway.memory()),
        median: Math.round((sorted[Math.floor(sorted.length / 2)] ?? 0) * 10) / 10,
        p95: Math.round((sorted[Math.floor(sorted.length * 0.95)] ?? 0) * 10) / 10,
        waiting: gateway.waiting(),
        perSecond: Math.round((every / (performance.now() - since)) * 1000),
      };
      since = performance.now();
      taken.push(sample);
      process.stderr.write(
        `${sample.mails} of ${total}: ${sample.perSecond} a second, ${sample.memory} MB, ${sample.median} ms (p95 ${sample.p95}), ${sample.waiting} waiting\n`,
      );
    }
  };
  await Promise.all(Array.from({ length: senders }, worker));
  for (const deadline = Date.now() + 60_000; Date.now() < deadline && (awaited.size > 0 || gateway.waiting() > 0); )
    await sleep(50);
  if (awaited.size > 0) broken.push(`${awaited.size} were accepted and never delivered`);
  if (gateway.waiting() > 0) broken.push(`${gateway.waiting()} are left in the spool`);
  judge();
} finally {
  clearInterval(forgetting);
  await gateway.dispose();
}
console.log(JSON.stringify({ mails: total, delivered, samples: taken, broken }, undefined, 2));
const seen =
  total < enough ? 'Too few mails to judge memory and latency by. ' : 'Memory and latency stayed as they were. ';
console.log(
  broken.length === 0
    ? `GOOD: ${delivered} of ${total} mails came, once each, and the spool is empty. ${seen}`
    : `NOT GOOD: ${broken.length > 5 ? `${broken.slice(0, 5).join('; ')}; and ${broken.length - 5} more` : broken.join('; ')}`,
);
if (broken.length > 0) process.exitCode = 1;

/** The second half against the first: the beginning warms up. */
function judge(): void {
  const half = Math.floor(taken.length / 2);
  if (total < enough || half < 2) return;
  const middle = (values: readonly number[]) => values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
  const [early, late] = [taken.slice(1, half), taken.slice(half)];
  const grew = middle(late.map(({ memory }) => memory)) - middle(early.map(({ memory }) => memory));
  if (grew > 64) broken.push(`memory grew by ${grew} MB`);
  const [before, after] = [middle(early.map(({ median }) => median)), middle(late.map(({ median }) => median))];
  if (after > before * 1.5 + 2) broken.push(`latency went from ${before} to ${after} ms`);
}

function noted<Letter extends { readonly id: string }>(letter: Letter): Letter {
  awaited.add(letter.id);
  return letter;
}
