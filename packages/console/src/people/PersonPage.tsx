import type { PersonDetail } from '@chancery/api';
import { Alert, Breadcrumbs, Button, Group, Modal, Skeleton, Stack, Text } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { IconAlertTriangle, IconFileCertificate, IconKey, IconLink, IconPencil } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useParams } from '@tanstack/react-router';
import { api, useMay } from '../api.ts';
import { CertificateTable, SerialLink } from '../certificates/CertificateTable.tsx';
import { ChangeStatus } from '../certificates/ChangeStatus.tsx';
import { DeviceList } from '../enrolment/DeviceList.tsx';
import { LoseDevice } from '../enrolment/LoseDevice.tsx';
import { fromBase64, save } from '../files.ts';
import { ImportedTable } from '../imports/ImportedTable.tsx';
import { CopyField } from '../pieces/CopyField.tsx';
import { Facts } from '../pieces/Facts.tsx';
import { LinkButton, TextLink } from '../pieces/Links.tsx';
import { Page, Panel } from '../pieces/Page.tsx';
import { ProblemAlert } from '../pieces/ProblemAlert.tsx';
import { StateBadge } from '../pieces/StateBadge.tsx';
import { useAct } from '../pieces/useAct.ts';
import { When } from '../pieces/When.tsx';
import { coverageStates, publicationStates } from '../words.ts';
import { shownAttributes } from './Attributes.tsx';
import { Departures } from './Departure.tsx';
import { EditPerson } from './EditPerson.tsx';
import { isFresh } from './fresh.ts';
import { GiveUpKey } from './GiveUpKey.tsx';
import { HandoverOffer } from './Handover.tsx';
import { KeyHistory } from './KeyHistory.tsx';
import { LegalHolds } from './LegalHolds.tsx';
import { PersonSources } from './PersonSources.tsx';
import { PhoneKeys } from './PhoneKeys.tsx';
import { ProviderAccounts } from './ProviderAccounts.tsx';

/** One person: whether they can be written to and sign, why not, their certificates and escrowed keys. */
export function PersonPage() {
  const { id } = useParams({ from: '/office/people/$id' });
  const mayRevoke = useMay('certificate:revoke');
  const person = useQuery({
    queryKey: ['people', 'one', id],
    queryFn: () => api.person({ params: { id } }),
    // A certificate is on its way: look again until it is there.
    refetchInterval: ({ state }) => (state.data !== undefined && isFresh(state.data) ? 1_500 : false),
  });
  const trail = (
    <Breadcrumbs mb={4}>
      <TextLink to="/people" size="sm">
        People
      </TextLink>
    </Breadcrumbs>
  );
  if (person.data === undefined) {
    return (
      <Page title="Person" trail={trail}>
        <ProblemAlert error={person.error} onRetry={() => void person.refetch()} />
        {person.isPending && <Skeleton height={320} />}
      </Page>
    );
  }
  return (
    <Page title={person.data.name} trail={trail} lead={person.data.address} actions={<Actions person={person.data} />}>
      <Standing person={person.data} />
      <Panel
        title="Certificates"
        actions={
          mayRevoke &&
          person.data.certificates.length > 0 && (
            <Group gap="xs">
              <Compromised person={person.data} />
              <ChangeAll person={person.data} />
            </Group>
          )
        }
      >
        <CertificateTable certificates={person.data.certificates} />
      </Panel>
      {person.data.importedCertificates.length > 0 && (
        <Panel title="From another office">
          <ImportedTable certificates={person.data.importedCertificates} mayRevoke={mayRevoke} />
        </Panel>
      )}
      {person.data.enrolledDevices.length > 0 && (
        <Panel title="Devices">
          <DeviceList
            devices={person.data.enrolledDevices}
            serial={(serialNumber) => <SerialLink serialNumber={serialNumber} />}
            act={(device) =>
              mayRevoke && (
                <LoseDevice
                  device={device}
                  own={false}
                  submit={(note) => api.loseDevice({ params: { id: device.id }, body: { note } })}
                />
              )
            }
          />
        </Panel>
      )}
      <Escrow person={person.data} />
      <PhoneKeys person={person.data} />
      <LegalHolds person={person.data} />
      <PersonSources person={person.data} />
      <Details person={person.data} />
    </Page>
  );
}

function ChangeAll({ person: { id, name } }: { person: PersonDetail }) {
  return (
    <ChangeStatus
      label="Revoke or hold all"
      explanation={`For every certificate of ${name} that has not ended. Keys in escrow stay as they are.`}
      submit={(body) => api.changePersonCertificates({ params: { id }, body })}
    />
  );
}

