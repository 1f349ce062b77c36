import type { Entered } from '@chancery/api';
import { Group, Stack, Text } from '@mantine/core';
import { Link, useNavigate, useParams } from '@tanstack/react-router';
import { useEffect, useState } from 'react';
import { api, meQuery, queryClient } from '../api.ts';
import { ProblemAlert } from '../pieces/ProblemAlert.tsx';
import { useAct } from '../pieces/useAct.ts';
import { Entrance } from '../shell/Entrance.tsx';
import { localPath } from './local-path.ts';

/** The browser comes back from an identity provider: its answer is taken to the office, once, and leaves the address. */
export function ReturnPage() {
  const { provider } = useParams({ from: '/sign-in/with/$provider' });
  const navigate = useNavigate();
  const [query] = useState(() => location.search.replace(/^\?/, ''));
  const finish = useAct(
    (answer: string) => api.finishProviderSignIn({ params: { name: provider }, body: { query: answer } }),
    {
      onDone: (entered: Entered) => {
        queryClient.clear();
        if (entered.as === 'operator') queryClient.setQueryData(meQuery.queryKey, entered.me);
        void navigate({ href: localPath(entered.back), replace: true });
      },
    },
  );
  const { mutate } = finish;
  useEffect(() => {
    if (location.search === '') return;
    history.replaceState(history.state, '', location.pathname);
    mutate(query);
  }, [query, mutate]);
  const lost = query === '' && finish.isIdle;
  return (
    <Entrance title={finish.error === null && !lost ? 'Signing in' : 'You are not signed in'}>
      <Stack>
        {finish.error === null && !lost && <Text role="status">One moment…</Text>}
        {lost && <Text>Nothing came back from where you signed in. Begin again.</Text>}
        <ProblemAlert error={finish.error} />
        {(finish.error !== null || lost) && (
          <Group gap="lg">
            <Link to="/sign-in" search={{}} className="quiet-link">
              Sign in to the office
            </Link>
            <Link to="/me" className="quiet-link">
              Go to your own page
            </Link>
          </Group>
        )}
      </Stack>
    </Entrance>
  );
}
