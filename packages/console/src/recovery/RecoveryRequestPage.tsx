import type { RecoveryRequest } from '@chancery/api';
import { Alert, Breadcrumbs, Button, Group, List, Skeleton, Stack, Text, Textarea } from '@mantine/core';
import { IconCheck, IconCircleDashed, IconPlayerStop, IconProgress } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useParams } from '@tanstack/react-router';
import { useState } from 'react';
import { api, useMay, useMe } from '../api.ts';
import { fromBase64, save } from '../files.ts';
import { plural } from '../format.ts';
import { CopyField } from '../pieces/CopyField.tsx';
import { Facts } from '../pieces/Facts.tsx';
import { TextLink } from '../pieces/Links.tsx';
import { Page, Panel } from '../pieces/Page.tsx';
import { PlainTable } from '../pieces/PlainTable.tsx';
import { ProblemAlert } from '../pieces/ProblemAlert.tsx';
import { StateBadge } from '../pieces/StateBadge.tsx';
import { useAct } from '../pieces/useAct.ts';
import { When } from '../pieces/When.tsx';
import { recoveryReasons, recoveryStates } from '../words.ts';
import { recoveryRules, recoverySteps } from './rules.ts';

/** One request: where it stands, the rules, what the officers decided, and what the reader may do. */
export function RecoveryRequestPage() {
  const { id } = useParams({ from: '/office/recovery/$id' });
  const query = useQuery({
    queryKey: ['recovery', 'one', id],
    queryFn: () => api.recoveryRequest({ params: { id } }),
    refetchInterval: 15_000,
  });
  const trail = (
    <Breadcrumbs mb={4}>
      <TextLink to="/recovery" size="sm">
        Recovery
      </TextLink>
    </Breadcrumbs>
  );
  const request = query.data;
  if (request === undefined) {
    return (
      <Page title="Recovery request" trail={trail}>
        <ProblemAlert error={query.error} onRetry={() => void query.refetch()} />
        {query.isPending && <Skeleton height={320} />}
      </Page>
    );
  }
  return (
    <Page
      title={`Recovery for ${request.personName}`}
      trail={trail}
      lead={
        <Group gap="xs">
          <StateBadge state={recoveryStates[request.state]} />
          {(request.state === 'open' || request.state === 'approved') && (
            <span>
              lapses <When at={request.expiresAt} style="relative" />
            </span>
          )}
        </Group>
      }
    >
      <Steps request={request} />
      <Act request={request} />
      <Request request={request} />
      <Decisions request={request} />
      <Panel title="Rules">
        <List size="sm" spacing={4}>
          {recoveryRules(request.threshold).map((rule) => (
            <List.Item key={rule}>{rule}</List.Item>
          ))}
        </List>
      </Panel>
    </Page>
  );
}

const stepIcons = {
  done: [IconCheck, 'ok', 'Done'],
  now: [IconProgress, 'wait', 'Now'],
  later: [IconCircleDashed, 'quiet', 'Later'],
  stopped: [IconPlayerStop, 'quiet', 'Will not happen'],
} as const;

function Steps({ request }: { request: RecoveryRequest }) {
  return (
    <Panel title="Steps">
      <ol className="steps">
        {recoverySteps(request).map((step) => {
          const [Icon, tone, word] = stepIcons[step.state];
          return (
            <li key={step.title} aria-current={step.state === 'now' ? 'step' : undefined}>
              <span className="step-mark badge" data-tone={tone}>
                <Icon size={18} aria-hidden />
                <span className="visually-hidden">{word}</span>
              </span>
              <div>
                <Text fw={step.state === 'now' ? 600 : 500}>{step.title}</Text>
                <Text size="sm" c="dimmed">
                  {step.detail}
                </Text>
              </div>
            </li>
          );
        })}
      </ol>
    </Panel>
  );
}

interface KeyFile {
  fileName: string;
  mediaType: string;
  data: string;
}

function Act({ request }: { request: RecoveryRequest }) {
  const officer = useMay('recovery:approve');
  const me = useMe();
  // The key leaves once: it is saved before anything else happens.
  const release = useAct(
    async () => {
      const file = await api.releaseKey({ params: { id: request.id } });
      save(file.fileName, file.mediaType, fromBase64(file.data));
      return file;
    },
    { stale: ['recovery', 'overview'] },
  );
  const approved = request.decisions.some(
    (decision) => decision.officerId === me?.id && decision.decision === 'approve',
  );
  return (
    <>
      {request.mayApprove && <Decide request={request} />}
      {(request.mayRelease || release.data !== undefined) && (
        <Release
          request={request}
          file={release.data}
          error={release.error}
          busy={release.isPending}
          onRelease={() => release.mutate(undefined)}
        />
      )}
      {approved && request.state === 'released' && request.delivery.kind === 'pkcs12' && <Password request={request} />}
      {!request.mayApprove && !request.mayRelease && release.data === undefined && request.why !== null && (
        <Alert
          color="ink"
          variant="outline"
          title={officer ? 'You cannot decide this one' : 'Nothing for you to do here'}
        >
          {request.why}.
        </Alert>
      )}
    </>
  );
}

