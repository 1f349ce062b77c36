import type { KitKind } from '@chancery/api';
import { Alert, Button, Checkbox, Group, Stack, Text, Title } from '@mantine/core';
import { IconCheck, IconDownload, IconKey, IconLock, IconPackage } from '@tabler/icons-react';
import { type ReactNode, useEffect, useState } from 'react';
import { api } from '../api.ts';
import { assembleKit } from '../devices/assemble-kit.ts';
import { DeviceChoice } from '../devices/DeviceChoice.tsx';
import { DeviceSteps } from '../devices/DeviceSteps.tsx';
import { formatFor, guessedDevice, hasKit } from '../devices/kinds.ts';
import { WaitingProfile } from '../devices/WaitingProfile.tsx';
import { fromBase64, save, toBase64 } from '../files.ts';
import { CopyField } from '../pieces/CopyField.tsx';
import { ProblemAlert } from '../pieces/ProblemAlert.tsx';
import { StateBadge } from '../pieces/StateBadge.tsx';
import { useAct } from '../pieces/useAct.ts';
import { OwnPage } from './OwnPage.tsx';
import { makePassword } from './password.ts';
import { writePkcs12 } from './pkcs12.ts';
import { certifies, makeSigningKey } from './request.ts';

interface Claim {
  organisation: string;
  name: string;
  address: string;
  signing: 'needed' | 'done' | 'gateway';
  encryption: 'ready' | 'delivered' | 'none' | 'kept';
  caCertificates: string[];
}

interface KeyFile {
  name: string;
  octets: Uint8Array<ArrayBuffer>;
}

interface SigningFile extends KeyFile {
  /** DER. */
  certificate: Uint8Array;
}

const pkcs12Type = 'application/x-pkcs12';

