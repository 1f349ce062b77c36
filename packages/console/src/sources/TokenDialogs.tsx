import type { ScimToken } from '@chancery/api';
import { Button, Group, NumberInput, Stack, Text, TextInput } from '@mantine/core';
import { useState } from 'react';
import { api } from '../api.ts';
import { CopyField } from '../pieces/CopyField.tsx';
import { ProblemAlert } from '../pieces/ProblemAlert.tsx';
import { useAct } from '../pieces/useAct.ts';

interface Made {
  readonly source: string;
  readonly token: string;
  readonly url: string;
}

/** A token for a client that is new, or another for one that is known. */
export function NewToken({ known, onClose }: { known: readonly string[]; onClose: () => void }) {
  const [name, setName] = useState('');
  const [days, setDays] = useState<number | string>(365);
  const make = useAct(
    () => api.createScimToken({ body: { source: name, expiresInDays: days === '' ? null : Number(days) } }),
    { stale: ['sources'] },
  );
  if (make.data !== undefined) return <Shown made={make.data} onClose={onClose} />;
  return (
    <form
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        make.mutate(undefined);
      }}
    >
      <Stack>
        <Text size="sm">
          The identity provider speaks SCIM 2.0 to this office with a token. It makes, changes and deactivates people
          and groups, and can do nothing else here.
        </Text>
        <TextInput
          label="What is it called here?"
          description={`Lower-case letters, digits and hyphens${known.length === 0 ? '' : `; known: ${known.join(', ')}`}`}
          placeholder="entra"
          required
          data-autofocus
          value={name}
          onChange={(event) => setName(event.currentTarget.value)}
        />
        <Days value={days} onChange={setDays} />
        <ProblemAlert error={make.error} />
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" loading={make.isPending} disabled={name === ''}>
            Make the token
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

/** Another in its place, with a time in which both are good. */
export function ChangeToken({ token, onClose }: { token: ScimToken; onClose: () => void }) {
  const [hours, setHours] = useState<number | string>(72);
  const [days, setDays] = useState<number | string>(365);
  const rotate = useAct(
    () =>
      api.rotateScimToken({
        params: { id: token.id },
        body: { overlapHours: Number(hours), expiresInDays: days === '' ? null : Number(days) },
      }),
    { stale: ['sources'] },
  );
  if (rotate.data !== undefined) return <Shown made={rotate.data} onClose={onClose} />;
  return (
    <Stack>
      <NumberInput
        label="Hours that the old token stays good"
        description="Long enough to put the new one into the identity provider"
        min={0}
        max={720}
        value={hours}
        onChange={setHours}
        data-autofocus
      />
      <Days value={days} onChange={setDays} />
      <ProblemAlert error={rotate.error} />
      <Group justify="flex-end">
        <Button variant="default" onClick={onClose}>
          Cancel
        </Button>
        <Button loading={rotate.isPending} disabled={hours === ''} onClick={() => rotate.mutate(undefined)}>
          Make the new token
        </Button>
      </Group>
    </Stack>
  );
}

export function RevokeToken({ token, source, onClose }: { token: ScimToken; source: string; onClose: () => void }) {
  const revoke = useAct(() => api.revokeScimToken({ params: { id: token.id } }), {
    stale: ['sources'],
    said: () => `The token of ${source} opens nothing any more.`,
    onDone: onClose,
  });
  return (
    <Stack>
      <Text size="sm">
        At once. Without another token, {source} changes nobody here any more: who leaves there does not leave here.
      </Text>
      <ProblemAlert error={revoke.error} />
      <Group justify="flex-end">
        <Button variant="default" onClick={onClose} data-autofocus>
          Cancel
        </Button>
        <Button color="wax.7" loading={revoke.isPending} onClick={() => revoke.mutate(undefined)}>
          Revoke the token
        </Button>
      </Group>
    </Stack>
  );
}

function Days({ value, onChange }: { value: number | string; onChange: (value: number | string) => void }) {
  return (
    <NumberInput
      label="Days until it ends"
      description="Empty: it does not end by itself"
      min={1}
      max={3660}
      value={value}
      onChange={onChange}
    />
  );
}

function Shown({ made, onClose }: { made: Made; onClose: () => void }) {
  return (
    <Stack>
      <Text>Give both to the identity provider {made.source}. The token is shown only now.</Text>
      <div className="panel">
        <Stack gap="xs">
          <CopyField label="address for SCIM" value={made.url} />
          <CopyField label="SCIM token" value={made.token} />
        </Stack>
      </div>
      <Group justify="flex-end">
        <Button onClick={onClose}>Done</Button>
      </Group>
    </Stack>
  );
}
