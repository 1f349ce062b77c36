import type { CertificateDetail, RevocationReason } from '@chancery/api';
import { Alert, Breadcrumbs, Button, Group, Menu, Modal, Radio, Skeleton, Stack, Text } from '@mantine/core';
import { useForm } from '@mantine/form';
import { useDisclosure } from '@mantine/hooks';
import { IconBan, IconChevronDown, IconDownload } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useParams } from '@tanstack/react-router';
import { api, useMay } from '../api.ts';
import { fromBase64, save, toPem } from '../files.ts';
import { colonHex } from '../format.ts';
import { CopyField } from '../pieces/CopyField.tsx';
import { Facts } from '../pieces/Facts.tsx';
import { TextLink } from '../pieces/Links.tsx';
import { Page, Panel } from '../pieces/Page.tsx';
import { ProblemAlert } from '../pieces/ProblemAlert.tsx';
import { StateBadge } from '../pieces/StateBadge.tsx';
import { useAct } from '../pieces/useAct.ts';
import { When } from '../pieces/When.tsx';
import { certificateStates, keyOrigins, publicationStates, revocationReasons, uses, type Worded } from '../words.ts';
import { AuditNote } from './AuditNote.tsx';
import { Chain } from './Chain.tsx';
import { Decoded } from './Decoded.tsx';
import { HoldOrRelease } from './HoldOrRelease.tsx';

/** One certificate: what it says, who signed it, where it is published; download and revoke. */
export function CertificatePage() {
  const { serialNumber } = useParams({ from: '/office/certificates/$serialNumber' });
  const certificate = useQuery({
    queryKey: ['certificates', 'one', serialNumber],
    queryFn: () => api.certificate({ params: { serialNumber } }),
  });
  const trail = (
    <Breadcrumbs mb={4}>
      <TextLink to="/certificates" size="sm">
        Certificates
      </TextLink>
    </Breadcrumbs>
  );
  const data = certificate.data;
  if (data === undefined) {
    return (
      <Page title="Certificate" trail={trail}>
        <ProblemAlert error={certificate.error} onRetry={() => void certificate.refetch()} />
        {certificate.isPending && <Skeleton height={320} />}
      </Page>
    );
  }
  return (
    <Page
      title={`${uses[data.use]} certificate`}
      trail={trail}
      lead={data.address ?? data.subject}
      actions={<Actions certificate={data} />}
    >
      {data.revokedAt !== null && (
        <Alert color="wax" variant="outline" role="status" title={data.state === 'held' ? 'On hold' : 'Revoked'}>
          {data.state === 'held' ? 'Since ' : 'On '}
          <When at={data.revokedAt} style="time" />
          {data.revocationReason !== null &&
            data.revocationReason !== 'certificateHold' &&
            `: ${revocationReasons[data.revocationReason][0].toLowerCase()}`}
          . Relying parties learn it from OCSP and the revocation list.
        </Alert>
      )}
      <Panel title="Summary">
        <Summary certificate={data} />
      </Panel>
      <Decoded der={data.der} />
      <Chain leaf={data.der} chain={data.chain} />
      <Publications certificate={data} />
    </Page>
  );
}

function Summary({ certificate }: { certificate: CertificateDetail }) {
  return (
    <Facts
      items={[
        ['State', <StateBadge key="state" state={certificateStates[certificate.state]} />],
        ['Serial number', <CopyField key="serial" label="serial number" value={certificate.serialNumber} />],
        [
          'Person',
          certificate.personId === null ? (
            'None: it belongs to the office'
          ) : (
            <TextLink key="person" to="/people/$id" params={{ id: certificate.personId }} size="sm">
              {certificate.address ?? certificate.subject}
            </TextLink>
          ),
        ],
        ['Valid from', <When key="from" at={certificate.notBefore} style="time" />],
        ['Valid until', <When key="until" at={certificate.notAfter} style="time" />],
        ['Key', `${certificate.keyAlgorithm}. ${keyOrigins[certificate.keyOrigin]}`],
        ['Escrow', certificate.escrowedKeyId === null ? 'Not escrowed' : 'The private key is in escrow'],
        [
          'Profile',
          <TextLink key="profile" to="/profiles/$id" params={{ id: certificate.profile }} size="sm">
            {certificate.profile}, version {certificate.profileVersion}
          </TextLink>,
        ],
        ['To be renewed from', <When key="renew" at={certificate.renewFrom} />],
        [
          'SHA-256 fingerprint',
          <CopyField key="print" label="SHA-256 fingerprint" value={colonHex(certificate.fingerprintSha256)} />,
        ],
      ]}
    />
  );
}

