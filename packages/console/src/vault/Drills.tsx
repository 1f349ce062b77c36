import type { Overview, Vault } from '@chancery/api';
import { Button, Group, Modal, NumberInput, Stack, Text } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { api, useMay } from '../api.ts';
import { formatCount, percent } from '../format.ts';
import { Facts } from '../pieces/Facts.tsx';
import { Panel } from '../pieces/Page.tsx';
import { ProblemAlert } from '../pieces/ProblemAlert.tsx';
import { StateBadge } from '../pieces/StateBadge.tsx';
import { useAct } from '../pieces/useAct.ts';
import { When } from '../pieces/When.tsx';

/** What drills have shown, when the next is due, and how one is begun. */
export function Drills({ vault }: { vault: Vault }) {
  const mayBegin = useMay('vault:write');
  const [beginning, dialog] = useDisclosure(false);
  const round = vault.rounds.find(({ kind }) => kind === 'drill');
  const open = round !== undefined;
  // Asked anew whenever the drill has come a step further, or is over.
  const overview = useQuery({
    queryKey: ['overview', round?.id ?? null, round?.records.done ?? null],
    queryFn: () => api.overview(),
  });
  const drill = overview.data?.drill;
  return (
    <Panel
      title="Does it open?"
      actions={
        mayBegin &&
        !open && (
          <Button variant="default" size="compact-sm" onClick={dialog.open}>
            Begin a drill
          </Button>
        )
      }
    >
      <ProblemAlert error={overview.error} onRetry={() => void overview.refetch()} />
      {drill !== undefined && <DrillFacts drill={drill} open={open} />}
      <Modal opened={beginning} onClose={dialog.close} title="Begin a drill">
        <BeginDrill onClose={dialog.close} />
      </Modal>
    </Panel>
  );
}

function DrillFacts({ drill, open }: { drill: Overview['drill']; open: boolean }) {
  const { keys, proven, failed, lastAt, dueAt, overdue } = drill;
  return (
    <Facts
      items={[
        [
          'Proven to open',
          keys === 0
            ? 'There is no key in the vault yet'
            : `${formatCount(proven)} of ${formatCount(keys)} keys, ${percent(proven, keys)} per cent, have been opened by a drill`,
        ],
        ...(failed === 0
          ? []
          : ([
              ['Did not open', <StateBadge key="failed" state={[`${formatCount(failed)} when drawn last`, 'bad']} />],
            ] as const)),
        ['Last drill', lastAt === null ? 'None was complete yet' : <When key="last" at={lastAt} style="relative" />],
        [
          'Next',
          open ? (
            'One is open'
          ) : dueAt === null ? (
            'Whenever somebody begins one'
          ) : (
            <Group key="due" gap="xs">
              <When at={dueAt} style="relative" />
              {overdue && <StateBadge state={['Overdue', 'warn']} />}
            </Group>
          ),
        ],
      ]}
    />
  );
}

function BeginDrill({ onClose }: { onClose: () => void }) {
  const [records, setRecords] = useState<number | string>(20);
  const begin = useAct((count: number) => api.beginDrill({ body: { records: count } }), {
    stale: ['vault', 'overview'],
    said: () => 'The drill is begun. Ask the officers to open this page.',
    onDone: onClose,
  });
  const count = typeof records === 'number' && records >= 1 && records <= 10_000 ? records : null;
  return (
    <Stack>
      <Text size="sm">
        Keys are drawn at random. The officers contribute as they would to a recovery; each key is opened inside the
        office, held against its certificate, and forgotten. Nothing can be released from a drill.
      </Text>
      <NumberInput
        label="How many keys"
        min={1}
        max={10_000}
        allowDecimal={false}
        hideControls
        styles={{ input: { maxWidth: 120 } }}
        value={records}
        onChange={setRecords}
      />
      <ProblemAlert error={begin.error} />
      <Group justify="flex-end">
        <Button variant="default" onClick={onClose}>
          Cancel
        </Button>
        <Button
          disabled={count === null}
          loading={begin.isPending}
          onClick={() => count !== null && begin.mutate(count)}
        >
          Begin the drill
        </Button>
      </Group>
    </Stack>
  );
}
