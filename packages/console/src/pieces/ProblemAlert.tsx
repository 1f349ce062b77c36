import { Alert, Button, List } from '@mantine/core';
import { IconAlertTriangle } from '@tabler/icons-react';
import { describe, unplaced } from '../problem.ts';

interface ProblemAlertProps {
  error: unknown;
  /** Paths that stand beside an input already. */
  placed?: readonly string[];
  onRetry?: () => void;
}

/** What went wrong, in words, read out at once. Renders nothing when nothing did. */
export function ProblemAlert({ error, placed = [], onRetry }: ProblemAlertProps) {
  if (error === null || error === undefined) return null;
  const shown = describe(error);
  const rest = unplaced(shown, placed);
  return (
    <Alert role="alert" color="wax" variant="outline" icon={<IconAlertTriangle aria-hidden />} title={shown.title}>
      {rest.length > 0 && (
        <List size="sm">
          {rest.map((message) => (
            <List.Item key={message}>{message}</List.Item>
          ))}
        </List>
      )}
      {onRetry !== undefined && (
        <Button size="compact-sm" variant="default" onClick={onRetry}>
          Try again
        </Button>
      )}
    </Alert>
  );
}
