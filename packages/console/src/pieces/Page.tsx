import { Group, Stack, Text, Title } from '@mantine/core';
import { type ReactNode, useEffect, useRef } from 'react';

interface PageProps {
  title: string;
  /** One line under the title. */
  lead?: ReactNode;
  /** Buttons at the right. */
  actions?: ReactNode;
  /** Above the title: where this page hangs. */
  trail?: ReactNode;
  children: ReactNode;
}

/** The first page keeps the browser's own focus, so that the skip link comes first. */
let arrived = false;

/** A page of the office. On arrival focus goes to its heading, so that a screen reader says where one has arrived. */
export function Page({ title, lead, actions, trail, children }: PageProps) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${title} · Chancery`;
  }, [title]);
  useEffect(() => {
    const first = !arrived;
    arrived = true;
    if (first) return;
    if (document.activeElement?.closest('main') == null) heading.current?.focus({ preventScroll: true });
  }, []);
  return (
    <Stack gap="lg">
      <div>
        {trail}
        <Group justify="space-between" align="flex-end" gap="sm">
          <div style={{ minWidth: 0 }}>
            <Title order={1} ref={heading} tabIndex={-1} style={{ overflowWrap: 'anywhere' }}>
              {title}
            </Title>
            {lead !== undefined && (
              <Text c="dimmed" size="sm" mt={2} component="div">
                {lead}
              </Text>
            )}
          </div>
          {actions !== undefined && <Group gap="xs">{actions}</Group>}
        </Group>
      </div>
      {children}
    </Stack>
  );
}

/** A part of a page in its own frame, with a heading. */
export function Panel({ title, actions, children }: { title?: string; actions?: ReactNode; children: ReactNode }) {
  return (
    <section className="panel">
      {title !== undefined && (
        <Group justify="space-between" mb="md" gap="xs">
          <Title order={2}>{title}</Title>
          {actions}
        </Group>
      )}
      {children}
    </section>
  );
}
