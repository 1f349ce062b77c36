import type { Myself, RequestReading } from '@chancery/api';
import { Alert, Button, Group, List, Stack, Text } from '@mantine/core';
import { IconAlertTriangle, IconDownload } from '@tabler/icons-react';
import { useState } from 'react';
import { api } from '../api.ts';
import { requestText } from '../enrolment/request-text.ts';
import { enrolmentStates, inFours } from '../enrolment/words.ts';
import { save, toPem } from '../files.ts';
import { Facts } from '../pieces/Facts.tsx';
import { FileDrop } from '../pieces/FileDrop.tsx';
import { Panel } from '../pieces/Page.tsx';
import { ProblemAlert } from '../pieces/ProblemAlert.tsx';
import { StateBadge } from '../pieces/StateBadge.tsx';
import { useAct } from '../pieces/useAct.ts';
import { When } from '../pieces/When.tsx';

/** A signing key on a smart card, or in a program of one's own: its certificate request is read, then handed in. */
export function OtherKeys({ myself }: { myself: Myself }) {
  const uploads = myself.enrolments.filter(({ protocol }) => protocol === 'upload');
  const read = useAct(async (file: File) => {
    const csr = await requestText(file);
    return { csr, name: file.name, reading: await api.readMyRequest({ body: { csr } }) };
  });
  const ask = useAct((csr: string) => api.uploadMyRequest({ body: { csr } }), { stale: ['myself'] });
  const again = () => {
    read.reset();
    ask.reset();
  };
  if (!myself.mayUpload && uploads.length === 0) return null;
  return (
    <Panel title="A smart card, or a key of your own making">
      <Stack gap="md">
        {myself.mayUpload && (
          <Text size="sm">
            Your card, or the program that made the key, writes a certificate request. Bring it here; the key itself
            stays where it is.
          </Text>
        )}
        {ask.data !== undefined ? (
          <Handed issued={ask.data.certificate} onAgain={again} />
        ) : read.data !== undefined ? (
          <Read
            name={read.data.name}
            reading={read.data.reading}
            busy={ask.isPending}
            error={ask.error}
            onAsk={() => ask.mutate(read.data.csr)}
            onAgain={again}
          />
        ) : (
          myself.mayUpload && (
            <>
              <FileDrop
                label="Drop the certificate request, or choose it"
                hint="PKCS#10, PEM or DER: .csr, .p10, .pem"
                accept=".csr,.p10,.pem,.der,.req"
                onFile={(file) => read.mutate(file)}
              />
              <ProblemAlert error={read.error} />
            </>
          )
        )}
        {uploads.length > 0 && <Before uploads={uploads} />}
      </Stack>
    </Panel>
  );
}

interface ReadProps {
  readonly name: string;
  readonly reading: RequestReading;
  readonly busy: boolean;
  readonly error: unknown;
  readonly onAsk: () => void;
  readonly onAgain: () => void;
}

/** What it says and, where it is not to be had, everything that is wrong with it. */
function Read({ name, reading, busy, error, onAsk, onAgain }: ReadProps) {
  const { problems } = reading;
  return (
    <Stack gap="md">
      {problems.length > 0 && (
        <Alert
          color="wax"
          variant="outline"
          icon={<IconAlertTriangle aria-hidden />}
          title={`There is no certificate for ${name}`}
        >
          <List size="sm">
            {problems.map((problem) => (
              <List.Item key={problem}>{problem}</List.Item>
            ))}
          </List>
        </Alert>
      )}
      <Facts
        items={[
          ['It calls itself', reading.subject === '' ? 'Nothing' : reading.subject],
          ['It names', reading.addresses.length === 0 ? 'No address' : reading.addresses.join(', ')],
          ['Key', reading.keyAlgorithm],
          [
            'Fingerprint',
            <span key="f" className="mono">
              {inFours(reading.keySha256)}
            </span>,
          ],
          ...(reading.preview === null ? [] : ([['The certificate is for', reading.preview.holder]] as const)),
          ...(reading.profile === null ? [] : ([['Kind', reading.profile]] as const)),
        ]}
      />
      {problems.length === 0 && (
        <Text size="sm" c="dimmed" role="status">
          {reading.approval
            ? 'Somebody in your organisation looks at it first: they may ask you for the fingerprint.'
            : 'Names and addresses come from your organisation’s directory, whatever the request says.'}
        </Text>
      )}
      <ProblemAlert error={error} />
      <Group>
        {problems.length === 0 && (
          <Button loading={busy} onClick={onAsk}>
            {reading.approval ? 'Ask for the certificate' : 'Get the certificate'}
          </Button>
        )}
        <Button variant="default" disabled={busy} onClick={onAgain}>
          Choose another file
        </Button>
      </Group>
    </Stack>
  );
}

