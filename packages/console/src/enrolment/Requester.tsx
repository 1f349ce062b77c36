import type { DeviceEnrolment } from '@chancery/api';
import { Text } from '@mantine/core';
import { Address } from '../pieces/Address.tsx';
import { TextLink } from '../pieces/Links.tsx';
import { When } from '../pieces/When.tsx';
import { inFours, proofs, protocols } from './words.ts';

/** Cells that every list of requests begins with: whose, which key, how it came, when. */
export function Requester({ of: one }: { of: DeviceEnrolment }) {
  return (
    <>
      <Holder of={one} />
      <td>
        {one.keyAlgorithm}
        <Text size="xs" c="dimmed" className="mono" style={{ whiteSpace: 'nowrap' }}>
          {inFours(one.keySha256.slice(0, 16))}
        </Text>
      </td>
      <td>
        {protocols[one.protocol]}
        {one.label !== 'default' && ` at ${one.label}`}
        <Text size="xs" c="dimmed">
          {one.use === 'encryption' ? `an encryption key, ${proofs[one.proof]}` : proofs[one.proof]}
        </Text>
      </td>
      <td>
        <When at={one.requestedAt} style="relative" />
      </td>
    </>
  );
}

export function Holder({
  of: { personId, name, address },
}: {
  of: { personId: string; name: string; address: string };
}) {
  return (
    <td>
      <TextLink to="/people/$id" params={{ id: personId }}>
        {name}
      </TextLink>
      <Text size="xs" c="dimmed" component="div">
        <Address of={address} />
      </Text>
    </td>
  );
}
