import type { MailRules, RuleSetVersion } from '@chancery/api';
import { checkRules, ruleChanges } from '@chancery/mail-policy';
import { Button, Group, Modal, Stack, Text, Textarea } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { api, useMay } from '../api.ts';
import { TextLink } from '../pieces/Links.tsx';
import { ProblemAlert } from '../pieces/ProblemAlert.tsx';
import { StateBadge } from '../pieces/StateBadge.tsx';
import { useAct } from '../pieces/useAct.ts';
import { When } from '../pieces/When.tsx';
import { ruleSetQuery } from './queries.ts';
import { versionStates } from './words.ts';

/** Every version, newest first: who made it, why, and what became of it. A draft can be put in force, an older one brought back. */
export function History({ rules, shown }: { rules: MailRules; shown: number | undefined }) {
  const mayActivate = useMay('mail-rules:activate');
  const [asked, setAsked] = useState<RuleSetVersion>();
  if (rules.versions.length === 0) return <Text size="sm">There is none yet.</Text>;
  return (
    <>
      <ol className="chain" aria-label="Versions">
        {rules.versions.map((one) => (
          <li key={one.version}>
            <Text fw={600} size="sm">
              <TextLink
                to="/mail-rules"
                search={{ version: one.version }}
                size="sm"
                aria-current={shown === one.version}
              >
                Version {one.version}
              </TextLink>
              {one.restoredFrom !== null && `, brings back version ${one.restoredFrom}`}{' '}
              <StateBadge state={versionStates[one.state]} />
            </Text>
            <Text size="sm" c="dimmed">
              <When at={one.createdAt} style="time" /> by {one.author}
              {one.activated !== null && one.activated.by !== one.author && `, put in force by ${one.activated.by}`}.
            </Text>
            {one.note !== '' && <Text size="sm">{one.note}</Text>}
            {mayActivate && (one.state === 'draft' || one.state === 'replaced' || one.state === 'set-aside') && (
              <Button
                size="xs"
                variant="default"
                mt={4}
                aria-label={`${verbOf(one)} version ${one.version}`}
                onClick={() => setAsked(one)}
              >
                {one.state === 'draft' ? verbOf(one) : `${verbOf(one)} version ${one.version}`}
              </Button>
            )}
          </li>
        ))}
      </ol>
      <Modal
        opened={asked !== undefined}
        onClose={() => setAsked(undefined)}
        size="lg"
        title={asked && `${verbOf(asked)} version ${asked.version}`}
      >
        {asked !== undefined && <Confirm asked={asked} live={rules.live} onClose={() => setAsked(undefined)} />}
      </Modal>
    </>
  );
}

const verbOf = ({ state }: RuleSetVersion): string => (state === 'draft' ? 'Put in force' : 'Go back to');

function Confirm({ asked, live, onClose }: { asked: RuleSetVersion; live: number | null; onClose: () => void }) {
  const [note, setNote] = useState('');
  const { version, state } = asked;
  const body = { expectedLive: live, note };
  const act = useAct(
    () =>
      state === 'draft'
        ? api.activateMailRules({ params: { version }, body })
        : api.restoreMailRules({ params: { version }, body }),
    {
      stale: ['mail-rules'],
      said: (done) => `Version ${done.version} is in force. The gateways apply it from their next look on.`,
      onDone: onClose,
    },
  );
  const next = useQuery(ruleSetQuery(version));
  const now = useQuery({ ...ruleSetQuery(live ?? 0), enabled: live !== null });
  const after = next.data && checkRules(next.data.document).set;
  const isLoaded = after !== undefined && (live === null || now.data !== undefined);
  const changes = isLoaded ? ruleChanges(now.data && checkRules(now.data.document).set, after) : [];
  return (
    <Stack>
      <div>
        <Text size="sm" fw={600}>
          {live === null ? 'The first rules of this office:' : `What changes against version ${live}:`}
        </Text>
        {isLoaded && changes.length === 0 && <Text size="sm">Nothing: they say the same.</Text>}
        <ul className="plain-list">
          {changes.map(({ sentence }) => (
            <li key={sentence}>{sentence}.</li>
          ))}
        </ul>
      </div>
      {state !== 'draft' && (
        <Text size="sm" c="dimmed">
          It is brought back as the next version, so that the order of numbers stays the order in which they held.
        </Text>
      )}
      <Textarea
        label="Note"
        description="Why; it stands beside the version and in the audit trail"
        autosize
        minRows={2}
        maxLength={1000}
        value={note}
        onChange={({ currentTarget }) => setNote(currentTarget.value)}
      />
      <ProblemAlert error={next.error ?? now.error ?? act.error} />
      <Group justify="flex-end">
        <Button variant="default" onClick={onClose}>
          Cancel
        </Button>
        <Button loading={act.isPending} disabled={!isLoaded} onClick={() => act.mutate(undefined)}>
          {verbOf(asked)} {state === 'draft' ? '' : `version ${version}`}
        </Button>
      </Group>
    </Stack>
  );
}
