import type { Myself } from '@chancery/api';
import { Button, Group, Stack, Text, Title } from '@mantine/core';
import { IconLogout } from '@tabler/icons-react';
import { Link } from '@tanstack/react-router';
import { type ReactNode, useEffect } from 'react';
import { api, queryClient } from '../api.ts';
import { Address } from '../pieces/Address.tsx';
import { ProblemAlert } from '../pieces/ProblemAlert.tsx';
import { useAct } from '../pieces/useAct.ts';
import { ColorSchemeMenu } from '../shell/ColorSchemeMenu.tsx';
import { SealMark } from '../shell/SealMark.tsx';

interface MeFrameProps {
  title: string;
  myself: Myself;
  /** Away from the first page. */
  back?: boolean;
  children: ReactNode;
}

/** The frame of a person's own pages: one column, one thing after the other. */
export function MeFrame({ title, myself, back = false, children }: MeFrameProps) {
  useEffect(() => {
    document.title = `${title} · Chancery`;
  }, [title]);
  const signOut = useAct(() => api.selfLogout(), {
    onDone: ({ next }) => {
      queryClient.setQueryData(['myself'], null);
      if (next !== null) location.assign(next);
    },
  });
  return (
    <div className="entrance">
      <main style={{ maxWidth: 760 }}>
        <Group justify="space-between" mb="lg" wrap="nowrap">
          <Group gap="xs" wrap="nowrap">
            <SealMark size={36} />
            <Text fw={650} size="lg">
              {myself.organisation}
            </Text>
          </Group>
          <Group gap={4} wrap="nowrap">
            <ColorSchemeMenu />
            <Button
              variant="default"
              size="compact-md"
              loading={signOut.isPending}
              onClick={() => signOut.mutate(undefined)}
              leftSection={<IconLogout size={16} aria-hidden />}
            >
              Sign out
            </Button>
          </Group>
        </Group>
        <Stack gap="lg">
          <div>
            {back && (
              <Link to="/me" className="quiet-link">
                Back to my keys
              </Link>
            )}
            <Title order={1}>{title}</Title>
            <Text c="dimmed">
              {myself.name}, <Address of={myself.address} />
            </Text>
          </div>
          <ProblemAlert error={signOut.error} />
          {children}
        </Stack>
      </main>
    </div>
  );
}
