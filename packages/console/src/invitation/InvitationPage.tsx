import type { NewCredential } from '@chancery/api';
import { Stack, Text } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useNavigate } from '@tanstack/react-router';
import { useState } from 'react';
import { api, meQuery, queryClient } from '../api.ts';
import { CredentialForm } from '../credential/CredentialForm.tsx';
import { forgetLinkSecret, linkSecret } from '../fragment.ts';
import { Facts } from '../pieces/Facts.tsx';
import { ProblemAlert } from '../pieces/ProblemAlert.tsx';
import { useAct } from '../pieces/useAct.ts';
import { Entrance } from '../shell/Entrance.tsx';
import { roleNames } from '../words.ts';

/** An invited operator chooses a credential. */
export function InvitationPage() {
  const [token] = useState(linkSecret);
  const navigate = useNavigate();
  const offer = useQuery({
    queryKey: ['invitation', token],
    queryFn: () => api.invitationOptions({ body: { token } }),
    enabled: token !== '',
    staleTime: Number.POSITIVE_INFINITY,
  });
  const accept = useAct((credential: NewCredential) => api.completeInvitation({ body: { token, credential } }), {
    onDone: (me) => {
      forgetLinkSecret();
      queryClient.clear();
      queryClient.setQueryData(meQuery.queryKey, me);
      void navigate({ to: '/' });
    },
  });
  if (token === '') {
    return (
      <Entrance title="Open the whole invitation link">
        <Text>The link ends in # and a long secret. This address lacks it: copy the whole link.</Text>
      </Entrance>
    );
  }
  return (
    <Entrance title="Accept your invitation" width={560}>
      <Stack>
        {offer.isPending && <Text role="status">Opening the invitation…</Text>}
        <ProblemAlert error={offer.error} />
        {offer.data !== undefined && (
          <>
            <Facts
              items={[
                ['Name', offer.data.name ?? ''],
                ['Address', offer.data.address ?? ''],
                ['Role', offer.data.roles.map((role) => roleNames[role].join(': ')).join('; ')],
              ]}
            />
            <CredentialForm
              options={offer.data}
              busy={accept.isPending}
              error={accept.error}
              submitLabel="Accept the invitation"
              onCredential={(credential) => accept.mutate(credential)}
            />
          </>
        )}
      </Stack>
    </Entrance>
  );
}
