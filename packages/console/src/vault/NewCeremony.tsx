import type { Operator, Vault } from '@chancery/api';
import { Alert, Button, Checkbox, Group, NumberInput, Skeleton, Stack, Text } from '@mantine/core';
import { useForm } from '@mantine/form';
import { useQuery } from '@tanstack/react-query';
import { api } from '../api.ts';
import { LinkButton } from '../pieces/Links.tsx';
import { ProblemAlert } from '../pieces/ProblemAlert.tsx';
import { useAct } from '../pieces/useAct.ts';
import { suggestedThreshold, thresholdWords, whyNotShare } from './threshold.ts';

interface NewCeremonyProps {
  vault: Vault;
  /** Another vault in the place of the one in use. */
  anew?: boolean;
  /** Who deals, where that is decided already. */
  dealers?: readonly string[] | undefined;
  onClose: () => void;
}

/** Who will hold a share, how many of them open a key, and, for a vault in use, who deals the shares of now on. */
export function NewCeremony(props: NewCeremonyProps) {
  const { onClose } = props;
  const operators = useQuery({ queryKey: ['operators'], queryFn: () => api.operators() });
  const officers = operators.data?.items.filter(
    ({ state, roles }) => state !== 'disabled' && roles.includes('recovery-officer'),
  );
  if (officers === undefined) {
    return (
      <>
        <ProblemAlert error={operators.error} onRetry={() => void operators.refetch()} />
        {operators.isPending && <Skeleton height={200} />}
      </>
    );
  }
  if (officers.length < 2) {
    return (
      <Stack>
        <Text>
          A vault takes two recovery officers at least, and there {officers.length === 1 ? 'is one' : 'are none'}.
          Invite them first. Three or more are better: then one may lose their share key.
        </Text>
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <LinkButton to="/operators">Go to Operators</LinkButton>
        </Group>
      </Stack>
    );
  }
  return <Choose {...props} officers={officers} />;
}

function Choose({
  vault,
  anew = false,
  dealers,
  officers,
  onClose,
}: NewCeremonyProps & { officers: readonly Operator[] }) {
  const live = vault.state === 'live' && !anew;
  const present = vault.officers.filter(({ inOffice }) => inOffice);
  const form = useForm({
    initialValues: {
      officers: officers.map(({ id }) => id),
      threshold: live ? vault.threshold : suggestedThreshold(officers.length),
      dealers: live ? [...(dealers ?? present.slice(0, vault.threshold).map(({ id }) => id))] : [],
    },
    validate: {
      threshold: (threshold, { officers: chosen }) => whyNotShare(chosen.length, threshold),
      dealers: (dealers) =>
        !live || dealers.length === vault.threshold
          ? null
          : `Choose exactly ${vault.threshold} of those who hold a share`,
    },
  });
  const open = useAct(
    (body: typeof form.values) => api.openCeremony({ body: { kind: live ? 'reshare' : 'found', ...body } }),
    {
      form,
      stale: ['vault', 'ceremonies', 'overview'],
      said: () => 'The officers are invited. Ask them to open this page.',
      onDone: onClose,
    },
  );
  const { officers: chosen, threshold } = form.values;
  const fits = whyNotShare(chosen.length, threshold) === null;
  const words = fits ? thresholdWords(chosen.length, threshold) : null;
  return (
    <form noValidate onSubmit={form.onSubmit((values) => open.mutate(values))}>
      <Stack>
        {anew && (
          <Alert color="ink" variant="outline" title="Every key is moved">
            New keys go to the new vault as soon as its officers have accepted. What is in the old one moves as{' '}
            {vault.threshold} of its officers contribute, on this page; until a key has moved nobody recovers it. Where
            you still trust everybody who ever held a share, share the vault anew instead.
          </Alert>
        )}
        <Text size="sm">
          {live
            ? 'The vault key stays as it is and no key is touched. Everybody who is chosen gets a new share; the shares of now become worthless together. Recoveries that are open end, and are asked for again.'
            : 'Everybody who is chosen takes part, each at their own browser: they make a share key, deal, compare a fingerprint, and accept. It takes a few minutes when all of them are there, and may be spread over days.'}
        </Text>
        <Checkbox.Group label="Who will hold a share" {...form.getInputProps('officers')}>
          <Stack gap="xs" mt="xs">
            {officers.map(({ id, name, address, state }) => (
              <Checkbox
                key={id}
                value={id}
                label={name}
                description={state === 'invited' ? `${address}, has not signed in yet` : address}
              />
            ))}
          </Stack>
        </Checkbox.Group>
        <NumberInput
          label="How many of them open a key together"
          min={2}
          max={Math.max(2, chosen.length)}
          clampBehavior="none"
          allowDecimal={false}
          hideControls
          styles={{ input: { maxWidth: 120 } }}
          {...form.getInputProps('threshold')}
        />
        {words !== null && <Text size="sm">{words.rule}</Text>}
        {words?.warning != null && (
          <Alert color="wax" variant="outline" title="No spare share">
            {words.warning}
          </Alert>
        )}
        {live && (
          <Checkbox.Group
            label="Who deals the shares of now on"
            description={`Exactly ${vault.threshold} officers who hold a share now, each with the share key of then`}
            {...form.getInputProps('dealers')}
          >
            <Stack gap="xs" mt="xs">
              {present.map(({ id, name }) => (
                <Checkbox key={id} value={id} label={name} />
              ))}
            </Stack>
          </Checkbox.Group>
        )}
        <ProblemAlert error={open.error} placed={Object.keys(form.values)} />
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" loading={open.isPending}>
            {live ? 'Invite them to share anew' : 'Invite them'}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
