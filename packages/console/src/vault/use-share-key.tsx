import type { Vault } from '@chancery/api';
import { PasswordInput, Progress, SegmentedControl, Stack, Text } from '@mantine/core';
import { IconFingerprint } from '@tabler/icons-react';
import { type ReactNode, useState } from 'react';
import { useMe } from '../api.ts';
import { passkeyObstacle } from '../credential/passkey.ts';
import { InWords } from '../problem.ts';
import type { ActInput, ActName, ActOutput, ShareKeySource } from './acts.ts';
import { inWorker } from './in-worker.ts';
import { type ChosenFile, ShareKeyFileField } from './ShareKeyFile.tsx';
import { askSharePasskey } from './share-passkey.ts';

type KeyedAct = Exclude<ActName, 'make'>;
type InputBesideKey<N extends KeyedAct> = Omit<ActInput<N>, 'source'>;

interface UsedShareKey {
  /** The officer's newest, and the passkeys of all of them; null where there is none yet. */
  vault: Pick<Vault, 'yourShareKey' | 'yourPasskeys'> | null;
  /** Public half of the one that this is done with, base64url, where it is known. */
  encryption?: string | undefined;
}

export interface OpenedByHand {
  /** Where the officer shows their share key, and how far the computing is. */
  readonly fields: ReactNode;
  readonly ready: boolean;
  /** Opens the share key, does one act with it, and forgets it. */
  run<N extends KeyedAct>(name: N, input: InputBesideKey<N>): Promise<ActOutput<N>>;
}

/** An officer's share key, for one act at a time: asked of the passkey, or opened from its file. */
export function useShareKey({ vault, encryption }: UsedShareKey): OpenedByHand {
  const me = useMe();
  const held = vault?.yourShareKey ?? null;
  const known = vault?.yourPasskeys.find((one) => one.encryption === encryption)?.credentialId;
  const credentialId = known ?? held?.credentialId ?? null;
  const [kind, setKind] = useState<'passkey' | 'file'>();
  const [file, setFile] = useState<ChosenFile | null>(null);
  const [passphrase, setPassphrase] = useState('');
  const [work, setWork] = useState<{ what: string; share: number | null } | null>(null);
  const usual = known !== undefined || held?.kind === 'passkey' ? 'passkey' : 'file';
  const way = credentialId === null ? 'file' : (kind ?? usual);
  const obstacle = passkeyObstacle();

  const take = async (): Promise<ShareKeySource> => {
    if (way === 'file') {
      if (file === null) throw new InWords('Choose your share key file first.');
      return { kind: 'file', file: file.content, passphrase };
    }
    if (credentialId === null || me === undefined) throw new InWords('There is no passkey to ask.');
    return { kind: 'passkey', output: await askSharePasskey(credentialId), holder: me.id };
  };

  return {
    ready: way === 'file' ? file !== null && passphrase !== '' : obstacle === null,
    async run<N extends KeyedAct>(name: N, input: InputBesideKey<N>): Promise<ActOutput<N>> {
      const source = await take();
      setWork({ what: 'Starting', share: null });
      try {
        const whole = { ...input, source } as unknown as ActInput<N>;
        const output = await inWorker(name, whole, (what, share) => setWork({ what, share }));
        setPassphrase('');
        return output;
      } finally {
        setWork(null);
      }
    },
    fields: (
      <Stack gap="sm">
        {credentialId !== null && (
          <SegmentedControl
            aria-label="Where your share key is"
            value={way}
            onChange={(value) => setKind(value === 'file' ? 'file' : 'passkey')}
            data={[
              { value: 'passkey', label: 'Passkey' },
              { value: 'file', label: 'File' },
            ]}
            style={{ alignSelf: 'flex-start' }}
          />
        )}
        {way === 'passkey' ? (
          <Text size="sm" c="dimmed" component="div" style={{ display: 'flex', gap: 8 }}>
            <IconFingerprint size={20} stroke={1.5} aria-hidden style={{ flex: 'none' }} />
            {obstacle ?? 'Your browser asks for the passkey of your share key when you go on.'}
          </Text>
        ) : (
          <>
            <ShareKeyFileField value={file} onChange={setFile} />
            <PasswordInput
              label="Passphrase of the file"
              autoComplete="off"
              maw={420}
              value={passphrase}
              onChange={(event) => setPassphrase(event.currentTarget.value)}
            />
          </>
        )}
        {work !== null && <Work {...work} />}
      </Stack>
    ),
  };
}

/** How far the computing is. What is done is read out; how far it is only shows. */
export function Work({ what, share }: { what: string; share: number | null }) {
  return (
    <div>
      <Text size="sm" role="status" mb={4}>
        {what}…
      </Text>
      <Progress
        value={share === null ? 100 : share * 100}
        striped={share === null}
        animated={share === null}
        size="sm"
        aria-label={what}
      />
    </div>
  );
}
