import type { JournalDelivery, JournalRecord } from '@chancery/api';
import { Breadcrumbs, Skeleton, Stack, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useParams } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { api } from '../api.ts';
import { formatBytes } from '../format.ts';
import { Facts } from '../pieces/Facts.tsx';
import { TextLink } from '../pieces/Links.tsx';
import { Page, Panel } from '../pieces/Page.tsx';
import { PlainTable } from '../pieces/PlainTable.tsx';
import { ProblemAlert } from '../pieces/ProblemAlert.tsx';
import { StateBadge } from '../pieces/StateBadge.tsx';
import { When } from '../pieces/When.tsx';
import { journalOutcomes } from '../words.ts';
import { FoundOut } from './FoundOut.tsx';
import { Addressee, Outcome } from './MailPage.tsx';

/** One decision: what was done, by which rule, from what, and what became of the others who got the message. */
export function MailRecordPage() {
  const { id } = useParams({ from: '/office/mail/$id' });
  const record = useQuery({ queryKey: ['mail', 'record', id], queryFn: () => api.journalEntry({ params: { id } }) });
  return (
    <Page
      title="A mail decision"
      trail={
        <Breadcrumbs mb={4}>
          <TextLink to="/mail" size="sm">
            Mail
          </TextLink>
        </Breadcrumbs>
      }
      lead={record.data && <When at={record.data.at} style="time" />}
    >
      <ProblemAlert error={record.error} onRetry={() => void record.refetch()} />
      {record.isPending && <Skeleton height={320} />}
      {record.data && <Shown record={record.data} />}
    </Page>
  );
}

/** To the server of the recipient's domain, and how nobody could listen on the way, or could. */
function Delivered({ by: { at, host, security } }: { by: JournalDelivery }) {
  return (
    <Text size="sm">
      <When at={at} style="time" />, to {host} ({security})
    </Text>
  );
}

function Shown({ record }: { record: JournalRecord }) {
  return (
    <Stack gap="lg">
      <Panel title="What was done">
        <Facts
          items={[
            ['Done', <Outcome key="done" entry={{ ...record, shadow: [] }} />],
            ['Why', record.detail === '' ? 'As the rule says.' : record.detail],
            [record.rules.length > 1 ? 'Rules' : 'Rule', <DecidingRules key="rules" record={record} />],
            ['Way', record.direction === 'outbound' ? 'Out' : 'In'],
            ['From', <Party key="from" address={record.sender} />],
            ['To', <Party key="to" address={record.recipient} />],
            ...(record.delivery === null
              ? []
              : [['Delivered', <Delivered key="delivered" by={record.delivery} />] as const]),
            [
              'Message',
              <span key="message" className="mono">
                {record.messageId ?? 'without an id'}
              </span>,
            ],
            [
              'Gateway',
              <TextLink key="gateway" to="/mail" search={{ gateway: record.gateway }} size="sm">
                {record.gateway}
              </TextLink>,
            ],
          ]}
        />
      </Panel>
      {record.shadow.length > 0 && (
        <Panel title="What rules in shadow would have done">
          <ul className="plain-list">
            {record.shadow.map((one) => (
              <li key={one.rule}>
                <StateBadge state={journalOutcomes[one.outcome]} />{' '}
                <TextLink to="/mail" search={{ shadow: one.rule }} size="sm">
                  {one.rule}
                </TextLink>
                {one.detail === '' ? '' : `: ${one.detail}`}
              </li>
            ))}
          </ul>
        </Panel>
      )}
      {record.judged !== null && (
        <Panel title="What was found out">
          <FoundOut of={record.judged} />
        </Panel>
      )}
      <Panel title="What was decided from">
        {record.facts === null ? (
          <Text size="sm" c="dimmed">
            The gateway wrote nothing down of it.
          </Text>
        ) : (
          <DecidedFrom record={record} facts={record.facts} />
        )}
      </Panel>
      {record.others.length > 0 && (
        <Panel title="The same message, to others">
          <PlainTable label="The same message, to others" head={['To', 'Done', 'Rule', '[Record]']}>
            {record.others.map((one) => (
              <tr key={one.id}>
                <td>
                  <Addressee address={one.recipient} />
                </td>
                <td>
                  <Outcome entry={one} />
                </td>
                <td>{one.rule ?? ''}</td>
                <td>
                  <TextLink to="/mail/$id" params={{ id: one.id }} size="sm" aria-label={`Record of ${one.recipient}`}>
                    Why
                  </TextLink>
                </td>
              </tr>
            ))}
          </PlainTable>
        </Panel>
      )}
    </Stack>
  );
}

