import { type Ceremony, routes, type Vault } from '@chancery/api';
import { digestOf, fingerprintOf } from '@chancery/vault';
import { Button, Checkbox, Group, Stack, Text } from '@mantine/core';
import { notifications } from '@mantine/notifications';
import { useMemo, useState } from 'react';
import { api, useMe } from '../api.ts';
import { Panel } from '../pieces/Page.tsx';
import { ProblemAlert } from '../pieces/ProblemAlert.tsx';
import { Steps } from '../pieces/Steps.tsx';
import { useAct } from '../pieces/useAct.ts';
import { InWords } from '../problem.ts';
import { Fingerprint } from './Fingerprint.tsx';
import { MakeShareKey } from './MakeShareKey.tsx';
import { named, type PartName, partOf } from './part.ts';
import { useShareKey } from './use-share-key.tsx';
import { readPlan, readPrevious, readTranscriptOf } from './use-vault.ts';

interface YourPartProps {
  vault: Vault;
  ceremony: Ceremony;
}

/** What one officer does in the open ceremony, step by step. Nothing for whoever has no part in it. */
export function YourPart({ vault, ceremony }: YourPartProps) {
  const me = useMe();
  // The officer says yes to one fingerprint: another one must be compared anew.
  const fingerprint = useMemo(() => ownFingerprint(ceremony), [ceremony]);
  const [compared, setCompared] = useState<string | null>(null);
  const same = fingerprint !== null && compared === fingerprint;
  const steps = partOf(ceremony, me?.id ?? '', same);
  if (steps === null) return null;
  const content: Record<PartName, React.ReactNode> = {
    'share-key': <MakeShareKey onDone={() => notifications.show({ message: 'Your share key is registered.' })} />,
    deal: <Deal vault={vault} ceremony={ceremony} />,
    compare: fingerprint !== null && (
      <Compare fingerprint={fingerprint} same={same} onSame={(yes) => setCompared(yes ? fingerprint : null)} />
    ),
    accept: <Accept vault={vault} ceremony={ceremony} />,
  };
  return (
    <Panel title="Your part in the ceremony">
      <Steps
        steps={steps.map((step) => ({
          ...step,
          // What was compared stays in sight until the officer has accepted it.
          content: (step.state === 'now' || (step.name === 'compare' && ceremony.yourTurn === 'accept')) && (
            <div className="step-content">{content[step.name]}</div>
          ),
        }))}
      />
    </Panel>
  );
}

/** Computed here, from what was dealt: the server's word for it would prove nothing. */
function ownFingerprint(ceremony: Ceremony): string | null {
  const transcript = readTranscriptOf(ceremony);
  return transcript === null ? null : fingerprintOf(digestOf(transcript));
}

function Deal({ vault, ceremony }: YourPartProps) {
  const me = useMe();
  const plan = readPlan(ceremony);
  const previous = readPrevious(ceremony);
  const own = (previous?.plan ?? plan)?.officers.find(({ id }) => id === me?.id);
  const key = useShareKey({ vault, encryption: own?.publicKeys.encryption });
  const deal = useAct(
    async () => {
      if (plan === null || me === undefined) throw new InWords('The ceremony has no plan yet.');
      const dealing = await key.run('deal', { officerId: me.id, plan, previous });
      return api.dealPart({ params: { id: ceremony.id }, body: routes.dealPart.body.parse(dealing) });
    },
    { stale: ['vault'], said: () => 'You have dealt your part.' },
  );
  if (plan === null) return null;
  return (
    <Stack gap="sm">
      <Text size="sm">
        {previous === null
          ? `Your browser draws a secret number and deals ${named(plan.officers.map(({ name }) => name))} a part of it, each sealed to that officer's share key. It is forgotten at once.`
          : `Your share is dealt to ${named(plan.officers.map(({ name }) => name))}, a part each, sealed to that officer's share key. Use the share key that you had at the last ceremony.`}{' '}
        Afterwards any {plan.threshold} of them open a key together.
      </Text>
      {key.fields}
      <ProblemAlert error={deal.error} />
      <Group>
        <Button disabled={!key.ready} loading={deal.isPending} onClick={() => deal.mutate(undefined)}>
          Deal
        </Button>
      </Group>
    </Stack>
  );
}

interface CompareProps {
  fingerprint: string;
  same: boolean;
  onSame: (same: boolean) => void;
}

function Compare({ fingerprint, same, onSame }: CompareProps) {
  return (
    <Stack gap="sm">
      <Fingerprint value={fingerprint} size="large" />
      <Text size="sm">
        Read the groups to each other in one room or by telephone, one after the other. Do not send them through this
        office or its mail. Where a single digit differs, stop here and tell an administrator: somebody has been shown
        another vault.
      </Text>
      <Checkbox
        label="The other officers see the same sixty digits"
        checked={same}
        onChange={(event) => onSame(event.currentTarget.checked)}
      />
    </Stack>
  );
}

function Accept({ vault, ceremony }: YourPartProps) {
  const me = useMe();
  const transcript = readTranscriptOf(ceremony);
  const own = transcript?.plan.officers.find(({ id }) => id === me?.id);
  const key = useShareKey({ vault, encryption: own?.publicKeys.encryption });
  const accept = useAct(
    async () => {
      const { opening } = ceremony;
      if (transcript === null || opening === null || me === undefined)
        throw new InWords('Not everybody has dealt yet.');
      const previous = readPrevious(ceremony);
      const acceptance = await key.run('accept', { officerId: me.id, transcript, previous, opening });
      return api.acceptCeremony({
        params: { id: ceremony.id },
        body: routes.acceptCeremony.body.parse(acceptance),
      });
    },
    {
      stale: ['vault', 'ceremonies', 'overview'],
      said: ({ state }) => (state === 'complete' ? 'Everybody has accepted: the vault is live.' : 'You have accepted.'),
    },
  );
  return (
    <Stack gap="sm">
      {key.fields}
      <ProblemAlert error={accept.error} />
      <Group>
        <Button disabled={!key.ready} loading={accept.isPending} onClick={() => accept.mutate(undefined)}>
          Accept
        </Button>
      </Group>
    </Stack>
  );
}
