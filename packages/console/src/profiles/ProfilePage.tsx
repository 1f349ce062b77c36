import type { ProfileDetail } from '@chancery/api';
import { Alert, Breadcrumbs, Button, Group, Modal, Skeleton, Stack, Tabs, Text, TextInput } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { IconCopy } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useNavigate, useParams, useSearch } from '@tanstack/react-router';
import { useState } from 'react';
import { api, useMay } from '../api.ts';
import { plural } from '../format.ts';
import { TextLink } from '../pieces/Links.tsx';
import { Page, Panel } from '../pieces/Page.tsx';
import { ProblemAlert } from '../pieces/ProblemAlert.tsx';
import { useAct } from '../pieces/useAct.ts';
import { uses } from '../words.ts';
import { Changes } from './Changes.tsx';
import { DocumentText } from './DocumentText.tsx';
import { Preview } from './Preview.tsx';
import { ProfileForm } from './ProfileForm.tsx';
import { useDraft } from './use-draft.ts';
import { Versions } from './Versions.tsx';

/** One profile: its document as a form or as text, its versions, and the certificate that it would make. */
export function ProfilePage() {
  const { id } = useParams({ from: '/office/profiles/$id' });
  const { as } = useSearch({ from: '/office/profiles/$id' });
  const profile = useQuery({ queryKey: ['profiles', 'one', id], queryFn: () => api.profile({ params: { id } }) });
  if (profile.data === undefined) {
    return (
      <Page title="Profile" trail={trail}>
        <ProblemAlert error={profile.error} onRetry={() => void profile.refetch()} />
        {profile.isPending && <Skeleton height={420} />}
      </Page>
    );
  }
  // A new version is a new beginning: what was typed has become part of it.
  return <Editor key={`${as ?? id} ${profile.data.version}`} profile={profile.data} as={as} />;
}

const trail = (
  <Breadcrumbs mb={4}>
    <TextLink to="/profiles" size="sm">
      Profiles
    </TextLink>
  </Breadcrumbs>
);

function Editor({ profile, as }: { profile: ProfileDetail; as: string | undefined }) {
  const mayWrite = useMay('profile:write');
  const id = as ?? profile.id;
  const draft = useDraft(id, profile.document);
  return (
    <Page
      title={as === undefined ? profile.name : `New profile ${as}`}
      trail={trail}
      lead={
        as === undefined ? (
          <>
            <span className="mono">{profile.id}</span>, version {profile.version}.{' '}
            {profile.chosen ? `Certificates for ${purposeOf(profile)} are issued by it.` : 'Not in use.'}{' '}
            {plural(profile.certificates, 'good certificate', 'good certificates')}.
          </>
        ) : (
          `A copy of ${profile.id}, until you apply it.`
        )
      }
      actions={mayWrite && as === undefined && <Actions profile={profile} />}
    >
      {!mayWrite && (
        <Alert color="ink" variant="outline" title="You may look at profiles, not change them">
          Try out what you like: nothing is kept.
        </Alert>
      )}
      <div className="profile-editor">
        <Panel>
          <Tabs defaultValue="form" keepMounted={false}>
            <Tabs.List mb="md">
              <Tabs.Tab value="form">Form</Tabs.Tab>
              <Tabs.Tab value="document">Document</Tabs.Tab>
              {as === undefined && <Tabs.Tab value="versions">Versions</Tabs.Tab>}
            </Tabs.List>
            <Tabs.Panel value="form">
              <ProfileForm document={draft.draft} update={draft.update} problems={draft.problems} />
            </Tabs.Panel>
            <Tabs.Panel value="document">
              <DocumentText document={draft.draft} onChange={draft.replace} />
            </Tabs.Panel>
            <Tabs.Panel value="versions">
              <Versions profile={profile} mayWrite={mayWrite} />
            </Tabs.Panel>
          </Tabs>
        </Panel>
        {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard */}
        <aside className="profile-preview" aria-label="What it would make" tabIndex={0}>
          <Stack gap="lg">
            <Changes id={id} version={as === undefined ? profile.version : 0} draft={draft} mayWrite={mayWrite} />
            <Preview draft={draft} />
          </Stack>
        </aside>
      </div>
    </Page>
  );
}

const purposeOf = ({ use }: ProfileDetail): string => (use === 'ocsp' ? 'the OCSP responder' : uses[use].toLowerCase());

function Actions({ profile }: { profile: ProfileDetail }) {
  const choose = useAct(
    () => api.chooseProfile({ params: { id: profile.id }, body: { expected: profile.chosenForUse } }),
    {
      stale: ['profiles'],
      said: ({ name }) => `${name} is in use. What was issued stays as it is.`,
    },
  );
  const [choosing, chooseDialog] = useDisclosure(false);
  const [copying, copyDialog] = useDisclosure(false);
  return (
    <>
      <Button variant="default" leftSection={<IconCopy size={16} aria-hidden />} onClick={copyDialog.open}>
        Copy
      </Button>
      {!profile.chosen && <Button onClick={chooseDialog.open}>Use this profile</Button>}
      <Modal opened={choosing} onClose={chooseDialog.close} title="Use this profile">
        <Stack>
          <Text>
            From now on certificates for {purposeOf(profile)} are issued by {profile.name}, in place of{' '}
            <span className="mono">{profile.chosenForUse}</span>. Nothing that was issued is altered.
          </Text>
          <ProblemAlert error={choose.error} />
          <Group justify="flex-end">
            <Button variant="default" onClick={chooseDialog.close}>
              Cancel
            </Button>
            <Button
              loading={choose.isPending}
              onClick={() => choose.mutate(undefined, { onSuccess: chooseDialog.close })}
            >
              Use this profile
            </Button>
          </Group>
        </Stack>
      </Modal>
      <Modal opened={copying} onClose={copyDialog.close} title="Copy as a new profile">
        <CopyForm id={profile.id} onClose={copyDialog.close} />
      </Modal>
    </>
  );
}

function CopyForm({ id, onClose }: { id: string; onClose: () => void }) {
  const navigate = useNavigate();
  const [name, setName] = useState('');
  const fits = /^[a-z0-9]+(-[a-z0-9]+)*$/.test(name) && name.length <= 63 && name !== id;
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (!fits) return;
        onClose();
        void navigate({ to: '/profiles/$id', params: { id }, search: { as: name } });
      }}
    >
      <Stack>
        <TextInput
          label="Identifier"
          description="Small letters, digits and hyphens; certificates are recorded under it"
          data-autofocus
          value={name}
          onChange={(event) => setName(event.currentTarget.value)}
        />
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" disabled={!fits}>
            Go on
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
