/** The worker's side: one order in, progress and one answer out. Whoever started the worker ends it then. */
import { VaultError } from '@chancery/vault';

export interface Order {
  readonly name: string;
  readonly input: unknown;
}

export type Answer =
  | { readonly kind: 'progress'; readonly what: string; readonly share: number | null }
  | { readonly kind: 'done'; readonly output: unknown }
  /** `forPerson`: the message is one for a person to read. */
  | { readonly kind: 'failed'; readonly message: string; readonly forPerson: boolean };

/** @param share done so far, from 0 to 1; null where that cannot be told */
export type Report = (what: string, share: number | null) => void;

/** @param acts every act that this worker does, by its name */
export function answerOrder(acts: Readonly<Record<string, Act<never>>>): void {
  self.onmessage = async ({ data }: MessageEvent<Order>) => {
    try {
      const act = acts[data.name] as Act<unknown>;
      answer({ kind: 'done', output: await act(data.input, report) });
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      answer({ kind: 'failed', message, forPerson: error instanceof VaultError });
    }
  };
}

type Act<I> = (input: I, report: Report) => Promise<unknown>;

const answer = (message: Answer) => self.postMessage(message);
const report: Report = (what, share) => answer({ kind: 'progress', what, share });
