/** The worker: one message in, progress and one answer out. Whoever started it ends it then. */
import { VaultError } from '@chancery/vault';
import { type ActInput, type ActName, acts, type Report } from './acts.ts';

export type Order = { [N in ActName]: { readonly name: N; readonly input: ActInput<N> } }[ActName];

export type Answer =
  | { readonly kind: 'progress'; readonly what: string; readonly share: number | null }
  | { readonly kind: 'done'; readonly output: unknown }
  /** `forPerson`: the message is one for a person to read. */
  | { readonly kind: 'failed'; readonly message: string; readonly forPerson: boolean };

const answer = (message: Answer) => self.postMessage(message);
const report: Report = (what, share) => answer({ kind: 'progress', what, share });

self.onmessage = async ({ data }: MessageEvent<Order>) => {
  try {
    const act = acts[data.name] as (input: Order['input'], report: Report) => Promise<unknown>;
    answer({ kind: 'done', output: await act(data.input, report) });
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    answer({ kind: 'failed', message, forPerson: error instanceof VaultError });
  }
};
