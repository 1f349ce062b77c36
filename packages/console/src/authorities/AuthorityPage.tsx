import type { AuthorityDetail } from '@chancery/api';
import { Alert, Breadcrumbs, Button, Group, Menu, Modal, Skeleton, Stack, Text } from '@mantine/core';
import { useDisclosure } from '@mantine/hooks';
import { IconArchive, IconChevronDown, IconDownload } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';
import { useParams } from '@tanstack/react-router';
import { api, useMay } from '../api.ts';
import { Chain } from '../certificates/Chain.tsx';
import { ChangeStatus } from '../certificates/ChangeStatus.tsx';
import { Decoded } from '../certificates/Decoded.tsx';
import { fromBase64, save, toPem } from '../files.ts';
import { colonHex, plural } from '../format.ts';
import { CopyField } from '../pieces/CopyField.tsx';
import { Facts } from '../pieces/Facts.tsx';
import { TextLink } from '../pieces/Links.tsx';
import { Page, Panel } from '../pieces/Page.tsx';
import { ProblemAlert } from '../pieces/ProblemAlert.tsx';
import { StateBadge } from '../pieces/StateBadge.tsx';
import { useAct } from '../pieces/useAct.ts';
import { When } from '../pieces/When.tsx';
import { authorityMeanings, authorityStates, keyPlaces, revocationWords } from '../words.ts';
import { Crosses } from './Crosses.tsx';
import { ListTable } from './ListTable.tsx';
import { CreateBelow } from './NewAuthority.tsx';
import { Span } from './Span.tsx';

/** One authority: what it is, what it publishes, and what can be done with it. */
export function AuthorityPage() {
  const { id } = useParams({ from: '/office/authorities/$id' });
  const authority = useQuery({
    queryKey: ['authorities', 'one', id],
    queryFn: () => api.authority({ params: { id } }),
    refetchInterval: 30_000,
  });
  const trail = (
    <Breadcrumbs mb={4}>
      <TextLink to="/authorities" size="sm">
        Authorities
      </TextLink>
    </Breadcrumbs>
  );
  const data = authority.data;
  if (data === undefined) {
    return (
      <Page title="Authority" trail={trail}>
        <ProblemAlert error={authority.error} onRetry={() => void authority.refetch()} />
        {authority.isPending && <Skeleton height={320} />}
      </Page>
    );
  }
  return (
    <Page
      title={data.name}
      trail={trail}
      lead={
        <Group gap={8}>
          <StateBadge state={authorityStates[data.state]} />
          {authorityMeanings[data.state]}
        </Group>
      }
      actions={<Actions authority={data} />}
    >
      {data.revoked !== null && (
        <Alert
          color="wax"
          variant="outline"
          role="status"
          title={data.revoked.reason === 'certificateHold' ? 'On hold' : 'Revoked'}
        >
          Since <When at={data.revoked.at} style="time" />: {revocationWords(data.revoked.reason)}. The list of its
          issuer says so; it signs no certificate.
        </Alert>
      )}
      <Panel title="Summary">
        <Summary authority={data} />
      </Panel>
      <Panel title="Revocation lists">
        <ListTable lists={data.lists} />
      </Panel>
      <Crosses id={data.id} />
      <Decoded der={data.certificate} />
      <Chain leaf={data.certificate} chain={data.chain} />
      <Acts authority={data} />
    </Page>
  );
}

function Summary({ authority }: { authority: AuthorityDetail }) {
  const { role, name, notBefore, notAfter, retiredAt, responder } = authority;
  return (
    <Facts
      items={[
        [
          'Key',
          `${authority.keyAlgorithm}${authority.experimental ? ' (experimental)' : ''}, ${keyPlaces[authority.keyPlace]}`,
        ],
        [
          'Validity',
          <div key="validity" style={{ maxWidth: 320 }}>
            <When at={notBefore} /> to <When at={notAfter} />
            <Span what={`Validity of ${name}`} from={notBefore} until={notAfter} />
          </div>,
        ],
        ...(retiredAt === null ? [] : ([['Retired', <When key="retired" at={retiredAt} style="time" />]] as const)),
        [
          role === 'root' ? 'Signed by it' : 'Certificates in force',
          role === 'root' ? 'Authorities alone' : plural(authority.certificatesInForce, 'certificate', 'certificates'),
        ],
        ...(role === 'root'
          ? []
          : ([
              [
                'OCSP',
                responder === null ? (
                  'No certificate to answer with yet: the next minute makes one'
                ) : (
                  <div key="ocsp" style={{ maxWidth: 320 }}>
                    Answers with a certificate that ends <When at={responder.notAfter} style="relative" /> and renews
                    itself
                    <Span what="OCSP certificate" from={responder.notBefore} until={responder.notAfter} late={0.75} />
                  </div>
                ),
              ],
            ] as const)),
        ['Serial number', <CopyField key="serial" label="serial number" value={authority.serialNumber} />],
        [
          'SHA-256 fingerprint',
          <CopyField key="print" label="SHA-256 fingerprint" value={colonHex(authority.fingerprintSha256)} />,
        ],
        ['Certificate', <CopyField key="ca" label="certificate address" value={authority.certificateUrl} />],
        ['Chain', <CopyField key="chain" label="chain address" value={authority.chainUrl} />],
        ['Revocation list', <CopyField key="crl" label="revocation list address" value={authority.crlUrl} />],
      ]}
    />
  );
}

