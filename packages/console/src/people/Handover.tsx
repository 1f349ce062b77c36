import type { PersonDetail } from '@chancery/api';
import { Alert, Group, Text } from '@mantine/core';
import { IconMailForward } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { api, useMay } from '../api.ts';
import { LinkButton, TextLink } from '../pieces/Links.tsx';

/** Of somebody who has left: their manager may be given the old mail. Offered, and asked for by nobody but whoever sends the form. */
export function HandoverOffer({ person }: { person: PersonDetail }) {
  const mayAsk = useMay('recovery:request');
  const handover = useQuery({
    queryKey: ['people', 'handover', person.id],
    queryFn: () => api.handover({ params: { id: person.id } }),
    enabled: mayAsk && person.state === 'left',
  });
  if (handover.data === undefined || handover.data.keys === 0) return null;
  const { manager, problem, requestId } = handover.data;
  return (
    <Alert color="ink" variant="outline" title="Their old mail" icon={<IconMailForward size={18} aria-hidden />}>
      <Text size="sm">
        {manager === null ? (
          <>{problem} Whoever is to read their mail is named in a recovery request.</>
        ) : (
          <>
            Their manager is{' '}
            <TextLink to="/people/$id" params={{ id: manager.id }} underline="always">
              {manager.name}
            </TextLink>
            . Officers may give them the keys to read it, encrypted to their certificate.{' '}
            {requestId === null && 'Nobody has been asked yet.'}
            {problem !== null && ` ${problem}`}
          </>
        )}
      </Text>
      <Group gap="sm" mt="sm">
        {requestId !== null && (
          <LinkButton to="/recovery/$id" params={{ id: requestId }} size="xs" variant="default">
            A request is under way
          </LinkButton>
        )}
        <LinkButton
          to="/recovery/new"
          search={{ person: person.id, ...(manager !== null && { handover: true }) }}
          size="xs"
          variant={requestId === null ? 'filled' : 'default'}
        >
          {manager === null ? 'Request recovery' : `Prepare a request for ${manager.name}`}
        </LinkButton>
      </Group>
    </Alert>
  );
}
