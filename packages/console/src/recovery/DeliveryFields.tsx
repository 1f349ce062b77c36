import { FileInput, Radio, Select, Stack, Textarea } from '@mantine/core';
import type { UseFormReturnType } from '@mantine/form';
import { digestsOf } from './message-digests.ts';
import type { NewRequest } from './new-request.ts';

/** How it leaves: four ways, from the most that leaves to the least. */
export function DeliveryFields({ form }: { form: UseFormReturnType<NewRequest> }) {
  const { kind } = form.values;
  return (
    <>
      <Radio.Group label="How does it leave?" {...form.getInputProps('kind')}>
        <Stack gap="xs" mt="xs">
          <Radio
            value="pkcs12"
            label="PKCS#12 file"
            description="To import into a mail client. You get the file, an approving officer gets the password"
          />
          <Radio
            value="certificate"
            label="Encrypted to a certificate"
            description="Only the holder of that certificate can open it"
          />
          <Radio
            value="owner"
            label="To the owner"
            description="By a link that goes to them alone, by mail. Nobody else sees a key"
          />
          <Radio
            value="decrypt"
            label="Not at all: decrypt messages"
            description="You name messages now and hand them in again once it is approved. Only their text leaves"
          />
        </Stack>
      </Radio.Group>
      {kind === 'pkcs12' && (
        <Select
          label="File format"
          allowDeselect={false}
          data={[
            { value: 'modern', label: 'Modern: AES-256, SHA-256' },
            { value: 'compat', label: 'Compatible: 3DES, for old Apple and Windows systems' },
          ]}
          {...form.getInputProps('profile')}
        />
      )}
      {kind === 'certificate' && (
        <Textarea
          label="Recipient's certificate"
          description="PEM"
          autosize
          minRows={4}
          maxRows={10}
          required
          styles={{ input: { fontFamily: 'var(--mantine-font-family-monospace)', fontSize: 13 } }}
          {...form.getInputProps('certificate')}
        />
      )}
      {kind === 'decrypt' && <Messages form={form} />}
    </>
  );
}

/** Nothing of them is sent: the officers approve what they are, by SHA-256. */
function Messages({ form }: { form: UseFormReturnType<NewRequest> }) {
  const { messages } = form.values;
  return (
    <FileInput
      label="Which messages"
      description={
        messages.length === 0
          ? 'As files. Only their SHA-256 stands in the request'
          : messages.map(({ name }) => name).join(', ')
      }
      placeholder="Choose files"
      required
      multiple
      clearable
      accept=".eml,.p7m,message/rfc822"
      error={form.errors.messages}
      onChange={async (files) => {
        const octets = await Promise.all(files.map(async (file) => new Uint8Array(await file.arrayBuffer())));
        const digests = await digestsOf(octets);
        form.setFieldValue(
          'messages',
          files.map(({ name }, at) => ({ sha256: digests[at] ?? '', name: name.slice(0, 200) })),
        );
      }}
    />
  );
}
