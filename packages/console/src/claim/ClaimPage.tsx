import { Alert, Stack, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { api } from '../api.ts';
import { linkSecret } from '../fragment.ts';
import { ProblemAlert } from '../pieces/ProblemAlert.tsx';
import { When } from '../pieces/When.tsx';
import { Entrance } from '../shell/Entrance.tsx';
import { ClaimSteps } from './ClaimSteps.tsx';

/** Where a person of the organisation collects their keys. The link is the only credential. */
export function ClaimPage() {
  const [secret] = useState(linkSecret);
  const claim = useQuery({
    queryKey: ['claim', secret],
    queryFn: () => api.openClaim({ body: { secret } }),
    enabled: secret !== '',
    staleTime: Number.POSITIVE_INFINITY,
    refetchOnWindowFocus: false,
    // The encryption key of somebody who was just added is a few seconds away.
    refetchInterval: ({ state }) => (state.data?.encryption === 'none' ? 4_000 : false),
  });
  if (secret === '') {
    return (
      <Entrance title="Open the whole link">
        <Text>The link you were given ends in # and a long secret. This address lacks it: copy the whole link.</Text>
      </Entrance>
    );
  }
  if (claim.data === undefined) {
    return (
      <Entrance title="Your mail keys">
        <Stack>
          {claim.isPending && <Text role="status">Opening your link…</Text>}
          <ProblemAlert error={claim.error} />
          {claim.error !== null && (
            <Text size="sm" c="dimmed">
              A claim link works for a limited time, and a new one replaces the last. Ask whoever gave it to you for
              another: your keys are safe.
            </Text>
          )}
        </Stack>
      </Entrance>
    );
  }
  return (
    <Entrance
      title="Your mail keys"
      width={680}
      lead={
        <>
          {claim.data.organisation} has certificates for {claim.data.name}, {claim.data.address}. With them your mail
          program signs what you send and opens what is sent to you encrypted. The link ends{' '}
          <When at={claim.data.expiresAt} style="relative" />.
        </>
      }
    >
      {globalThis.isSecureContext ? (
        <ClaimSteps secret={secret} claim={claim.data} />
      ) : (
        <Alert role="alert" color="wax" variant="outline" title="This page needs HTTPS">
          Browsers make keys only on pages that came over HTTPS. Ask your administrator for the secure address.
        </Alert>
      )}
    </Entrance>
  );
}
