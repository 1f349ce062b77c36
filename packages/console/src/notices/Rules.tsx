import {
  type EventSettings,
  type NoticeEvent,
  type NoticeRole,
  type NoticeSettings,
  type NoticeSettingsPage,
  type NoticeTime,
  noticeEventNames,
  noticeEvents,
  noticeLanguages,
  settingsOf,
} from '@chancery/api';
import {
  Alert,
  Button,
  Group,
  NumberInput,
  Select,
  SimpleGrid,
  Skeleton,
  Stack,
  Switch,
  Text,
  TextInput,
} from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { api, useMay } from '../api.ts';
import { plural } from '../format.ts';
import { Panel } from '../pieces/Page.tsx';
import { PlainTable } from '../pieces/PlainTable.tsx';
import { ProblemAlert } from '../pieces/ProblemAlert.tsx';
import { useAct } from '../pieces/useAct.ts';
import { When } from '../pieces/When.tsx';
import { choices } from '../words.ts';
import { eventNames, languageNames, timeNames } from './words.ts';

const roles: readonly (readonly [NoticeRole, string])[] = [
  ['person', 'Person'],
  ['manager', 'Manager'],
  ['operators', 'Operators'],
];
const weekdays = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];

/** Who is told what and when. */
export function Rules() {
  const page = useQuery({ queryKey: ['notice-settings'], queryFn: () => api.noticeSettings() });
  if (page.data === undefined) {
    return (
      <>
        <ProblemAlert error={page.error} onRetry={() => void page.refetch()} />
        {page.isPending && <Skeleton height={420} />}
      </>
    );
  }
  return <Editor key={page.data.version} page={page.data} />;
}

function Editor({ page }: { page: NoticeSettingsPage }) {
  const mayWrite = useMay('notice:write');
  const [settings, setSettings] = useState(page.settings);
  const [note, setNote] = useState('');
  const change = (patch: Partial<NoticeSettings>) => setSettings((old) => ({ ...old, ...patch }));
  const save = useAct(() => api.changeNoticeSettings({ body: { settings, expectedVersion: page.version, note } }), {
    stale: ['notice-settings', 'notices'],
    said: ({ version }) => `Version ${version} is in force.`,
  });
  const changed = JSON.stringify(settings) !== JSON.stringify(page.settings);
  return (
    <Stack gap="lg">
      <Standing page={page} />
      <Panel title="When">
        <SimpleGrid cols={{ base: 1, xs: 2, md: 3 }} spacing="sm">
          <Select
            label="Language, where nobody says another"
            allowDeselect={false}
            disabled={!mayWrite}
            value={settings.language}
            data={noticeLanguages.map((value) => ({ value, label: languageNames[value] }))}
            onChange={(language) => language !== null && change({ language })}
          />
          <TextInput
            label="Time zone"
            disabled={!mayWrite}
            value={settings.timeZone}
            onChange={(event) => change({ timeZone: event.currentTarget.value })}
          />
          <NumberInput
            label="Hour of digests"
            min={0}
            max={23}
            disabled={!mayWrite}
            value={settings.digestHour}
            onChange={(value) => change({ digestHour: Number(value) })}
          />
          <Select
            label="Day of weekly digests"
            allowDeselect={false}
            disabled={!mayWrite}
            value={String(settings.digestDay)}
            data={weekdays.map((label, index) => ({ value: String(index), label }))}
            onChange={(value) => change({ digestDay: Number(value) })}
          />
          <NumberInput
            label="Most mails in a minute"
            min={1}
            disabled={!mayWrite}
            value={settings.mostPerMinute}
            onChange={(value) => change({ mostPerMinute: Number(value) })}
          />
          <NumberInput
            label="Most to one address in an hour"
            min={1}
            disabled={!mayWrite}
            value={settings.mostPerHour}
            onChange={(value) => change({ mostPerHour: Number(value) })}
          />
        </SimpleGrid>
        <Quiet settings={settings} disabled={!mayWrite} onChange={(quiet) => change({ quiet })} />
      </Panel>
      <Panel title="Who is told what">
        <PlainTable label="Events" head={['Event', ...roles.map(([, name]) => name), 'Inbox', 'Webhooks']}>
          {noticeEventNames
            .filter((event) => event !== 'digest' && noticeEvents[event].letter !== true)
            .map((event) => (
              <EventRow
                key={event}
                event={event}
                settings={settings}
                disabled={!mayWrite}
                onChange={(events) => change({ events })}
              />
            ))}
        </PlainTable>
        <Text size="sm" c="dimmed" mt="sm">
          Letters to people about their own keys and links always go, at once and to them alone. Their words are under
          Texts.
        </Text>
      </Panel>
      {mayWrite && (
        <Panel title="Apply">
          <Stack gap="sm">
            <TextInput
              label="Why, for whoever reads the versions"
              maxLength={500}
              value={note}
              onChange={(event) => setNote(event.currentTarget.value)}
            />
            <ProblemAlert error={save.error} />
            <Group>
              <Button disabled={!changed} loading={save.isPending} onClick={() => save.mutate(undefined)}>
                Apply
              </Button>
              <Button variant="default" disabled={!changed} onClick={() => setSettings(page.settings)}>
                Undo
              </Button>
            </Group>
          </Stack>
        </Panel>
      )}
      {page.versions.length > 0 && (
        <Panel title="Versions">
          <ol className="chain" aria-label="Versions">
            {page.versions.map((one) => (
              <li key={one.version}>
                <Group justify="space-between" gap="xs">
                  <Text size="sm">
                    Version {one.version}, <When at={one.createdAt} style="time" /> by {one.author}
                    {one.note === '' ? '' : `: ${one.note}`}
                  </Text>
                  {mayWrite && one.version !== page.version && (
                    <Button
                      size="xs"
                      variant="default"
                      aria-label={`Look at version ${one.version}`}
                      onClick={() => setSettings(one.settings)}
                    >
                      Bring back
                    </Button>
                  )}
                </Group>
              </li>
            ))}
          </ol>
        </Panel>
      )}
    </Stack>
  );
}

