/** The worker: one message in, one answer out. Whoever started it ends it then. */
import { VaultError } from '@chancery/vault';
import { type OwnerActInput, type OwnerActName, ownerActs } from './owner-acts.ts';

export type OwnerOrder = { [N in OwnerActName]: { readonly name: N; readonly input: OwnerActInput<N> } }[OwnerActName];

export type OwnerAnswer =
  | { readonly kind: 'done'; readonly output: unknown }
  /** `forPerson`: the message is one for a person to read. */
  | { readonly kind: 'failed'; readonly message: string; readonly forPerson: boolean };

const answer = (message: OwnerAnswer) => self.postMessage(message);

self.onmessage = async ({ data }: MessageEvent<OwnerOrder>) => {
  try {
    const act = ownerActs[data.name] as (input: OwnerOrder['input']) => Promise<unknown>;
    answer({ kind: 'done', output: await act(data.input) });
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    answer({ kind: 'failed', message, forPerson: error instanceof VaultError });
  }
};
