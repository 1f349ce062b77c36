import { InWords } from '../problem.ts';
import type { ActInput, ActName, ActOutput, Report } from './acts.ts';
import type { Answer, Order } from './share-key-worker.ts';

/**
 * Does one act with a share key in a worker that ends with it. Octets of a passkey move there: here they are gone.
 * @throws InWords whose message is for the officer
 */
export async function inWorker<N extends ActName>(name: N, input: ActInput<N>, report: Report): Promise<ActOutput<N>> {
  const worker = new Worker(new URL('./share-key-worker.ts', import.meta.url), { type: 'module' });
  try {
    const output = await new Promise<unknown>((resolve, reject) => {
      worker.onmessage = ({ data }: MessageEvent<Answer>) => {
        if (data.kind === 'progress') report(data.what, data.share);
        else if (data.kind === 'done') resolve(data.output);
        else reject(data.forPerson ? new InWords(data.message) : new Error(data.message));
      };
      worker.onerror = () => reject(new Error('the part of this page that does the computing did not start.'));
      worker.postMessage({ name, input } as Order, secretsOf(input));
    });
    return output as ActOutput<N>;
  } finally {
    worker.terminate();
  }
}

function secretsOf(input: ActInput<ActName>): ArrayBuffer[] {
  if (!('source' in input) || input.source.kind !== 'passkey') return [];
  return [input.source.output.buffer as ArrayBuffer];
}
