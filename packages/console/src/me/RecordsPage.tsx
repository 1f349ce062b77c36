import type { Myself } from '@chancery/api';
import { Alert, Button, Checkbox, Group, Stack, Text } from '@mantine/core';
import { IconDownload, IconShieldCheck } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { api } from '../api.ts';
import { save } from '../files.ts';
import { formatTime, plural } from '../format.ts';
import { CopyField } from '../pieces/CopyField.tsx';
import { Panel } from '../pieces/Page.tsx';
import { ProblemAlert } from '../pieces/ProblemAlert.tsx';
import { StateBadge } from '../pieces/StateBadge.tsx';
import { When } from '../pieces/When.tsx';
import { Entrance } from '../shell/Entrance.tsx';
import type { Worded } from '../words.ts';
import { MeFrame } from './MeFrame.tsx';
import { MySignIn } from './MySignIn.tsx';
import { type CheckedRecord, fetchMyTrail, type MyTrail, recordFileOf } from './records.ts';
import { recoveriesIn, tellRecord } from './tell-record.ts';
import { useMyself } from './use-myself.ts';

/** Everything on record about the person, each record proven in this browser. */
export function RecordsPage() {
  const myself = useMyself();
  const trail = useQuery({
    queryKey: ['myself', 'records'],
    queryFn: () => fetchMyTrail(api),
    enabled: myself.data != null,
    staleTime: 30_000,
    refetchOnWindowFocus: false,
  });
  if (myself.data === null) return <MySignIn />;
  if (myself.data === undefined) {
    return (
      <Entrance title="Everything about me">
        <Text role="status">One moment…</Text>
        <ProblemAlert error={myself.error} />
      </Entrance>
    );
  }
  return (
    <MeFrame title="Everything about me" myself={myself.data} back>
      <ProblemAlert error={trail.error} onRetry={() => void trail.refetch()} />
      {trail.isPending && <Text role="status">Your browser fetches the records and checks each…</Text>}
      {trail.data !== undefined && <Records myself={myself.data} trail={trail.data} />}
    </MeFrame>
  );
}

function Records({ myself, trail }: { myself: Myself; trail: MyTrail }) {
  const [all, setAll] = useState(false);
  const told = trail.records.map((one) => ({ ...one, ...tellRecord(one.record, myself.id) }));
  const shown = all
    ? told
    : told.filter(({ weighty, record }) => record.outcome !== 'attempted' && (weighty || record.actor !== 'system'));
  return (
    <>
      <WasRecovered trail={trail} />
      <Checked trail={trail} person={myself.address} />
      <Panel
        title={
          shown.length === told.length
            ? plural(told.length, 'record', 'records')
            : `${shown.length} of ${plural(told.length, 'record', 'records')}`
        }
      >
        <Checkbox
          mb="sm"
          checked={all}
          onChange={(event) => setAll(event.currentTarget.checked)}
          label="Also what the office did by itself, and what was begun"
        />
        <ol style={{ listStyle: 'none', margin: 0, padding: 0 }}>
          {shown.map((one) => (
            <li key={one.record.sequence} style={{ paddingBlock: 6 }}>
              <Group gap="xs" align="baseline">
                <Text size="sm" fw={one.weighty ? 650 : undefined} style={{ flex: '1 1 320px' }}>
                  {one.what}
                </Text>
                <Text size="xs" c="dimmed">
                  <When at={one.record.at} style="time" /> · no. {one.record.sequence}
                </Text>
                <StateBadge state={checks[one.check]} />
              </Group>
            </li>
          ))}
        </ol>
        {shown.length === 0 && <Text size="sm">Nothing but what the office did by itself.</Text>}
      </Panel>
    </>
  );
}

const checks: Record<CheckedRecord['check'], Worded> = {
  proven: ['Proven', 'ok'],
  later: ['Not signed yet', 'wait'],
  wrong: ['Not in the trail', 'bad'],
};

/** The question that people ask first. It is never answered with more than the records shown can carry. */
function WasRecovered({ trail }: { trail: MyTrail }) {
  const recoveries = recoveriesIn(trail.records.map(({ record }) => record));
  return (
    <Panel title="Was my key ever recovered?">
      {recoveries.length === 0 ? (
        <Text fw={650}>No recovery of your keys is among your records.</Text>
      ) : (
        <Stack gap="xs">
          {recoveries.map(({ sequence, at, by, approvedBy, reason, caseNumber }) => (
            <Text key={sequence}>
              <b>Yes, on {formatTime(at)}</b>, given out to {by}
              {approvedBy.length > 0 && `, approved by ${approvedBy.join(' and ')}`}
              {reason !== null && `. Reason: ${reason}`}
              {caseNumber !== null && `. Case ${caseNumber}`}.
            </Text>
          ))}
        </Stack>
      )}
      <Text size="sm" c="dimmed" mt="xs">
        The law or a court can oblige the office to tell somebody only later. Such a request stands in the record from
        its first day, and is shown here once that ends: so nobody is told “never” here.
      </Text>
    </Panel>
  );
}

function Checked({ trail, person }: { trail: MyTrail; person: string }) {
  const { wrong, checkpoint, records, grown } = trail;
  const proven = records.filter(({ check }) => check === 'proven').length;
  const savable = records.some(({ check, proven: one }) => check === 'proven' && one !== null);
  return (
    <Alert
      role="status"
      color={wrong === null ? 'moss' : 'wax'}
      variant="outline"
      icon={<IconShieldCheck aria-hidden />}
      styles={{ body: { minWidth: 0 }, label: { whiteSpace: 'normal' } }}
      title={
        wrong ??
        (checkpoint === null
          ? 'No checkpoint is signed yet: come back in a few minutes'
          : `Your browser has proven ${proven} of ${plural(records.length, 'record', 'records')}`)
      }
    >
      <Stack gap="xs">
        {wrong !== null ? (
          <Text size="sm">Save the file below, and show it to somebody outside this office whom you trust.</Text>
        ) : (
          checkpoint !== null && (
            <Text size="sm">
              Each stands in the record of the whole office as it was signed {formatTime(checkpoint.at)}, and was not
              changed since it was written.
              {grown && ' That record has only grown since this browser last looked.'} That none was left out here, an
              auditor can check, who sees them all.
            </Text>
          )
        )}
        <Group>
          <Button
            variant="default"
            size="compact-md"
            h="auto"
            py={4}
            styles={{ label: { whiteSpace: 'normal', textAlign: 'start' } }}
            disabled={!savable}
            leftSection={<IconDownload size={16} aria-hidden />}
            onClick={() => {
              const file = recordFileOf(trail, person, new Date());
              save(`records-${person}.json`, 'application/json', `${JSON.stringify(file, null, 1)}\n`);
            }}
          >
            Save the records with their proofs
          </Button>
        </Group>
        {trail.keys.length > 0 && (
          <details>
            <summary>
              <Text size="sm" span>
                How somebody else checks that file
              </Text>
            </summary>
            <Text size="sm" mt={6}>
              On any machine that has the program, without this office:
            </Text>
            <CopyField
              label="command"
              value={`chancery audit check-records records-${person}.json --key '${trail.keys.at(-1)}'`}
            />
            <Text size="sm" mt={6}>
              The key is the office’s. Compare it with the one that your works council or auditor has noted.
            </Text>
          </details>
        )}
      </Stack>
    </Alert>
  );
}
