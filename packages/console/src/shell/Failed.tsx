import { Group, Stack, Text, Title } from '@mantine/core';
import { type ErrorComponentProps, useRouter } from '@tanstack/react-router';
import { LinkButton } from '../pieces/Links.tsx';
import { ProblemAlert } from '../pieces/ProblemAlert.tsx';

/** A page threw while it loaded or drew. */
export function Failed({ error, reset }: ErrorComponentProps) {
  const router = useRouter();
  return (
    <Stack component="main" maw={620} mx="auto" p="xl">
      <Title order={1}>This page could not be shown</Title>
      <ProblemAlert
        error={error}
        onRetry={() => {
          reset();
          void router.invalidate();
        }}
      />
    </Stack>
  );
}

export function NotFound() {
  return (
    <Stack component="main" maw={620} mx="auto" p="xl">
      <Title order={1}>There is no such page</Title>
      <Text>The address may be mistyped, or what it named is gone.</Text>
      <Group>
        <LinkButton to="/">Go to the overview</LinkButton>
      </Group>
    </Stack>
  );
}
