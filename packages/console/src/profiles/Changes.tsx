import { Button, Group, Stack, Text, Textarea } from '@mantine/core';
import { useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { api } from '../api.ts';
import { plural } from '../format.ts';
import { TextLink } from '../pieces/Links.tsx';
import { Panel } from '../pieces/Page.tsx';
import { PlainTable } from '../pieces/PlainTable.tsx';
import { ProblemAlert } from '../pieces/ProblemAlert.tsx';
import { useAct } from '../pieces/useAct.ts';
import { When } from '../pieces/When.tsx';
import type { useDraft } from './use-draft.ts';

interface ChangesProps {
  id: string;
  /** That the change was made from; 0 for a new profile. */
  version: number;
  draft: ReturnType<typeof useDraft>;
  mayWrite: boolean;
}

/** What applying the draft would alter, in words and for whom, and the button that does it. */
export function Changes({ id, version, draft, mayWrite }: ChangesProps) {
  const navigate = useNavigate();
  const [note, setNote] = useState('');
  const apply = useAct(
    () => api.applyProfile({ params: { id }, body: { document: draft.draft, expectedVersion: version, note } }),
    {
      stale: ['profiles'],
      said: (profile) => `Version ${profile.version} is in force for new certificates.`,
      onDone: () => void navigate({ to: '/profiles/$id', params: { id }, search: {} }),
    },
  );
  const discard = () => {
    if (version === 0) void navigate({ to: '/profiles' });
    draft.reset();
    apply.reset();
  };
  const { comparison, problems } = draft;
  const changes = comparison.data?.changes ?? [];
  const hurdles = problems.length > 0 ? problems : (comparison.data?.problems ?? []);
  if (version > 0 && changes.length === 0 && problems.length === 0) return null;
  return (
    <Panel title={version === 0 ? 'A new profile' : 'What would change'}>
      <Stack>
        <div aria-live="polite">
          {version === 0 ? (
            <Text size="sm">Nothing is issued by it until you choose it for its use.</Text>
          ) : (
            <ul className="plain-list">
              {changes.map(({ path, sentence }) => (
                <li key={path}>{sentence}</li>
              ))}
            </ul>
          )}
        </div>
        {hurdles.length > 0 && (
          <ul className="findings" aria-label="Why it cannot be applied">
            {hurdles.map(({ path, message }) => (
              <li key={`${path} ${message}`} className="finding" data-tone="bad">
                {message}
              </li>
            ))}
          </ul>
        )}
        {version > 0 && <Affected draft={draft} />}
        <ProblemAlert error={comparison.error ?? apply.error} />
        {mayWrite && (
          <>
            <Textarea
              label="Note"
              description="Why; it stands beside the version and in the audit trail"
              autosize
              minRows={2}
              maxLength={1000}
              value={note}
              onChange={(event) => setNote(event.currentTarget.value)}
            />
            <Group justify="flex-end">
              <Button variant="default" onClick={discard}>
                Discard
              </Button>
              <Button
                loading={apply.isPending}
                disabled={hurdles.length > 0 || !draft.settled}
                onClick={() => apply.mutate(undefined)}
              >
                Apply as version {version + 1}
              </Button>
            </Group>
          </>
        )}
      </Stack>
    </Panel>
  );
}

function Affected({ draft }: { draft: ReturnType<typeof useDraft> }) {
  const affected = draft.comparison.data?.affected;
  if (affected === undefined) return null;
  if (affected.certificates === 0) {
    return (
      <Text size="sm" c="dimmed">
        No good certificate was issued by this profile: there is nothing that could follow.
      </Text>
    );
  }
  return (
    <div>
      <Text size="sm">
        {plural(affected.certificates, 'good certificate stays', 'good certificates stay')} as{' '}
        {affected.certificates === 1 ? 'it is' : 'they are'}, and will follow at the next renewal
        {affected.people > 0 && ` (${plural(affected.people, 'person', 'people')})`}.
        {affected.waiting > 0 &&
          ` ${plural(affected.waiting, 'person who waits for one gets', 'people who wait for one get')} the new version.`}
      </Text>
      <details>
        <summary className="quiet-link">Who is first</summary>
        <PlainTable label="Who follows first" head={['Holder', 'To be renewed from', 'Version']}>
          {affected.next.map((one) => (
            <tr key={one.serialNumber}>
              <td>
                <TextLink to="/certificates/$serialNumber" params={{ serialNumber: one.serialNumber }} size="sm">
                  {one.holder}
                </TextLink>
              </td>
              <td>
                <When at={one.renewFrom} />
              </td>
              <td>{one.version}</td>
            </tr>
          ))}
        </PlainTable>
      </details>
    </div>
  );
}
