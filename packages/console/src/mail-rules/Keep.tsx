import { type RuleSetDetail, ruleDocument } from '@chancery/api';
import { checkRules, type RuleSet } from '@chancery/mail-policy';
import { Button, Group, Stack, Text, Textarea } from '@mantine/core';
import { useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { api, useMay } from '../api.ts';
import { Panel } from '../pieces/Page.tsx';
import { ProblemAlert } from '../pieces/ProblemAlert.tsx';
import { useAct } from '../pieces/useAct.ts';
import type { RulesDraft } from './use-rules-draft.ts';

interface KeepProps {
  draft: RulesDraft;
  base: RuleSetDetail | undefined;
  live: RuleSetDetail | undefined;
  mayPropose: boolean;
}

/** What would change against the rules in force, and the buttons that keep it as a draft or put it in force at once. */
export function Keep({ draft, base, live, mayPropose }: KeepProps) {
  const navigate = useNavigate();
  const mayActivate = useMay('mail-rules:activate');
  const [note, setNote] = useState('');
  const propose = (set: RuleSet) =>
    api.proposeMailRules({ body: { document: ruleDocument(set), basedOn: base?.version ?? null, note } });
  const keep = useAct(propose, {
    stale: ['mail-rules'],
    said: ({ version }) => `Version ${version} is kept as a draft. Nothing has changed at the gateways.`,
    onDone: ({ version }) => void navigate({ to: '/mail-rules', search: { version } }),
  });
  const activate = useAct(
    async (set: RuleSet) => {
      const { version } = await propose(set);
      return api.activateMailRules({ params: { version }, body: { expectedLive: live?.version ?? null, note } });
    },
    {
      stale: ['mail-rules'],
      said: ({ version }) => `Version ${version} is in force. The gateways apply it from their next look on.`,
      onDone: () => void navigate({ to: '/mail-rules' }),
    },
  );
  const changes = draft.changesFrom(live && checkRules(live.document).set);
  const { set, problems } = draft;
  return (
    <Panel title={live === undefined ? 'The first rules' : `Against version ${live.version}, in force`}>
      <Stack>
        <div aria-live="polite">
          {problems.length > 0 ? (
            <ul className="findings" aria-label="What is wrong">
              {problems.map(({ path, message }) => (
                <li key={`${path} ${message}`} className="finding" data-tone="bad">
                  {placeOf(path, draft)}: {message}
                </li>
              ))}
            </ul>
          ) : changes.length === 0 ? (
            <Text size="sm" c="dimmed">
              Nothing would change.
            </Text>
          ) : (
            <ul className="plain-list" aria-label="What would change">
              {changes.map(({ sentence }) => (
                <li key={sentence}>{sentence}.</li>
              ))}
            </ul>
          )}
        </div>
        <ProblemAlert error={keep.error ?? activate.error} />
        {mayPropose && (
          <>
            <Textarea
              label="Note"
              description="Why; it stands beside the version and in the audit trail"
              autosize
              minRows={2}
              maxLength={1000}
              value={note}
              onChange={({ currentTarget }) => setNote(currentTarget.value)}
            />
            <Group justify="flex-end">
              <Button variant="default" disabled={!draft.isChanged} onClick={draft.reset}>
                Discard
              </Button>
              <Button
                variant="default"
                disabled={set === undefined || !draft.isChanged}
                loading={keep.isPending}
                onClick={() => set !== undefined && keep.mutate(set)}
              >
                Keep as a draft
              </Button>
              {mayActivate && (
                <Button
                  disabled={set === undefined || !draft.isChanged}
                  loading={activate.isPending}
                  onClick={() => set !== undefined && activate.mutate(set)}
                >
                  Put in force
                </Button>
              )}
            </Group>
          </>
        )}
      </Stack>
    </Panel>
  );
}

/** `rules.2.when.sender` as `Rule 3, sender`. */
function placeOf(path: string, draft: RulesDraft): string {
  const [, index, , ...field] = path.split('.');
  if (index === undefined) return 'The rules';
  const name = draft.rows[Number(index)]?.rule.name;
  const rule = `Rule ${Number(index) + 1}${name ? ` (${name})` : ''}`;
  return field.length === 0 ? rule : `${rule}, ${field.join('.')}`;
}