function Actions({ authority }: { authority: AuthorityDetail }) {
  const mayWrite = useMay('authority:write');
  const { slug, role, state, certificate, chain } = authority;
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
          <Menu.Item onClick={() => save(`${slug}.pem`, 'application/x-pem-file', toPem('CERTIFICATE', certificate))}>
            Certificate, PEM
          </Menu.Item>
          <Menu.Item onClick={() => save(`${slug}.cer`, 'application/pkix-cert', fromBase64(certificate))}>
            Certificate, DER
          </Menu.Item>
          <Menu.Item
            onClick={() =>
              save(
                `${slug}-chain.pem`,
                'application/x-pem-file',
                [certificate, ...chain].map((der) => toPem('CERTIFICATE', der)).join(''),
              )
            }
          >
            Chain, PEM
          </Menu.Item>
          <Menu.Item component="a" href={`/ca/${slug}.p7c`} download={`${slug}.p7c`}>
            Chain, PKCS#7
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      {mayWrite && role === 'root' && state === 'root' && <CreateBelow parent={authority} />}
    </>
  );
}

/** What cannot be undone, or is seldom wanted, below everything else. */
function Acts({ authority }: { authority: AuthorityDetail }) {
  const mayWrite = useMay('authority:write');
  const { state, role } = authority;
  const canRetire = state === 'issuing' || state === 'kept' || state === 'root';
  if (!mayWrite || (role === 'root' && !canRetire)) return null;
  return (
    <Panel title={role === 'root' ? 'Retire' : 'Retire, hold, revoke'}>
      <Group gap="xs">
        {canRetire && <Retire authority={authority} />}
        {role === 'issuing' && <ChangeStatuses authority={authority} />}
      </Group>
      {role === 'issuing' && authority.issuerId === null && (
        <Text size="sm" c="dimmed" mt="xs">
          Its own certificate can be revoked by its issuer alone, which is not in this office.
        </Text>
      )}
    </Panel>
  );
}

function ChangeStatuses({ authority: { id, name, issuerId } }: { authority: AuthorityDetail }) {
  return (
    <>
      <ChangeStatus
        label="Revoke or hold all it signed"
        explanation={`For every certificate that ${name} signed and that has not ended, OCSP responders among them.`}
        submit={(body) => api.changeAuthorityCertificates({ params: { id }, body })}
      />
      {issuerId !== null && (
        <ChangeStatus
          label="Revoke or hold it"
          explanation={`The root says it on its list: while it is held or revoked, ${name} signs no certificate, and nothing that it signed is believed.`}
          submit={(body) => api.changeAuthority({ params: { id }, body })}
        />
      )}
    </>
  );
}

function Retire({ authority: { id, name, state } }: { authority: AuthorityDetail }) {
  const [opened, { open, close }] = useDisclosure(false);
  const retire = useAct(() => api.retireAuthority({ params: { id } }), {
    stale: ['authorities', 'status', 'overview'],
    said: () => `${name} is retired.`,
    onDone: close,
  });
  return (
    <>
      <Button size="xs" variant="default" onClick={open} leftSection={<IconArchive size={16} aria-hidden />}>
        Retire
      </Button>
      <Modal opened={opened} onClose={close} title={`Retire ${name}`}>
        <Stack>
          <Text>
            {state === 'root'
              ? 'It signs no more authorities, for good. Those that it signed go on, and so does its list.'
              : 'It signs no more certificates, for good. Its lists and OCSP go on for as long as anything that it signed is valid.'}
            {state === 'issuing' && ' Another authority has to be there to issue in its place.'}
          </Text>
          <ProblemAlert error={retire.error} />
          <Group justify="flex-end">
            <Button variant="default" onClick={close}>
              Cancel
            </Button>
            <Button color="wax.7" loading={retire.isPending} onClick={() => retire.mutate(undefined)}>
              Retire the authority
            </Button>
          </Group>
        </Stack>
      </Modal>
    </>
  );
}
