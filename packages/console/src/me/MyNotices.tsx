import { type NoticeEvent, type NoticeLanguage, noticeLanguages } from '@chancery/api';
import { Button, Group, Select, Stack, Switch, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { api } from '../api.ts';
import { eventNames, languageNames } from '../notices/words.ts';
import { Panel } from '../pieces/Page.tsx';
import { ProblemAlert } from '../pieces/ProblemAlert.tsx';
import { useAct } from '../pieces/useAct.ts';

/** In which language a person is written to, and what they may do without. */
export function MyNotices({ onSaid }: { onSaid: (what: string) => void }) {
  const mine = useQuery({ queryKey: ['my-notices'], queryFn: () => api.myNotices() });
  if (mine.data === undefined) return <ProblemAlert error={mine.error} onRetry={() => void mine.refetch()} />;
  return <Choices key={JSON.stringify(mine.data)} mine={mine.data} onSaid={onSaid} />;
}

type Mine = Awaited<ReturnType<typeof api.myNotices>>;

function Choices({ mine, onSaid }: { mine: Mine; onSaid: (what: string) => void }) {
  const [language, setLanguage] = useState<NoticeLanguage | null>(mine.preferences.language);
  const [muted, setMuted] = useState<readonly NoticeEvent[]>(mine.preferences.muted);
  const save = useAct(() => api.changeMyNotices({ body: { language, muted: [...muted] } }), {
    stale: ['my-notices'],
    onDone: () => onSaid('The office writes to you as you wish.'),
  });
  return (
    <Panel title="What the office writes to me">
      <Stack gap="sm">
        <Text size="sm">
          Mail goes to {mine.address}. What guards your keys always reaches you: when something of yours is revoked, or
          goes to another device.
        </Text>
        <Select
          label="Language"
          w={240}
          placeholder={languageNames[mine.officeLanguage]}
          clearable
          clearButtonProps={{ 'aria-label': 'As the office has it' }}
          value={language}
          data={noticeLanguages.map((value) => ({ value, label: languageNames[value] }))}
          onChange={setLanguage}
        />
        {mine.mayMute.map((event) => (
          <Switch
            key={event}
            label={eventNames[event]}
            checked={!muted.includes(event)}
            onChange={(change) => {
              const { checked } = change.currentTarget;
              setMuted((old) => (checked ? old.filter((one) => one !== event) : [...old, event]));
            }}
          />
        ))}
        <ProblemAlert error={save.error} />
        <Group>
          <Button variant="default" loading={save.isPending} onClick={() => save.mutate(undefined)}>
            Save
          </Button>
        </Group>
      </Stack>
    </Panel>
  );
}
