import type { Vault } from '@chancery/api';
import { LEAST_PASSPHRASE, type ShareKeyFile, type SharePublicKeys } from '@chancery/vault';
import { Button, Group, List, PasswordInput, Radio, Stack, Text } from '@mantine/core';
import { IconDownload, IconFingerprint } from '@tabler/icons-react';
import { useState } from 'react';
import { api, useMe } from '../api.ts';
import { passkeyObstacle } from '../credential/passkey.ts';
import { save } from '../files.ts';
import { ProblemAlert } from '../pieces/ProblemAlert.tsx';
import { useAct } from '../pieces/useAct.ts';
import { InWords } from '../problem.ts';
import { inWorker } from './in-worker.ts';
import { askSharePasskey, makeSharePasskey } from './share-passkey.ts';
import { useShareKey, Work } from './use-share-key.tsx';

interface MakeShareKeyProps {
  onDone: (vault: Vault) => void;
}

/** The one thing that an officer keeps: made, tried once more, and only then registered. */
export function MakeShareKey({ onDone }: MakeShareKeyProps) {
  const obstacle = passkeyObstacle();
  const [kind, setKind] = useState<'passkey' | 'file'>(obstacle === null ? 'passkey' : 'file');
  return (
    <Stack>
      <Radio.Group
        label="Where will your share key be?"
        value={kind}
        onChange={(value) => setKind(value === 'file' ? 'file' : 'passkey')}
      >
        <Stack gap="xs" mt="xs">
          <Radio
            value="passkey"
            label="In a passkey"
            description={
              obstacle ??
              'A security key, or this device’s lock. A new one beside the one that signs you in; there is nothing to keep and no passphrase'
            }
            disabled={obstacle !== null}
          />
          <Radio
            value="file"
            label="In a file under a passphrase"
            description="You keep the file where you keep important things, and the passphrase elsewhere"
          />
        </Stack>
      </Radio.Group>
      {kind === 'passkey' ? <ByPasskey onDone={onDone} /> : <ByFile onDone={onDone} />}
    </Stack>
  );
}

/** Each press asks the authenticator once: browsers want a press for each question. */
function ByPasskey({ onDone }: MakeShareKeyProps) {
  const me = useMe();
  const [made, setMade] = useState<{ credentialId: string; first: SharePublicKeys | null }>();
  const make = useAct(async () => {
    if (me === undefined) throw new InWords('Nobody is signed in.');
    setMade({ credentialId: await makeSharePasskey(me), first: null });
  });
  const ask = useAct(
    async () => {
      if (me === undefined || made === undefined) throw new InWords('There is no passkey yet.');
      const { credentialId, first } = made;
      const source = { kind: 'passkey', output: await askSharePasskey(credentialId), holder: me.id } as const;
      const { publicKeys, signature } = await inWorker('register', { source, operatorId: me.id }, () => undefined);
      if (first === null) {
        setMade({ credentialId, first: publicKeys });
        return null;
      }
      if (!isSame(first, publicKeys)) {
        setMade(undefined);
        throw new InWords(
          'This passkey gave something else the second time, so it cannot be a share key. Nothing was registered. Use another authenticator, or a file.',
        );
      }
      return api.registerShareKey({ body: { publicKeys, signature, kind: 'passkey', credentialId } });
    },
    { stale: ['vault'], onDone: (vault) => vault !== null && onDone(vault) },
  );
  const tries = made === undefined ? 0 : made.first === null ? 1 : 2;
  return (
    <Stack gap="sm">
      <Text size="sm" role="status">
        {TRIES[tries]}
      </Text>
      <ProblemAlert error={make.error ?? ask.error} />
      <Group>
        <Button
          loading={make.isPending || ask.isPending}
          onClick={() => (made === undefined ? make : ask).mutate(undefined)}
          leftSection={<IconFingerprint size={18} aria-hidden />}
        >
          {['Make the passkey', 'Use it once', 'Use it again, and register'][tries]}
        </Button>
        {made !== undefined && (
          <Button
            variant="default"
            onClick={() => {
              setMade(undefined);
              ask.reset();
            }}
          >
            Start again
          </Button>
        )}
      </Group>
    </Stack>
  );
}

