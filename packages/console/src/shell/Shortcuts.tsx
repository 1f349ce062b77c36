import { Group, Kbd, Modal, Stack, Text } from '@mantine/core';
import { useDisclosure, useHotkeys } from '@mantine/hooks';
import { useNavigate } from '@tanstack/react-router';
import { useEffect, useRef } from 'react';

const goTo = {
  o: ['/', 'Overview'],
  p: ['/people', 'People'],
  c: ['/certificates', 'Certificates'],
  d: ['/devices', 'Devices'],
  r: ['/recovery', 'Recovery'],
  v: ['/vault', 'Vault'],
  y: ['/inventory', 'Inventory'],
  m: ['/mail', 'Mail'],
  n: ['/notices', 'Notices'],
  i: ['/inspect', 'Inspect'],
  a: ['/audit', 'Audit'],
  f: ['/profiles', 'Profiles'],
} as const;

/** `/` searches, `?` lists the shortcuts, `g` then a letter goes to a page. Never while typing in a field. */
export function useShortcuts() {
  const [opened, { open, close }] = useDisclosure(false);
  const navigate = useNavigate();
  const pressedG = useRef(0);
  useHotkeys([
    ['/', focusSearch],
    ['shift+?', open],
    ['?', open],
  ]);
  useEffect(() => {
    const onKey = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || isTyping(event.target)) return;
      if (event.key === 'g') {
        pressedG.current = event.timeStamp;
        return;
      }
      const page = goTo[event.key as keyof typeof goTo];
      if (page !== undefined && event.timeStamp - pressedG.current < 1000) void navigate({ to: page[0] });
      pressedG.current = 0;
    };
    window.addEventListener('keydown', onKey);
    return () => window.removeEventListener('keydown', onKey);
  }, [navigate]);
  const dialog = (
    <Modal opened={opened} onClose={close} title="Keyboard shortcuts">
      <Stack gap="xs">
        <Shortcut keys={['/']} does="Search this page's list" />
        <Shortcut keys={['?']} does="Show these shortcuts" />
        {Object.entries(goTo).map(([key, [, name]]) => (
          <Shortcut key={key} keys={['g', key]} does={`Go to ${name}`} />
        ))}
        <Shortcut keys={['Esc']} does="Close a dialog or menu" />
      </Stack>
    </Modal>
  );
  return { open, dialog };
}

function Shortcut({ keys, does }: { keys: readonly string[]; does: string }) {
  return (
    <Group justify="space-between" wrap="nowrap">
      <Text size="sm">{does}</Text>
      <Group gap={4} wrap="nowrap">
        {keys.map((key) => (
          <Kbd key={key}>{key}</Kbd>
        ))}
      </Group>
    </Group>
  );
}

function focusSearch(): void {
  document.querySelector<HTMLInputElement>('input[data-search]')?.focus();
}

function isTyping(target: EventTarget | null): boolean {
  return (
    target instanceof HTMLElement && (target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName))
  );
}
