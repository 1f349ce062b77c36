import { InWords } from '../problem.ts';
import type { OwnerActInput, OwnerActName, OwnerActOutput } from './owner-acts.ts';
import type { OwnerAnswer, OwnerOrder } from './owner-worker.ts';

/**
 * Does one act with an owner's key in a worker that ends with it. The octets of the passkey move there: here they are gone.
 * @throws InWords whose message is for the person
 */
export async function inOwnerWorker<N extends OwnerActName>(
  name: N,
  input: OwnerActInput<N>,
): Promise<OwnerActOutput<N>> {
  const worker = new Worker(new URL('./owner-worker.ts', import.meta.url), { type: 'module' });
  try {
    const output = await new Promise<unknown>((resolve, reject) => {
      worker.onmessage = ({ data }: MessageEvent<OwnerAnswer>) => {
        if (data.kind === 'done') resolve(data.output);
        else reject(data.forPerson ? new InWords(data.message) : new Error(data.message));
      };
      worker.onerror = () => reject(new Error('the part of this page that does the computing did not start.'));
      worker.postMessage({ name, input } as OwnerOrder, [input.output.buffer as ArrayBuffer]);
    });
    return output as OwnerActOutput<N>;
  } finally {
    worker.terminate();
  }
}