/** Password, signing key, encryption key, import, own page, finish. */
export function ClaimSteps({ secret, claim }: { secret: string; claim: Claim }) {
  const [password] = useState(() => makePassword());
  const [device, setDevice] = useState(() => guessedDevice(navigator.userAgent));
  const [imported, setImported] = useState(false);
  const signing = useAct(async () => {
    const file = await makeSigningFile(secret, claim, password);
    save(file.name, pkcs12Type, file.octets);
    return file;
  });
  const encryption = useAct(async (): Promise<KeyFile> => {
    const file = await api.claimEncryption({ body: { secret, profile: formatFor(device), password } });
    const octets = fromBase64(file.data);
    save(file.fileName, pkcs12Type, octets);
    return { name: file.fileName, octets };
  });
  const profile = useAct(() => api.claimAppleProfile({ body: { secret, password } }));
  const kit = useAct(async (kind: KitKind): Promise<KeyFile> => {
    const made = await api.claimKit({ body: { secret, kind } });
    const { data } = await api.claimEncryption({ body: { secret, profile: formatFor(device), password } });
    const own =
      signing.data === undefined ? null : { pkcs12: signing.data.octets, certificate: signing.data.certificate };
    const octets = assembleKit(made, { encryption: fromBase64(data), signing: own }, new Date());
    save(made.fileName, 'application/zip', octets);
    return { name: made.fileName, octets };
  });
  const finish = useAct(() => api.finishClaim({ body: { secret } }));
  const holding =
    [signing, encryption, profile, kit].some(({ data }) => data !== undefined) && finish.data === undefined;
  useWarnBeforeLeaving(holding);
  const signed = claim.signing !== 'needed' || signing.data !== undefined;
  const decrypts =
    ['delivered', 'kept'].includes(claim.encryption) ||
    [encryption, profile, kit].some(({ data }) => data !== undefined);
  if (finish.data !== undefined) {
    return (
      <Alert role="status" color="moss" variant="outline" icon={<IconCheck aria-hidden />} title="All done">
        Your keys are yours. The link no longer works, and you may close this page. Delete the downloaded files once
        your mail program has them, or keep them somewhere as safe as a passport.
      </Alert>
    );
  }
  return (
    <Stack gap="xl">
      <Step number={1} title="Note the password of the files">
        <Text size="sm">
          Your browser has just made it. It locks the files you download, and your mail program asks for it when you
          import them. Nobody keeps it: when this page is closed, it is gone.
        </Text>
        <div className="panel">
          <CopyField label="password" value={password} />
        </div>
      </Step>
      <Step number={2} title="Your signing key">
        {claim.signing === 'gateway' ? (
          <Text size="sm">Your organisation's mail gateway signs for you: nothing to do here.</Text>
        ) : claim.signing === 'done' && signing.data === undefined ? (
          <>
            <Text size="sm">
              You have made it already. Was the file lost?{' '}
              <button
                type="button"
                className="link-button quiet-link"
                disabled={signing.isPending}
                onClick={() => signing.mutate(undefined)}
              >
                Make another signing key
              </button>
            </Text>
            <ProblemAlert error={signing.error} />
          </>
        ) : signing.data === undefined ? (
          <>
            <Text size="sm">
              The key is made in this browser and never leaves it except in the file you save: not even your
              administrators can sign as you.
            </Text>
            <ProblemAlert error={signing.error} />
            <Group>
              <Button
                loading={signing.isPending}
                onClick={() => signing.mutate(undefined)}
                leftSection={<IconKey size={18} aria-hidden />}
              >
                Make my signing key
              </Button>
            </Group>
          </>
        ) : (
          <Saved file={signing.data} what="signing key" />
        )}
      </Step>
      <Step number={3} title="Your encryption key">
        {claim.encryption === 'kept' ? (
          <Text size="sm">You have it already, and it stays as it is: nothing to do here.</Text>
        ) : claim.encryption === 'none' ? (
          <Text size="sm" role="status">
            It is being made, and appears here by itself in a moment.
          </Text>
        ) : (
          <>
            <Text size="sm">
              Opens mail that is sent to you encrypted. A copy stays in your organisation's escrow, where two officers
              together can recover it if you lose yours.
            </Text>
            {claim.encryption === 'delivered' && encryption.data === undefined && (
              <Text size="sm">You have downloaded it before; you can do so again until you finish.</Text>
            )}
            <DeviceChoice
              label="Where do you read your mail?"
              {...device}
              onChange={(kind, system) => {
                setDevice({ kind, system });
                encryption.reset();
                kit.reset();
              }}
            />
            <ProblemAlert error={device.kind === 'apple' ? profile.error : (kit.error ?? encryption.error)} />
            {hasKit(device.kind) &&
              (kit.data === undefined ? (
                <>
                  <Text size="sm">
                    {device.kind === 'thunderbird'
                      ? 'Thunderbird takes everything from one file: keys, trust, and where colleagues are found.'
                      : 'One ZIP with everything: keys, trust, and a script that tells Outlook how to sign.'}
                    {!signed && ' Make your signing key first, and it is in it.'}
                  </Text>
                  <Group>
                    <Button
                      loading={kit.isPending}
                      onClick={() => hasKit(device.kind) && kit.mutate(device.kind)}
                      leftSection={<IconPackage size={18} aria-hidden />}
                    >
                      Download my kit
                    </Button>
                  </Group>
                </>
              ) : (
                <Saved file={kit.data} what="kit" />
              ))}
            {device.kind === 'apple' ? (
              <>
                {profile.data !== undefined && <WaitingProfile profile={profile.data} password={password} />}
                <Group>
                  <Button
                    variant={profile.data === undefined ? 'filled' : 'default'}
                    loading={profile.isPending}
                    onClick={() => profile.mutate(undefined)}
                    leftSection={<IconLock size={18} aria-hidden />}
                  >
                    {profile.data === undefined ? 'Make the profile' : 'Make it again'}
                  </Button>
                </Group>
              </>
            ) : encryption.data === undefined ? (
              <Group>
                <Button
                  variant={hasKit(device.kind) ? 'default' : 'filled'}
                  loading={encryption.isPending}
                  onClick={() => encryption.mutate(undefined)}
                  leftSection={<IconLock size={18} aria-hidden />}
                >
                  Download my encryption key
                </Button>
              </Group>
            ) : (
              <>
                <Saved file={encryption.data} what="encryption key" />
                <Text size="sm" c="dimmed">
                  Your system says that the password is wrong, although it is right? Choose an older system above, and
                  download again.
                </Text>
              </>
            )}
          </>
        )}
      </Step>
      <Step number={4} title="Import them into your mail program">
        {claim.signing !== 'gateway' && kit.data === undefined && (
          <Text size="sm">The signing file is taken in the same way as the encryption file, one after the other.</Text>
        )}
        <DeviceSteps
          kind={device.kind}
          kit={kit.data !== undefined}
          caCertificates={claim.caCertificates}
          organisation={claim.organisation}
        />
      </Step>
      {claim.encryption !== 'kept' && (
        <Step number={5} title="Your own page, for the next device">
          <OwnPage secret={secret} ready={claim.encryption !== 'none'} />
        </Step>
      )}
      <Step number={claim.encryption === 'kept' ? 5 : 6} title="Finish">
        <Checkbox
          checked={imported}
          disabled={!signed || !decrypts}
          onChange={(event) => setImported(event.currentTarget.checked)}
          label="My mail program has the keys, or I keep the files and the password in a safe place"
        />
        {(!signed || !decrypts) && (
          <Text size="sm" c="dimmed">
            First take {!signed && 'the signing key'}
            {!signed && !decrypts && ' and '}
            {!decrypts && 'the encryption key'}.
          </Text>
        )}
        <ProblemAlert error={finish.error} />
        <Group>
          <Button disabled={!imported} loading={finish.isPending} onClick={() => finish.mutate(undefined)}>
            Finish
          </Button>
        </Group>
      </Step>
    </Stack>
  );
}

