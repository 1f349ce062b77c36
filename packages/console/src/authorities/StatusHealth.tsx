import type { AuthorityHealth, StatusHealth as Health } from '@chancery/api';
import { Group, Stack, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { api } from '../api.ts';
import { formatCount } from '../format.ts';
import { Facts } from '../pieces/Facts.tsx';
import { Panel } from '../pieces/Page.tsx';
import { PlainTable } from '../pieces/PlainTable.tsx';
import { ProblemAlert } from '../pieces/ProblemAlert.tsx';
import { StateBadge } from '../pieces/StateBadge.tsx';
import { When } from '../pieces/When.tsx';
import type { Worded } from '../words.ts';

/** How revocation lists and OCSP are doing, authority by authority. Asked again every half minute. */
export function StatusHealth() {
  const status = useQuery({ queryKey: ['status'], queryFn: () => api.status(), refetchInterval: 30_000 });
  if (status.data === undefined) return <ProblemAlert error={status.error} onRetry={() => void status.refetch()} />;
  const { authorities, ocsp } = status.data;
  if (authorities.length === 0) return null;
  return (
    <Panel title="Revocation lists and OCSP">
      <Stack gap="lg">
        <PlainTable
          label="Revocation lists"
          head={['Authority', 'List', 'Number', 'Entries', 'Made', 'Next by', 'State']}
        >
          {authorities.flatMap(listsOf).map((list) => (
            <tr key={`${list.authority} ${list.name}`}>
              <td>{list.authority}</td>
              <td>{list.name}</td>
              <td>{list.number}</td>
              <td>{formatCount(list.entries)}</td>
              <td>
                <When at={list.thisUpdate} style="relative" />
              </td>
              <td>
                <When at={list.nextUpdate} style="relative" />
              </td>
              <td>
                <StateBadge state={listState(list)} />
              </td>
            </tr>
          ))}
        </PlainTable>
        <Publications authorities={authorities} />
        <Facts
          items={[...authorities.filter(({ role }) => role === 'issuing').map(responderFact), answersFact(ocsp)]}
        />
      </Stack>
    </Panel>
  );
}

interface ListRow {
  readonly authority: string;
  readonly name: string;
  readonly number: string;
  readonly entries: number;
  readonly thisUpdate: string;
  readonly nextUpdate: string;
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

/** Half of a list's time is more than enough to make the next: past that somebody should look. */
function listState({ thisUpdate, nextUpdate }: ListRow): Worded {
  const [made, ends, now] = [Date.parse(thisUpdate), Date.parse(nextUpdate), Date.now()];
  if (now >= ends) return ['Ended', 'bad'];
  return now > made + (ends - made) / 2 ? ['Late', 'warn'] : ['Current', 'ok'];
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
    <PlainTable
      label="Publication of lists and certificates"
      head={['Authority', 'Where', 'Documents', 'Last published', 'State']}
    >
      {rows.map((row) => (
        <tr key={`${row.authority} ${row.target}`}>
          <td>{row.authority}</td>
          <td style={{ whiteSpace: 'nowrap' }}>{row.target}</td>
          <td>{formatCount(row.documents)}</td>
          <td>{row.publishedAt === null ? 'Never' : <When at={row.publishedAt} style="relative" />}</td>
          <td>
            <Group gap="xs">
              <StateBadge state={publicationState(row)} />
              {row.error !== null && (
                <Text size="sm" c="dimmed">
                  {row.error}
                </Text>
              )}
            </Group>
          </td>
        </tr>
      ))}
    </PlainTable>
  );
}

function publicationState({ error, behind }: AuthorityHealth['publications'][number]): Worded {
  if (error !== null) return ['Failed', 'bad'];
  return behind === 0 ? ['Published', 'ok'] : [`${formatCount(behind)} to go`, 'wait'];
}

function responderFact({ name, responder }: AuthorityHealth) {
  return [
    `OCSP of ${name}`,
    responder === null ? (
      'No certificate to answer with yet: the first question, or the next minute, makes one'
    ) : (
      <>
        Answers with a certificate that ends <When at={responder.notAfter} style="relative" /> and renews itself
      </>
    ),
  ] as const;
}

function answersFact({ answersPerMinute: { kept, signed, refused }, keptAnswers }: Health['ocsp']) {
  return [
    'OCSP answers in the last minute',
    `${formatCount(kept + signed)} (${formatCount(kept)} kept, ${formatCount(signed)} signed), ${formatCount(refused)} refused; ${formatCount(keptAnswers)} in memory, of this process`,
  ] as const;
}