function timeFor(role: NoticeRole, time: NoticeTime): EventSettings {
  if (role === 'person') return { person: time };
  return role === 'manager' ? { manager: time } : { operators: time };
}

function Standing({ page }: { page: NoticeSettingsPage }) {
  const { waiting, failed, oldest } = page.unsent;
  if (!page.mail) {
    return (
      <Alert color="wax" variant="outline" title="This office can send no mail">
        Notices are kept, and go out once [mail] is configured. {plural(waiting, 'waits', 'wait')}.
      </Alert>
    );
  }
  if (failed === 0 && waiting === 0) return null;
  return (
    <Alert color={failed > 0 ? 'wax' : 'ink'} variant="outline" title={`${waiting} waiting, ${failed} given up`}>
      {oldest !== null && (
        <>
          The oldest waits since <When at={oldest} style="time" />.
        </>
      )}
    </Alert>
  );
}

function Quiet({
  settings: { quiet },
  disabled,
  onChange,
}: {
  settings: NoticeSettings;
  disabled: boolean;
  onChange: (quiet: NoticeSettings['quiet']) => void;
}) {
  return (
    <Stack gap="xs" mt="md">
      <Switch
        label="Quiet hours: only what is urgent goes out"
        disabled={disabled}
        checked={quiet !== null}
        onChange={(event) => onChange(event.currentTarget.checked ? { from: 20, to: 7, days: [0, 6] } : null)}
      />
      {quiet !== null && (
        <Group gap="sm" align="flex-end">
          <NumberInput
            label="From hour"
            w={110}
            min={0}
            max={23}
            disabled={disabled}
            value={quiet.from}
            onChange={(value) => onChange({ ...quiet, from: Number(value) })}
          />
          <NumberInput
            label="To hour"
            w={110}
            min={0}
            max={23}
            disabled={disabled}
            value={quiet.to}
            onChange={(value) => onChange({ ...quiet, to: Number(value) })}
          />
          <Group gap="xs" pb={6}>
            {weekdays.map((name, day) => (
              <Switch
                key={name}
                size="xs"
                label={name.slice(0, 3)}
                aria-label={`${name} is quiet`}
                disabled={disabled}
                checked={quiet.days.includes(day)}
                onChange={(event) =>
                  onChange({
                    ...quiet,
                    days: event.currentTarget.checked
                      ? [...quiet.days, day].sort()
                      : quiet.days.filter((one) => one !== day),
                  })
                }
              />
            ))}
          </Group>
        </Group>
      )}
    </Stack>
  );
}

function EventRow({
  event,
  settings,
  disabled,
  onChange,
}: {
  event: NoticeEvent;
  settings: NoticeSettings;
  disabled: boolean;
  onChange: (events: NoticeSettings['events']) => void;
}) {
  const rules = settingsOf(settings, event);
  const { what, to, urgent } = noticeEvents[event];
  const set = (patch: EventSettings) =>
    onChange({ ...settings.events, [event]: { ...settings.events[event], ...patch } });
  return (
    <tr>
      <td style={{ minWidth: 220 }}>
        <Text size="sm" fw={600}>
          {eventNames[event]}
          {urgent === true ? ' (urgent)' : ''}
        </Text>
        <Text size="xs" c="dimmed">
          {what}
        </Text>
      </td>
      {roles.map(([role, name]) => (
        <td key={role}>
          {to[role] === undefined ? (
            <Text size="sm" c="dimmed">
              –
            </Text>
          ) : (
            <Select
              aria-label={`${eventNames[event]}: ${name}`}
              size="xs"
              w={104}
              allowDeselect={false}
              disabled={disabled}
              value={rules[role]}
              data={choices(timeNames)}
              onChange={(time) => time !== null && set(timeFor(role, time))}
            />
          )}
        </td>
      ))}
      <td>
        {to.operators === undefined ? (
          <Text size="sm" c="dimmed">
            –
          </Text>
        ) : (
          <Switch
            size="sm"
            aria-label={`${eventNames[event]}: in the inbox`}
            disabled={disabled}
            checked={rules.console}
            onChange={(change) => set({ console: change.currentTarget.checked })}
          />
        )}
      </td>
      <td>
        {event === 'welcome' ? (
          <Text size="sm" c="dimmed">
            –
          </Text>
        ) : (
          <Switch
            size="sm"
            aria-label={`${eventNames[event]}: to webhooks`}
            disabled={disabled}
            checked={rules.webhook}
            onChange={(change) => set({ webhook: change.currentTarget.checked })}
          />
        )}
      </td>
    </tr>
  );
}
