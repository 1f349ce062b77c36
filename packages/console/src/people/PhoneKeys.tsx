import type { PersonDetail } from '@chancery/api';
import { Stack, Switch, Text } from '@mantine/core';
import { api, useMay } from '../api.ts';
import { plural } from '../format.ts';
import { Panel } from '../pieces/Page.tsx';
import { ProblemAlert } from '../pieces/ProblemAlert.tsx';
import { useAct } from '../pieces/useAct.ts';

/** Whether a person's encryption keys may go to phones that Intune manages, and where they stand there; nothing without Intune. */
export function PhoneKeys({ person }: { person: PersonDetail }) {
  const mayWrite = useMay('person:write');
  const allow = useAct((allowed: boolean) => api.allowPhoneKeys({ params: { id: person.id }, body: { allowed } }), {
    stale: ['people'],
    said: () => 'It holds from now on.',
  });
  const { phone } = person;
  if (phone === null) return null;
  return (
    <Panel title="Managed phones">
      <Stack gap="sm">
        <Switch
          label="Their encryption keys go to phones that Intune manages"
          description="Keys that are made from now on go by themselves, sealed to Intune’s connector; older ones once their owner opens them with a passkey."
          checked={phone.allowed}
          disabled={!mayWrite || allow.isPending || (person.state !== 'active' && !phone.allowed)}
          onChange={(event) => allow.mutate(event.currentTarget.checked)}
        />
        <ProblemAlert error={allow.error} />
        {phone.allowed && (
          <Text size="sm">
            {plural(phone.taken, 'key is', 'keys are')} there
            {phone.waiting > 0 && `, ${plural(phone.waiting, 'key is', 'keys are')} on the way`}
            {phone.refused > 0 && `, ${plural(phone.refused, 'key was', 'keys were')} refused`}.
          </Text>
        )}
        {phone.error !== null && (
          <Text size="sm" c="dimmed">
            The last try: {phone.error}
          </Text>
        )}
      </Stack>
    </Panel>
  );
}
