import type { RecoveryRequest } from '@chancery/api';
import { Button, FileInput, Group, List, Stack, Text } from '@mantine/core';
import { useState } from 'react';
import { api } from '../api.ts';
import { fromBase64, save, toBase64 } from '../files.ts';
import { formatTime, plural } from '../format.ts';
import { CopyField } from '../pieces/CopyField.tsx';
import { Panel } from '../pieces/Page.tsx';
import { ProblemAlert } from '../pieces/ProblemAlert.tsx';
import { useAct } from '../pieces/useAct.ts';
import { InWords } from '../problem.ts';
import { digestsOf } from './message-digests.ts';
import { keysOf } from './rules.ts';

interface Outcome {
  readonly file?: { readonly fileName: string; readonly mediaType: string; readonly data: string };
  readonly links?: readonly {
    readonly id: string;
    readonly name: string;
    readonly address: string;
    readonly expiresAt: string;
  }[];
  readonly notOpened?: readonly string[];
}

/** The one release. What leaves is saved before anything else happens. */
export function useRelease(request: RecoveryRequest) {
  const params = { id: request.id };
  return useAct(
    async (messages: readonly File[]): Promise<Outcome> => {
      if (request.delivery.kind === 'owner') return { links: (await api.releaseToOwner({ params })).links };
      if (request.delivery.kind === 'decrypt') {
        const body = { messages: await read(request, messages) };
        const { opened: _, notOpened, ...file } = await api.releaseMessages({ params, body });
        saveFile(file);
        return { file, notOpened };
      }
      const file = await api.releaseKey({ params });
      saveFile(file);
      return { file };
    },
    { stale: ['recovery', 'overview'] },
  );
}

export function Release({ request, release }: { request: RecoveryRequest; release: ReturnType<typeof useRelease> }) {
  const [messages, setMessages] = useState<File[]>([]);
  const { delivery } = request;
  const { file, links, notOpened = [] } = release.data ?? {};
  const wanted = delivery.messages.length;
  return (
    <Panel title="Release">
      <Stack>
        {release.data === undefined && (
          <>
            <Text>{explain(request)}</Text>
            {delivery.kind === 'decrypt' && (
              <FileInput
                label="The messages"
                description={`All ${plural(wanted, 'message', 'messages')} that the request names, octet for octet`}
                placeholder="Choose files"
                multiple
                clearable
                accept=".eml,.p7m,message/rfc822"
                maw={420}
                value={messages}
                onChange={setMessages}
              />
            )}
          </>
        )}
        <ProblemAlert error={release.error} />
        {links !== undefined && (
          <List size="sm">
            {links.map(({ id, name, address, expiresAt }) => (
              <List.Item key={id}>
                {name} gets a link at {address}, good until {formatTime(expiresAt)}.
              </List.Item>
            ))}
          </List>
        )}
        {notOpened.length > 0 && (
          <Text size="sm">
            {plural(notOpened.length, 'message opens', 'messages open')} with none of these keys:{' '}
            {notOpened.map((sha256) => nameOf(request, sha256)).join(', ')}.
          </Text>
        )}
        <Group>
          {release.data === undefined ? (
            <Button
              loading={release.isPending}
              disabled={delivery.kind === 'decrypt' && messages.length < wanted}
              onClick={() => release.mutate(messages)}
            >
              {buttons[delivery.kind]}
            </Button>
          ) : (
            file !== undefined && (
              <Button variant="default" onClick={() => saveFile(file)}>
                Save {file.fileName} again
              </Button>
            )
          )}
        </Group>
      </Stack>
    </Panel>
  );
}

/** To an officer who approved: the half that the requester never gets. */
export function Password({ request }: { request: RecoveryRequest }) {
  const password = useAct(() => api.releasePassword({ params: { id: request.id } }));
  return (
    <Panel title="Password of the file">
      <Stack>
        {password.data === undefined ? (
          <>
            <Text>
              You approved this request, so the password of the PKCS#12 file is told to you: once. Pass it on by another
              way than the file travelled, by telephone for instance.
            </Text>
            <ProblemAlert error={password.error} />
            <Group>
              <Button loading={password.isPending} onClick={() => password.mutate(undefined)}>
                Show the password, once
              </Button>
            </Group>
          </>
        ) : (
          <>
            <CopyField label="PKCS#12 password" value={password.data.password} />
            <Text size="sm" c="dimmed">
              It is gone when you leave this page.
            </Text>
          </>
        )}
      </Stack>
    </Panel>
  );
}

const buttons: Record<RecoveryRequest['delivery']['kind'], string> = {
  pkcs12: 'Release and save the key',
  certificate: 'Release and save the key',
  owner: 'Send the link',
  decrypt: 'Decrypt and save the messages',
};

function explain(request: RecoveryRequest): string {
  const several = request.people.length > 1 ? ' One ZIP holds a file for each person.' : '';
  const what = keysOf(request) === 1 ? 'The key leaves' : 'The keys leave';
  switch (request.delivery.kind) {
    case 'pkcs12':
      return `The officers have approved. ${what} once: have a safe place ready for the file.${several} An officer who approved reads you the password afterwards.`;
    case 'certificate':
      return `The officers have approved. ${what} once: have a safe place ready for the file.`;
    case 'owner':
      return 'The officers have approved. A link goes by mail to the owner alone, once; they collect the keys with it. A link that they have not used ends.';
    case 'decrypt':
      return 'The officers have approved. The messages are opened once, in the office: their text leaves, and no key does.';
  }
}

function saveFile(file: NonNullable<Outcome['file']>): void {
  save(file.fileName, file.mediaType, fromBase64(file.data));
}

/** Looked at here first: the wrong file must not cost the wait for an answer. */
async function read({ delivery }: RecoveryRequest, files: readonly File[]): Promise<string[]> {
  const octets = await Promise.all(files.map(async (file) => new Uint8Array(await file.arrayBuffer())));
  const digests = await digestsOf(octets);
  for (const [at, digest] of digests.entries()) {
    if (delivery.messages.some(({ sha256 }) => sha256 === digest)) continue;
    throw new InWords(`${files[at]?.name} is not one of the messages that the request names. Nothing was released.`);
  }
  return octets.map(toBase64);
}

const nameOf = ({ delivery }: RecoveryRequest, sha256: string): string =>
  delivery.messages.find((one) => one.sha256 === sha256)?.name || sha256;
