import { Group, Text, Title } from '@mantine/core';
import { type ReactNode, useEffect } from 'react';
import { ColorSchemeMenu } from './ColorSchemeMenu.tsx';
import { SealMark } from './SealMark.tsx';

interface EntranceProps {
  title: string;
  lead?: ReactNode;
  width?: number;
  children: ReactNode;
}

/** The frame of the pages outside the office: set-up, invitation, sign-in, claim. */
export function Entrance({ title, lead, width = 440, children }: EntranceProps) {
  useEffect(() => {
    document.title = `${title} · Chancery`;
  }, [title]);
  return (
    <div className="entrance">
      <main style={{ maxWidth: width }}>
        <Group justify="space-between" mb="lg">
          <Group gap="xs">
            <SealMark size={36} />
            <Text fw={650} size="lg">
              Chancery
            </Text>
          </Group>
          <ColorSchemeMenu />
        </Group>
        <div className="panel">
          <Title order={1} mb={lead === undefined ? 'md' : 4}>
            {title}
          </Title>
          {lead !== undefined && (
            <Text c="dimmed" mb="lg" component="div">
              {lead}
            </Text>
          )}
          {children}
        </div>
      </main>
    </div>
  );
}