type Issued = Awaited<ReturnType<typeof api.myCertificate>>;

function Handed({ issued, onAgain }: { issued: Issued | null; onAgain: () => void }) {
  return (
    <Stack gap="sm">
      <Alert
        role="status"
        color="moss"
        variant="outline"
        title={issued === null ? 'It is with your organisation now' : 'The certificate is there'}
      >
        {issued === null
          ? 'Somebody there decides on it. Come back to this page: it is below, and once it is agreed to, you save it here.'
          : 'Save it, and load it into the card or the program that has the key.'}
      </Alert>
      <Group>
        {issued !== null && <SaveButton onSave={() => saveChain(issued)} />}
        <Button variant="default" onClick={onAgain}>
          Bring another
        </Button>
      </Group>
    </Stack>
  );
}

function Before({ uploads }: { uploads: Myself['enrolments'] }) {
  const [saving, setSaving] = useState<string | null>(null);
  const fetchOne = useAct(async (serialNumber: string) => {
    setSaving(serialNumber);
    saveChain(await api.myCertificate({ params: { serialNumber } }));
  });
  return (
    <section aria-label="What you brought before">
      <ul className="plain-list">
        {uploads.map((one) => (
          <li key={one.id}>
            <Group gap="xs">
              <StateBadge state={enrolmentStates[one.state]} />
              <Text size="sm" span>
                {one.keyAlgorithm}, <span className="mono">{inFours(one.keySha256.slice(0, 16))}</span>,{' '}
                <When at={one.requestedAt} style="time" />
              </Text>
              {one.serialNumber !== null && (
                <SaveButton
                  of={one.keySha256.slice(0, 4)}
                  loading={fetchOne.isPending && saving === one.serialNumber}
                  onSave={() => fetchOne.mutate(one.serialNumber ?? '')}
                />
              )}
            </Group>
            {one.state === 'waiting' && (
              <Text size="sm" c="dimmed">
                Somebody in your organisation decides on it.
              </Text>
            )}
            {one.state === 'refused' && one.reason !== null && (
              <Text size="sm" c="dimmed">
                {one.reason}
              </Text>
            )}
          </li>
        ))}
      </ul>
      <ProblemAlert error={fetchOne.error} />
    </section>
  );
}

function SaveButton({ of, loading = false, onSave }: { of?: string; loading?: boolean; onSave: () => void }) {
  return (
    <Button
      variant={of === undefined ? 'filled' : 'default'}
      size={of === undefined ? 'sm' : 'compact-xs'}
      loading={loading}
      leftSection={<IconDownload size={of === undefined ? 16 : 14} aria-hidden />}
      onClick={onSave}
      {...(of === undefined ? {} : { 'aria-label': `Save the certificate of the key ${of}` })}
    >
      Save the certificate
    </Button>
  );
}

/** Its own first, then what stands above it: what card tools and programs import. */
function saveChain({ serialNumber, certificate, chain }: Issued): void {
  const text = [certificate, ...chain].map((der) => toPem('CERTIFICATE', der)).join('');
  save(`certificate-${serialNumber.slice(0, 8)}.pem`, 'application/x-pem-file', text);
}
