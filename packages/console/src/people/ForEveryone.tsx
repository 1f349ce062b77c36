import type { KitKind } from '@chancery/api';
import { Button, Group, Text } from '@mantine/core';
import { IconDownload } from '@tabler/icons-react';
import { api } from '../api.ts';
import { fromBase64, save } from '../files.ts';
import { Panel } from '../pieces/Page.tsx';
import { ProblemAlert } from '../pieces/ProblemAlert.tsx';
import { useAct } from '../pieces/useAct.ts';

/** What whoever manages everyone's machines takes: nothing of any one person is in it. */
export function ForEveryone() {
  const download = useAct(async (kind: KitKind) => {
    const { fileName, data } = await api.organisationKit({ query: { kind } });
    save(fileName, 'application/zip', fromBase64(data));
  });
  return (
    <Panel title="For everyone's machines">
      <Text size="sm">
        Trust in your authorities, and how mail programs sign, for your own management of machines. Each person's keys
        come to them alone, by their claim link or on their own page.
      </Text>
      <ProblemAlert error={download.error} />
      <Group mt="sm">
        {(['thunderbird', 'outlook'] as const).map((kind) => (
          <Button
            key={kind}
            variant="default"
            loading={download.isPending && download.variables === kind}
            onClick={() => download.mutate(kind)}
            leftSection={<IconDownload size={16} aria-hidden />}
          >
            {kind === 'thunderbird' ? 'Thunderbird: policies' : 'Outlook: registry and trust'}
          </Button>
        ))}
      </Group>
    </Panel>
  );
}
