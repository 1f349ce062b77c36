import type { ImportedCertificate, PersonDetail } from '@chancery/api';
import { Group, Text } from '@mantine/core';
import { formatDate } from '../format.ts';
import { TextLink } from '../pieces/Links.tsx';
import { StateBadge } from '../pieces/StateBadge.tsx';
import { When } from '../pieces/When.tsx';
import { keyMakers, lockNames, type Worded } from '../words.ts';
import { endOf, partOf, type Scale, scaleOf, standingOf, timesOf } from './key-times.ts';
import './key-history.css';

type Key = PersonDetail['escrowedKeys'][number];

/** Every encryption key of a person on one scale of time: when its certificates were good, how long it is kept, who opens it. */
export function KeyHistory({ person }: { person: PersonDetail }) {
  const now = Date.now();
  const scale = scaleOf(person.escrowedKeys, now);
  return (
    <div className="key-history">
      <div className="key-years" aria-hidden>
        {scale.years.map((year) => (
          <span key={year} style={{ insetInlineStart: `${partOf(scale, Date.UTC(year, 0)) * 100}%` }}>
            {year}
          </span>
        ))}
      </div>
      <ol className="key-rows" aria-label="Encryption keys, the newest first">
        {person.escrowedKeys.map((key) => (
          <li key={key.id} className="key-row" data-destroyed={key.destroyedAt !== null}>
            <Head of={key} imported={person.importedCertificates} now={now} />
            <Bar of={key} scale={scale} now={now} />
            <Locks of={key} />
          </li>
        ))}
      </ol>
      <Text size="sm" c="dimmed" className="key-legend">
        <i data-part="certified" /> its certificates are good <i data-part="kept" /> kept, for old mail
        <i data-part="now" /> today
      </Text>
    </div>
  );
}

function Head({ of: key, imported, now }: { of: Key; imported: readonly ImportedCertificate[]; now: number }) {
  return (
    <Group gap={10} justify="space-between">
      <Group gap={10}>
        <StateBadge state={standings[standingOf(key, now)]} />
        <span>
          <strong>{key.algorithm}</strong>, {keyMakers[key.origin]} <When at={key.createdAt} />
        </span>
      </Group>
      <Group gap={10}>
        {key.certificates.map(({ serialNumber, ours }) =>
          ours ? (
            <TextLink
              key={serialNumber}
              to="/certificates/$serialNumber"
              params={{ serialNumber }}
              size="sm"
              className="mono"
              title={`Certificate ${serialNumber}`}
            >
              {`${serialNumber.slice(0, 8)}…`}
            </TextLink>
          ) : (
            <Text key={serialNumber} size="sm" c="dimmed" span>
              {issuerOf(imported, serialNumber)}
            </Text>
          ),
        )}
      </Group>
    </Group>
  );
}

function Bar({ of: key, scale, now }: { of: Key; scale: Scale; now: number }) {
  const { certified, kept, forEver } = timesOf(key, scale);
  const place = ([from, until]: readonly [number, number]) => ({
    insetInlineStart: `${from * 100}%`,
    inlineSize: `${Math.max(0.6, (until - from) * 100)}%`,
  });
  return (
    <div className="key-bar" role="img" aria-label={sentenceOf(key)} title={sentenceOf(key)}>
      <div className="key-kept" data-for-ever={forEver} style={place(kept)} />
      {certified !== null && <div className="key-certified" style={place(certified)} />}
      <div className="key-now" style={{ insetInlineStart: `${partOf(scale, now) * 100}%` }} />
    </div>
  );
}

function Locks({ of: key }: { of: Key }) {
  return (
    <Group gap={16} className="key-locks">
      <Text size="sm" span>
        {key.destroyedAt !== null ? (
          <>
            Destroyed <When at={key.destroyedAt} />: nobody opens it
          </>
        ) : key.keptUntil === null ? (
          'Kept for ever'
        ) : (
          <>
            Kept until <When at={key.keptUntil} />
          </>
        )}
      </Text>
      {key.locks.map((lock) => (
        <Text key={`${lock.kind} ${lock.holder} ${lock.expiresAt}`} size="sm" c="dimmed" span>
          {lockNames[lock.kind]}
          {lock.holder !== null && ` (${lock.holder})`}
          {lock.expiresAt !== null && (
            <>
              , until <When at={lock.expiresAt} />
            </>
          )}
        </Text>
      ))}
      {key.deliveredAt !== null && (
        <Text size="sm" c="dimmed" span>
          With its owner since <When at={key.deliveredAt} />
        </Text>
      )}
    </Group>
  );
}

const standings: Record<ReturnType<typeof standingOf>, Worded> = {
  destroyed: ['Destroyed', 'quiet'],
  'not-certified': ['Not certified', 'wait'],
  good: ['In force', 'ok'],
  held: ['On hold', 'wait'],
  over: ['For old mail', 'quiet'],
};

function sentenceOf(key: Key): string {
  const first = key.certificates[0];
  const certified =
    first === undefined
      ? 'Never certified'
      : `Certified from ${formatDate(first.notBefore)} until ${formatDate(new Date(Math.max(...key.certificates.map(endOf))).toISOString())}${
          key.certificates.every(({ revokedAt, onHold }) => revokedAt !== null && !onHold) ? ', then revoked' : ''
        }`;
  if (key.destroyedAt !== null) return `${certified}; destroyed ${formatDate(key.destroyedAt)}`;
  return `${certified}; ${key.keptUntil === null ? 'kept for ever' : `kept until ${formatDate(key.keptUntil)}`}`;
}

function issuerOf(imported: readonly ImportedCertificate[], serialNumber: string): string {
  const issuer = imported.find((one) => one.serialNumber === serialNumber)?.issuer;
  return issuer === undefined ? 'another office' : `by ${/CN=([^,+]+)/.exec(issuer)?.[1] ?? issuer}`;
}
