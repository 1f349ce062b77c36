import type { AuthorityList } from '@chancery/api';
import { Anchor, Button, Text } from '@mantine/core';
import { useState } from 'react';
import { formatBytes, formatCount } from '../format.ts';
import { PlainTable } from '../pieces/PlainTable.tsx';
import { StateBadge } from '../pieces/StateBadge.tsx';
import { When } from '../pieces/When.tsx';
import type { Worded } from '../words.ts';
import { LIST_LATE, listFreshness } from './judge-status.ts';
import { Span } from './Span.tsx';

/** An authority may have a thousand: the first are enough until somebody wants them all. */
const FIRST = 12;

/** Lists in force, with how far each is through its time. */
export function ListTable({ lists }: { lists: readonly AuthorityList[] }) {
  const [all, setAll] = useState(false);
  if (lists.length === 0) {
    return (
      <Text size="sm" c="dimmed">
        None yet: the first is made within a minute.
      </Text>
    );
  }
  return (
    <>
      <PlainTable
        label="Revocation lists"
        head={['List', 'Number', 'Entries', 'Size', 'Made', 'Next by', 'State', '[Download]']}
      >
        {(all ? lists : lists.slice(0, FIRST)).map((list) => (
          <tr key={list.url}>
            <td>{nameOf(list)}</td>
            <td style={{ whiteSpace: 'nowrap' }}>
              {formatCount(list.number)}
              {list.baseNumber !== null && `, after ${formatCount(list.baseNumber)}`}
            </td>
            <td>{formatCount(list.entries)}</td>
            <td style={{ whiteSpace: 'nowrap' }}>{formatBytes(list.octets)}</td>
            <td>
              <When at={list.thisUpdate} style="relative" />
              <Span what={`${nameOf(list)} list`} from={list.thisUpdate} until={list.nextUpdate} late={LIST_LATE} />
            </td>
            <td>
              <When at={list.nextUpdate} style="relative" />
            </td>
            <td>
              <StateBadge state={listStates[listFreshness(list, Date.now())]} />
            </td>
            <td>
              <Anchor
                size="sm"
                href={new URL(list.url).pathname}
                download
                aria-label={`DER, ${nameOf(list).toLowerCase()} list`}
              >
                DER
              </Anchor>
            </td>
          </tr>
        ))}
      </PlainTable>
      {!all && lists.length > FIRST && (
        <Button mt="xs" size="xs" variant="default" onClick={() => setAll(true)}>
          Show all {formatCount(lists.length)}
        </Button>
      )}
    </>
  );
}

export const listStates: Record<'ok' | 'warn' | 'bad', Worded> = {
  ok: ['Current', 'ok'],
  warn: ['Late', 'warn'],
  bad: ['Ended', 'bad'],
};

function nameOf({ kind, shard }: AuthorityList): string {
  const scope = shard === null ? '' : ` of shard ${shard}`;
  return kind === 'complete' ? `Complete${scope}` : `Delta${scope}`;
}
