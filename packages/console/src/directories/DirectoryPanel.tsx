import type { Directory } from '@chancery/api';
import { Alert, Button, Group, Stack, Text } from '@mantine/core';
import { IconAlertTriangle, IconEye, IconRefresh } from '@tabler/icons-react';
import { api, useMay } from '../api.ts';
import { Facts } from '../pieces/Facts.tsx';
import { Panel } from '../pieces/Page.tsx';
import { ProblemAlert } from '../pieces/ProblemAlert.tsx';
import { StateBadge } from '../pieces/StateBadge.tsx';
import { useAct } from '../pieces/useAct.ts';
import { When } from '../pieces/When.tsx';
import { AnswerQuestion } from './AnswerQuestion.tsx';
import { DirectoryPreview } from './DirectoryPreview.tsx';
import { directoryStates, tellCounts, tellProgress } from './words.ts';

/** One directory: how far it is followed, what it would do, what it asks. */
export function DirectoryPanel({ directory }: { directory: Directory }) {
  const mayWrite = useMay('person:write');
  const params = { name: directory.name };
  const run = useAct(() => api.runDirectory({ params }), {
    stale: ['directories'],
    said: () => `A pass over ${directory.name} begins.`,
  });
  const preview = useAct(() => api.previewDirectory({ params }));
  const { question, progress } = directory;
  return (
    <Panel
      title={`Directory ${directory.name}`}
      actions={
        mayWrite && (
          <Group gap="xs">
            <Button
              size="xs"
              variant="default"
              loading={preview.isPending}
              onClick={() => preview.mutate(undefined)}
              leftSection={<IconEye size={16} aria-hidden />}
            >
              Preview
            </Button>
            <Button
              size="xs"
              variant="default"
              loading={run.isPending}
              disabled={directory.state === 'running'}
              onClick={() => run.mutate(undefined)}
              leftSection={<IconRefresh size={16} aria-hidden />}
            >
              Follow now
            </Button>
          </Group>
        )
      }
    >
      <Stack>
        {question !== null && <AnswerQuestion name={directory.name} question={question} mayWrite={mayWrite} />}
        {directory.problem !== null && question?.answer !== null && directory.state !== 'running' && (
          <Alert
            color="wax"
            variant="outline"
            icon={<IconAlertTriangle aria-hidden />}
            title={directoryStates[directory.state][0]}
          >
            <Text size="sm" style={{ overflowWrap: 'anywhere' }}>
              {directory.problem}
            </Text>
          </Alert>
        )}
        <ProblemAlert error={run.error ?? preview.error} />
        <Facts
          items={[
            ['State', <StateBadge key="s" state={directoryStates[directory.state]} />],
            ...(progress === null
              ? []
              : ([
                  [
                    'Now',
                    <Text key="n" size="sm" role="status">
                      {tellProgress(progress)}
                    </Text>,
                  ],
                ] as const)),
            [
              'Where',
              <span key="u" className="mono">
                {directory.url}
              </span>,
            ],
            ['How often', directory.everyMinutes === 1 ? 'Every minute' : `Every ${directory.everyMinutes} minutes`],
            ['Last pass that came to its end', <Since key="d" at={directory.doneAt} />],
            ['Everybody read anew', <Since key="c" at={directory.completeAt} />],
            ...tellCounts(directory.counts),
          ]}
        />
        {preview.data !== undefined && <DirectoryPreview preview={preview.data} />}
      </Stack>
    </Panel>
  );
}

function Since({ at }: { at: string | null }) {
  return at === null ? 'Never' : <When at={at} style="relative" />;
}