function DecidingRules({ record }: { record: JournalRecord }) {
  if (record.rules.length === 0) return 'None: it was not for a rule to decide.';
  return (
    <>
      {record.rules.map((rule) => (
        <div key={rule}>
          <TextLink to="/mail" search={{ rule }} size="sm">
            {rule}
          </TextLink>
        </div>
      ))}
      {record.ruleSet !== null && (
        <TextLink to="/mail-rules" search={{ version: record.ruleSet }} size="sm" c="dimmed">
          Version {record.ruleSet} of the rules
        </TextLink>
      )}
    </>
  );
}

/** An address with everything that was decided about its mail. */
function Party({ address }: { address: string }) {
  if (address === '') return 'Empty sender: a notification';
  return (
    <TextLink to="/mail" search={{ address }} size="sm" style={{ overflowWrap: 'anywhere' }}>
      {address}
    </TextLink>
  );
}

const protections: Readonly<Record<string, string>> = {
  none: 'Nothing: its sender neither signed nor encrypted it',
  signed: 'Its sender signed it',
  encrypted: 'Its sender encrypted it',
};
const signers: Readonly<Record<string, string>> = {
  ready: 'The gateway has the sender’s key',
  awaited: 'The sender’s certificate was still being made',
  none: 'The gateway has no key of the sender',
};
const certificates: Readonly<Record<string, string>> = {
  good: 'The recipient has a good certificate',
  none: 'The recipient has no good certificate',
  unknown: 'Nobody who knows could be asked',
};

/** What the rules looked at, by name where this release knows it, and as it was written down where not. */
function DecidedFrom({ record, facts }: { record: JournalRecord; facts: NonNullable<JournalRecord['facts']> }) {
  const isOutbound = record.direction === 'outbound';
  const { senderGroups, groups, headers, size, protection, signer, certificate, reason, visible, ...others } = facts;
  // What was found out of mail that came in says it in words already.
  const { authentication, ...rest } = others;
  const unsaid = record.judged === null ? others : rest;
  const named: (readonly [string, ReactNode])[] = [
    ['Protection', protections[String(protection)] ?? String(protection)],
    ...(isOutbound ? ([['Signing', signers[String(signer)] ?? String(signer)]] as const) : []),
    ...(isOutbound
      ? ([
          [
            'Certificate',
            `${certificates[String(certificate)] ?? String(certificate)}${reason === undefined ? '' : `: ${String(reason)}`}`,
          ],
          ['Named in To or Cc', visible === false ? 'No: a hidden copy' : 'Yes'],
        ] as const)
      : []),
    ['Size', typeof size === 'number' ? formatBytes(size) : 'Not known'],
    ['Groups of the sender', <Fact key="from" of={senderGroups ?? null} />],
    ['Groups of the recipient', <Fact key="to" of={groups ?? null} />],
    ['Header fields', <Headers key="headers" of={headers} />],
  ];
  return (
    <Facts
      items={[
        ...named,
        ...Object.entries(unsaid).map(([name, value]) => [factName(name), <Fact key={name} of={value} />] as const),
      ]}
    />
  );
}

/** Those that a rule asked for. */
function Headers({ of }: { of: unknown }) {
  const fields = Array.isArray(of) ? of : [];
  if (fields.length === 0) return 'None that a rule asks for';
  return (
    <ul className="plain-list">
      {fields.map(({ name, value }) => (
        <li key={`${name} ${value}`}>
          {String(name)}: {String(value)}
        </li>
      ))}
    </ul>
  );
}

/** `senderGroups` as `Sender groups`. */
function factName(name: string): string {
  const words = name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
  return `${words.charAt(0).toUpperCase()}${words.slice(1)}`;
}

function Fact({ of }: { of: unknown }) {
  if (Array.isArray(of)) {
    if (of.length === 0) return 'None';
    return (
      <ul className="plain-list">
        {of.map((one) => (
          <li key={JSON.stringify(one)}>
            <Fact of={one} />
          </li>
        ))}
      </ul>
    );
  }
  if (typeof of === 'object' && of !== null) {
    return Object.entries(of)
      .map(
        ([name, value]) =>
          `${factName(name).toLowerCase()}: ${typeof value === 'string' ? value : JSON.stringify(value)}`,
      )
      .join('; ');
  }
  return of === true ? 'Yes' : of === false ? 'No' : String(of ?? 'Not known');
}
