import type { DeviceEnrolment, DeviceEnrolmentDetail } from '@chancery/api';
import { Accordion, Button, Group, Skeleton, Stack, Text, Textarea } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { api } from '../api.ts';
import { Facts } from '../pieces/Facts.tsx';
import { ProblemAlert } from '../pieces/ProblemAlert.tsx';
import { useAct } from '../pieces/useAct.ts';
import { When } from '../pieces/When.tsx';
import { Drawn } from '../profiles/Preview.tsx';
import { inFours, proofs, protocols } from './words.ts';

/** Everything that is known of a request, the certificate as it would be, and the decision. */
export function Decide({ on, onClose }: { on: DeviceEnrolment; onClose: () => void }) {
  const [reason, setReason] = useState('');
  const detail = useQuery({
    queryKey: ['enrolments', 'one', on.id],
    queryFn: () => api.enrolment({ params: { id: on.id } }),
  });
  const decide = useAct(
    (decision: 'approve' | 'refuse') => api.decideEnrolment({ params: { id: on.id }, body: { decision, reason } }),
    {
      stale: ['enrolments', 'challenges', 'people', 'certificates', 'overview'],
      said: () => 'Decided. The device is told when it asks again.',
      onDone: onClose,
    },
  );
  if (detail.data === undefined) {
    return detail.isPending ? <Skeleton height={320} /> : <ProblemAlert error={detail.error} />;
  }
  const missing = reason.trim() === '';
  const busy = (decision: 'approve' | 'refuse') => decide.isPending && decide.variables === decision;
  return (
    <Stack>
      <Text size="sm">
        The certificate says what the directory says of {on.name}, whatever the request calls itself. What has to be
        known is whose key this is: compare it with what the device shows.
      </Text>
      <Asked detail={detail.data} />
      {detail.data.preview !== null && (
        <Accordion variant="contained">
          <Accordion.Item value="certificate">
            <Accordion.Control>The certificate as it would be</Accordion.Control>
            <Accordion.Panel>
              <Drawn before={null} after={detail.data.preview} />
            </Accordion.Panel>
          </Accordion.Item>
        </Accordion>
      )}
      <Textarea
        label="How you know, or why not"
        description="For the audit trail. A device that is refused is told this."
        required
        autosize
        minRows={2}
        maxLength={500}
        value={reason}
        onChange={(event) => setReason(event.currentTarget.value)}
        data-autofocus
      />
      <ProblemAlert error={decide.error} />
      <Group justify="flex-end">
        <Button
          variant="outline"
          color="wax.7"
          disabled={missing || busy('approve')}
          loading={busy('refuse')}
          onClick={() => decide.mutate('refuse')}
        >
          Refuse
        </Button>
        <Button disabled={missing || busy('refuse')} loading={busy('approve')} onClick={() => decide.mutate('approve')}>
          Approve
        </Button>
      </Group>
    </Stack>
  );
}

function Asked({ detail }: { detail: DeviceEnrolmentDetail }) {
  const { challenge, addresses } = detail;
  return (
    <Facts
      items={[
        ['For', `${detail.name}, ${detail.address}`],
        ['Asked for', detail.use === 'encryption' ? 'An encryption key, made here' : 'A signing certificate'],
        ['Profile', detail.profile],
        [
          'How it came',
          `${protocols[detail.protocol]}${detail.label === 'default' ? '' : `, label ${detail.label}`}, ${proofs[detail.proof]}`,
        ],
        ...(challenge === null
          ? []
          : ([
              [
                'Challenge made by',
                <>
                  {challenge.madeByName}, <When at={challenge.createdAt} style="time" />
                </>,
              ],
            ] as const)),
        ['Calls itself', detail.subject === '' ? 'Nothing' : detail.subject],
        ['Addresses it names', addresses.length === 0 ? 'None' : addresses.join(', ')],
        ['Key', detail.keyAlgorithm],
        [
          'Fingerprint of the key',
          <span key="k" className="mono">
            {inFours(detail.keySha256)}
          </span>,
        ],
        ['Asked', <When key="w" at={detail.requestedAt} style="time" />],
      ]}
    />
  );
}
