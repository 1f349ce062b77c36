import type { CertificateSummary } from '@chancery/api';
import { Button, Group, Modal, Stack, Text } from '@mantine/core';
import { useForm } from '@mantine/form';
import { useDisclosure } from '@mantine/hooks';
import { IconPlayerPause, IconPlayerPlay } from '@tabler/icons-react';
import { api } from '../api.ts';
import { ProblemAlert } from '../pieces/ProblemAlert.tsx';
import { useAct } from '../pieces/useAct.ts';
import { AuditNote } from './AuditNote.tsx';

/** Puts a good certificate on hold, or releases one that is: the one change of status that can be undone. */
export function HoldOrRelease({ certificate }: { certificate: CertificateSummary }) {
  const [opened, { open, close }] = useDisclosure(false);
  const held = certificate.state === 'held';
  if (!held && certificate.state !== 'valid' && certificate.state !== 'expiring') return null;
  return (
    <>
      <Button
        variant="default"
        onClick={open}
        leftSection={held ? <IconPlayerPlay size={16} aria-hidden /> : <IconPlayerPause size={16} aria-hidden />}
      >
        {held ? 'Release' : 'Hold'}
      </Button>
      <Modal
        opened={opened}
        onClose={close}
        title={held ? 'Release this certificate' : 'Put this certificate on hold'}
        size="lg"
      >
        <HoldForm certificate={certificate} held={held} onClose={close} />
      </Modal>
    </>
  );
}

function HoldForm({
  certificate,
  held,
  onClose,
}: {
  certificate: CertificateSummary;
  held: boolean;
  onClose: () => void;
}) {
  const form = useForm({ initialValues: { note: '' } });
  const { serialNumber } = certificate;
  const act = useAct(
    (body: typeof form.values) =>
      held
        ? api.releaseCertificate({ params: { serialNumber }, body })
        : api.holdCertificate({ params: { serialNumber }, body }),
    {
      form,
      stale: ['certificates', 'people', 'overview', 'status'],
      said: () =>
        held
          ? 'Released. OCSP says so at once; a new revocation list follows.'
          : 'On hold. OCSP says so at once; a new revocation list follows.',
      onDone: onClose,
    },
  );
  return (
    <form onSubmit={form.onSubmit((values) => act.mutate(values))}>
      <Stack>
        <Text>
          {held
            ? 'Relying parties believe it again, as though it had never been on hold.'
            : 'Relying parties do not believe it until it is released. It can be released, or revoked for good, at any time.'}
        </Text>
        <AuditNote {...form.getInputProps('note')} />
        <ProblemAlert error={act.error} placed={['note']} />
        <Group justify="flex-end">
          <Button variant="default" onClick={onClose}>
            Cancel
          </Button>
          <Button type="submit" loading={act.isPending}>
            {held ? 'Release the certificate' : 'Put it on hold'}
          </Button>
        </Group>
      </Stack>
    </form>
  );
}
