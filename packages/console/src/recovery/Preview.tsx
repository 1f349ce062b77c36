import type { RecoveryPreview } from '@chancery/api';
import { List, Text, Title } from '@mantine/core';
import { useDebouncedValue } from '@mantine/hooks';
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { api } from '../api.ts';
import { formatTime, plural } from '../format.ts';
import { ProblemAlert } from '../pieces/ProblemAlert.tsx';
import { type NewRequest, previewOf } from './new-request.ts';
import { ReplacedVault } from './ReplacedVault.tsx';
import { KeyTable } from './RequestFacts.tsx';
import { keysOf, recoveryRules } from './rules.ts';

/** What the officers will read, and which rules will hold, before anybody is asked. */
export function Preview({ values }: { values: NewRequest }) {
  const [body] = useDebouncedValue(previewOf(values), 400);
  const preview = useQuery({
    queryKey: ['recovery', 'preview', body],
    queryFn: () => (body === null ? null : api.previewRecovery({ body })),
    enabled: body !== null,
    placeholderData: keepPreviousData,
    retry: false,
  });
  if (body === null) return null;
  if (preview.error !== null) return <ProblemAlert error={preview.error} />;
  if (preview.data === undefined || preview.data === null) return null;
  return <Previewed preview={preview.data} />;
}

function Previewed({ preview }: { preview: RecoveryPreview }) {
  const { people, withoutKeys, rules, threshold, vault, expiresAt, withholdNotice, mail } = preview;
  return (
    <section className="well" aria-label="What you ask for">
      <Title order={2} size="h4">
        {plural(keysOf(preview), 'key', 'keys')} of {plural(people.length, 'person', 'people')}
      </Title>
      <KeyTable people={people} />
      {withoutKeys.length > 0 && (
        <Text size="sm" mt="xs">
          Without a key that fits, and left out: {withoutKeys.map(({ name }) => name).join(', ')}.
        </Text>
      )}
      <ReplacedVault vault={vault} />
      <Text size="sm" mt="sm">
        It lapses on {formatTime(expiresAt)}.{' '}
        {withholdNotice
          ? 'The owners are not told until somebody lifts that.'
          : mail
            ? 'The owners are told by mail.'
            : 'The owners are told by mail once this office can send any; until then the notice waits.'}
      </Text>
      <Text size="sm" fw={550} mt="sm">
        These rules hold
      </Text>
      <List size="sm" spacing={2} mt={4}>
        {recoveryRules(rules, threshold).map((rule) => (
          <List.Item key={rule}>{rule}</List.Item>
        ))}
      </List>
    </section>
  );
}
