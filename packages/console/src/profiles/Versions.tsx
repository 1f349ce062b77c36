import { type ProfileDetail, profileChanges } from '@chancery/api';
import { Button, Group, Stack, Text } from '@mantine/core';
import { api } from '../api.ts';
import { plural } from '../format.ts';
import { ProblemAlert } from '../pieces/ProblemAlert.tsx';
import { useAct } from '../pieces/useAct.ts';
import { When } from '../pieces/When.tsx';

/** Every version, newest first, with what it changed. An older one can be brought back as a new one. */
export function Versions({ profile, mayWrite }: { profile: ProfileDetail; mayWrite: boolean }) {
  const restore = useAct(
    (version: number) =>
      api.restoreProfile({ params: { id: profile.id }, body: { version, expectedVersion: profile.version } }),
    {
      stale: ['profiles'],
      said: ({ version }) => `Version ${version} is in force for new certificates. It says what the older one said.`,
    },
  );
  return (
    <Stack>
      <ProblemAlert error={restore.error} />
      <ol className="chain" aria-label="Versions">
        {profile.versions.map((one, index) => {
          const changes = profileChanges(profile.versions[index + 1]?.document, one.document);
          return (
            <li key={one.version}>
              <Group justify="space-between" align="flex-start" gap="xs">
                <div>
                  <Text fw={600} size="sm">
                    Version {one.version}
                    {one.restoredFrom !== null && `, brings back version ${one.restoredFrom}`}
                  </Text>
                  <Text size="sm" c="dimmed">
                    <When at={one.createdAt} style="time" /> by {one.author}.{' '}
                    {plural(one.certificates, 'good certificate', 'good certificates')}.
                  </Text>
                </div>
                {mayWrite && one.version !== profile.version && (
                  <Button
                    size="xs"
                    variant="default"
                    loading={restore.isPending && restore.variables === one.version}
                    aria-label={`Bring back version ${one.version}`}
                    onClick={() => restore.mutate(one.version)}
                  >
                    Bring back
                  </Button>
                )}
              </Group>
              {one.note !== '' && <Text size="sm">{one.note}</Text>}
              {one.version > 1 && (
                <ul className="plain-list">
                  {changes.map(({ path, sentence }) => (
                    <li key={path}>{sentence}</li>
                  ))}
                </ul>
              )}
            </li>
          );
        })}
      </ol>
    </Stack>
  );
}