function Step({ number, title, children }: { number: number; title: string; children: ReactNode }) {
  return (
    <section>
      <Title order={2} mb="xs">
        {number}. {title}
      </Title>
      <Stack gap="sm">{children}</Stack>
    </section>
  );
}

function Saved({ file, what }: { file: KeyFile; what: string }) {
  return (
    <Group role="status">
      <StateBadge state={['Saved', 'ok']} />
      <Text size="sm" className="mono">
        {file.name}
      </Text>
      <Button
        size="compact-sm"
        variant="default"
        leftSection={<IconDownload size={14} aria-hidden />}
        aria-label={`Save again: ${what}`}
        onClick={() => save(file.name, pkcs12Type, file.octets)}
      >
        Save again
      </Button>
    </Group>
  );
}

/** Key, request, certificate, file: the private key goes from this function into the file and nowhere else. */
async function makeSigningFile(secret: string, claim: Claim, password: string): Promise<SigningFile> {
  const { keyPair, request } = await makeSigningKey(claim.name);
  const issued = await api.claimSigning({ body: { secret, csr: toBase64(request), keyOrigin: 'browser' } });
  const certificate = fromBase64(issued.certificate);
  if (!(await certifies(certificate, keyPair.publicKey))) {
    throw new Error('the certificate that came back is for another key. Do not use it; tell your administrator.');
  }
  const privateKey = new Uint8Array(await crypto.subtle.exportKey('pkcs8', keyPair.privateKey));
  const octets = await writePkcs12({
    privateKey,
    certificates: [certificate, ...issued.chain.map(fromBase64)],
    friendlyName: `${claim.name} (signing)`,
    password,
  });
  privateKey.fill(0);
  return { name: `${claim.address.replaceAll(/[^A-Za-z0-9@._-]/g, '_')}-signing.p12`, octets, certificate };
}

function useWarnBeforeLeaving(active: boolean): void {
  useEffect(() => {
    if (!active) return;
    const warn = (event: BeforeUnloadEvent) => event.preventDefault();
    window.addEventListener('beforeunload', warn);
    return () => window.removeEventListener('beforeunload', warn);
  }, [active]);
}
