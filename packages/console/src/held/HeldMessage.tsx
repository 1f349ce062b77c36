import type { HeldMail } from '@chancery/api';
import { Button, Group, Skeleton, Stack, Text, Textarea } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { api, useMay } from '../api.ts';
import { formatBytes } from '../format.ts';
import { Facts } from '../pieces/Facts.tsx';
import { TextLink } from '../pieces/Links.tsx';
import { ProblemAlert } from '../pieces/ProblemAlert.tsx';
import { StateBadge } from '../pieces/StateBadge.tsx';
import { useAct } from '../pieces/useAct.ts';
import { When } from '../pieces/When.tsx';
import { freedBy, standingOf } from './words.ts';

/** What is known of one message that is held, and what may be done with it. Its words lie sealed at its gateway. */
export function HeldMessage({ id, onClose }: { id: string; onClose: () => void }) {
  const held = useQuery({
    queryKey: ['held-mail', 'one', id],
    queryFn: () => api.heldMessage({ params: { id } }),
  });
  return (
    <Stack>
      <ProblemAlert error={held.error} onRetry={() => void held.refetch()} />
      {held.isPending && <Skeleton height={240} />}
      {held.data !== undefined && <Shown held={held.data} onClose={onClose} />}
    </Stack>
  );
}

function Shown({ held, onClose }: { held: HeldMail; onClose: () => void }) {
  const { authentication, from, sender } = held;
  const others = from.filter((one) => one.toLowerCase() !== sender.toLowerCase());
  return (
    <>
      {held.problem !== null && (
        <p className="finding" data-tone="bad" style={{ margin: 0 }}>
          <strong>It is still here</strong>
          <span>{held.problem.charAt(0).toUpperCase() + held.problem.slice(1)}</span>
        </p>
      )}
      <Facts
        items={[
          ['Way', held.direction === 'outbound' ? 'Out' : 'In'],
          ['From', sender === '' ? 'Empty sender: a notification' : sender],
          ...(others.length > 0 ? ([['It says it is from', others.join(', ')]] as const) : []),
          ['To', held.recipients.join(', ') + (held.moreRecipients > 0 ? ` and ${held.moreRecipients} more` : '')],
          ['Why', held.reason],
          [
            'Rule',
            <TextLink key="rule" to="/mail" search={{ rule: held.rule }} size="sm">
              {held.rule}
            </TextLink>,
          ],
          [
            'Waits for',
            <Stack key="waits" gap={4} align="flex-start">
              <StateBadge state={standingOf(held)} />
              <span>{freedBy(held)}</span>
            </Stack>,
          ],
          ['Since', <When key="since" at={held.heldAt} style="time" />],
          [
            'Until',
            <span key="until">
              <When at={held.expiresAt} style="time" />, then {endOf(held)}
            </span>,
          ],
          ...(authentication === null
            ? []
            : ([
                ['As it came', `SPF ${authentication.spf}, DKIM ${authentication.dkim}, DMARC ${authentication.dmarc}`],
              ] as const)),
          [
            'Message',
            <span key="message" className="mono">
              {held.messageId ?? 'without an id'}
            </span>,
          ],
          ['Size', formatBytes(held.size)],
          ['Gateway', held.gateway],
        ]}
      />
      <Decide held={held} onClose={onClose} />
    </>
  );
}

function endOf({ direction, authentication, sender }: HeldMail): string {
  if (direction === 'outbound') return 'it is returned to its sender';
  const vouched = authentication?.spf === 'pass' && sender !== '';
  return `it is deleted; its reader is told${vouched ? ', and its sender' : ', and nobody outside: the sender may be forged'}`;
}

function Decide({ held, onClose }: { held: HeldMail; onClose: () => void }) {
  const mayDecide = useMay('held-mail:decide');
  const [note, setNote] = useState('');
  const decide = useAct(
    (act: 'release' | 'refuse') => api.decideHeldMail({ params: { id: held.id }, body: { act, note } }),
    {
      stale: ['held-mail'],
      said: () =>
        `Decided. ${held.gateway} does it at its next look, within seconds; the journal says what came of it.`,
      onDone: onClose,
    },
  );
  if (!mayDecide) {
    return (
      <Text size="sm" c="dimmed">
        An administrator lets it go, or returns it.
      </Text>
    );
  }
  return (
    <>
      {held.waitsFor === 'certificate' && (
        <Text size="sm" c="dimmed">
          Released now it goes only as far as other rules allow: what must be encrypted is not sent in the clear.
        </Text>
      )}
      <Textarea
        label="Note"
        description="Why; it stands in the journal and in the audit trail"
        autosize
        minRows={2}
        maxLength={1000}
        value={note}
        onChange={({ currentTarget }) => setNote(currentTarget.value)}
      />
      <ProblemAlert error={decide.error} />
      <Group justify="flex-end">
        <Button
          variant="default"
          loading={decide.isPending && decide.variables === 'refuse'}
          disabled={decide.isPending}
          onClick={() => decide.mutate('refuse')}
        >
          {held.direction === 'outbound' ? 'Return to its sender' : 'Refuse'}
        </Button>
        <Button
          loading={decide.isPending && decide.variables === 'release'}
          disabled={decide.isPending}
          onClick={() => decide.mutate('release')}
        >
          Let it go
        </Button>
      </Group>
    </>
  );
}
