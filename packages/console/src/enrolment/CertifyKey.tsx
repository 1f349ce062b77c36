import { Button, Group, Modal, Stack, Text } from '@mantine/core';
import { IconFileUpload } from '@tabler/icons-react';
import { useState } from 'react';
import { api } from '../api.ts';
import { SerialLink } from '../certificates/CertificateTable.tsx';
import { FileDrop } from '../pieces/FileDrop.tsx';
import { PersonSelect } from '../pieces/PersonSelect.tsx';
import { ProblemAlert } from '../pieces/ProblemAlert.tsx';
import { useAct } from '../pieces/useAct.ts';
import { requestText } from './request-text.ts';

/** A signing certificate for a key made elsewhere, whose request was brought to an operator. */
export function CertifyKey() {
  const [opened, setOpened] = useState(false);
  const [personId, setPersonId] = useState('');
  const certify = useAct(
    async (file: File) =>
      api.requestSigning({ params: { id: personId }, body: { csr: await requestText(file), keyOrigin: 'device' } }),
    { stale: ['people', 'certificates'], said: () => 'Certified.' },
  );
  const close = () => {
    setOpened(false);
    setPersonId('');
    certify.reset();
  };
  return (
    <>
      <Button variant="default" onClick={() => setOpened(true)} leftSection={<IconFileUpload size={16} aria-hidden />}>
        Certify a request
      </Button>
      <Modal opened={opened} onClose={close} title="A key that was made elsewhere" size="lg">
        {certify.data !== undefined ? (
          <Stack>
            <Text size="sm">
              The certificate is there, to be looked at and downloaded:{' '}
              <SerialLink serialNumber={certify.data.serialNumber} />
            </Text>
            <Group justify="flex-end">
              <Button onClick={close}>Done</Button>
            </Group>
          </Stack>
        ) : (
          <Stack>
            <Text size="sm">
              On a smart card, or in a program: whoever has the key makes a certificate request, which the key signs.
              Names and addresses come from the directory, whatever the request says.
            </Text>
            <PersonSelect label="Whose key" required value={personId} onChange={setPersonId} />
            {personId !== '' && (
              <FileDrop
                label="Drop the certificate request, or choose it"
                hint="PKCS#10, PEM or DER"
                accept=".csr,.p10,.pem,.der,.req"
                onFile={(file) => certify.mutate(file)}
              />
            )}
            <ProblemAlert error={certify.error} />
          </Stack>
        )}
      </Modal>
    </>
  );
}