/** Newest first, and of several certificates for one use the newest stands for them. */
function Compromised({ person }: { person: PersonDetail }) {
  const [opened, { open, close }] = useDisclosure(false);
  const keys = person.certificates.flatMap(({ serialNumber, use, notAfter, state }) =>
    (use === 'signing' || use === 'encryption') && state !== 'revoked' && state !== 'expired'
      ? [{ serialNumber, use, notAfter }]
      : [],
  );
  if (keys.length === 0) return null;
  return (
    <>
      <Button size="xs" variant="default" onClick={open} leftSection={<IconAlertTriangle size={16} aria-hidden />}>
        Key compromised
      </Button>
      <Modal opened={opened} onClose={close} title={`A key of ${person.name} is compromised`} size="lg">
        <GiveUpKey
          keys={keys}
          own={false}
          submit={(body) => api.reportCompromise({ params: { id: person.id }, body })}
          onClose={close}
        />
      </Modal>
    </>
  );
}

function Standing({ person }: { person: PersonDetail }) {
  const { coverage } = person;
  return (
    <Panel title="Standing">
      <Stack>
        {person.state === 'left' && (
          <Alert color="ink" variant="outline" title="This person has left">
            Their certificates are revoked and nothing is published. The encryption keys stay in escrow, so that a
            quorum can read old mail.
          </Alert>
        )}
        {person.state === 'suspended' && (
          <Alert color="wax" variant="outline" title="This person is suspended">
            {person.suspendedBy !== null && `${person.suspendedBy} has switched them off, and has them return. `}
            Their certificates are on hold and nothing is published or issued. When they return, the holds are released.
          </Alert>
        )}
        <HandoverOffer person={person} />
        <Facts
          items={[
            ['Can sign', <StateBadge key="s" state={coverageStates[coverage.signing]} />],
            ['Can be written to encrypted', <StateBadge key="e" state={coverageStates[coverage.encryption]} />],
            ['In the directory', <StateBadge key="p" state={publicationStates[coverage.published]} />],
            ...(coverage.reason === null ? [] : ([['What is missing', coverage.reason]] as const)),
            [
              'Claim link',
              person.claim === null ? (
                'None is open'
              ) : person.claim.claimedAt !== null ? (
                <>
                  Used <When at={person.claim.claimedAt} style="time" />
                </>
              ) : (
                <>
                  Open, ends <When at={person.claim.expiresAt} style="relative" />
                </>
              ),
            ],
          ]}
        />
      </Stack>
    </Panel>
  );
}

function Escrow({ person }: { person: PersonDetail }) {
  const mayRequest = useMay('recovery:request');
  return (
    <Panel
      title="Escrowed keys"
      actions={
        mayRequest &&
        person.escrowedKeys.length > 0 && (
          <LinkButton
            to="/recovery/new"
            search={{ person: person.id }}
            variant="default"
            size="xs"
            leftSection={<IconKey size={16} aria-hidden />}
          >
            Request recovery
          </LinkButton>
        )
      }
    >
      {person.escrowedKeys.length === 0 ? (
        <Text c="dimmed" size="sm">
          No encryption key yet. One is made, and put in escrow, with the first encryption certificate.
        </Text>
      ) : (
        <KeyHistory person={person} />
      )}
    </Panel>
  );
}

function Details({ person }: { person: PersonDetail }) {
  return (
    <Panel title="Details">
      <Facts
        items={[
          ['Other addresses', person.aliases.length === 0 ? 'None' : person.aliases.join(', ')],
          ...(person.formerAddresses.length === 0
            ? []
            : ([['Addresses before', person.formerAddresses.map(({ address }) => address).join(', ')]] as const)),
          ['External id', person.externalId ?? 'None'],
          ...shownAttributes(person.attributes),
          ['Signing key', person.signingKey === 'gateway' ? 'In the mail gateway' : 'With the person'],
          ['Gateway opens incoming mail', person.gatewayDecrypts ? 'Yes' : 'No'],
          ...(Object.keys(person.profiles).length === 0
            ? []
            : ([['Profiles', Object.values(person.profiles).join(', ')]] as const)),
          [
            'Manager',
            person.manager === null ? (
              'Not known'
            ) : (
              <TextLink key="m" to="/people/$id" params={{ id: person.manager.id }}>
                {person.manager.name}
              </TextLink>
            ),
          ],
          ['Passkeys of their own page', <OwnPasskeys key="p" person={person} />],
          ['Accounts they sign in with', <ProviderAccounts key="o" person={person} />],
          ['Added', <When key="a" at={person.createdAt} style="time" />],
        ]}
      />
    </Panel>
  );
}

