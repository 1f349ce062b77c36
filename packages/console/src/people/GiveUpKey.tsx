import type { CompromiseOutcome } from '@chancery/api';
import { Alert, Button, Group, Radio, Stack, Text, Textarea } from '@mantine/core';
import { useForm } from '@mantine/form';
import { ProblemAlert } from '../pieces/ProblemAlert.tsx';
import { useAct } from '../pieces/useAct.ts';
import { When } from '../pieces/When.tsx';
import { replacements } from '../words.ts';

/** One for each key. */
export interface GivenUp {
  readonly serialNumber: string;
  readonly use: 'signing' | 'encryption';
  readonly notAfter: string;
}

interface GiveUpKeyProps {
  readonly keys: readonly GivenUp[];
  /** Of the one whose keys they are. */
  readonly own: boolean;
  readonly submit: (body: { serialNumber: string; note: string }) => Promise<CompromiseOutcome>;
  readonly onClose: () => void;
}

/** A key that somebody else may have: revoked, replaced, and published anew in one act. */
export function GiveUpKey({ keys, own, submit, onClose }: GiveUpKeyProps) {
  const form = useForm({ initialValues: { serialNumber: keys[0]?.serialNumber ?? '', note: '' } });
  const report = useAct(submit, { form, stale: ['people', 'certificates', 'overview', 'status', 'myself'] });
  const chosen = keys.find(({ serialNumber }) => serialNumber === form.values.serialNumber);
  if (report.data !== undefined) {
    return (
      <Stack>
        <Alert role="status" color="moss" variant="outline" title="Revoked">
          {replacements[report.data.replacement]}
        </Alert>
        <Group justify="flex-end">
          <Button onClick={onClose}>Done</Button>
        </Group>
      </Stack>
    );
  }
  return (
    <form onSubmit={form.onSubmit((values) => report.mutate(values))}>
      <Stack>
        <Text size="sm">
          For a key that somebody else has, or may have: a lost or stolen device, a copied file. It cannot be undone.
        </Text>
        <Radio.Group label="Which key" {...form.getInputProps('serialNumber')}>
          <Stack gap="xs" mt="xs">
            {keys.map((key) => (
              <Radio
                key={key.serialNumber}
                value={key.serialNumber}
                label={key.use === 'signing' ? 'For signing' : 'For encryption'}
                description={
                  <>
                    Until <When at={key.notAfter} />
                  </>
                }
              />
            ))}
          </Stack>
        </Radio.Group>
        {chosen?.use === 'encryption' && (
          <Alert color="wax" variant="outline">
            Whoever has the key, and mail from before that was encrypted to {own ? 'you' : 'them'}, can read it. A new
            key does not change that.
          </Alert>
        )}
        <Textarea
          label="What happened"
          description="Stands in the audit trail. No passwords, please"
          autosize
          minRows={2}
          maxLength={1000}
          {...form.getInputProps('note')}
        />
        <ProblemAlert error={report.error} placed={['note']} />
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" color="wax.7" loading={report.isPending} disabled={chosen === undefined}>
            Revoke the key
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
