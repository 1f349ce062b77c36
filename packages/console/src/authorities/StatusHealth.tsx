import type { AuthorityHealth, StatusHealth as Health } from '@chancery/api';
import { Group, SimpleGrid, Stack, Text, Title } from '@mantine/core';
import type { UseQueryResult } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { formatCount, percent, timeLeft } from '../format.ts';
import { Findings } from '../pieces/Findings.tsx';
import { Panel } from '../pieces/Page.tsx';
import { PlainTable } from '../pieces/PlainTable.tsx';
import { ProblemAlert } from '../pieces/ProblemAlert.tsx';
import { StateBadge } from '../pieces/StateBadge.tsx';
import { When } from '../pieces/When.tsx';
import type { Worded } from '../words.ts';
import { findingsOf, judgeResponder, LIST_LATE, listFreshness } from './judge-status.ts';
import { listStates } from './ListTable.tsx';
import { Span } from './Span.tsx';

/** How revocation lists and OCSP are doing, authority by authority; what to do where something is late stands first. */
export function StatusHealth({ status }: { status: UseQueryResult<Health> }) {
  if (status.data === undefined) return <ProblemAlert error={status.error} onRetry={() => void status.refetch()} />;
  const { authorities, ocsp } = status.data;
  if (authorities.length === 0) return null;
  return (
    <Panel title="Revocation lists and OCSP">
      <Stack gap="lg">
        <Findings label="What relying parties would notice" findings={findingsOf(authorities, Date.now())} />
        <Answers ocsp={ocsp} />
        <Responders authorities={authorities.filter(({ role }) => role === 'issuing')} />
        <Lists authorities={authorities} />
        <Publications authorities={authorities} />
      </Stack>
    </Panel>
  );
}

function Answers({ ocsp: { answersPerMinute, keptAnswers } }: { ocsp: Health['ocsp'] }) {
  const { kept, signed, refused } = answersPerMinute;
  return (
    <SimpleGrid cols={{ base: 1, xs: 3 }}>
      <Measure name="OCSP answers in the last minute" value={formatCount(kept + signed)}>
        {refused === 0 ? 'none refused' : `and ${formatCount(refused)} refused: not for our certificates, or malformed`}
      </Measure>
      <Measure name="Given from memory" value={kept + signed === 0 ? '–' : `${percent(kept, kept + signed)} %`}>
        {formatCount(kept)} kept, {formatCount(signed)} signed anew
      </Measure>
      <Measure name="Answers in memory" value={formatCount(keptAnswers)}>
        of this process; chancery status counts its own, at /health
      </Measure>
    </SimpleGrid>
  );
}

function Measure({ name, value, children }: { name: string; value: string; children: ReactNode }) {
  return (
    <div>
      <Text size="sm" c="dimmed">
        {name}
      </Text>
      <Text fz={22} fw={650} lh={1.3}>
        {value}
      </Text>
      <Text size="sm" c="dimmed" component="div">
        {children}
      </Text>
    </div>
  );
}

function Responders({ authorities }: { authorities: readonly AuthorityHealth[] }) {
  if (authorities.length === 0) return null;
  return (
    <div>
      <Title order={3} mb="xs">
        OCSP certificates
      </Title>
      <PlainTable label="OCSP certificates" head={['Authority', 'Since', 'Left', 'State']}>
        {authorities.map(({ id, name, responder }) => (
          <tr key={id}>
            <td className="named">{name}</td>
            <td>
              {responder === null ? (
                '–'
              ) : (
                <>
                  <When at={responder.notBefore} style="relative" />
                  <Span
                    what={`OCSP certificate of ${name}`}
                    from={responder.notBefore}
                    until={responder.notAfter}
                    late={0.75}
                  />
                </>
              )}
            </td>
            <td>{responder === null ? '–' : timeLeft(responder.notAfter, Date.now()).replace(/ left$/, '')}</td>
            <td>
              <StateBadge state={responderState(responder)} />
            </td>
          </tr>
        ))}
      </PlainTable>
    </div>
  );
}

