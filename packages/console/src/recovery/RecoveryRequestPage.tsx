import type { RecoveryRequest } from '@chancery/api';
import { Alert, Breadcrumbs, Group, List, Skeleton, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useParams } from '@tanstack/react-router';
import { api, useMay, useMe } from '../api.ts';
import { timeLeft } from '../format.ts';
import { TextLink } from '../pieces/Links.tsx';
import { Page, Panel } from '../pieces/Page.tsx';
import { PlainTable } from '../pieces/PlainTable.tsx';
import { ProblemAlert } from '../pieces/ProblemAlert.tsx';
import { StateBadge } from '../pieces/StateBadge.tsx';
import { Steps } from '../pieces/Steps.tsx';
import { When } from '../pieces/When.tsx';
import { recoveryStates } from '../words.ts';
import { Decide } from './Decide.tsx';
import { Notices } from './Notices.tsx';
import { Quorum } from './Quorum.tsx';
import { RecordStep } from './RecordStep.tsx';
import { Password, Release, useRelease } from './Release.tsx';
import { ReplacedVault } from './ReplacedVault.tsx';
import { RequestFacts } from './RequestFacts.tsx';
import { recoveryRules, recoverySteps, whose } from './rules.ts';

/** One request: where it stands, the rules, what was recorded and decided, and what the reader may do. */
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
      title={`Recovery for ${whose(request)}`}
      trail={trail}
      lead={
        <Group gap="xs">
          <StateBadge state={recoveryStates[request.state]} />
          {isPending(request) && (
            <span>
              lapses <When at={request.expiresAt} style="relative" />
            </span>
          )}
        </Group>
      }
    >
      <Panel title="Steps">
        <Timeline request={request} />
      </Panel>
      {isPending(request) && <ReplacedVault vault={request.vault} />}
      <Act request={request} />
      <RequestFacts request={request} />
      <Decisions request={request} />
      <Notices request={request} />
      <Panel title="Rules">
        <List size="sm" spacing={4}>
          {recoveryRules(request.rules, request.threshold).map((rule) => (
            <List.Item key={rule}>{rule}</List.Item>
          ))}
        </List>
      </Panel>
    </Page>
  );
}

const isPending = ({ state }: RecoveryRequest) => state === 'open' || state === 'approved';

/** What was done and what comes, with the form of a step where the reader may record it, and a countdown where only time is missing. */
function Timeline({ request }: { request: RecoveryRequest }) {
  const steps = recoverySteps(request).map((step) => {
    const until = request.missing.find(({ rule }) => rule === step.key)?.until ?? null;
    const recordable = request.steps.find(({ kind, mayRecord }) => kind === step.key && mayRecord);
    return {
      ...step,
      detail: until === null ? step.detail : `${step.detail}. ${timeLeft(until, Date.now())}`,
      content: recordable === undefined ? undefined : <RecordStep request={request} kind={recordable.kind} />,
    };
  });
  return <Steps steps={steps} />;
}

function Act({ request }: { request: RecoveryRequest }) {
  const officer = useMay('recovery:approve');
  const me = useMe();
  const release = useRelease(request);
  const approved = request.decisions.some(
    (decision) => decision.officerId === me?.id && decision.decision === 'approve',
  );
  const mayRecord = request.steps.some(({ mayRecord: may, required }) => may && required);
  const nothing =
    !request.mayApprove && !request.mayReject && !request.mayRelease && !mayRecord && release.data === undefined;
  return (
    <>
      {(request.mayApprove || request.mayReject) && <Decide request={request} />}
      {(request.mayRelease || release.data !== undefined) && <Release request={request} release={release} />}
      {approved && request.state === 'released' && request.delivery.kind === 'pkcs12' && <Password request={request} />}
      {nothing && request.why !== null && (
        <Alert
          color="ink"
          variant="outline"
          title={officer ? 'You cannot decide this one' : 'Nothing for you to do here'}
        >
          {request.why.why}. {request.why.next}.
        </Alert>
      )}
    </>
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
