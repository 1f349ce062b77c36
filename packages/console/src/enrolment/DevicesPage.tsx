import { Skeleton } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { api, useMay } from '../api.ts';
import { EmptyState } from '../pieces/EmptyState.tsx';
import { Page } from '../pieces/Page.tsx';
import { ProblemAlert } from '../pieces/ProblemAlert.tsx';
import { Answered } from './Answered.tsx';
import { CertifyKey } from './CertifyKey.tsx';
import { ChallengesPanel } from './ChallengesPanel.tsx';
import { NewChallenge } from './NewChallenge.tsx';
import { Waiting } from './Waiting.tsx';

/** Devices that ask for their own certificates: what waits for a decision, what they may show, what they were given. */
export function DevicesPage() {
  const mayIssue = useMay('certificate:issue');
  const mayChallenge = useMay('challenge:make');
  const waiting = useQuery({
    queryKey: ['enrolments', 'waiting'],
    queryFn: () => api.enrolments({ query: { state: 'waiting' } }),
    refetchInterval: 15_000,
  });
  const all = useQuery({ queryKey: ['enrolments', 'all'], queryFn: () => api.enrolments({ query: {} }) });
  const challenges = useQuery({
    queryKey: ['challenges', 'open'],
    queryFn: () => api.allChallenges({ query: { state: 'open' } }),
  });
  const error = waiting.error ?? all.error ?? challenges.error;
  const loaded = waiting.data !== undefined && all.data !== undefined && challenges.data !== undefined;
  const answered = all.data?.items.filter(({ state }) => state !== 'waiting') ?? [];
  const isEmpty = loaded && all.data.items.length === 0 && challenges.data.items.length === 0;
  return (
    <Page
      title="Devices"
      lead="Telephones, laptops and programs that ask for their own certificates"
      actions={
        <>
          {mayIssue && <CertifyKey />}
          {/* Here alone: in the empty page it would go, with what it shows once, as soon as the first is made. */}
          {mayChallenge && <NewChallenge />}
        </>
      }
    >
      <ProblemAlert
        error={error}
        onRetry={() => void Promise.all([waiting.refetch(), all.refetch(), challenges.refetch()])}
      />
      {!loaded && error === null && <Skeleton height={240} />}
      {isEmpty && (
        <EmptyState title="No device has asked for anything">
          Make a challenge for a person, and type it into their device with the address beside it. The device makes its
          own key, asks by SCEP or EST, and renews by itself from then on.
        </EmptyState>
      )}
      {waiting.data !== undefined && <Waiting items={waiting.data.items} mayDecide={mayIssue} />}
      {loaded && (!isEmpty || challenges.data.fixed.length > 0) && (
        <ChallengesPanel challenges={challenges.data} mayWithdraw={mayChallenge} />
      )}
      {loaded && answered.length > 0 && <Answered items={answered} />}
    </Page>
  );
}
