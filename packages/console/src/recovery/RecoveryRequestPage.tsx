import type { RecoveryRequest } from '@chancery/api';
import { Alert, Breadcrumbs, Button, Group, List, Skeleton, Stack, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useParams } from '@tanstack/react-router';
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
import { Steps } from '../pieces/Steps.tsx';
import { useAct } from '../pieces/useAct.ts';
import { When } from '../pieces/When.tsx';
import { recoveryReasons, recoveryStates } from '../words.ts';
import { Decide } from './Decide.tsx';
import { Quorum } from './Quorum.tsx';
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
      <Panel title="Steps">
        <Steps steps={recoverySteps(request)} />
      </Panel>
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
      <Quorum request={request} />
      {request.decisions.length === 0 ? (
        <Text c="dimmed" size="sm" mt="md">
          No officer has decided yet.
        </Text>
      ) : (
        <div style={{ marginTop: 12 }}>
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
        </div>
      )}
    </Panel>
  );
}
