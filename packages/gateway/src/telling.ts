/** Something that is told to the authority again and again: one telling at a time, and of failures in a row only the first is logged. */
import { reasonOf } from './errors.ts';
import type { Log } from './log.ts';

export interface Telling<View> {
  /** Begins one, or leaves it to the one under way. Never throws. */
  run(view: View): void;
  isStopped(): boolean;
  /** Begins no more, and waits for the one under way. */
  stop(): Promise<void>;
}

/** @param event for the log, when it cannot be told */
export function tellingOf<View>(tell: (view: View) => Promise<void>, event: string, log: Log): Telling<View> {
  let running: Promise<void> | undefined;
  let failedBefore = false;
  let stopped = false;
  return {
    run(view) {
      if (stopped) return;
      running ??= tell(view)
        .then(() => {
          failedBefore = false;
        })
        .catch((error: unknown) => {
          if (!failedBefore) log.warn(event, { reason: reasonOf(error) });
          failedBefore = true;
        })
        .finally(() => {
          running = undefined;
        });
    },
    isStopped: () => stopped,
    async stop() {
      stopped = true;
      await running;
    },
  };
}
