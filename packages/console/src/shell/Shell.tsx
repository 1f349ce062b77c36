import type { Permission } from '@chancery/api';
import { ActionIcon, AppShell, Burger, Group, Menu, NavLink, ScrollArea, Text, Tooltip } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import {
  IconAddressBook,
  IconBell,
  IconBroadcast,
  IconBuildingBank,
  IconCertificate,
  IconDeviceMobile,
  IconFileCertificate,
  IconHistory,
  IconKey,
  IconKeyboard,
  IconLayoutDashboard,
  IconListDetails,
  IconLock,
  IconLogout,
  IconMail,
  IconMailCog,
  IconMailPause,
  IconMicroscope,
  IconUserCircle,
  IconUserShield,
  IconUsers,
  IconUsersGroup,
} from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { Link, Outlet, useNavigate, useRouterState } from '@tanstack/react-router';
import { useEffect } from 'react';
import { api, officeQuery, queryClient, useMe } from '../api.ts';
import { useAct } from '../pieces/useAct.ts';
import { roleNames } from '../words.ts';
import { Bell } from './Bell.tsx';
import { ColorSchemeMenu } from './ColorSchemeMenu.tsx';
import { SealMark } from './SealMark.tsx';
import { useShortcuts } from './Shortcuts.tsx';

const pages = [
  ['/', 'Overview', IconLayoutDashboard, 'office:read'],
  ['/people', 'People', IconUsers, 'person:read'],
  ['/certificates', 'Certificates', IconCertificate, 'certificate:read'],
  ['/devices', 'Devices', IconDeviceMobile, 'person:read'],
  ['/inventory', 'Inventory', IconListDetails, 'certificate:read'],
  ['/publication', 'Publication', IconBroadcast, 'person:read'],
  ['/recovery', 'Recovery', IconKey, 'recovery:read'],
  ['/vault', 'Vault', IconLock, 'recovery:read'],
  ['/mail', 'Mail', IconMail, 'office:read'],
  ['/held-mail', 'Held mail', IconMailPause, 'office:read'],
  ['/correspondents', 'Correspondents', IconAddressBook, 'office:read'],
  ['/mail-rules', 'Mail rules', IconMailCog, 'office:read'],
  ['/notices', 'Notices', IconBell, 'office:read'],
  ['/inspect', 'Inspect', IconMicroscope, 'office:read'],
  ['/audit', 'Audit', IconHistory, 'audit:read'],
  ['/sources', 'Sources', IconUsersGroup, 'person:read'],
  ['/operators', 'Operators', IconUserShield, 'operator:read'],
  ['/profiles', 'Profiles', IconFileCertificate, 'certificate:read'],
  ['/authorities', 'Authorities', IconBuildingBank, 'office:read'],
] as const satisfies readonly (readonly [string, string, typeof IconKey, Permission])[];

/** The frame of every page behind sign-in: header, navigation, shortcuts. */
export function Shell() {
  const [opened, { toggle, close }] = useDisclosure(false);
  const me = useMe();
  const office = useQuery(officeQuery).data;
  const pathname = useRouterState({ select: (state) => state.location.pathname });
  const shortcuts = useShortcuts();
  // biome-ignore lint/correctness/useExhaustiveDependencies: every change of page closes the menu of a narrow screen
  useEffect(close, [pathname]);
  return (
    <AppShell
      header={{ height: 56 }}
      navbar={{ width: 216, breakpoint: 'sm', collapsed: { mobile: !opened } }}
      padding={{ base: 'md', sm: 'xl' }}
    >
      <a className="skip-link" href="#main">
        Skip to the page
      </a>
      <AppShell.Header px="md">
        <Group h="100%" justify="space-between" wrap="nowrap">
          <Group gap="sm" wrap="nowrap" style={{ minWidth: 0 }}>
            <Burger
              opened={opened}
              onClick={toggle}
              hiddenFrom="sm"
              size="sm"
              aria-label={opened ? 'Close the menu' : 'Open the menu'}
              aria-expanded={opened}
            />
            <SealMark />
            <Text fw={650} truncate>
              Chancery
            </Text>
            {office?.organisation !== null && (
              <Text c="dimmed" truncate visibleFrom="xs">
                {office?.organisation}
              </Text>
            )}
            {office?.demo === true && (
              <span className="badge" data-tone="warn">
                Demo
              </span>
            )}
          </Group>
          <Group gap={4} wrap="nowrap">
            <Tooltip label="Keyboard shortcuts (?)">
              <ActionIcon
                size="lg"
                color="gray"
                visibleFrom="sm"
                onClick={shortcuts.open}
                aria-label="Keyboard shortcuts"
              >
                <IconKeyboard size={20} aria-hidden />
              </ActionIcon>
            </Tooltip>
            <Bell />
            <ColorSchemeMenu />
            <AccountMenu name={me?.name ?? ''} address={me?.address ?? ''} roles={me?.roles ?? []} />
          </Group>
        </Group>
      </AppShell.Header>
      <AppShell.Navbar p="xs" aria-label="Pages">
        <AppShell.Section grow component={ScrollArea}>
          {pages
            .filter(([, , , permission]) => me?.permissions.includes(permission) ?? false)
            .map(([to, label, Icon]) => {
              const active = to === '/' ? pathname === '/' : pathname === to || pathname.startsWith(`${to}/`);
              return (
                <NavLink
                  key={to}
                  component={Link}
                  to={to}
                  label={label}
                  active={active}
                  aria-current={active ? 'page' : undefined}
                  leftSection={<Icon size={18} stroke={1.6} aria-hidden />}
                  style={{ borderRadius: 4 }}
                />
              );
            })}
        </AppShell.Section>
        <AppShell.Section p="xs">
          <Text size="xs" c="dimmed">
            Chancery {office?.version}
          </Text>
        </AppShell.Section>
      </AppShell.Navbar>
      <AppShell.Main id="main" tabIndex={-1}>
        <div style={{ maxWidth: 1240, margin: '0 auto' }}>
          <Outlet />
        </div>
      </AppShell.Main>
      {shortcuts.dialog}
    </AppShell>
  );
}

function AccountMenu({
  name,
  address,
  roles,
}: {
  name: string;
  address: string;
  roles: readonly (keyof typeof roleNames)[];
}) {
  const navigate = useNavigate();
  const signOut = useAct(() => api.logout(), {
    onDone: ({ next }) => {
      queryClient.clear();
      if (next === null) void navigate({ to: '/sign-in', search: {} });
      else location.assign(next);
    },
  });
  return (
    <Menu position="bottom-end" width={260}>
      <Menu.Target>
        <ActionIcon size="lg" color="gray" aria-label={`Account of ${name}`}>
          <IconUserCircle size={22} aria-hidden />
        </ActionIcon>
      </Menu.Target>
      <Menu.Dropdown>
        <Menu.Label>
          <Text size="sm" fw={600} c="var(--mantine-color-text)">
            {name}
          </Text>
          <Text size="xs">{address}</Text>
          <Text size="xs">{roles.map((role) => roleNames[role][0]).join(', ')}</Text>
        </Menu.Label>
        <Menu.Divider />
        <Menu.Item leftSection={<IconLogout size={16} aria-hidden />} onClick={() => signOut.mutate(undefined)}>
          Sign out
        </Menu.Item>
      </Menu.Dropdown>
    </Menu>
  );
}
