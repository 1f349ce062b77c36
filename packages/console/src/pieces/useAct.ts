import { notifications } from '@mantine/notifications';
import { useMutation, useQueryClient } from '@tanstack/react-query';
import { describe } from '../problem.ts';

interface ActOptions<O> {
  /** A form whose fields get the messages that belong beside them. */
  form?: { setErrors: (errors: Record<string, string>) => void };
  /** Query keys that this makes stale. */
  stale?: readonly string[];
  /** Said in a notification when it is done. */
  said?: (output: O) => string;
  onDone?: (output: O) => void;
}

/** Something the person does: one call, its busy state, its error in words, and what it makes stale. */
export function useAct<I, O>(run: (input: I) => Promise<O>, options: ActOptions<O> = {}) {
  const client = useQueryClient();
  return useMutation({
    mutationFn: run,
    onSuccess: async (output) => {
      await Promise.all((options.stale ?? []).map((key) => client.invalidateQueries({ queryKey: [key] })));
      const message = options.said?.(output);
      if (message !== undefined) notifications.show({ message });
      options.onDone?.(output);
    },
    onError: (error) => options.form?.setErrors(describe(error).fields),
  });
}
