import type { ImportedCertificate, RevocationReason } from '@chancery/api';
import { Button, Group, Modal, Select, Stack, Text } from '@mantine/core';
import { useForm } from '@mantine/form';
import { useDisclosure } from '@mantine/hooks';
import { api } from '../api.ts';
import { AuditNote } from '../certificates/AuditNote.tsx';
import { ProblemAlert } from '../pieces/ProblemAlert.tsx';
import { useAct } from '../pieces/useAct.ts';
import { revocationReasons } from '../words.ts';

/** For a certificate whose authority is here: its status is this office's to say. */
export function RevokeImported({ certificate }: { certificate: ImportedCertificate }) {
  const [opened, { open, close }] = useDisclosure(false);
  const form = useForm({ initialValues: { reason: 'superseded' as RevocationReason, note: '' } });
  const revoke = useAct((body: typeof form.values) => api.revokeImported({ params: { id: certificate.id }, body }), {
    stale: ['people', 'imported', 'status'],
    said: () => 'Revoked. OCSP says so at once.',
    onDone: close,
  });
  return (
    <>
      <Button size="compact-xs" variant="default" onClick={open}>
        Revoke
      </Button>
      <Modal opened={opened} onClose={close} title="Revoke an imported certificate" size="lg">
        <form onSubmit={form.onSubmit((values) => revoke.mutate(values))}>
          <Stack>
            <Text size="sm">
              At once and for good, by {certificate.issuer}, which is here. Its key in escrow stays as it is.
            </Text>
            <Select
              label="Reason"
              allowDeselect={false}
              data={Object.entries(revocationReasons).map(([value, [label]]) => ({ value, label }))}
              {...form.getInputProps('reason')}
            />
            <AuditNote {...form.getInputProps('note')} />
            <ProblemAlert error={revoke.error} />
            <Group justify="flex-end">
              <Button variant="default" onClick={close}>
                Cancel
              </Button>
              <Button type="submit" color="wax.7" loading={revoke.isPending}>
                Revoke
              </Button>
            </Group>
          </Stack>
        </form>
      </Modal>
    </>
  );
}
