import type { Profile } from '@chancery/api';
import { Skeleton, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { api } from '../api.ts';
import { formatCount } from '../format.ts';
import { TextLink } from '../pieces/Links.tsx';
import { Page, Panel } from '../pieces/Page.tsx';
import { PlainTable } from '../pieces/PlainTable.tsx';
import { ProblemAlert } from '../pieces/ProblemAlert.tsx';
import { StateBadge } from '../pieces/StateBadge.tsx';
import { When } from '../pieces/When.tsx';
import { uses } from '../words.ts';

/** What certificates look like, kind by kind. */
export function ProfilesPage() {
  const profiles = useQuery({ queryKey: ['profiles'], queryFn: () => api.profiles() });
  return (
    <Page
      title="Profiles"
      lead="What a certificate says, whose key it takes and how long it is good for. A change applies to new certificates only."
    >
      <ProblemAlert error={profiles.error} onRetry={() => void profiles.refetch()} />
      {profiles.isPending && <Skeleton height={320} />}
      {profiles.data !== undefined && (
        <Panel>
          <PlainTable label="Profiles" head={['Profile', 'Use', 'Version', 'Good certificates', 'Changed']}>
            {inOrder(profiles.data.items).map((profile) => (
              <ProfileRow key={profile.id} profile={profile} />
            ))}
          </PlainTable>
        </Panel>
      )}
    </Page>
  );
}

function ProfileRow({ profile }: { profile: Profile }) {
  return (
    <tr>
      <td style={{ minWidth: 220 }}>
        <TextLink to="/profiles/$id" params={{ id: profile.id }} size="sm">
          {profile.name}
        </TextLink>
        <Text size="xs" c="dimmed" className="mono">
          {profile.id}
        </Text>
      </td>
      <td>
        {uses[profile.use]}{' '}
        {profile.chosen && (
          <span style={{ marginLeft: 6 }}>
            <StateBadge state={['In use', 'ok']} />
          </span>
        )}
      </td>
      <td>{profile.version}</td>
      <td>{formatCount(profile.certificates)}</td>
      <td>
        <When at={profile.changedAt} /> by {profile.changedBy}
      </td>
    </tr>
  );
}

/** By use as people think of them; the one in use first. */
function inOrder(profiles: readonly Profile[]): Profile[] {
  const order = Object.keys(uses);
  return [...profiles].sort(
    (one, other) =>
      order.indexOf(one.use) - order.indexOf(other.use) ||
      Number(other.chosen) - Number(one.chosen) ||
      one.name.localeCompare(other.name),
  );
}
