import { actInWorker } from '../worker/act-in-worker.ts';
import type { Report } from '../worker/answer-order.ts';
import type { ActInput, ActName, ActOutput } from './acts.ts';

/**
 * Does one act with a share key in a worker that ends with it. Octets of a passkey move there: here they are gone.
 * @throws InWords whose message is for the officer
 */
export async function inWorker<N extends ActName>(name: N, input: ActInput<N>, report: Report): Promise<ActOutput<N>> {
  const worker = new Worker(new URL('./share-key-worker.ts', import.meta.url), { type: 'module' });
  return (await actInWorker(worker, { name, input }, secretsOf(input), report)) as ActOutput<N>;
}

function secretsOf(input: ActInput<ActName>): ArrayBuffer[] {
  if (!('source' in input) || input.source.kind !== 'passkey') return [];
  return [input.source.output.buffer as ArrayBuffer];
}
