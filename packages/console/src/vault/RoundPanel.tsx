import { type Round, routes, type Vault } from '@chancery/api';
import { digestOf, fingerprintOf, type RewrapTarget, type Transcript } from '@chancery/vault';
import { Button, Checkbox, Group, Progress, Skeleton, Stack, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useMemo, useState } from 'react';
import { api, useMe } from '../api.ts';
import { formatCount, percent, plural } from '../format.ts';
import { Findings } from '../pieces/Findings.tsx';
import { Panel } from '../pieces/Page.tsx';
import { PlainTable } from '../pieces/PlainTable.tsx';
import { ProblemAlert } from '../pieces/ProblemAlert.tsx';
import { useAct } from '../pieces/useAct.ts';
import { When } from '../pieces/When.tsx';
import { Fingerprint } from './Fingerprint.tsx';
import { useShareKey } from './use-share-key.tsx';

interface RoundPanelProps {
  vault: Vault;
  round: Round;
}

/** A drill or a re-wrapping that is open: how far it is, whom it waits for, and the officer's own part of it. */
export function RoundPanel({ vault, round }: RoundPanelProps) {
  const { kind, records, batches, officers, threshold, failures } = round;
  const done = kind === 'drill' ? 'proven to open' : 'moved';
  return (
    <Panel title={kind === 'drill' ? 'A drill' : 'Moving keys into this vault'}>
      <Stack>
        <Text size="sm">
          {kind === 'drill'
            ? `${plural(records.asked, 'key was', 'keys were')} drawn at random. Each is opened inside the office by ${threshold} officers, held against its certificate, and forgotten: nothing is released.`
            : `The vault before this one still holds keys. They move as any ${threshold} of its officers contribute, each at their own browser; then it is retired, and its key destroyed.`}
        </Text>
        <div>
          <Text size="sm" mb={4}>
            {formatCount(records.done)} of {formatCount(records.asked)} keys {done}. Begun{' '}
            <When at={round.begunAt} style="relative" />.
          </Text>
          <Progress
            value={percent(records.done, records.asked)}
            aria-label={`${percent(records.done, records.asked)} per cent ${done}`}
            size="sm"
          />
        </div>
        <Findings
          label="What did not open"
          findings={failures.map(({ escrowedKeyId, error }) => ({
            key: escrowedKeyId,
            tone: 'bad',
            text: `${escrowedKeyId}: ${error} Restore this record from a backup.`,
          }))}
        />
        <PlainTable label="Officers" head={['Officer', 'Contributed']}>
          {officers.map(({ id, name, contributed }) => (
            <tr key={id}>
              <td>{name}</td>
              <td>
                {contributed === batches.asked
                  ? 'Everything'
                  : `${contributed} of ${plural(batches.asked, 'batch', 'batches')}`}
              </td>
            </tr>
          ))}
        </PlainTable>
        {round.yours > 0 && <YourBatches vault={vault} round={round} />}
      </Stack>
    </Panel>
  );
}

/** What is fetched, computed and sent at once: the share key is asked for anew after that many. */
const AT_ONCE = 50;

function YourBatches({ vault, round }: RoundPanelProps) {
  const work = useQuery({
    queryKey: ['vault', 'round-work', round.id, round.yours],
    queryFn: () => api.roundWork({ params: { id: round.id }, query: { limit: AT_ONCE } }),
  });
  if (work.data === undefined) {
    return (
      <>
        <ProblemAlert error={work.error} onRetry={() => void work.refetch()} />
        {work.isPending && <Skeleton height={120} />}
      </>
    );
  }
  return <Contribute vault={vault} round={round} work={work.data} />;
}

function Contribute({ vault, round, work }: RoundPanelProps & { work: Awaited<ReturnType<typeof api.roundWork>> }) {
  const me = useMe();
  const transcript = JSON.parse(work.transcript) as Transcript;
  const founding = work.target === null ? null : (JSON.parse(work.target) as Transcript);
  const own = transcript.plan.officers.find(({ id }) => id === me?.id);
  const known =
    founding?.plan.officers.some(({ publicKeys }) => publicKeys.signing === own?.publicKeys.signing) ?? true;
  const fingerprint = founding === null ? '' : fingerprintOf(digestOf(founding));
  const [compared, setCompared] = useState<string | null>(null);
  const old = useMemo(() => work.batches.some(({ canonical }) => canonical.includes('"ownership":null')), [work]);
  const [acceptAttested, setAcceptAttested] = useState(false);
  const key = useShareKey({ vault, encryption: own?.publicKeys.encryption });
  const act = useAct(
    async () => {
      const target: RewrapTarget | null =
        founding === null ? null : { transcript: founding, fingerprint: known ? null : compared };
      const documents = work.batches.map(({ canonical }) => canonical);
      const parts = await key.run('contribute', {
        officerId: me?.id ?? '',
        kind: round.kind,
        transcript,
        target,
        acceptAttested,
        documents,
      });
      for (const [at, { id }] of work.batches.entries()) {
        await api.contribute({ params: { id }, body: routes.contribute.body.parse(parts[at]) });
      }
      return parts.length;
    },
    {
      stale: ['vault', 'overview'],
      said: (count) => (count < work.waiting ? 'Recorded. There is more to do.' : 'Your part is done.'),
    },
  );
  return (
    <Stack gap="sm">
      {founding !== null && !known && (
        <Stack gap="xs">
          <Text size="sm">
            Have an officer of the new vault read its fingerprint to you, in one room or by telephone. Your browser lets
            keys go to the vault with exactly this one and nowhere else.
          </Text>
          <Fingerprint value={fingerprint} size="large" />
          <Checkbox
            label="An officer of the new vault has read the same sixty digits"
            checked={compared === fingerprint}
            onChange={(event) => setCompared(event.currentTarget.checked ? fingerprint : null)}
          />
        </Stack>
      )}
      {old && (
        <Checkbox
          label="Take keys, too, from before there were proofs of whose they are"
          checked={acceptAttested}
          onChange={(event) => setAcceptAttested(event.currentTarget.checked)}
        />
      )}
      {key.fields}
      <ProblemAlert error={act.error} />
      <Group>
        <Button
          disabled={!key.ready || (!known && compared !== fingerprint)}
          loading={act.isPending}
          onClick={() => act.mutate(undefined)}
        >
          {work.waiting > AT_ONCE ? `Contribute to the next ${AT_ONCE} of ${work.waiting} batches` : 'Contribute'}
        </Button>
      </Group>
    </Stack>
  );
}
