import { actInWorker } from '../worker/act-in-worker.ts';
import type { OwnerActInput, OwnerActName, OwnerActOutput } from './owner-acts.ts';

/**
 * Does one act with an owner's key in a worker that ends with it. The octets of the passkey move there: here they are gone.
 * @throws InWords whose message is for the person
 */
export async function inOwnerWorker<N extends OwnerActName>(
  name: N,
  input: OwnerActInput<N>,
): Promise<OwnerActOutput<N>> {
  const worker = new Worker(new URL('./owner-worker.ts', import.meta.url), { type: 'module' });
  return (await actInWorker(worker, { name, input }, [input.output.buffer as ArrayBuffer])) as OwnerActOutput<N>;
}