const targetStates: Record<CertificateDetail['publications'][number]['state'], Worded> = {
  pending: publicationStates.pending,
  published: publicationStates.published,
  failed: publicationStates.failed,
  removed: ['Removed', 'quiet'],
};

function Publications({ certificate }: { certificate: CertificateDetail }) {
  if (certificate.publications.length === 0) return null;
  return (
    <Panel title="Publication">
      <Facts
        items={certificate.publications.map((publication) => [
          publication.target,
          <Group key={publication.target} gap="xs">
            <StateBadge state={targetStates[publication.state]} />
            <Text size="sm" c="dimmed">
              <When at={publication.updatedAt} style="relative" />
              {publication.error !== null && `: ${publication.error}`}
            </Text>
          </Group>,
        ])}
      />
    </Panel>
  );
}

function Actions({ certificate }: { certificate: CertificateDetail }) {
  const mayRevoke = useMay('certificate:revoke');
  const [opened, { open, close }] = useDisclosure(false);
  const base = `${certificate.use}-${certificate.serialNumber}`;
  return (
    <>
      <Menu position="bottom-end">
        <Menu.Target>
          <Button
            variant="default"
            leftSection={<IconDownload size={16} aria-hidden />}
            rightSection={<IconChevronDown size={14} aria-hidden />}
          >
            Download
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item
            onClick={() => save(`${base}.pem`, 'application/x-pem-file', toPem('CERTIFICATE', certificate.der))}
          >
            Certificate, PEM
          </Menu.Item>
          <Menu.Item onClick={() => save(`${base}.cer`, 'application/pkix-cert', fromBase64(certificate.der))}>
            Certificate, DER
          </Menu.Item>
          <Menu.Item
            onClick={() =>
              save(
                `${base}-chain.pem`,
                'application/x-pem-file',
                [certificate.der, ...certificate.chain].map((der) => toPem('CERTIFICATE', der)).join(''),
              )
            }
          >
            Certificate and chain, PEM
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      {mayRevoke && <HoldOrRelease certificate={certificate} />}
      {mayRevoke && certificate.state !== 'revoked' && certificate.state !== 'expired' && (
        <Button color="wax.7" variant="filled" onClick={open} leftSection={<IconBan size={16} aria-hidden />}>
          Revoke
        </Button>
      )}
      <Modal opened={opened} onClose={close} title="Revoke this certificate" size="lg">
        <Revoke certificate={certificate} onClose={close} />
      </Modal>
    </>
  );
}

function Revoke({ certificate, onClose }: { certificate: CertificateDetail; onClose: () => void }) {
  const form = useForm({
    initialValues: { reason: 'superseded' as RevocationReason, note: '' },
  });
  const revoke = useAct(
    (values: typeof form.values) =>
      api.revokeCertificate({ params: { serialNumber: certificate.serialNumber }, body: values }),
    {
      form,
      stale: ['certificates', 'people', 'overview'],
      said: () => 'Revoked. OCSP says so at once; a new revocation list follows.',
      onDone: onClose,
    },
  );
  return (
    <form onSubmit={form.onSubmit((values) => revoke.mutate(values))}>
      <Stack>
        <Text>
          This cannot be undone. {certificate.address ?? certificate.subject} keeps the key
          {certificate.use === 'encryption' ? ', and mail already received stays readable' : ''}.
        </Text>
        <Radio.Group label="Reason" {...form.getInputProps('reason')}>
          <Stack gap="xs" mt="xs">
            {Object.entries(revocationReasons).map(([value, [label, explanation]]) => (
              <Radio key={value} value={value} label={label} description={explanation} />
            ))}
          </Stack>
        </Radio.Group>
        <AuditNote {...form.getInputProps('note')} />
        <ProblemAlert error={revoke.error} placed={['reason', 'note']} />
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" color="wax.7" loading={revoke.isPending}>
            Revoke the certificate
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