/** Removed for somebody who lost them: another is made with the next claim link. */
function OwnPasskeys({ person: { id, name, passkeys } }: { person: PersonDetail }) {
  const mayWrite = useMay('person:write');
  const [sure, { open, close }] = useDisclosure(false);
  const remove = useAct(() => api.removePersonPasskeys({ params: { id } }), {
    stale: ['people'],
    said: () => `${name} is signed out of their own page, and has no passkey any more.`,
    onDone: close,
  });
  if (passkeys.all === 0) return 'None';
  return (
    <Group gap="sm">
      <span>
        {passkeys.all}
        {passkeys.openingKeys > 0 &&
          `, of which ${passkeys.openingKeys} open${passkeys.openingKeys === 1 ? 's' : ''} their keys`}
      </span>
      {mayWrite && (
        <Button size="compact-xs" variant="default" onClick={open}>
          Remove
        </Button>
      )}
      <Modal opened={sure} onClose={close} title={`Remove the passkeys of ${name}`}>
        <Stack>
          <Text size="sm">
            For somebody who lost them. They are signed out of their own page, and none of these opens their keys any
            more. Their keys stay in escrow; the next claim link lets them make another passkey.
          </Text>
          <ProblemAlert error={remove.error} />
          <Group justify="flex-end">
            <Button variant="default" onClick={close} data-autofocus>
              Cancel
            </Button>
            <Button color="wax.7" loading={remove.isPending} onClick={() => remove.mutate(undefined)}>
              Remove the passkeys
            </Button>
          </Group>
        </Stack>
      </Modal>
    </Group>
  );
}

function Actions({ person }: { person: PersonDetail }) {
  const mayWrite = useMay('person:write');
  const [claiming, claimDialog] = useDisclosure(false);
  const [editing, editDialog] = useDisclosure(false);
  if (!mayWrite) return <Evidence person={person} />;
  return (
    <>
      {person.state !== 'left' && (
        <Button variant="default" onClick={editDialog.open} leftSection={<IconPencil size={16} aria-hidden />}>
          Edit
        </Button>
      )}
      <Evidence person={person} />
      <Departures person={person} />
      {person.state === 'active' && (
        <Button onClick={claimDialog.open} leftSection={<IconLink size={16} aria-hidden />}>
          Claim link
        </Button>
      )}
      <EditPerson person={person} opened={editing} onClose={editDialog.close} />
      <Modal opened={claiming} onClose={claimDialog.close} title="Claim link" size="lg">
        <ClaimLink person={person} onClose={claimDialog.close} />
      </Modal>
    </>
  );
}

/** What happened to them, as a signed file. */
function Evidence({ person }: { person: PersonDetail }) {
  const mayRead = useMay('audit:read');
  const make = useAct(() => api.personEvidence({ params: { id: person.id } }), {
    said: ({ records }) =>
      `${records} records, with their proofs, signed and time-stamped. The file says how it is checked offline.`,
    onDone: ({ fileName, data }) => save(fileName, 'application/zip', fromBase64(data)),
  });
  if (!mayRead) return null;
  return (
    <Button
      variant="default"
      loading={make.isPending}
      onClick={() => make.mutate(undefined)}
      leftSection={<IconFileCertificate size={16} aria-hidden />}
    >
      Evidence
    </Button>
  );
}

function ClaimLink({ person, onClose }: { person: PersonDetail; onClose: () => void }) {
  const make = useAct(() => api.newClaim({ params: { id: person.id } }), { stale: ['people'] });
  if (make.data !== undefined) {
    return (
      <Stack>
        <Text>
          Give this link to {person.name}, and to nobody else: whoever opens it gets the keys. It is shown only now and
          ends <When at={make.data.expiresAt} style="relative" />.
        </Text>
        <div className="panel">
          <CopyField label="claim link" value={make.data.url} />
        </div>
        <Group justify="flex-end">
          <Button onClick={onClose}>Done</Button>
        </Group>
      </Stack>
    );
  }
  return (
    <Stack>
      <Text>
        The link lets {person.name} make a signing key in their own browser and collect the encryption key. A new link
        replaces the last one.
      </Text>
      <ProblemAlert error={make.error} />
      <Group justify="flex-end">
        <Button variant="default" onClick={onClose}>
          Cancel
        </Button>
        <Button loading={make.isPending} onClick={() => make.mutate(undefined)} data-autofocus>
          Make the link
        </Button>
      </Group>
    </Stack>
  );
}
