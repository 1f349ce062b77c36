import type { PublicationTarget } from '@chancery/api';
import { Button, Code, Group, Stack, Text } from '@mantine/core';
import { IconDownload } from '@tabler/icons-react';
import { useState } from 'react';
import { api, useMay } from '../api.ts';
import { fromBase64, save } from '../files.ts';
import { plural } from '../format.ts';
import { Panel } from '../pieces/Page.tsx';
import { ProblemAlert } from '../pieces/ProblemAlert.tsx';
import { useAct } from '../pieces/useAct.ts';

/** What an administrator of Exchange Online runs, and the confirmation that it has run. */
export function Runbooks({ targets }: { targets: readonly PublicationTarget[] }) {
  if (targets.length === 0) return null;
  return (
    <Panel title="Exchange Online, by runbook">
      <Stack gap="lg">
        <Text size="sm" c="dimmed">
          Download the runbook and the authorities into one folder, run it in a PowerShell that is connected to Exchange
          Online, and confirm it here. It puts in and takes out our values one by one, and can be run again.
        </Text>
        {targets.map((one) => (
          <OneRunbook key={one.name} target={one} />
        ))}
      </Stack>
    </Panel>
  );
}

function OneRunbook({ target: { name, pending, failed } }: { target: PublicationTarget }) {
  const mayConfirm = useMay('publication:write');
  const [made, setMade] = useState<{ digest: string; mailboxes: number }>();
  const download = useAct(async (scope: 'changes' | 'full') => {
    const { script, digest, mailboxes } = await api.runbook({ query: { target: name, scope } });
    save(`chancery-${name}-${scope}.ps1`, 'text/plain', script);
    setMade({ digest, mailboxes });
  });
  const store = useAct(async () => {
    const { store: octets } = await api.authorityStore();
    save('chancery.sst', 'application/octet-stream', fromBase64(octets));
  });
  const confirm = useAct((digest: string) => api.confirmRunbook({ body: { target: name, digest } }), {
    stale: ['publication', 'unreachable', 'overview'],
    said: ({ mailboxes }) => `${plural(mailboxes, 'mailbox is', 'mailboxes are')} in line`,
    onDone: () => setMade(undefined),
  });
  return (
    <Stack gap="xs">
      <Text fw={600}>
        {name}: {plural(pending + failed, 'certificate waits', 'certificates wait')}
      </Text>
      <Group gap="xs">
        <Button
          variant="default"
          leftSection={<IconDownload size={16} aria-hidden />}
          loading={download.isPending}
          onClick={() => download.mutate('changes')}
        >
          Changes
        </Button>
        <Button variant="default" loading={download.isPending} onClick={() => download.mutate('full')}>
          In full
        </Button>
        <Button variant="default" loading={store.isPending} onClick={() => store.mutate(undefined)}>
          Authorities (SST)
        </Button>
        {mayConfirm && made !== undefined && (
          <Button loading={confirm.isPending} onClick={() => confirm.mutate(made.digest)}>
            It has run: {plural(made.mailboxes, 'mailbox', 'mailboxes')}
          </Button>
        )}
      </Group>
      {made !== undefined && (
        <Text size="xs" c="dimmed" style={{ overflowWrap: 'anywhere' }}>
          Or later: <Code>{`chancery publication confirm ${name} ${made.digest}`}</Code>
        </Text>
      )}
      <ProblemAlert error={download.error ?? store.error ?? confirm.error} />
    </Stack>
  );
}
