import type { InventoryList, InventoryView } from '@chancery/api';
import { Button, Group, Modal, Select, Stack, Switch, Text, TextInput } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { api } from '../api.ts';
import { ProblemAlert } from '../pieces/ProblemAlert.tsx';
import { useAct } from '../pieces/useAct.ts';

/** Filters that somebody has kept under a name. */
export function Views({ content, onChoose }: { content: InventoryList; onChoose: (content: InventoryList) => void }) {
  const views = useQuery({ queryKey: ['inventory', 'views'], queryFn: () => api.inventoryViews() });
  const [saving, dialog] = useDisclosure(false);
  const items = views.data?.items ?? [];
  const current = items.find((one) => isSame(one.content, content));
  const remove = useAct((view: InventoryView) => api.removeInventoryView({ params: { id: view.id } }), {
    stale: ['inventory'],
    said: () => 'The view is forgotten.',
  });
  return (
    <Stack gap="xs">
      <Group gap="sm" align="flex-end">
        <Select
          label="Views"
          placeholder={items.length === 0 ? 'None is kept yet' : 'Choose a view'}
          w={280}
          value={current?.id ?? null}
          data={items.map((one) => ({ value: one.id, label: one.mine ? one.name : `${one.name} (${one.owner})` }))}
          onChange={(id) => {
            const view = items.find((one) => one.id === id);
            if (view !== undefined) onChoose(view.content);
          }}
        />
        <Button variant="default" onClick={dialog.open}>
          Keep this view
        </Button>
        {current?.mine === true && (
          <Button variant="subtle" loading={remove.isPending} onClick={() => remove.mutate(current)}>
            Forget it
          </Button>
        )}
      </Group>
      <ProblemAlert error={views.error ?? remove.error} />
      <Modal opened={saving} onClose={dialog.close} title="Keep this view">
        <Save content={content} onDone={dialog.close} />
      </Modal>
    </Stack>
  );
}

function Save({ content, onDone }: { content: InventoryList; onDone: () => void }) {
  const [name, setName] = useState('');
  const [shared, setShared] = useState(false);
  const save = useAct(() => api.saveInventoryView({ body: { name, shared, content } }), {
    stale: ['inventory'],
    said: (view) => `Kept as ${view.name}.`,
    onDone,
  });
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        save.mutate(undefined);
      }}
    >
      <Stack gap="sm">
        <TextInput
          label="Name"
          data-autofocus
          required
          maxLength={80}
          value={name}
          onChange={(event) => setName(event.currentTarget.value)}
        />
        <Switch
          label="Others see it too"
          checked={shared}
          onChange={(event) => setShared(event.currentTarget.checked)}
        />
        <Text size="xs" c="dimmed">
          It keeps the list and its filters. Whoever opens it sees what is there then.
        </Text>
        <ProblemAlert error={save.error} placed={['name']} />
        <Group>
          <Button type="submit" loading={save.isPending} disabled={name.trim() === ''}>
            Keep
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

function isSame(one: InventoryList, other: InventoryList): boolean {
  const text = ({ list, filter }: InventoryList) =>
    JSON.stringify([
      list,
      Object.entries(filter)
        .filter(([, value]) => value !== undefined)
        .sort(),
    ]);
  return text(one) === text(other);
}
