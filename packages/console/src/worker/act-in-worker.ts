import { InWords } from '../problem.ts';
import type { Answer, Order, Report } from './answer-order.ts';

/**
 * Has a new worker do one act with a person's key, and ends it with that.
 * @param secrets of the order: they move to the worker, and here they are gone
 * @throws InWords whose message is for that person
 */
export async function actInWorker(
  worker: Worker,
  order: Order,
  secrets: ArrayBuffer[],
  report?: Report,
): Promise<unknown> {
  try {
    return await new Promise((resolve, reject) => {
      worker.onmessage = ({ data }: MessageEvent<Answer>) => {
        if (data.kind === 'progress') report?.(data.what, data.share);
        else if (data.kind === 'done') resolve(data.output);
        else reject(data.forPerson ? new InWords(data.message) : new Error(data.message));
      };
      worker.onerror = () => reject(new Error('the part of this page that does the computing did not start.'));
      worker.postMessage(order, secrets);
    });
  } finally {
    worker.terminate();
  }
}
