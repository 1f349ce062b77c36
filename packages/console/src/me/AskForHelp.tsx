import type { Myself } from '@chancery/api';
import { Button, Group, Radio, Stack, Text, Textarea } from '@mantine/core';
import { useForm } from '@mantine/form';
import { useState } from 'react';
import { api } from '../api.ts';
import { Panel } from '../pieces/Page.tsx';
import { ProblemAlert } from '../pieces/ProblemAlert.tsx';
import { useAct } from '../pieces/useAct.ts';
import { When } from '../pieces/When.tsx';
import { helpTopics } from '../words.ts';

interface AskForHelpProps {
  help: Myself['help'];
  onSaid: (what: string) => void;
}

/** A note to the registration officers. Nothing is recovered by it. */
export function AskForHelp({ help, onSaid }: AskForHelpProps) {
  const [open, setOpen] = useState(false);
  const form = useForm<{ topic: keyof typeof helpTopics; note: string }>({
    initialValues: { topic: 'lost-key', note: '' },
  });
  const ask = useAct((body: typeof form.values) => api.askForHelp({ body }), {
    form,
    stale: ['myself'],
    onDone: () => onSaid('Your registration officers will see that you need help.'),
  });
  if (help !== null) {
    return (
      <Panel title="Lost a key?">
        <Text size="sm" role="status">
          You asked for help (“{helpTopics[help.topic].toLowerCase()}”) <When at={help.askedAt} style="relative" />. A
          registration officer will come back to you.
        </Text>
      </Panel>
    );
  }
  return (
    <Panel title="Lost a key?">
      <Stack gap="sm">
        <Text size="sm">
          Nothing is lost for good: your encryption keys are in escrow, and several officers together bring them back. A
          registration officer sees that you ask, and comes to you.
        </Text>
        {open ? (
          <form onSubmit={form.onSubmit((values) => ask.mutate(values))}>
            <Stack gap="sm">
              <Radio.Group label="What happened?" {...form.getInputProps('topic')}>
                <Stack gap="xs" mt="xs">
                  {Object.entries(helpTopics).map(([topic, words]) => (
                    <Radio key={topic} value={topic} label={words} />
                  ))}
                </Stack>
              </Radio.Group>
              <Textarea
                label="Anything that helps to help you"
                description="No passwords, please"
                autosize
                minRows={2}
                maxLength={1000}
                {...form.getInputProps('note')}
              />
              <ProblemAlert error={ask.error} placed={['note']} />
              <Group>
                <Button type="submit" loading={ask.isPending}>
                  Ask for help
                </Button>
                <Button variant="default" onClick={() => setOpen(false)}>
                  Not now
                </Button>
              </Group>
            </Stack>
          </form>
        ) : (
          <Group>
            <Button variant="default" onClick={() => setOpen(true)}>
              Ask for help
            </Button>
          </Group>
        )}
      </Stack>
    </Panel>
  );
}
