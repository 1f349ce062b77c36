import type { OpenAuthorityRequest } from '@chancery/api';
import { Button, Drawer, Group, Stack, Text, Textarea, Title } from '@mantine/core';
import { useForm } from '@mantine/form';
import { IconDownload } from '@tabler/icons-react';
import { useNavigate } from '@tanstack/react-router';
import { api } from '../api.ts';
import { fromBase64, readCertificates, save, toPem } from '../files.ts';
import { plural } from '../format.ts';
import { Facts } from '../pieces/Facts.tsx';
import { FileDrop } from '../pieces/FileDrop.tsx';
import { ProblemAlert } from '../pieces/ProblemAlert.tsx';
import { useAct } from '../pieces/useAct.ts';
import { When } from '../pieces/When.tsx';
import { keyPlaces } from '../words.ts';

interface RequestDrawerProps {
  /** Null: shut. */
  readonly request: OpenAuthorityRequest | null;
  readonly mayInstall: boolean;
  readonly onClose: () => void;
}

/** A request that waits: take it to its issuer, bring the certificate back. */
export function RequestDrawer({ request, mayInstall, onClose }: RequestDrawerProps) {
  return (
    <Drawer opened={request !== null} onClose={onClose} position="right" size="lg" title={request?.name}>
      {request !== null && (
        <Stack gap="lg">
          <Facts
            items={[
              ['Key', `${request.keyAlgorithm}, ${keyPlaces[request.keyPlace]}`],
              ['Asked', <When key="asked" at={request.createdAt} style="time" />],
            ]}
          />
          <RequestFile request={request} />
          {mayInstall && <InstallForm id={request.id} onClose={onClose} />}
        </Stack>
      )}
    </Drawer>
  );
}

/** The request itself, to be carried to the issuer. DER in base64. */
export function RequestFile({
  request: { name, request },
}: {
  request: Pick<OpenAuthorityRequest, 'name' | 'request'>;
}) {
  const base = name.toLowerCase().replace(/[^a-z0-9]+/g, '-');
  return (
    <Stack gap="xs">
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a region that scrolls must be reachable by keyboard */}
      <pre className="code" tabIndex={0} style={{ maxHeight: 180 }}>
        {toPem('CERTIFICATE REQUEST', request)}
      </pre>
      <Group gap="xs">
        <Button
          variant="default"
          size="xs"
          leftSection={<IconDownload size={16} aria-hidden />}
          onClick={() => save(`${base}.csr.pem`, 'application/x-pem-file', toPem('CERTIFICATE REQUEST', request))}
        >
          Request, PEM
        </Button>
        <Button
          variant="default"
          size="xs"
          leftSection={<IconDownload size={16} aria-hidden />}
          onClick={() => save(`${base}.csr`, 'application/pkcs10', fromBase64(request))}
        >
          Request, DER
        </Button>
      </Group>
    </Stack>
  );
}

function InstallForm({ id, onClose }: { id: string; onClose: () => void }) {
  const navigate = useNavigate();
  const form = useForm({ initialValues: { certificates: [] as string[], transcript: '' } });
  const { certificates } = form.values;
  const install = useAct(
    ({ certificates: [certificate = '', ...chain], transcript }: typeof form.values) =>
      api.installAuthority({
        params: { id },
        body: { certificate, chain, ...(transcript.trim() !== '' && { transcript }) },
      }),
    {
      form,
      stale: ['authorities', 'status', 'overview'],
      said: () => 'Installed. New certificates are signed by it from now on.',
      onDone: (made) => {
        onClose();
        void navigate({ to: '/authorities/$id', params: { id: made.id } });
      },
    },
  );
  const take = async (file: File) => {
    const found = readCertificates(new Uint8Array(await file.arrayBuffer()));
    form.setFieldValue('certificates', [...certificates, ...found.filter((one) => !certificates.includes(one))]);
    form.setErrors(found.length === 0 ? { certificates: `${file.name} holds no certificate.` } : {});
  };
  return (
    <form onSubmit={form.onSubmit((values) => install.mutate(values))}>
      <Stack>
        <Title order={3}>The certificate came back</Title>
        <FileDrop
          label="Drop the certificate"
          hint="PEM or DER; its own first, then those above it up to the root, in one file or several"
          accept=".pem,.crt,.cer,.der"
          onFile={(file) => void take(file)}
        />
        {form.errors.certificates !== undefined && (
          <Text size="sm" c="var(--mantine-color-error)" role="alert">
            {form.errors.certificates}
          </Text>
        )}
        {certificates.length > 0 && (
          <Group justify="space-between">
            <Text size="sm">{plural(certificates.length, 'certificate', 'certificates')} read.</Text>
            <Button size="compact-xs" variant="default" onClick={() => form.setFieldValue('certificates', [])}>
              Start over
            </Button>
          </Group>
        )}
        <Textarea
          label="Transcript of the ceremony, if there was one"
          description="Its fingerprint goes into the audit trail."
          autosize
          minRows={2}
          maxRows={8}
          {...form.getInputProps('transcript')}
        />
        <ProblemAlert error={install.error} placed={['transcript']} />
        <Group justify="flex-end">
          <Button type="submit" loading={install.isPending} disabled={certificates.length === 0}>
            Install it; it issues from now on
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