function Decide({ request }: { request: RecoveryRequest }) {
  const [note, setNote] = useState('');
  const decide = useAct(
    (decision: 'approve' | 'reject') =>
      api.decideRecovery({ params: { id: request.id }, body: { decision, digest: request.digest, note } }),
    {
      stale: ['recovery', 'overview'],
      said: (result) => (result.state === 'rejected' ? 'Rejected.' : 'Your approval is recorded.'),
    },
  );
  return (
    <Panel title="Your decision">
      <Stack>
        <Text>
          Read the whole request below. You approve exactly this, and your name stands in the audit trail beside it.
        </Text>
        <Textarea
          label="Note"
          description="Why you decide so. Optional"
          autosize
          minRows={2}
          maxLength={1000}
          value={note}
          onChange={(event) => setNote(event.currentTarget.value)}
        />
        <ProblemAlert error={decide.error} />
        <Group>
          <Button loading={decide.isPending && decide.variables === 'approve'} onClick={() => decide.mutate('approve')}>
            Approve
          </Button>
          <Button
            color="wax"
            variant="outline"
            loading={decide.isPending && decide.variables === 'reject'}
            onClick={() => decide.mutate('reject')}
          >
            Reject
          </Button>
        </Group>
      </Stack>
    </Panel>
  );
}

interface ReleaseProps {
  request: RecoveryRequest;
  file: KeyFile | undefined;
  error: Error | null;
  busy: boolean;
  onRelease: () => void;
}

function Release({ request, file, error, busy, onRelease }: ReleaseProps) {
  return (
    <Panel title="Release">
      <Stack>
        <Text>
          The officers have approved. The key leaves once: have a safe place ready for the file.
          {request.delivery.kind === 'pkcs12' && ' An officer who approved reads you the password afterwards.'}
        </Text>
        <ProblemAlert error={error} />
        <Group>
          {file === undefined ? (
            <Button loading={busy} onClick={onRelease}>
              Release and save the key
            </Button>
          ) : (
            <Button variant="default" onClick={() => save(file.fileName, file.mediaType, fromBase64(file.data))}>
              Save {file.fileName} again
            </Button>
          )}
        </Group>
      </Stack>
    </Panel>
  );
}

function Password({ request }: { request: RecoveryRequest }) {
  const password = useAct(() => api.releasePassword({ params: { id: request.id } }));
  return (
    <Panel title="Password of the file">
      <Stack>
        {password.data === undefined ? (
          <>
            <Text>
              You approved this request, so the password of the PKCS#12 file is told to you: once. Pass it on by another
              way than the file travelled, by telephone for instance.
            </Text>
            <ProblemAlert error={password.error} />
            <Group>
              <Button loading={password.isPending} onClick={() => password.mutate(undefined)}>
                Show the password, once
              </Button>
            </Group>
          </>
        ) : (
          <>
            <CopyField label="PKCS#12 password" value={password.data.password} />
            <Text size="sm" c="dimmed">
              It is gone when you leave this page.
            </Text>
          </>
        )}
      </Stack>
    </Panel>
  );
}

function Request({ request }: { request: RecoveryRequest }) {
  return (
    <Panel title="The request">
      <Facts
        items={[
          [
            'Whose key',
            <TextLink key="person" to="/people/$id" params={{ id: request.personId }} size="sm">
              {request.personName}, {request.personAddress}
            </TextLink>,
          ],
          [
            'Keys',
            request.escrowedKeyIds.length === 0 ? 'All of them' : plural(request.escrowedKeyIds.length, 'key', 'keys'),
          ],
          ['Reason', recoveryReasons[request.reason]],
          [
            'Explanation',
            <span key="why" style={{ whiteSpace: 'pre-wrap' }}>
              {request.explanation}
            </span>,
          ],
          ['Case number', request.caseNumber === '' ? 'None' : request.caseNumber],
          [
            'Leaves as',
            request.delivery.kind === 'pkcs12'
              ? 'PKCS#12 file, password apart'
              : `Encrypted to ${request.delivery.recipient ?? 'the named certificate'}`,
          ],
          ['Asked by', request.requestedBy.name],
          ['Asked', <When key="asked" at={request.requestedAt} style="time" />],
          ['Lapses', <When key="lapses" at={request.expiresAt} style="time" />],
          ...(request.releasedAt === null
            ? []
            : ([['Released', <When key="released" at={request.releasedAt} style="time" />]] as const)),
          ['Digest', <CopyField key="digest" label="digest of the request" value={request.digest} />],
        ]}
      />
    </Panel>
  );
}

function Decisions({ request }: { request: RecoveryRequest }) {
  return (
    <Panel title="Decisions">
      {request.decisions.length === 0 ? (
        <Text c="dimmed" size="sm">
          No officer has decided yet.
        </Text>
      ) : (
        <PlainTable label="Decisions" head={['Officer', 'Decision', 'When', 'Note']}>
          {request.decisions.map((decision) => (
            <tr key={`${decision.officerId} ${decision.at}`}>
              <td>{decision.officerName}</td>
              <td>
                <StateBadge state={decision.decision === 'approve' ? ['Approved', 'ok'] : ['Rejected', 'bad']} />
              </td>
              <td>
                <When at={decision.at} style="time" />
              </td>
              <td>{decision.note === '' ? '–' : decision.note}</td>
            </tr>
          ))}
        </PlainTable>
      )}
    </Panel>
  );
}