const TRIES = [
  'Your browser asks three times: to make the passkey, to use it, and to use it again, so that nobody registers a key that cannot come back.',
  'The passkey is made. Use it once: it gives your share key.',
  'Once more: it must give the same again.',
];

function ByFile({ onDone }: MakeShareKeyProps) {
  const me = useMe();
  const [passphrase, setPassphrase] = useState('');
  const [work, setWork] = useState<{ what: string; share: number | null } | null>(null);
  const [made, setMade] = useState<ShareKeyFile | 'own'>();
  const key = useShareKey({ vault: null });
  const short = [...passphrase.normalize('NFC')].length < LEAST_PASSPHRASE;
  const keep = (file: ShareKeyFile) =>
    save(fileNameFor(file.holder), 'application/json', `${JSON.stringify(file, null, 2)}\n`);
  const make = useAct(async () => {
    try {
      const file = await inWorker('make', { passphrase, holder: me?.name ?? '', at: new Date() }, (what, share) =>
        setWork({ what, share }),
      );
      setPassphrase('');
      keep(file);
      setMade(file);
    } finally {
      setWork(null);
    }
  });
  const register = useAct(
    async () => {
      const { publicKeys, signature } = await key.run('register', { operatorId: me?.id ?? '' });
      if (typeof made === 'object' && !isSame(made.publicKeys, publicKeys)) {
        throw new InWords('This is a share key file, but not the one that was just made. Nothing was registered.');
      }
      return api.registerShareKey({ body: { publicKeys, signature, kind: 'file' } });
    },
    { stale: ['vault'], onDone },
  );
  if (made === undefined) {
    return (
      <form
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          make.mutate(undefined);
        }}
      >
        <Stack gap="sm">
          <PasswordInput
            label="Passphrase"
            description={`At least ${LEAST_PASSPHRASE} characters; several words are easiest to keep. Without it the file is of no use to anybody, you included`}
            autoComplete="new-password"
            maw={520}
            value={passphrase}
            onChange={(event) => setPassphrase(event.currentTarget.value)}
          />
          {work !== null && <Work {...work} />}
          <ProblemAlert error={make.error} />
          <Group>
            <Button
              type="submit"
              disabled={short}
              loading={make.isPending}
              leftSection={<IconDownload size={18} aria-hidden />}
            >
              Make the file and save it
            </Button>
            <Button variant="subtle" onClick={() => setMade('own')}>
              I have a share key file already
            </Button>
          </Group>
        </Stack>
      </form>
    );
  }
  return (
    <form
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        register.mutate(undefined);
      }}
    >
      <Stack gap="sm">
        {made === 'own' ? (
          <Text size="sm">Open the file. Its public half is registered; the file stays with you.</Text>
        ) : (
          <List size="sm">
            <List.Item>
              The file <strong>{fileNameFor(made.holder)}</strong> was saved. Put it where you keep important things,
              and a copy of it elsewhere.
            </List.Item>
            <List.Item>
              Now open it once, from where it lies, so that nobody registers a passphrase that was mistyped.
            </List.Item>
          </List>
        )}
        {key.fields}
        <ProblemAlert error={register.error} />
        <Group>
          <Button type="submit" disabled={!key.ready} loading={register.isPending}>
            Open it and register
          </Button>
          {typeof made === 'object' && (
            <Button variant="default" onClick={() => keep(made)}>
              Save the file again
            </Button>
          )}
          <Button variant="subtle" onClick={() => setMade(undefined)}>
            Start again
          </Button>
        </Group>
      </Stack>
    </form>
  );
}

function fileNameFor(holder: string): string {
  const name = holder
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N}]+/gu, '-')
    .replaceAll(/^-|-$/g, '');
  return `chancery-share-key-${name === '' ? 'officer' : name}.json`;
}

const isSame = (one: SharePublicKeys, other: SharePublicKeys) =>
  one.encryption === other.encryption && one.signing === other.signing;