function responderState(responder: AuthorityHealth['responder']): Worded {
  if (responder === null) return ['Not yet made', 'wait'];
  const state = judgeResponder(responder, Date.now());
  return state === 'ok' ? ['Renews itself', 'ok'] : listStates[state];
}

interface ListRow {
  readonly authority: string;
  readonly name: string;
  readonly number: string;
  readonly entries: number;
  readonly thisUpdate: string;
  readonly nextUpdate: string;
}

function Lists({ authorities }: { authorities: readonly AuthorityHealth[] }) {
  return (
    <div>
      <Title order={3} mb="xs">
        Revocation lists
      </Title>
      <PlainTable
        label="Revocation lists"
        head={['Authority', 'List', 'Number', 'Entries', 'Made', 'Next by', 'State']}
      >
        {authorities.flatMap(listsOf).map((list) => (
          <tr key={`${list.authority} ${list.name}`}>
            <td className="named">{list.authority}</td>
            <td>{list.name}</td>
            <td>{list.number}</td>
            <td>{formatCount(list.entries)}</td>
            <td>
              <When at={list.thisUpdate} style="relative" />
              <Span
                what={`${list.name} of ${list.authority}`}
                from={list.thisUpdate}
                until={list.nextUpdate}
                late={LIST_LATE}
              />
            </td>
            <td>
              <When at={list.nextUpdate} style="relative" />
            </td>
            <td>
              <StateBadge state={listStates[listFreshness(list, Date.now())]} />
            </td>
          </tr>
        ))}
      </PlainTable>
    </div>
  );
}

function listsOf({ name: authority, complete, delta, shards }: AuthorityHealth): ListRow[] {
  return [
    ...(complete === null ? [] : [{ ...complete, authority, name: 'Complete', number: String(complete.number) }]),
    ...(delta === null
      ? []
      : [{ ...delta, authority, name: 'Delta', number: `${delta.number}, after ${delta.baseNumber ?? '?'}` }]),
    ...(shards === null ? [] : [{ ...shards, authority, name: `${formatCount(shards.count)} shards`, number: '–' }]),
  ];
}

function Publications({ authorities }: { authorities: readonly AuthorityHealth[] }) {
  const rows = authorities.flatMap(({ name, publications }) =>
    publications.map((publication) => ({ ...publication, authority: name })),
  );
  if (rows.length === 0) {
    return (
      <Text size="sm" c="dimmed">
        Served over HTTP only: no folder and no directory is configured for them.
      </Text>
    );
  }
  return (
    <div>
      <Title order={3} mb="xs">
        Publication
      </Title>
      <PlainTable
        label="Publication of lists and certificates"
        head={['Authority', 'Where', 'Documents', 'Last published', 'State']}
      >
        {rows.map((row) => (
          <tr key={`${row.authority} ${row.target}`}>
            <td className="named">{row.authority}</td>
            <td style={{ whiteSpace: 'nowrap' }}>{row.target}</td>
            <td>{formatCount(row.documents)}</td>
            <td>{row.publishedAt === null ? 'Never' : <When at={row.publishedAt} style="relative" />}</td>
            <td>
              <Group gap="xs">
                <StateBadge state={publicationState(row)} />
                {row.triedAt !== null && row.error !== null && (
                  <Text size="sm" c="dimmed">
                    tried <When at={row.triedAt} style="relative" />
                  </Text>
                )}
              </Group>
            </td>
          </tr>
        ))}
      </PlainTable>
    </div>
  );
}

function publicationState({ error, behind }: AuthorityHealth['publications'][number]): Worded {
  if (error !== null) return ['Failed', 'bad'];
  return behind === 0 ? ['Published', 'ok'] : [`${formatCount(behind)} to go`, 'wait'];
}
