import { Button, Divider } from '@mantine/core';
import { IconLogin2 } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { api } from '../api.ts';
import { ProblemAlert } from '../pieces/ProblemAlert.tsx';
import { useAct } from '../pieces/useAct.ts';

interface ProviderButtonsProps {
  as: 'operator' | 'person';
  /** A path of this console. */
  back: string;
}

/** One button for each identity provider that lets such people in; nothing where there is none. */
export function ProviderButtons({ as, back }: ProviderButtonsProps) {
  const providers = useQuery({ queryKey: ['sign-in-providers'], queryFn: () => api.signInProviders(), retry: false });
  const begin = useAct((name: string) => api.beginProviderSignIn({ params: { name }, body: { as, back } }), {
    onDone: ({ url }) => location.assign(url),
  });
  const offered = providers.data?.items.filter((one) => (as === 'operator' ? one.operators : one.people)) ?? [];
  if (offered.length === 0) return null;
  return (
    <>
      <ProblemAlert error={begin.error} />
      {offered.map(({ name, title }) => (
        <Button
          key={name}
          size="md"
          // Its title is the organisation's own, and may be long.
          h="auto"
          mih={42}
          py={8}
          styles={{ label: { whiteSpace: 'normal' } }}
          // It stays busy until the browser has left.
          loading={begin.variables === name && (begin.isPending || begin.isSuccess)}
          disabled={begin.isPending}
          onClick={() => begin.mutate(name)}
          leftSection={<IconLogin2 size={20} aria-hidden />}
        >
          Sign in with {title}
        </Button>
      ))}
      <Divider label="or" />
    </>
  );
}
