import {
  fillNotice,
  type NoticeEvent,
  type NoticeLanguage,
  noticeEvents,
  noticeLanguages,
  placeholdersOf,
  sampleFacts,
  templateProblems,
} from '@chancery/api';
import { Button, Group, Select, Skeleton, Stack, Text, Textarea, TextInput } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { api, useMay } from '../api.ts';
import { Panel } from '../pieces/Page.tsx';
import { ProblemAlert } from '../pieces/ProblemAlert.tsx';
import { useAct } from '../pieces/useAct.ts';
import { When } from '../pieces/When.tsx';
import { choices } from '../words.ts';
import { eventNames, languageNames } from './words.ts';

/** The texts of notices: changed as one looks at what would be read. */
export function Texts() {
  const [event, setEvent] = useState<NoticeEvent>('welcome');
  const [language, setLanguage] = useState<NoticeLanguage>('en');
  return (
    <Stack>
      <Group gap="sm">
        <Select
          label="Event"
          w={280}
          allowDeselect={false}
          value={event}
          data={choices(eventNames)}
          onChange={(value) => value !== null && setEvent(value)}
        />
        <Select
          label="Language"
          w={160}
          allowDeselect={false}
          value={language}
          data={noticeLanguages.map((value) => ({ value, label: languageNames[value] }))}
          onChange={(value) => value !== null && setLanguage(value)}
        />
      </Group>
      <Text size="sm" c="dimmed">
        {noticeEvents[event].what}.
      </Text>
      <OneText key={`${event} ${language}`} event={event} language={language} />
    </Stack>
  );
}

function OneText({ event, language }: { event: NoticeEvent; language: NoticeLanguage }) {
  const params = { event, language };
  const template = useQuery({
    queryKey: ['notice-templates', event, language],
    queryFn: () => api.noticeTemplate({ params }),
  });
  if (template.data === undefined) {
    return (
      <>
        <ProblemAlert error={template.error} onRetry={() => void template.refetch()} />
        {template.isPending && <Skeleton height={320} />}
      </>
    );
  }
  return <Editor key={template.data.version} event={event} language={language} template={template.data} />;
}

type Template = Awaited<ReturnType<typeof api.noticeTemplate>>;

function Editor({ event, language, template }: { event: NoticeEvent; language: NoticeLanguage; template: Template }) {
  const mayWrite = useMay('notice:write');
  const [subject, setSubject] = useState(template.subject);
  const [text, setText] = useState(template.text);
  const [note, setNote] = useState('');
  const change = useAct(
    (content: { subject: string; text: string } | null) =>
      api.changeNoticeTemplate({
        params: { event, language },
        body: { content, expectedVersion: template.version, note },
      }),
    { stale: ['notice-templates'], said: () => 'It is in force for what happens from now on.' },
  );
  const problems = templateProblems(event, { subject, text });
  const problemAt = (path: 'subject' | 'text') =>
    problems
      .filter((one) => one.path === path)
      .map(({ message }) => message)
      .join('; ') || undefined;
  const shown = fillNotice({ subject, text }, sampleFacts);
  const changed = subject !== template.subject || text !== template.text;
  return (
    <Stack gap="lg">
      <div className="profile-editor">
        <Panel title="Text">
          <Stack gap="sm">
            <TextInput
              label="Subject"
              readOnly={!mayWrite}
              value={subject}
              error={problemAt('subject')}
              onChange={(typed) => setSubject(typed.currentTarget.value)}
            />
            <Textarea
              label="Text"
              autosize
              minRows={10}
              readOnly={!mayWrite}
              value={text}
              error={problemAt('text')}
              onChange={(typed) => setText(typed.currentTarget.value)}
            />
            <Text size="xs" c="dimmed">
              May name{' '}
              {placeholdersOf(event)
                .map((name) => `{${name}}`)
                .join(', ')}
              .
            </Text>
            {mayWrite && (
              <>
                <TextInput
                  label="Why, for whoever reads the versions"
                  maxLength={500}
                  value={note}
                  onChange={(typed) => setNote(typed.currentTarget.value)}
                />
                <ProblemAlert error={change.error} placed={['subject', 'text']} />
                <Group>
                  <Button
                    disabled={!changed || problems.length > 0}
                    loading={change.isPending}
                    onClick={() => change.mutate({ subject, text })}
                  >
                    Apply
                  </Button>
                  {!template.shipped && (
                    <Button variant="default" loading={change.isPending} onClick={() => change.mutate(null)}>
                      The shipped text again
                    </Button>
                  )}
                </Group>
              </>
            )}
          </Stack>
        </Panel>
        <aside className="profile-preview" aria-label="As it would be read">
          <Panel title="As it would be read">
            <Text fw={650} mb="sm" style={{ overflowWrap: 'anywhere' }}>
              {shown.subject}
            </Text>
            <Text component="pre" className="notice-text" lang={language}>
              {shown.text}
            </Text>
          </Panel>
        </aside>
      </div>
      {template.versions.length > 0 && (
        <Panel title="Versions">
          <ol className="chain" aria-label="Versions">
            {template.versions.map((one) => (
              <li key={one.version}>
                <Text size="sm">
                  Version {one.version}, <When at={one.createdAt} style="time" /> by {one.author}
                  {one.note === '' ? '' : `: ${one.note}`}
                </Text>
                <Text size="sm" c="dimmed">
                  {one.subject ?? 'The shipped text'}
                </Text>
              </li>
            ))}
          </ol>
        </Panel>
      )}
    </Stack>
  );
}
